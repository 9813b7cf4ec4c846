//! Documents of the master and who may read them.

use mesos_master::flags::Flags;
use serde_json::json;

use crate::support::{ALICE, BOB, MALLORY, Stage, at, credentials, rules};

/// Mirrors: MasterTest.StateEndpoint
#[test]
fn state_of_an_empty_master_says_who_it_is() {
    let stage = Stage::start_with(|flags| {
        flags.hostname = Some("localhost".to_owned());
        flags.cluster = Some("test-cluster".to_owned());
    });

    let state = stage.get("/state");

    assert_eq!(state["version"], "1.11.0");
    assert_ne!(state["id"].as_str().unwrap_or_default(), "");
    for name in ["build_date", "build_user"] {
        assert!(state[name].is_string(), "{name}");
    }
    assert!(state["build_time"].is_number());
    let started = state["start_time"].as_f64().expect("a number");
    let now = stage.runtime.clock().now().as_secs_f64();
    assert!((started - now).abs() < 1.0, "{started} {now}");
    assert_eq!(state["pid"], stage.master.upid().to_string());
    assert_eq!(state["hostname"], "localhost");
    assert_eq!(state["cluster"], "test-cluster");
    assert_eq!(state["leader_info"]["hostname"], "localhost");
    let port = stage.runtime.address().port;
    assert_eq!(state["leader_info"]["port"], port);
    assert!(
        state["flags"]
            .as_object()
            .is_some_and(|flags| !flags.is_empty())
    );
    for name in ["activated_slaves", "deactivated_slaves"] {
        assert!(state[name].as_f64().expect("a number").abs() < 1e-9);
    }
    for name in [
        "slaves",
        "orphan_tasks",
        "frameworks",
        "completed_frameworks",
        "unregistered_frameworks",
    ] {
        assert_eq!(state[name], json!([]), "{name}");
    }
    let capabilities = state["capabilities"].as_array().expect("a list");
    for name in ["AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"] {
        assert!(capabilities.contains(&json!(name)), "{name}");
    }
}

/// Mirrors: MasterTest.EndpointsBadAuthentication
#[test]
fn documents_are_for_those_who_prove_who_they_are() {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_readonly = true;
        flags.authenticate_http_readwrite = true;
    });

    for path in [
        "/frameworks",
        "/flags",
        "/slaves",
        "/state",
        "/state-summary",
        "/tasks",
    ] {
        assert_eq!(stage.http("GET", path, &[], b"").status, 401, "{path}");
        let stranger = stage.http("GET", path, &[MALLORY], b"");
        assert_eq!(stranger.status, 401, "{path}");
        assert_eq!(stage.http("GET", path, &[ALICE], b"").status, 200, "{path}");
    }
}

/// What the documents for reading and for changing answer to nobody in particular.
fn open_to_all(guard: impl FnOnce(&mut Flags)) -> (u16, u16) {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        guard(flags);
    });
    let status = |path: &str| stage.http("GET", path, &[], b"").status;
    (status("/state"), status("/quota"))
}

/// Mirrors: MasterTest.ReadonlyEndpointsNoAuthentication
#[test]
fn state_is_open_where_only_changes_are_guarded() {
    let open = open_to_all(|flags| flags.authenticate_http_readwrite = true);

    assert_eq!(open, (200, 401));
}

/// Mirrors: MasterTest.ReadwriteEndpointsNoAuthentication
#[test]
fn quota_is_open_where_only_reading_is_guarded() {
    let open = open_to_all(|flags| flags.authenticate_http_readonly = true);

    assert_eq!(open, (401, 200));
}

/// Mirrors: SchedulerHttpApiTest.AuthenticationRequired
#[test]
fn scheduler_api_is_for_those_who_prove_who_they_are() {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_frameworks = true;
        flags.http_framework_authenticators = Some("basic".to_owned());
    });

    let answer = stage.http("POST", "/api/v1/scheduler", &[], b"");

    assert_eq!(answer.status, 401);
    assert!(answer.header("WWW-Authenticate").is_some());
}

/// Mirrors: MasterTest.SlavesEndpointFiltering
#[test]
fn reservations_are_shown_to_those_who_may_see_the_role() {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_readonly = true;
        flags.authenticate_http_readwrite = true;
        flags.acls = Some(rules(&json!({
            "view_roles": [{"principals": {"values": ["bob"]}, "roles": {"type": "NONE"}}],
        })));
    });
    let agent = stage.agent("cpus:2;mem:1024");
    let taken = crate::support::operations::reserved("cpus:1;mem:12", "superhero");
    let form = crate::support::operator::form(&agent, "resources", &taken);
    assert_eq!(stage.post("/reserve", &form).0, 202);
    let reserved = |who| {
        let answer = stage.http("GET", "/slaves", &[who], b"");
        assert_eq!(answer.status, 200);
        at(&answer.json(), "/slaves/0/reserved_resources")
    };

    assert_eq!(reserved(BOB), json!({}));
    assert_eq!(reserved(ALICE)["superhero"]["cpus"], json!(1.0));
}

/// Mirrors: MasterTest.MetricsInMetricsEndpoint
#[test]
fn metrics_that_operators_watch_are_there_from_the_start() {
    let stage = Stage::start();

    let metrics = stage.get("/metrics/snapshot");

    let missing: Vec<&str> = METRICS
        .split_whitespace()
        .filter(|name| metrics.get(*name).is_none_or(|value| !value.is_number()))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
    assert_eq!(metrics["master/elected"], json!(1.0));
}

const METRICS: &str = "
    master/uptime_secs
    master/elected
    master/slaves_connected
    master/slaves_disconnected
    master/slaves_active
    master/slaves_inactive
    master/slaves_unreachable
    master/frameworks_connected
    master/frameworks_disconnected
    master/frameworks_active
    master/frameworks_inactive
    master/outstanding_offers
    master/operator_event_stream_subscribers
    master/tasks_staging
    master/tasks_starting
    master/tasks_running
    master/tasks_unreachable
    master/tasks_killing
    master/tasks_finished
    master/tasks_failed
    master/tasks_killed
    master/tasks_lost
    master/tasks_error
    master/tasks_dropped
    master/tasks_gone
    master/tasks_gone_by_operator
    master/dropped_messages
    master/http_cache_hits
    master/messages_register_framework
    master/messages_reregister_framework
    master/messages_unregister_framework
    master/messages_deactivate_framework
    master/messages_kill_task
    master/messages_status_update_acknowledgement
    master/messages_resource_request
    master/messages_launch_tasks
    master/messages_decline_offers
    master/messages_revive_offers
    master/messages_suppress_offers
    master/messages_reconcile_operations
    master/messages_reconcile_tasks
    master/messages_framework_to_executor
    master/messages_executor_to_framework
    master/messages_register_slave
    master/messages_reregister_slave
    master/messages_unregister_slave
    master/messages_status_update
    master/messages_exited_executor
    master/messages_update_slave
    master/messages_authenticate
    master/valid_framework_to_executor_messages
    master/invalid_framework_to_executor_messages
    master/valid_executor_to_framework_messages
    master/invalid_executor_to_framework_messages
    master/valid_status_updates
    master/invalid_status_updates
    master/valid_status_update_acknowledgements
    master/invalid_status_update_acknowledgements
    master/recovery_slave_removals
    master/event_queue_messages
    master/event_queue_dispatches
    master/event_queue_http_requests
    master/slave_unreachable_scheduled
    master/slave_unreachable_completed
    master/slave_unreachable_canceled
    master/cpus_total
    master/cpus_used
    master/cpus_percent
    master/cpus_revocable_total
    master/cpus_revocable_used
    master/cpus_revocable_percent
    master/gpus_total
    master/gpus_used
    master/gpus_percent
    master/gpus_revocable_total
    master/gpus_revocable_used
    master/gpus_revocable_percent
    master/mem_total
    master/mem_used
    master/mem_percent
    master/mem_revocable_total
    master/mem_revocable_used
    master/mem_revocable_percent
    master/disk_total
    master/disk_used
    master/disk_percent
    master/disk_revocable_total
    master/disk_revocable_used
    master/disk_revocable_percent
    registrar/queued_operations
    registrar/registry_size_bytes
    registrar/state_fetch_ms
    registrar/state_store_ms
    allocator/event_queue_dispatches
    allocator/mesos/event_queue_dispatches";
