//! Generator of message types, JSON and required-field checks from descriptors.
