//! The master's command-line flags.
//!
//! Mirrors `src/master/flags.cpp`.
//!
//! # Wire
//! Names, defaults and texts are promises: init scripts give them and `/flags` shows them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use mesos_common::bytes::ByteSize;
use mesos_common::flag_struct;
use mesos_common::flags::{JsonMessage, SecureValue, logging_rows};
use mesos_proto::{acls, internal, module, v1};

mod agents;
mod allocation;
mod frameworks;
mod http;
mod modules;
mod network;
mod registry;
mod rules;
mod security;

pub use rules::FlagRuleError;

flag_struct! {
    /// Everything that can be set when a master starts.
    pub struct Flags {
        // network
        version: bool,
        hostname: Option<String>,
        hostname_lookup: bool,
        ip: Option<String>,
        port: u16,
        advertise_ip: Option<String>,
        advertise_port: Option<String>,
        ip_discovery_command: Option<String>,
        transport: Option<String>,
        memory_profiling: bool,
        domain: Option<JsonMessage<v1::DomainInfo>>,
        // registry
        work_dir: Option<String>,
        registry: String,
        quorum: Option<i32>,
        zk: Option<SecureValue>,
        zk_session_timeout: Duration,
        registry_strict: bool,
        registry_fetch_timeout: Duration,
        registry_store_timeout: Duration,
        registry_gc_interval: Duration,
        registry_max_agent_age: Duration,
        registry_max_agent_count: usize,
        log_auto_initialize: bool,
        // agents
        agent_reregister_timeout: Duration,
        recovery_agent_removal_limit: String,
        agent_removal_rate_limit: Option<String>,
        agent_ping_timeout: Duration,
        max_agent_ping_timeouts: usize,
        max_executors_per_agent: Option<usize>,
        require_agent_domain: bool,
        whitelist: Option<PathBuf>,
        // allocation
        allocator: String,
        allocation_interval: Duration,
        allocator_agent_recovery_factor: f64,
        allocator_recovery_timeout: Duration,
        role_sorter: String,
        framework_sorter: String,
        fair_sharing_excluded_resource_names: Option<BTreeSet<String>>,
        filter_gpu_resources: bool,
        min_allocatable_resources: String,
        offer_timeout: Option<Duration>,
        roles: Option<String>,
        weights: Option<String>,
        offer_constraints_re2_max_mem: ByteSize,
        offer_constraints_re2_max_program_size: i32,
        // frameworks
        root_submissions: bool,
        rate_limits: Option<JsonMessage<v1::RateLimits>>,
        max_completed_frameworks: usize,
        max_completed_tasks_per_framework: usize,
        max_unreachable_tasks_per_framework: usize,
        publish_per_framework_metrics: bool,
        // http
        webui_dir: String,
        cluster: Option<String>,
        firewall_rules: Option<JsonMessage<internal::Firewall>>,
        json_aliases: Option<bool>,
        max_operator_event_stream_subscribers: usize,
        // security
        authenticate_frameworks: bool,
        authenticate_agents: bool,
        authentication_v0_timeout: Duration,
        authenticate_http_readwrite: bool,
        authenticate_http_readonly: bool,
        authenticate_http_frameworks: bool,
        credentials: Option<PathBuf>,
        acls: Option<JsonMessage<acls::AcLs>>,
        authenticators: String,
        authorizers: String,
        http_authenticators: String,
        http_framework_authenticators: Option<String>,
        // modules
        modules: Option<JsonMessage<module::Modules>>,
        modules_dir: Option<String>,
        hooks: Option<String>,
        master_contender: Option<String>,
        master_detector: Option<String>,
    }
    groups: [
        network::ROWS,
        registry::ROWS,
        agents::ROWS,
        allocation::ROWS,
        frameworks::ROWS,
        http::ROWS,
        security::ROWS,
        modules::ROWS,
        &logging_rows::<Flags>(),
    ]
}
