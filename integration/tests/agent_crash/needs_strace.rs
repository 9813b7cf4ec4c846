//! SIGKILL at every call by which a checkpoint gets onto the disk.

use std::path::Path;
use std::thread;

use mesos_integration::cluster::Cluster;
use mesos_integration::eventually::eventually;
use mesos_integration::fake_scheduler::{FakeScheduler, command_task};
use mesos_integration::leftovers;
use mesos_integration::syscall_killer::SyscallKiller;
use serde_json::{Value, json};

/// The calls that make content durable, and how many clusters share the moments of each among themselves.
///
/// A small file is written aside, synced, renamed, and its directory is synced; a stream is synced after each record.
const CALLS: [(&str, u32); 3] = [("rename", 2), ("fsync", 4), ("fdatasync", 1)];

/// More moments than a task's life has; the sweep has to end by itself before.
const TOO_MANY: u32 = 200;

/// What became of one task.
#[derive(Debug)]
#[expect(dead_code, reason = "a failed test shows all of it")]
struct Story {
    /// The call at which the agent was to die.
    call: &'static str,
    moment: u32,
    died: Died,
    state: String,
    message: String,
    /// How often the command was executed.
    runs: usize,
}

#[derive(Debug, PartialEq)]
enum Died {
    Yes,
    No,
}

/// A cluster whose agent dies again and again.
struct Lane {
    cluster: Cluster,
    scheduler: FakeScheduler,
}

impl Lane {
    fn start() -> Self {
        let mut cluster = Cluster::start().expect("the master starts");
        // The killer counts the calls of each thread.
        cluster.variables = vec![("LIBPROCESS_NUM_WORKER_THREADS", "1")];
        cluster.add_agent().expect("the agent registers");
        let scheduler = FakeScheduler::subscribe_as(
            cluster.master.address,
            &json!({
                "user": "root", "name": "test", "roles": ["*"], "checkpoint": true,
                "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
            }),
        )
        .expect("it subscribes");
        Self { cluster, scheduler }
    }

    /// Runs a task while the agent dies at its `moment`-th call, and starts the agent again.
    fn live_through(&mut self, call: &'static str, moment: u32) -> Story {
        let task = format!("{call}{moment}");
        let witness = self.cluster.folder().join(&task);
        let command = format!("echo ran >> {}", witness.display());
        let killer = SyscallKiller::attach(self.cluster.agents[0].pid(), call, moment)
            .expect("strace attaches");
        let (cluster, scheduler) = (&mut self.cluster, &mut self.scheduler);
        let (last, died) = thread::scope(|scope| {
            let last = scope.spawn(move || see_to_the_end(scheduler, &task, &command));
            let mut died = Died::No;
            eventually("the end of the task", || {
                if died == Died::No && !cluster.agents[0].is_running() {
                    died = Died::Yes;
                    cluster.restart_agent(0).expect("the agent starts again");
                }
                last.is_finished().then_some(())
            })
            .unwrap_or_else(|error| panic!("{call} {moment}: {error}\n{}", all_logs(cluster)));
            (last.join().expect("the scheduler goes on"), died)
        });
        let died = self.settle(died);
        drop(killer);
        let died = self.settle(died);
        Story {
            call,
            moment,
            died,
            state: text(&last, "state"),
            message: text(&last, "message"),
            runs: lines(&witness),
        }
    }

    /// Waits until nothing of the task is left and the agent is back; it may die even now.
    fn settle(&mut self, mut died: Died) -> Died {
        let cluster = &mut self.cluster;
        let settled = eventually("rest after the task", || {
            if !cluster.agents[0].is_running() {
                assert_eq!(died, Died::No, "nobody kills the agent twice");
                died = Died::Yes;
                cluster.restart_agent(0).expect("the agent starts again");
            }
            let left = leftovers::processes(cluster.mark(), cluster.folder());
            let is_quiet = left.iter().all(|process| is_daemon(&process.command));
            (is_quiet && cluster.active_agents() == Some(1)).then_some(())
        });
        settled.unwrap_or_else(|error| panic!("{error}\n{}", all_logs(cluster)));
        died
    }
}

/// The logs of the daemons and of all executors.
fn all_logs(cluster: &Cluster) -> String {
    let mut text = cluster.logs();
    let mut folders = vec![cluster.folder().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder {
                folders.push(entry.path());
            } else if entry.file_name() == "stderr" {
                let log = std::fs::read_to_string(entry.path()).unwrap_or_default();
                text.push_str(&format!("\n--- {} ---\n{log}", entry.path().display()));
            }
        }
    }
    text
}

fn is_daemon(command: &str) -> bool {
    command.contains("mesos master") || command.contains("mesos agent")
}

/// Launches the task until the offer was still good, and follows it to its last state.
fn see_to_the_end(scheduler: &mut FakeScheduler, task: &str, command: &str) -> Value {
    loop {
        let offer = scheduler.wait_for_offer().expect("an offer comes");
        let launched = command_task(task, command, &offer);
        scheduler
            .launch(&offer, &[launched])
            .expect("it is accepted");
        let last = wait_for_last(scheduler, task);
        if last["reason"] != "REASON_INVALID_OFFERS" {
            return last;
        }
    }
}

fn wait_for_last(scheduler: &mut FakeScheduler, task: &str) -> Value {
    loop {
        let status = scheduler.wait_for_update().expect("an update comes");
        let is_last = !matches!(
            status["state"].as_str(),
            Some("TASK_STAGING" | "TASK_STARTING" | "TASK_RUNNING" | "TASK_UNREACHABLE")
        );
        if is_last && status["task_id"]["value"] == task {
            return status;
        }
    }
}

fn text(status: &Value, key: &str) -> String {
    status[key].as_str().unwrap_or_default().to_owned()
}

fn lines(file: &Path) -> usize {
    std::fs::read_to_string(file).map_or(0, |text| text.lines().count())
}

/// Whatever the agent was writing when it died, the framework hears the truth once it is back.
///
/// A task whose command was executed has finished; one that has not finished was never executed.
#[test]
fn a_task_ends_as_it_should_wherever_the_agent_dies() {
    let stories: Vec<Story> = thread::scope(|scope| {
        let mut lanes = Vec::new();
        for (call, count) in CALLS {
            lanes.extend((1..=count).map(|first| scope.spawn(move || sweep(call, first, count))));
        }
        let join = |lane: thread::ScopedJoinHandle<'_, Vec<Story>>| lane.join().expect("a lane");
        lanes.into_iter().flat_map(join).collect()
    });

    for story in &stories {
        let finished = story.state == "TASK_FINISHED";
        assert_eq!(story.runs, usize::from(finished), "{story:#?}");
        assert!(finished || story.died == Died::Yes, "{story:#?}");
    }
    let deaths = stories.iter().filter(|story| story.died == Died::Yes);
    assert!(deaths.count() >= 35, "{stories:#?}");
    // Updates are synced once the executor is there; from then on nothing of the task is lost.
    let mut late = stories.iter().filter(|story| story.call == "fdatasync");
    assert!(late.all(|story| story.runs == 1), "{stories:#?}");
}

/// The `first` and every `step`-th moment after it until the agent outlives the task.
fn sweep(call: &'static str, first: u32, step: u32) -> Vec<Story> {
    let mut lane = Lane::start();
    let mut stories = Vec::new();
    let mut moment = first;
    loop {
        assert!(moment < TOO_MANY, "the task has no end: {stories:#?}");
        let story = lane.live_through(call, moment);
        let outlived = story.died == Died::No;
        stories.push(story);
        if outlived {
            return stories;
        }
        moment += step;
    }
}
