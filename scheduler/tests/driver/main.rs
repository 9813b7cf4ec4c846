//! The legacy driver with a master that it has never met.

mod authentication;
mod hostile;
mod panic;
mod telling;
