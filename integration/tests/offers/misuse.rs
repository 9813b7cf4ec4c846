//! Offers that are accepted in a way that cannot work.

use mesos_integration::cluster::Cluster;
use mesos_integration::fake_agent::FakeAgent;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use mesos_integration::http_client::get_json;
use mesos_integration::stage::{partition_aware, plain};
use serde_json::{Value, json};

fn accept(scheduler: &FakeScheduler, offers: &[&Value], task: &Value) {
    let ids: Vec<&Value> = offers.iter().filter_map(|offer| offer.get("id")).collect();
    let operation = json!({"type": "LAUNCH", "launch": {"task_infos": [task]}});
    let body = json!({"accept": {"offer_ids": ids, "operations": [operation]}});
    scheduler
        .call("ACCEPT", body)
        .expect("the call is accepted");
}

#[track_caller]
fn assert_metric(cluster: &Cluster, name: &str, wanted: f64) {
    let metrics = get_json(cluster.master.address, "/metrics/snapshot").expect("metrics come");
    assert_eq!(
        metrics.get(name).and_then(Value::as_f64),
        Some(wanted),
        "{name}"
    );
}

/// Uses the offers of two agents for one task; returns the state and what the metrics must say.
#[track_caller]
fn assert_across_agents(info: &Value, state: &str, metric: &str) {
    let cluster = Cluster::start().expect("the master starts");
    let _first = FakeAgent::register(cluster.master.address).expect("it registers");
    let _second = FakeAgent::register(cluster.master.address).expect("it registers");
    let mut scheduler =
        FakeScheduler::subscribe_as(cluster.master.address, info).expect("it subscribes");
    let mut offers: Vec<Value> = Vec::new();
    while offers.len() < 2 {
        let event = scheduler.wait_for("OFFERS").expect("offers come");
        let list = event.pointer("/offers/offers").and_then(Value::as_array);
        offers.extend(list.into_iter().flatten().cloned());
    }
    let (first, second) = (offers.first(), offers.get(1));
    let (first, second) = first.zip(second).expect("two offers came");

    accept(
        &scheduler,
        &[first, second],
        &command_task("t1", "true", first),
    );
    let status = scheduler.wait_for_update().expect("an update comes");

    assert_eq!(status.get("state"), Some(&json!(state)));
    assert_eq!(status.get("reason"), Some(&json!("REASON_INVALID_OFFERS")));
    assert_metric(&cluster, metric, 1.0);
}

/// Mirrors: MasterTest.LaunchAcrossSlavesLost
#[test]
fn task_across_two_agents_is_lost() {
    assert_across_agents(&plain(), "TASK_LOST", "master/tasks_lost");
}

/// Mirrors: MasterTest.LaunchAcrossSlavesDropped
#[test]
fn task_across_two_agents_is_dropped_for_those_who_see_partitions() {
    assert_across_agents(&partition_aware(), "TASK_DROPPED", "master/tasks_dropped");
}

#[track_caller]
fn assert_duplicate_offer(info: &Value, state: &str, metric: &str) {
    let cluster = Cluster::start().expect("the master starts");
    let _agent = FakeAgent::register(cluster.master.address).expect("it registers");
    let mut scheduler =
        FakeScheduler::subscribe_as(cluster.master.address, info).expect("it subscribes");
    let offer = scheduler.wait_for_offer().expect("an offer comes");

    accept(
        &scheduler,
        &[&offer, &offer],
        &command_task("t1", "true", &offer),
    );
    let status = scheduler.wait_for_update().expect("an update comes");

    assert_eq!(status.get("state"), Some(&json!(state)));
    assert_eq!(status.get("reason"), Some(&json!("REASON_INVALID_OFFERS")));
    assert_metric(&cluster, metric, 1.0);
}

/// Mirrors: MasterTest.LaunchDuplicateOfferLost
#[test]
fn task_on_an_offer_that_is_named_twice_is_lost() {
    assert_duplicate_offer(&plain(), "TASK_LOST", "master/tasks_lost");
}

/// Mirrors: MasterTest.LaunchDuplicateOfferDropped
#[test]
fn task_on_an_offer_that_is_named_twice_is_dropped_for_those_who_see_partitions() {
    assert_duplicate_offer(&partition_aware(), "TASK_DROPPED", "master/tasks_dropped");
}

#[test]
fn task_on_an_offer_that_was_used_before_is_lost() {
    let cluster = Cluster::start().unwrap();
    let _agent = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let offer = scheduler.wait_for_offer().unwrap();
    scheduler.decline(&offer, 3600.0).unwrap();

    accept(&scheduler, &[&offer], &command_task("t1", "true", &offer));
    let status = scheduler.wait_for_update().unwrap();

    assert_eq!(status["state"], "TASK_LOST");
    assert_eq!(status["reason"], "REASON_INVALID_OFFERS");
    let text = format!(
        "Offer {} is no longer valid",
        offer.pointer("/id/value").unwrap()
    );
    assert_eq!(
        status["message"]
            .as_str()
            .map(|message| message.contains(&text.replace('"', ""))),
        Some(true),
        "{status}"
    );
}

#[test]
fn task_that_wants_more_than_the_offer_is_an_error() {
    let cluster = Cluster::start().unwrap();
    let _agent = FakeAgent::register(cluster.master.address).unwrap();
    let mut scheduler = FakeScheduler::subscribe(cluster.master.address).unwrap();
    let offer = scheduler.wait_for_offer().unwrap();
    let mut task = command_task("t1", "true", &offer);
    task["resources"] = mesos_integration::fake_scheduler::resources(400.0, 16.0);

    accept(&scheduler, &[&offer], &task);
    let status = scheduler.wait_for_update().unwrap();

    assert_eq!(status["state"], "TASK_ERROR");
    assert_eq!(status["reason"], "REASON_TASK_INVALID");
}
