//! Sandboxes of tasks that have ended, while their executor runs on.

use std::path::PathBuf;

use mesos_integration::eventually::eventually;
use mesos_integration::http_client::{self, Request};
use mesos_integration::leftovers;
use serde_json::{Value, json};

use crate::support::{Stage, launch_group, scalars};

const COLLECT: &str = "--gc_non_executor_container_sandboxes";

/// What is kept of a task and of its executor.
struct Kept {
    /// The checkpoint of the task.
    task: PathBuf,
    /// The sandbox of the task.
    sandbox: PathBuf,
    /// The checkpoint of the executor.
    executor: PathBuf,
}

impl Kept {
    fn of(stage: &Stage, running: &Value) -> Self {
        let text = |path: &str| running.pointer(path).and_then(Value::as_str).expect(path);
        let executor = format!(
            "slaves/{}/frameworks/{}/executors/default",
            stage.offer["agent_id"]["value"].as_str().expect("an id"),
            stage.scheduler.framework_id,
        );
        let run = format!(
            "runs/{}",
            text("/container_status/container_id/parent/value")
        );
        let work = stage.cluster.agent_work_dir(0);
        let meta = work.join("meta").join(&executor);
        let container = text("/container_status/container_id/value");
        Self {
            task: meta.join(&run).join("tasks/short"),
            sandbox: work
                .join(&executor)
                .join(&run)
                .join("containers")
                .join(container),
            executor: meta,
        }
    }

    #[track_caller]
    fn assert_all_there(&self) {
        for path in [&self.task, &self.sandbox, &self.executor] {
            assert!(path.is_dir(), "{}", path.display());
        }
    }

    #[track_caller]
    fn wait_until_task_is_gone(&self, stage: &Stage) {
        let gone = eventually("the removal of what is left of the task", || {
            (!self.task.is_dir() && !self.sandbox.is_dir()).then_some(())
        });
        gone.unwrap_or_else(|error| panic!("{error}\n{}", stage.cluster.logs()));
        assert!(self.executor.is_dir());
    }
}

/// Runs a long task, and a short one that ends as soon as what it left was looked at.
fn run_a_short_task(stage: &mut Stage) -> Kept {
    let end = stage.cluster.folder().join("end");
    let executor = stage.executor(&scalars(&json!({})));
    let command = format!("while [ ! -e {} ]; do sleep 0.1; done", end.display());
    let groups = [
        stage.task("long", "sleep 1000", &json!({})),
        stage.task("short", &command, &json!({})),
    ]
    .map(|task| launch_group(&executor, &[task]));
    stage.accept(&groups);
    let running = stage.scheduler.wait_for_state("short", "TASK_RUNNING");
    let kept = Kept::of(stage, &running.expect("it runs"));
    stage
        .scheduler
        .wait_for_state("long", "TASK_RUNNING")
        .expect("it runs");
    kept.assert_all_there();
    std::fs::write(end, "").expect("written");
    stage
        .scheduler
        .wait_for_state("short", "TASK_FINISHED")
        .expect("it ends");
    kept
}

/// Mirrors: `GarbageCollectorIntegrationTest.LongLivedDefaultExecutor`
#[test]
fn what_is_left_of_a_task_is_removed_before_its_executor_ends() {
    let mut stage = Stage::start_with(&json!({"checkpoint": true}), &[COLLECT, "--gc_delay=1ms"]);

    let kept = run_a_short_task(&mut stage);

    kept.wait_until_task_is_gone(&stage);
    stage.scheduler.kill("long").unwrap();
    stage
        .scheduler
        .wait_for_state("long", "TASK_KILLED")
        .unwrap();
    eventually("the removal of the executor's checkpoint", || {
        (!kept.executor.is_dir()).then_some(())
    })
    .unwrap();
}

/// Mirrors: `GarbageCollectorIntegrationTest.LongLivedDefaultExecutorRestart`
#[test]
fn what_is_left_of_a_task_is_removed_by_the_next_agent() {
    let mut stage = Stage::start_with(&json!({"checkpoint": true}), &[COLLECT]);
    let kept = run_a_short_task(&mut stage);
    // The agent has heard that the framework knows of the end.
    let agent = stage.cluster.agents.first().unwrap().address;
    eventually("the acknowledgement", || {
        let tasks = Request::post_json("/api/v1", &json!({"type": "GET_TASKS"}));
        let tasks = http_client::send(agent, &tasks).ok()?.json().ok()?;
        let completed = tasks.pointer("/get_tasks/completed_tasks/0/task_id/value")?;
        (completed == "short").then_some(())
    })
    .unwrap();
    kept.assert_all_there();
    stage.cluster.agents.first_mut().unwrap().kill().unwrap();

    let impatient = ["--gc_delay=1ms"];
    stage.cluster.restart_agent_with(0, &impatient).unwrap();

    kept.wait_until_task_is_gone(&stage);
}

/// Mirrors: `GarbageCollectorIntegrationTest.ROOT_OrphanContainer`
#[test]
fn agent_comes_back_to_a_container_that_nobody_knows() {
    let mut stage = Stage::start_with(&json!({"checkpoint": false}), &[COLLECT]);
    stage.launch_group(&[stage.task("t", "sleep 7341", &json!({}))]);
    stage.running(None);
    stage.cluster.agents.first_mut().unwrap().kill().unwrap();

    stage.cluster.restart_agent(0).unwrap();

    eventually("the end of the task", || {
        let mark = stage.cluster.mark();
        let left = leftovers::processes(mark, stage.cluster.folder());
        (!left.iter().any(|one| one.command.contains("sleep 7341"))).then_some(())
    })
    .unwrap();
}
