//! Asking the master what it knows of tasks.

mod explicit;
mod implicit;
