//! What real clients rely on, documented or not.

mod contracts;
mod needs_python;
