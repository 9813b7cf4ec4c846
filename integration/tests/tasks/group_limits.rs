//! Limits of the tasks of a group, through processes of master and agent.

use mesos_integration::cluster::Cluster;
use mesos_integration::fake_scheduler::{FakeScheduler, resources};
use serde_json::{Value, json};

/// A task that shares the cgroups of its executor, or does not, with such limits.
fn task(id: &str, offer: &Value, container: &Value, limits: &Value) -> Value {
    json!({
        "name": id, "task_id": {"value": id}, "agent_id": offer["agent_id"],
        "command": {"value": "exit 0"}, "resources": resources(0.5, 32.0),
        "container": container, "limits": limits,
    })
}

fn container(share_cgroups: &Value) -> Value {
    json!({"type": "MESOS", "linux_info": {"share_cgroups": share_cgroups}})
}

/// Launches two tasks as a group and returns what the framework hears first of each.
fn launch(scheduler: &mut FakeScheduler, tasks: impl Fn(&Value) -> [Value; 2]) -> [Value; 2] {
    let offer = scheduler.wait_for_offer().expect("an offer");
    let mut used = resources(0.5, 32.0);
    let disk = json!({"name": "disk", "type": "SCALAR", "scalar": {"value": 128.0}});
    used.as_array_mut().expect("a list").push(disk);
    let executor = json!({
        "type": "DEFAULT", "executor_id": {"value": "e"},
        "framework_id": {"value": scheduler.framework_id}, "resources": used,
    });
    let group = json!({"executor": executor, "task_group": {"tasks": tasks(&offer)}});
    let operation = json!({"type": "LAUNCH_GROUP", "launch_group": group});
    scheduler.accept(&offer, &[operation]).expect("it is taken");
    [(); 2].map(|()| scheduler.wait_for_update().expect("an update"))
}

/// Mirrors: TaskGroupValidationTest.ResourceLimits
#[test]
fn limits_of_a_group_are_checked_by_the_master_and_then_by_the_agent() {
    let mut cluster = Cluster::start().unwrap();
    cluster.add_agent().unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let own = container(&json!(false));
    let shared = container(&json!(true));
    let cpus = json!({"cpus": {"value": 1.0}});
    let memory = |size: f64| json!({"cpus": {"value": 1.0}, "mem": {"value": size}});

    let too_small = launch(&mut scheduler, |offer| {
        [
            task("1", offer, &own, &memory(64.0)),
            task("2", offer, &own, &memory(16.0)),
        ]
    });
    let in_shared_cgroups = launch(&mut scheduler, |offer| {
        [
            task("1", offer, &own, &memory(64.0)),
            task("2", offer, &shared, &memory(64.0)),
        ]
    });
    let without_isolator = launch(&mut scheduler, |offer| {
        [task("1", offer, &own, &cpus), task("2", offer, &own, &cpus)]
    });

    for (statuses, text) in [
        (too_small, "memory limit must be greater"),
        (
            in_shared_cgroups,
            "Resource limits may only be set for tasks within a task group when the \
             'share_cgroups' field is set to 'false'.",
        ),
    ] {
        for status in statuses {
            assert_eq!(status["state"], "TASK_ERROR", "{status}");
            assert_eq!(status["reason"], "REASON_TASK_GROUP_INVALID", "{status}");
            let message = status["message"].as_str().unwrap();
            assert!(message.contains(text), "{message}");
        }
    }
    for status in without_isolator {
        assert_eq!(status["state"], "TASK_LOST", "{status}");
        assert_eq!(
            status["message"],
            "CPU limits can only be set on tasks launched in Mesos containers when the agent has \
             loaded the 'cgroups/cpu' isolator"
        );
    }
}
