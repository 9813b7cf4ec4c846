//! Recordings of genuine Mesos, played whole against our master.

mod draining_maintenance;
mod partition;
mod roles_quota;
mod volumes_operations;
