//! Calls as they should be, each with everything that it can say.

use serde_json::{Value, json};

/// A resource that is reserved.
fn reserved() -> Value {
    json!({
        "name": "cpus",
        "type": "SCALAR",
        "scalar": {"value": 1.0},
        "reservations": [{
            "type": "DYNAMIC",
            "role": "eng",
            "principal": "ops",
            "labels": {"labels": [{"key": "k", "value": "v"}]},
        }],
    })
}

/// A persistent volume.
fn volume() -> Value {
    json!({
        "name": "disk",
        "type": "SCALAR",
        "scalar": {"value": 64.0},
        "reservations": [{"type": "DYNAMIC", "role": "eng", "principal": "ops"}],
        "disk": {
            "persistence": {"id": "id", "principal": "ops"},
            "volume": {"container_path": "data", "mode": "RW"},
        },
    })
}

fn call(kind: &str, field: &Value) -> Value {
    json!({"type": kind, kind.to_lowercase(): field})
}

/// Calls of operators that would do something on an agent.
pub(super) fn to_master(agent: &str) -> Vec<Value> {
    let agent = json!({"value": agent});
    vec![
        call(
            "GET_METRICS",
            &json!({"timeout": {"nanoseconds": 1_000_000_000}}),
        ),
        call(
            "SET_LOGGING_LEVEL",
            &json!({"level": 0, "duration": {"nanoseconds": 1}}),
        ),
        call("LIST_FILES", &json!({"path": "/master/log"})),
        call(
            "READ_FILE",
            &json!({"path": "/master/log", "offset": 0, "length": 1}),
        ),
        call(
            "UPDATE_WEIGHTS",
            &json!({"weight_infos": [{"role": "eng", "weight": 2.5}]}),
        ),
        call(
            "RESERVE_RESOURCES",
            &json!({"agent_id": agent, "source": [reserved()], "resources": [reserved()]}),
        ),
        call(
            "UNRESERVE_RESOURCES",
            &json!({"agent_id": agent, "resources": [reserved()]}),
        ),
        call(
            "CREATE_VOLUMES",
            &json!({"agent_id": agent, "volumes": [volume()]}),
        ),
        call(
            "DESTROY_VOLUMES",
            &json!({"agent_id": agent, "volumes": [volume()]}),
        ),
        call(
            "GROW_VOLUME",
            &json!({"agent_id": agent, "volume": volume(), "addition": reserved()}),
        ),
        call(
            "SHRINK_VOLUME",
            &json!({"agent_id": agent, "volume": volume(), "subtract": {"value": 1.0}}),
        ),
    ]
}

/// Calls of operators about the whole cluster, or about what is not there.
pub(super) fn to_cluster() -> Vec<Value> {
    let nobody = json!({"value": "nobody"});
    let machine = json!({"hostname": "machine", "ip": "10.0.0.1"});
    let guarantee = json!([{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}}]);
    vec![
        call(
            "UPDATE_MAINTENANCE_SCHEDULE",
            &json!({"schedule": {"windows": [{
                "machine_ids": [machine],
                "unavailability": {
                    "start": {"nanoseconds": 1}, "duration": {"nanoseconds": 1}},
            }]}}),
        ),
        call("START_MAINTENANCE", &json!({"machines": [machine]})),
        call("STOP_MAINTENANCE", &json!({"machines": [machine]})),
        call(
            "DRAIN_AGENT",
            &json!({
                "agent_id": nobody,
                "max_grace_period": {"seconds": 1, "nanos": 1},
                "mark_gone": true,
            }),
        ),
        call("DEACTIVATE_AGENT", &json!({"agent_id": nobody})),
        call("REACTIVATE_AGENT", &json!({"agent_id": nobody})),
        call(
            "UPDATE_QUOTA",
            &json!({
                "force": false,
                "quota_configs": [{
                    "role": "eng",
                    "guarantees": {"cpus": {"value": 1.0}},
                    "limits": {"cpus": {"value": 2.0}},
                }],
            }),
        ),
        call(
            "SET_QUOTA",
            &json!({"quota_request": {"force": true, "role": "eng", "guarantee": guarantee}}),
        ),
        call("REMOVE_QUOTA", &json!({"role": "eng"})),
        call("TEARDOWN", &json!({"framework_id": nobody})),
        call("MARK_AGENT_GONE", &json!({"agent_id": nobody})),
    ]
}

/// Calls of schedulers.
pub(super) fn of_schedulers() -> Vec<Value> {
    let nobody = json!({"value": "nobody"});
    let mut calls = vec![
        call(
            "ACCEPT",
            &json!({
                "offer_ids": [nobody],
                "operations": [{"type": "RESERVE", "reserve": {"resources": [reserved()]}}],
                "filters": {"refuse_seconds": 1.0},
            }),
        ),
        call(
            "DECLINE",
            &json!({"offer_ids": [nobody], "filters": {"refuse_seconds": 1.0}}),
        ),
        call("REVIVE", &json!({"roles": ["eng"]})),
        call("SUPPRESS", &json!({"roles": ["eng"]})),
        call("KILL", &json!({"task_id": nobody, "agent_id": nobody})),
        call(
            "SHUTDOWN",
            &json!({"executor_id": nobody, "agent_id": nobody}),
        ),
        call(
            "ACKNOWLEDGE",
            &json!({"agent_id": nobody, "task_id": nobody, "uuid": "AAAAAAAAAAAAAAAAAAAAAA=="}),
        ),
        call(
            "RECONCILE",
            &json!({"tasks": [{"task_id": nobody, "agent_id": nobody}]}),
        ),
        call(
            "MESSAGE",
            &json!({"agent_id": nobody, "executor_id": nobody, "data": "AAAA"}),
        ),
        call(
            "REQUEST",
            &json!({"requests": [{"agent_id": nobody, "resources": [reserved()]}]}),
        ),
        call(
            "ACCEPT_INVERSE_OFFERS",
            &json!({"inverse_offer_ids": [nobody], "filters": {"refuse_seconds": 1.0}}),
        ),
        call(
            "DECLINE_INVERSE_OFFERS",
            &json!({"inverse_offer_ids": [nobody], "filters": {"refuse_seconds": 1.0}}),
        ),
        call(
            "RECONCILE_OPERATIONS",
            &json!({"operations": [{"operation_id": nobody, "agent_id": nobody}]}),
        ),
        call(
            "ACKNOWLEDGE_OPERATION_STATUS",
            &json!({
                "agent_id": nobody, "operation_id": nobody, "uuid": "AAAAAAAAAAAAAAAAAAAAAA==",
            }),
        ),
        call(
            "UPDATE_FRAMEWORK",
            &json!({
                "framework_info": {"user": "user", "name": "name", "roles": ["eng"]},
                "suppressed_roles": ["eng"],
            }),
        ),
    ];
    for call in &mut calls {
        call["framework_id"] = nobody.clone();
    }
    calls
}

/// Calls of operators to an agent; none of them finds what it is about.
pub(super) fn to_agent() -> Vec<Value> {
    let inner = json!({"value": "inner", "parent": {"value": "outer"}});
    let command = json!({
        "value": "true",
        "arguments": ["true"],
        "environment": {"variables": [{"name": "N", "value": "v"}]},
    });
    vec![
        call(
            "GET_METRICS",
            &json!({"timeout": {"nanoseconds": 1_000_000_000}}),
        ),
        call(
            "SET_LOGGING_LEVEL",
            &json!({"level": 0, "duration": {"nanoseconds": 1}}),
        ),
        call("LIST_FILES", &json!({"path": "/slave/log"})),
        call(
            "READ_FILE",
            &json!({"path": "/slave/log", "offset": 0, "length": 1}),
        ),
        call(
            "GET_CONTAINERS",
            &json!({"show_nested": true, "show_standalone": true}),
        ),
        call(
            "LAUNCH_NESTED_CONTAINER",
            &json!({"container_id": inner, "command": command, "container": {"type": "MESOS"}}),
        ),
        call("WAIT_NESTED_CONTAINER", &json!({"container_id": inner})),
        call(
            "KILL_NESTED_CONTAINER",
            &json!({"container_id": inner, "signal": 9}),
        ),
        call("REMOVE_NESTED_CONTAINER", &json!({"container_id": inner})),
        call("WAIT_CONTAINER", &json!({"container_id": inner})),
        call(
            "KILL_CONTAINER",
            &json!({"container_id": inner, "signal": 9}),
        ),
        call("REMOVE_CONTAINER", &json!({"container_id": inner})),
        call(
            "LAUNCH_NESTED_CONTAINER_SESSION",
            &json!({
                "container_id": inner,
                "command": command,
                "container": {"type": "MESOS", "tty_info": {"window_size": {"rows": 1, "columns": 1}}},
            }),
        ),
        call("ATTACH_CONTAINER_OUTPUT", &json!({"container_id": inner})),
        call(
            "LAUNCH_CONTAINER",
            &json!({
                "container_id": inner,
                "command": command,
                "resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}}],
                "limits": {"cpus": {"value": 0.2}},
                "container": {"type": "MESOS"},
            }),
        ),
        call(
            "MARK_RESOURCE_PROVIDER_GONE",
            &json!({"resource_provider_id": {"value": "nobody"}}),
        ),
        call(
            "ADD_RESOURCE_PROVIDER_CONFIG",
            &json!({"info": {"type": "a.b", "name": "c"}}),
        ),
        call(
            "UPDATE_RESOURCE_PROVIDER_CONFIG",
            &json!({"info": {"type": "a.b", "name": "c"}}),
        ),
        call(
            "REMOVE_RESOURCE_PROVIDER_CONFIG",
            &json!({"type": "a.b", "name": "c"}),
        ),
        call(
            "PRUNE_IMAGES",
            &json!({"excluded_images": [{"type": "DOCKER", "docker": {"name": "busybox"}}]}),
        ),
    ]
}

/// Calls about the input of a container, which come as records.
pub(super) fn of_input() -> Vec<Value> {
    let inner = json!({"value": "inner", "parent": {"value": "outer"}});
    vec![
        call(
            "ATTACH_CONTAINER_INPUT",
            &json!({"type": "CONTAINER_ID", "container_id": inner}),
        ),
        call(
            "ATTACH_CONTAINER_INPUT",
            &json!({
                "type": "PROCESS_IO",
                "process_io": {
                    "type": "CONTROL",
                    "control": {
                        "type": "TTY_INFO",
                        "tty_info": {"window_size": {"rows": 1, "columns": 1}},
                    },
                },
            }),
        ),
    ]
}

/// Calls of executors that nobody launched.
pub(super) fn of_executors() -> Vec<Value> {
    let nobody = json!({"value": "nobody"});
    let status = json!({
        "task_id": nobody,
        "state": "TASK_RUNNING",
        "source": "SOURCE_EXECUTOR",
        "uuid": "AAAAAAAAAAAAAAAAAAAAAA==",
        "timestamp": 1.0,
    });
    let task = json!({
        "name": "t", "task_id": nobody, "agent_id": nobody, "resources": [reserved()],
    });
    let mut calls = vec![
        call(
            "SUBSCRIBE",
            &json!({
                "unacknowledged_tasks": [task],
                "unacknowledged_updates": [{"status": status}],
            }),
        ),
        call("UPDATE", &json!({"status": status})),
        call("MESSAGE", &json!({"data": "AAAA"})),
        json!({"type": "HEARTBEAT"}),
    ];
    for call in &mut calls {
        call["framework_id"] = nobody.clone();
        call["executor_id"] = nobody.clone();
    }
    calls
}

/// A subscription of a scheduler; only a broken one may be sent, a good one would be accepted.
pub(super) fn subscription() -> Value {
    call(
        "SUBSCRIBE",
        &json!({
            "framework_info": {
                "user": "user", "name": "name", "failover_timeout": 1.0, "checkpoint": true,
                "roles": ["eng"], "hostname": "host", "principal": "ops", "webui_url": "url",
                "capabilities": [{"type": "MULTI_ROLE"}],
                "labels": {"labels": [{"key": "k", "value": "v"}]},
            },
            "suppressed_roles": ["eng"],
        }),
    )
}
