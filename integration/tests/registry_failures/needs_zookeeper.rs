//! Three masters on a real ZooKeeper, an agent with a task, and something that fails.
//!
//! After each failure: every acknowledged operation is in the registry, the replicas agree at every
//! position (so at most one leader wrote), the agent is the same and its task runs.

mod clocks;
mod disks;
mod kills;
mod partitions;

use std::net::SocketAddr;

use mesos_integration::acknowledged::AcknowledgedWrites;
use mesos_integration::hosts::Hosts;
use mesos_integration::http_client;
use mesos_integration::log_probe;
use mesos_integration::master_group::{MasterGroup, Setup};
use mesos_integration::workload::Workload;

/// The masters, what runs on them, and what they have acknowledged.
struct Scene {
    group: MasterGroup,
    workload: Workload,
    writes: AcknowledgedWrites,
}

impl Scene {
    fn start(setup: Setup) -> Self {
        let mut group = MasterGroup::start_as(setup).expect("three masters start");
        let workload = Workload::start(&mut group).expect("a task runs");
        let mut scene = Self {
            group,
            workload,
            writes: AcknowledgedWrites::default(),
        };
        scene.write(3);
        scene
    }

    /// A setup where every daemon has a host of its own, and stores give up soon.
    fn on_hosts() -> Setup {
        Setup {
            hosts: Some(Hosts::start(5).expect("hosts")),
            flags: vec!["--registry_store_timeout=3secs".to_owned()],
            ..Setup::default()
        }
    }

    fn masters(&self) -> Vec<SocketAddr> {
        let masters = self.group.masters.iter();
        masters.map(|master| master.address).collect()
    }

    fn leader(&self) -> usize {
        self.group.leader().expect("a leader")
    }

    /// The numbers of the masters that do not lead.
    fn followers(&self, leader: usize) -> [usize; 2] {
        match leader {
            0 => [1, 2],
            1 => [0, 2],
            _ => [0, 1],
        }
    }

    fn write(&mut self, count: usize) {
        let masters = self.masters();
        for _ in 0..count {
            let written = self.writes.write(&masters);
            assert!(written.is_ok(), "{written:?}\n{}", self.group.logs());
        }
    }

    fn kill(&mut self, index: usize) {
        self.group.kill_master(index).expect("it dies");
    }

    fn restart(&mut self, index: usize) {
        self.group.restart_master(index).expect("it starts again");
    }

    fn await_vote(&self, index: usize) {
        let address = self.group.address(index).expect("its address");
        self.group
            .wait("a vote", |_| {
                let metrics = http_client::get_json(address, "/metrics/snapshot").ok()?;
                (metrics.get("registrar/log/recovered")?.as_f64()? > 0.5).then_some(())
            })
            .expect("it votes");
    }

    /// Waits until the log of a master counts so many replicas.
    fn await_ensemble(&self, index: usize, size: f64) {
        let address = self.group.address(index).expect("its address");
        self.group
            .wait("the replicas of the log", |_| {
                let metrics = http_client::get_json(address, "/metrics/snapshot").ok()?;
                let counted = metrics.get("registrar/log/ensemble_size")?.as_f64()?;
                ((counted - size).abs() < 0.5).then_some(())
            })
            .expect("they are counted");
    }

    /// Checks the three promises; ends the masters.
    fn check(mut self) {
        self.workload
            .is_known_again(&self.group)
            .expect("the task is known");
        self.write(1);
        let leader = self.leader();
        let address = self.group.address(leader).expect("its address");
        let lost = self.writes.lost(address).expect("a registry");
        for index in 0..3 {
            // Some have ended by themselves.
            drop(self.group.kill_master(index));
        }
        let replicas: Vec<_> = (0..3)
            .map(|index| log_probe::read(&self.group.work_dir(index).join("replicated_log")))
            .collect::<Result<_, _>>()
            .expect("whole files");

        assert_eq!(lost, Vec::<String>::new(), "of {}", self.writes.count());
        assert_eq!(log_probe::disagreements(&replicas), Vec::<u64>::new());
        let known = replicas.iter().filter(|replica| !replica.is_empty());
        assert!(known.count() >= 2, "a quorum holds the log: {replicas:?}");
    }
}
