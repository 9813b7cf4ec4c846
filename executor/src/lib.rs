//! Executor libraries and the command, default and docker executors.
