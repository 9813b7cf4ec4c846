//! Tasks from offer to finish, through processes of master, agent and executor.

mod command;
mod execute;
mod group_limits;
mod kill;
