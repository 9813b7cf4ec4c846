//! Resources that come back are offered again.

use mesos_integration::fake_scheduler::resources;
use mesos_integration::http_client::get_json;
use mesos_integration::stage::{Stage, partition_aware};
use serde_json::{Value, json};

fn scalar(offer: &Value, name: &str) -> Option<f64> {
    let list = offer.get("resources")?.as_array()?;
    let resource = list.iter().find(|resource| resource["name"] == name)?;
    resource.pointer("/scalar/value")?.as_f64()
}

/// Mirrors: MasterTest.LaunchCombinedOfferTest
#[test]
fn two_offers_of_one_agent_carry_one_task() {
    let mut stage = Stage::start_with(&[], &partition_aware()).unwrap();
    let half = json!({"resources": resources(2.0, 512.0)});
    let run = stage.launch_with("t1", &half).unwrap();
    stage.agent.update(&run, "TASK_RUNNING").unwrap();
    let rest = stage.scheduler.wait_for_offer().unwrap();
    stage
        .scheduler
        .wait_for_state("t1", "TASK_RUNNING")
        .unwrap();
    assert_eq!(
        (scalar(&rest, "cpus"), scalar(&rest, "mem")),
        (Some(2.0), Some(512.0))
    );
    stage.agent.update(&run, "TASK_KILLED").unwrap();
    stage.scheduler.wait_for_state("t1", "TASK_KILLED").unwrap();
    let freed = stage.scheduler.wait_for_offer().unwrap();
    assert_eq!(
        (scalar(&freed, "cpus"), scalar(&freed, "mem")),
        (Some(2.0), Some(512.0))
    );

    let mut task = mesos_integration::fake_scheduler::command_task("t2", "true", &rest);
    task["resources"] = resources(4.0, 1024.0);
    let operation = json!({"type": "LAUNCH", "launch": {"task_infos": [task]}});
    let ids = json!([rest["id"], freed["id"]]);
    stage
        .scheduler
        .call(
            "ACCEPT",
            json!({"accept": {"offer_ids": ids, "operations": [operation]}}),
        )
        .unwrap();
    let run = stage.agent.wait_for_task().unwrap();

    assert_eq!(run.pointer("/task/task_id/value"), Some(&json!("t2")));
}

#[test]
fn what_a_task_does_not_use_is_offered_at_once_without_filter() {
    let mut stage = Stage::start().unwrap();
    stage.launch("t1").unwrap();

    let offer = stage.scheduler.wait_for_offer().unwrap();

    assert_eq!(scalar(&offer, "cpus"), Some(3.9));
    assert_eq!(scalar(&offer, "mem"), Some(1008.0));
}

/// Mirrors: MasterTest.OfferNotRescindedOnceUsed
#[test]
fn used_offer_is_not_rescinded_when_its_time_is_over() {
    // Long enough to use the offer on any machine.
    let mut stage = Stage::start_with(&["--offer_timeout=5secs"], &partition_aware()).unwrap();
    let offer = stage.scheduler.wait_for_offer().unwrap();
    let task = mesos_integration::fake_scheduler::command_task("t1", "true", &offer);
    stage.scheduler.launch(&offer, &[task]).unwrap();

    // The rest is offered and its time runs out after that of the first.
    let rescinded = stage.scheduler.wait_for("RESCIND").unwrap();

    assert_ne!(rescinded.pointer("/rescind/offer_id"), offer.get("id"));
}

/// Mirrors: MasterTest.OfferTimeout
#[test]
fn offer_that_nobody_uses_in_time_is_rescinded_and_offered_again() {
    let mut stage = Stage::start_with(&["--offer_timeout=500ms"], &partition_aware()).unwrap();
    let offer = stage.scheduler.wait_for_offer().unwrap();

    let rescinded = stage.scheduler.wait_for("RESCIND").unwrap();
    let again = stage.scheduler.wait_for_offer().unwrap();

    assert_eq!(rescinded.pointer("/rescind/offer_id"), offer.get("id"));
    assert_eq!(again["resources"], offer["resources"]);
}

/// Mirrors: MasterTest.TaskWithTinyResources
#[test]
fn tiny_amounts_are_offered_and_used() {
    let mut stage = Stage::start().unwrap();
    let tiny = json!({"resources": resources(0.001, 1.0)});

    let run = stage.launch_with("t1", &tiny).unwrap();

    let state = get_json(stage.cluster.master.address, "/master/state").unwrap();
    assert_eq!(
        run.pointer("/task/resources/0/scalar/value"),
        Some(&json!(0.001))
    );
    assert_eq!(
        state.pointer("/slaves/0/used_resources/cpus"),
        Some(&json!(0.001))
    );
}
