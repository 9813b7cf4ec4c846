//! The legacy driver with an agent that it has never met.

mod agent_side;
mod hostile;
mod panic;
