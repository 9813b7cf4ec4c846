//! The agent's command-line flags.
//!
//! Mirrors `src/slave/flags.cpp`.
//!
//! # Wire
//! Names, defaults and texts are promises: init scripts give them and `/flags` shows them.

use std::path::PathBuf;
use std::time::Duration;

use mesos_common::bytes::ByteSize;
use mesos_common::flag_struct;
use mesos_common::flags::{JsonMessage, JsonObject, SecureValue, logging_rows};
use mesos_proto::{acls, internal, module, v1};

mod cgroups;
mod container_network;
mod containerizer;
mod directories;
mod docker;
mod executors;
mod fetcher;
mod http;
mod machine;
mod modules;
mod network;
mod recovery;
mod resources;
mod rules;
mod security;

pub use rules::FlagRuleError;

flag_struct! {
    /// Everything that can be set when an agent starts.
    pub struct Flags {
        // network
        version: bool,
        hostname: Option<String>,
        hostname_lookup: bool,
        ip: Option<String>,
        ip6: Option<String>,
        port: u16,
        advertise_ip: Option<String>,
        advertise_port: Option<String>,
        ip_discovery_command: Option<String>,
        transport: Option<String>,
        ip6_discovery_command: Option<String>,
        memory_profiling: bool,
        master: Option<SecureValue>,
        master_detector: Option<String>,
        zk_session_timeout: Duration,
        registration_backoff_factor: Duration,
        domain: Option<JsonMessage<v1::DomainInfo>>,
        // resources
        resources: Option<String>,
        attributes: Option<String>,
        default_role: String,
        resource_provider_config_dir: Option<String>,
        csi_plugin_config_dir: Option<String>,
        disk_profile_adaptor: Option<String>,
        resource_estimator: Option<String>,
        qos_controller: Option<String>,
        qos_correction_interval_min: Duration,
        oversubscribed_resources_interval: Duration,
        agent_features: Option<JsonMessage<internal::AgentCapabilities>>,
        // directories
        work_dir: String,
        runtime_dir: String,
        launcher_dir: String,
        hadoop_home: Option<String>,
        frameworks_home: String,
        sandbox_directory: String,
        gc_delay: Duration,
        gc_disk_headroom: f64,
        gc_non_executor_container_sandboxes: bool,
        disk_watch_interval: Duration,
        container_disk_watch_interval: Duration,
        enforce_container_disk_quota: bool,
        volume_gid_range: Option<String>,
        // executors
        switch_user: bool,
        executor_environment_variables: Option<JsonObject>,
        executor_registration_timeout: Duration,
        executor_reregistration_timeout: Duration,
        executor_reregistration_retry_interval: Option<Duration>,
        executor_shutdown_grace_period: Duration,
        max_completed_executors_per_framework: usize,
        http_command_executor: bool,
        http_executor_domain_sockets: bool,
        domain_socket_location: Option<String>,
        // recovery
        recover: String,
        recovery_timeout: Duration,
        reconfiguration_policy: String,
        strict: bool,
        // containerizer
        containerizers: String,
        isolation: String,
        launcher: String,
        container_logger: Option<String>,
        image_providers: Option<String>,
        image_provisioner_backend: Option<String>,
        image_gc_config: Option<JsonMessage<internal::ImageGcConfig>>,
        appc_simple_discovery_uri_prefix: String,
        appc_store_dir: String,
        docker_registry: String,
        docker_store_dir: String,
        docker_volume_checkpoint_dir: String,
        docker_volume_chown: bool,
        docker_ignore_runtime: bool,
        host_path_volume_force_creation: Option<String>,
        default_container_info: Option<JsonMessage<v1::ContainerInfo>>,
        default_container_dns: Option<JsonMessage<internal::ContainerDnsInfo>>,
        // fetcher
        fetcher_cache_size: ByteSize,
        fetcher_cache_dir: String,
        fetcher_stall_timeout: Duration,
        // docker
        docker: String,
        docker_socket: String,
        docker_remove_delay: Duration,
        docker_kill_orphans: bool,
        docker_mesos_image: Option<String>,
        docker_config: Option<JsonObject>,
        docker_stop_timeout: Duration,
        // cgroups
        cgroups_destroy_timeout: Duration,
        cgroups_hierarchy: String,
        cgroups_root: String,
        cgroups_enable_cfs: bool,
        cgroups_limit_swap: bool,
        cgroups_cpu_enable_pids_and_tids_count: bool,
        cgroups_net_cls_primary_handle: Option<String>,
        cgroups_net_cls_secondary_handles: Option<String>,
        allowed_devices: Option<JsonMessage<v1::DeviceWhitelist>>,
        agent_subsystems: Option<String>,
        nvidia_gpu_devices: Option<Vec<u32>>,
        perf_events: Option<String>,
        perf_interval: Duration,
        perf_duration: Duration,
        revocable_cpu_low_priority: bool,
        systemd_enable_support: bool,
        systemd_runtime_directory: String,
        effective_capabilities: Option<JsonMessage<v1::CapabilityInfo>>,
        bounding_capabilities: Option<JsonMessage<v1::CapabilityInfo>>,
        default_container_shm_size: Option<ByteSize>,
        disallow_sharing_agent_ipc_namespace: bool,
        disallow_sharing_agent_pid_namespace: bool,
        xfs_project_range: String,
        xfs_kill_containers: bool,
        seccomp_config_dir: Option<String>,
        seccomp_profile_name: Option<String>,
        // container_network
        network_cni_plugins_dir: Option<String>,
        network_cni_config_dir: Option<String>,
        network_cni_root_dir_persist: bool,
        network_cni_metrics: bool,
        ephemeral_ports_per_container: u16,
        eth0_name: Option<String>,
        lo_name: Option<String>,
        egress_rate_limit_per_container: Option<ByteSize>,
        egress_unique_flow_per_container: bool,
        egress_flow_classifier_parent: String,
        network_enable_socket_statistics_summary: bool,
        network_enable_socket_statistics_details: bool,
        network_enable_snmp_statistics: bool,
        container_ports_watch_interval: Duration,
        check_agent_port_range_only: bool,
        enforce_container_ports: bool,
        container_ports_isolated_range: Option<String>,
        // http
        http_heartbeat_interval: Duration,
        firewall_rules: Option<JsonMessage<internal::Firewall>>,
        json_aliases: Option<bool>,
        // security
        authenticatee: String,
        authentication_backoff_factor: Duration,
        authentication_timeout_min: Duration,
        authentication_timeout_max: Duration,
        credential: Option<PathBuf>,
        http_credentials: Option<PathBuf>,
        http_authenticators: Option<String>,
        authenticate_http_readwrite: bool,
        authenticate_http_readonly: bool,
        authenticate_http_executors: bool,
        jwt_secret_key: Option<PathBuf>,
        authorizer: String,
        acls: Option<JsonMessage<acls::AcLs>>,
        secret_resolver: Option<String>,
        // modules
        modules: Option<JsonMessage<module::Modules>>,
        modules_dir: Option<String>,
        hooks: Option<String>,
    }
    groups: [
        network::ROWS,
        resources::ROWS,
        directories::ROWS,
        executors::ROWS,
        recovery::ROWS,
        containerizer::ROWS,
        fetcher::ROWS,
        docker::ROWS,
        cgroups::ROWS,
        container_network::ROWS,
        http::ROWS,
        security::ROWS,
        modules::ROWS,
        &logging_rows::<Flags>(),
    ]
}
