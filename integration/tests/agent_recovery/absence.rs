//! What happens while an agent is away holds when it is back.

use std::fs;

use mesos_integration::fake_agent::FakeAgent;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task, resources};
use mesos_integration::http_client::get_json;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::scene::{PATIENT, Scene, amounts, framework, partition_aware, whole_task};

/// Mirrors: SlaveRecoveryTest.KillTask
#[test]
fn task_can_be_killed_after_its_agent_was_away() {
    let mut scene = Scene::running();

    scene.lose_agent();
    scene.bring_back();
    scene.scheduler.kill("t").unwrap();

    scene.wait_for("TASK_KILLED");
    scene.wait_for_the_same_offer();
}

/// Mirrors: SlaveRecoveryTest.ReconcileKillTask
#[test]
fn task_that_was_killed_while_its_agent_was_away_ends() {
    let mut scene = Scene::running();

    scene.lose_agent();
    scene.scheduler.kill("t").unwrap();
    scene.bring_back();

    scene.wait_for("TASK_KILLED");
    scene.wait_for_the_same_offer();
}

/// Mirrors: SlaveRecoveryTest.ReconcileShutdownFramework
#[test]
fn framework_that_ended_while_its_agent_was_away_leaves_nothing() {
    let mut scene = Scene::running();

    scene.lose_agent();
    scene.scheduler.teardown().unwrap();
    scene.bring_back();

    scene.await_no_workers();
    let state = get_json(scene.cluster.master.address, "/master/state").unwrap();
    assert_eq!(state["frameworks"], json!([]));
    assert_eq!(state["orphan_tasks"], json!([]));
    let [completed] = state["completed_frameworks"].as_array().unwrap().as_slice() else {
        panic!("one framework: {state}")
    };
    assert_eq!(completed["id"], scene.scheduler.framework_id);
    let [task] = completed["completed_tasks"].as_array().unwrap().as_slice() else {
        panic!("one task: {completed}")
    };
    assert_eq!(task["state"], "TASK_KILLED");
}

/// Mirrors: SlaveRecoveryTest.ReconcileTasksMissingFromSlave
#[test]
fn task_that_the_agent_forgot_is_dropped() {
    let mut scene = Scene::start_as(&[], &[], &partition_aware());
    scene.run_on_all();

    scene.lose_agent();
    for worker in scene.workers() {
        let pid = Pid::from_raw(worker.pid).unwrap();
        // One may have ended with another.
        let _gone = kill_process(pid, Signal::KILL);
    }
    let forgotten = scene.cluster.agent_work_dir(0).join(format!(
        "meta/slaves/{}/frameworks/{}",
        scene.agent_id(),
        scene.scheduler.framework_id
    ));
    fs::remove_dir_all(forgotten).unwrap();
    scene.bring_back();

    let status = scene.wait_for("TASK_DROPPED");
    assert_eq!(status["source"], "SOURCE_AGENT");
    assert_eq!(status["reason"], "REASON_RECONCILIATION");
    scene.wait_for_the_same_offer();
}

/// Mirrors: SlaveRecoveryTest.SchedulerFailover
#[test]
fn scheduler_that_took_over_meanwhile_has_the_task() {
    let mut scene = Scene::running();
    let mut info = framework();
    info["id"] = json!({"value": scene.scheduler.framework_id});

    scene.lose_agent();
    let second = FakeScheduler::subscribe_as(scene.cluster.master.address, &info).unwrap();
    let mut first = std::mem::replace(&mut scene.scheduler, second);
    let error = first.wait_for("ERROR").unwrap();
    scene.bring_back();
    scene.scheduler.kill("t").unwrap();

    assert_eq!(error["error"]["message"], "Framework failed over");
    scene.wait_for("TASK_KILLED");
    scene.wait_for_the_same_offer();
}

/// Mirrors: SlaveRecoveryTest.MasterFailover
#[test]
fn master_that_took_over_meanwhile_hears_of_the_task() {
    let mut scene = Scene::start_with(&["--registry=replicated_log"], &[]);
    scene.run_on_all();
    let mut info = framework();
    info["id"] = json!({"value": scene.scheduler.framework_id});

    scene.lose_agent();
    scene.cluster.master.kill().unwrap();
    scene.cluster.restart_master().unwrap();
    scene.scheduler = FakeScheduler::subscribe_as(scene.cluster.master.address, &info).unwrap();
    scene.bring_back();
    scene.scheduler.kill("t").unwrap();

    scene.wait_for("TASK_KILLED");
    scene.wait_for_the_same_offer();
    scene.await_no_workers();
}

/// Accepts an offer for one task, and wants nothing of the rest for a long time.
fn launch_once(scheduler: &mut FakeScheduler, offer: &Value, task: &Value) {
    let accept = json!({"accept": {
        "offer_ids": [offer["id"]],
        "operations": [{"type": "LAUNCH", "launch": {"task_infos": [task]}}],
        "filters": {"refuse_seconds": 1000.0},
    }});
    scheduler.call("ACCEPT", accept).unwrap();
    let id = task["task_id"]["value"].as_str().unwrap();
    scheduler.wait_for_state(id, "TASK_RUNNING").unwrap();
}

/// Mirrors: SlaveRecoveryTest.MultipleFrameworks
#[test]
fn tasks_of_several_frameworks_survive() {
    let mut scene = Scene::start();
    let mut task = command_task("t", "sleep 1000", &scene.offer);
    task["resources"] = resources(1.0, 512.0);
    launch_once(&mut scene.scheduler, &scene.offer, &task);
    let mut second =
        FakeScheduler::subscribe_as(scene.cluster.master.address, &framework()).unwrap();
    let offer = second.wait_for_offer().unwrap();
    launch_once(&mut second, &offer, &whole_task("t2", &offer));

    scene.lose_agent();
    scene.bring_back();
    scene.scheduler.kill("t").unwrap();
    second.kill("t2").unwrap();

    scene.wait_for("TASK_KILLED");
    second.wait_for_state("t2", "TASK_KILLED").unwrap();
    scene.await_no_workers();
}

/// Mirrors: SlaveRecoveryTest.MultipleSlaves
#[test]
fn several_agents_come_back_at_once() {
    let mut scene = Scene::running();
    scene.cluster.add_agent().expect("the second registers");
    let offer = scene.scheduler.wait_for_offer().unwrap();
    scene
        .scheduler
        .launch(&offer, &[whole_task("t2", &offer)])
        .unwrap();
    scene
        .scheduler
        .wait_for_state("t2", "TASK_RUNNING")
        .unwrap();

    for agent in &mut scene.cluster.agents {
        agent.kill().unwrap();
    }
    scene.cluster.restart_agent_with(0, &[PATIENT]).unwrap();
    scene.cluster.restart_agent_with(1, &[PATIENT]).unwrap();
    scene.await_registration(0);
    scene.await_registration(1);
    scene.scheduler.kill("t").unwrap();
    scene.scheduler.kill("t2").unwrap();

    let mut killed = [scene.wait_for_end(), scene.wait_for_end()];
    killed.sort();
    assert_eq!(killed, ["t TASK_KILLED", "t2 TASK_KILLED"]);
    scene.await_no_workers();
}

impl Scene {
    /// Waits for a task's last update.
    fn wait_for_end(&mut self) -> String {
        loop {
            let status = self.scheduler.wait_for_update().unwrap();
            let state = status["state"].as_str().unwrap();
            if state != "TASK_RUNNING" {
                return format!("{} {state}", status["task_id"]["value"].as_str().unwrap());
            }
        }
    }
}

/// Mirrors: SlaveRecoveryTest.PingTimeoutDuringRecovery
#[test]
fn agent_answers_the_master_while_it_waits_for_its_executors() {
    // Longer than the agent takes to start again, on any machine.
    let pings = ["--agent_ping_timeout=3secs", "--max_agent_ping_timeouts=2"];
    let mut scene = Scene::start_with(&pings, &[]);
    scene.run_on_all();

    // An executor that stands still keeps the agent waiting.
    let workers = scene.workers();
    let signal = |signal| {
        for worker in &workers {
            kill_process(Pid::from_raw(worker.pid).unwrap(), signal).unwrap();
        }
    };
    signal(Signal::STOP);
    scene.lose_agent();
    scene.cluster.restart_agent_with(0, &[PATIENT]).unwrap();
    // Another agent that is silent from now on is given up before this one could be.
    let silent = FakeAgent::register(scene.cluster.master.address).unwrap();
    silent.fall_silent();
    loop {
        let failure = scene.scheduler.wait_for("FAILURE").unwrap();
        if failure["failure"]["agent_id"]["value"] == silent.agent_id {
            break;
        }
    }
    let tasks = json!({"reconcile": {"tasks": [{"task_id": {"value": "t"}}]}});
    scene.scheduler.call("RECONCILE", tasks).unwrap();
    let status = scene.wait_for("TASK_RUNNING");
    let agent = scene.cluster.agents[0].address;
    let registered = get_json(agent, "/metrics/snapshot").unwrap()["slave/registered"].as_f64();
    signal(Signal::CONT);
    scene.await_registration(0);

    assert_eq!(status["source"], "SOURCE_MASTER");
    assert_eq!(status["reason"], "REASON_RECONCILIATION");
    assert_eq!(registered, Some(0.0), "the agent did not wait");
}

/// Mirrors: SlaveRecoveryTest.DISABLED_RecoveryTimeout
#[test]
fn executor_does_not_wait_for_its_agent_for_ever() {
    let mut scene = Scene::start_with(&[], &["--recovery_timeout=1ms"]);
    scene.run_on_all();

    scene.lose_agent();
    scene.await_no_workers();
    scene.bring_back();

    scene.wait_for("TASK_FAILED");
    scene.wait_for_the_same_offer();
    assert_eq!(amounts(&scene.offer).len(), 4);
}
