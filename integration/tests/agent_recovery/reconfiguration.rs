//! Agents that come back with other resources than the master knows.

use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use mesos_integration::http_client::get_json;
use rustix::process::Signal;
use serde_json::json;

use crate::scene::{PATIENT, Scene, amounts, framework};

/// Mirrors: SlaveRecoveryTest.AgentReconfigurationWithRunningTask
#[test]
fn agent_grows_while_its_task_runs_on() {
    let mut scene = Scene::start_with(&[], &["--resources=cpus:5;mem:0;disk:0;ports:[]"]);
    let mut task = command_task("t", "sleep 1000", &scene.offer);
    task["resources"] = json!([{
        "name": "cpus", "type": "SCALAR", "scalar": {"value": 3.0},
        "allocation_info": {"role": "*"},
    }]);
    assert_eq!(amounts(&scene.offer), ["cpus:5"]);
    scene.scheduler.launch(&scene.offer, &[task]).unwrap();
    scene.wait_for("TASK_RUNNING");
    let rest = scene.wait_for_offer_of(&["cpus:2".to_owned()]);
    scene.scheduler.decline(&rest, 0.0).unwrap();

    scene.lose_agent();
    scene.bring_back_with(&[
        PATIENT,
        "--reconfiguration_policy=additive",
        "--resources=cpus:10;mem:512;disk:0;ports:[]",
    ]);

    let more = scene.wait_for_offer_of(&["cpus:7".to_owned(), "mem:512".to_owned()]);
    scene.scheduler.decline(&more, 0.0).unwrap();
    scene.scheduler.kill("t").unwrap();
    scene.wait_for("TASK_KILLED");
    scene.wait_for_offer_of(&["cpus:10".to_owned(), "mem:512".to_owned()]);
}

/// Mirrors: SlaveRecoveryTest.CheckpointedResourcesResourceProviderCapable
#[test]
fn agent_that_tells_its_own_reservations_overrides_the_master() {
    let mut info = framework();
    info["roles"] = json!(["foo"]);
    info["capabilities"] = json!([{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"}]);
    let mut scene = Scene::start_as(&[], &[], &info);
    let mut resources = scene.offer["resources"].clone();
    for resource in resources.as_array_mut().unwrap() {
        resource["reservations"] = json!([{"type": "DYNAMIC", "role": "foo"}]);
    }
    let reserve = json!({"type": "RESERVE", "reserve": {"resources": resources}});

    // What is sent to an agent that stands still is lost with it.
    scene.cluster.agents[0].signal(Signal::STOP).unwrap();
    scene.scheduler.accept(&scene.offer, &[reserve]).unwrap();
    scene.wait_for_offer_of(&amounts(&json!({"resources": resources})));
    scene.lose_agent();
    scene.bring_back();
    // A scheduler that subscribes again hears only what is offered from now on.
    info["id"] = json!({"value": scene.scheduler.framework_id});
    scene.scheduler = FakeScheduler::subscribe_as(scene.cluster.master.address, &info).unwrap();

    scene.wait_for_the_same_offer();
    let state = get_json(scene.cluster.agents[0].address, "/state").unwrap();
    assert_eq!(state["reserved_resources"].get("foo"), None);
}
