//! The legacy driver with a master that it has never met.

mod authentication;
mod on_registered;
mod panic;
