//! Runtime half of the generated messages: required checks, unknown fields, JSON.
