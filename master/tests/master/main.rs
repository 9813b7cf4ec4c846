//! The master from outside: messages and HTTP only.

#![expect(
    clippy::indexing_slicing,
    reason = "a test that expects more than is there has to fail"
)]

mod agent_races;
mod agents;
mod allocation;
mod api;
mod authentication;
mod authorization;
mod authorization_races;
mod authorized_views;
mod documents;
mod domains;
mod downgrades;
mod draining;
mod drivers;
mod endpoints;
mod group_rules;
mod grpc;
mod maintenance;
mod offer_rules;
mod old_clients;
mod operation_authorization;
mod operation_reconciliation;
mod operation_rules;
mod operations;
mod operators;
mod partition_races;
mod partitions;
mod quota;
mod rates;
mod recovered_agents;
mod recovered_frameworks;
mod refinement;
mod reregistrations;
mod reservation_endpoints;
mod reservations;
mod roles;
mod scheduler_failovers;
mod schedulers;
mod shared_reads;
mod shown_tasks;
mod support;
mod task_rules;
mod tasks;
mod updates;
mod upgrades;
mod volume_endpoints;
mod volumes;
mod weights;
