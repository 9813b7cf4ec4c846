//! Who the replicas are, according to ZooKeeper.
//!
//! Mirrors `ZooKeeperNetwork` of `src/log/network.hpp` and the membership part of `LogProcess`.
//! C++ opens one session for the own membership and one to follow the others; one serves both here.
//!
//! # Wire
//! A member is an ephemeral node without label whose content is the replica's process id.
//!
//! # Timers
//! The contents of all members must come within five seconds, or the members are read anew.
//! A group that failed for good is followed by a new one after a second; C++ aborts there.

use std::{collections::BTreeSet, time::Duration};

use libprocess::{Context, Future, Pid, Process, ProcessId, Runtime, Upid, collect};
use mesos_detector::zookeeper::{
    Cancelled, Group, GroupError, GroupOptions, JoinRequest, Joined, Membership,
};

use crate::network::Network;

const DATA_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Keeps the own replica a member of the group, and the network equal to the group.
#[derive(Clone, Debug)]
pub(crate) struct LogMembership {
    process: Pid<LogMembershipProcess>,
}

impl LogMembership {
    /// Opens a session; `own` joins at once.
    pub(crate) fn start(
        runtime: &Runtime,
        options: GroupOptions,
        network: Network,
        own: Upid,
    ) -> Self {
        let process = LogMembershipProcess {
            group: Group::start(runtime, options.clone()),
            options,
            epoch: 0,
            network,
            own,
            reading: 0,
        };
        Self {
            process: runtime.spawn(process),
        }
    }

    /// Leaves the group.
    pub(crate) fn terminate(&self) {
        self.process.terminate();
    }
}

/// The actor behind [`LogMembership`].
struct LogMembershipProcess {
    group: Group,
    options: GroupOptions,
    /// Counts groups; what belongs to an older one is dropped.
    epoch: u64,
    network: Network,
    own: Upid,
    /// Counts readings of the members, so that a late answer is not taken for the next one's.
    reading: u64,
}

impl LogMembershipProcess {
    fn join(&mut self, ctx: &mut Context<Self>) {
        let request = JoinRequest {
            data: self.own.to_string().into_bytes(),
            label: None,
        };
        let joined = self.group.join(request);
        let epoch = self.epoch;
        ctx.on_ready(joined, move |membership, joined, ctx| {
            if membership.epoch == epoch {
                membership.on_joined(joined, ctx);
            }
        });
    }

    fn on_joined(&mut self, joined: Result<Joined, GroupError>, ctx: &mut Context<Self>) {
        match joined {
            Ok(Joined {
                membership,
                cancelled,
            }) => {
                tracing::info!(%membership, "the replica is a member of the log's group");
                let epoch = self.epoch;
                ctx.on_ready(cancelled, move |membership, _: Cancelled, ctx| {
                    if membership.epoch == epoch {
                        membership.join(ctx);
                    }
                });
            }
            Err(error) => {
                tracing::error!(%error, "Failed to participate in ZooKeeper group");
                self.start_over(ctx);
            }
        }
    }

    /// Leaves a group that is of no more use and enters a new one.
    fn start_over(&mut self, ctx: &mut Context<Self>) {
        self.epoch += 1;
        self.reading += 1;
        self.group.terminate();
        ctx.delay(RETRY_PAUSE, |membership, ctx| {
            membership.group = Group::start(ctx.runtime(), membership.options.clone());
            membership.join(ctx);
            membership.watch(BTreeSet::new(), ctx);
        });
    }

    fn watch(&mut self, expected: BTreeSet<Membership>, ctx: &mut Context<Self>) {
        let watched = self.group.watch(expected);
        let epoch = self.epoch;
        ctx.on_ready(watched, move |membership, watched, ctx| match watched {
            _ if membership.epoch != epoch => {}
            Ok(members) => membership.read(members, ctx),
            Err(error) => {
                tracing::error!(%error, "Failed to watch ZooKeeper group");
                membership.start_over(ctx);
            }
        });
    }

    fn read(&mut self, members: BTreeSet<Membership>, ctx: &mut Context<Self>) {
        self.reading += 1;
        let reading = self.reading;
        let contents: Vec<Future<_>> = members
            .iter()
            .map(|member| self.group.data(member.clone()))
            .collect();
        ctx.on_ready(collect(contents), move |membership, contents, ctx| {
            if membership.reading == reading {
                membership.reading += 1;
                membership.on_contents(members, contents, ctx);
            }
        });
        ctx.delay(DATA_TIMEOUT, move |membership, ctx| {
            if membership.reading == reading {
                membership.read_again(ctx);
            }
        });
    }

    fn on_contents(
        &mut self,
        members: BTreeSet<Membership>,
        contents: Vec<Result<Option<Vec<u8>>, GroupError>>,
        ctx: &mut Context<Self>,
    ) {
        match contents.into_iter().collect::<Result<Vec<_>, _>>() {
            Ok(contents) => {
                self.network.set(replicas(contents));
                self.watch(members, ctx);
            }
            Err(error) => {
                tracing::warn!(%error, "failed to read a member of the log's group");
                let reading = self.reading;
                ctx.delay(RETRY_PAUSE, move |membership, ctx| {
                    if membership.reading == reading {
                        membership.read_again(ctx);
                    }
                });
            }
        }
    }

    fn read_again(&mut self, ctx: &mut Context<Self>) {
        self.reading += 1;
        self.watch(BTreeSet::new(), ctx);
    }
}

/// The process ids in the contents; members that are gone, or are no replicas, do not count.
fn replicas(contents: Vec<Option<Vec<u8>>>) -> BTreeSet<Upid> {
    contents
        .into_iter()
        .flatten()
        .filter_map(|content| {
            let text = String::from_utf8_lossy(&content).into_owned();
            let replica = text.parse::<Upid>().ok().filter(Upid::is_complete);
            if replica.is_none() {
                tracing::error!("Failed to parse '{text}' as the process id of a replica");
            }
            replica
        })
        .collect()
}

impl Process for LogMembershipProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("log-membership")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.join(ctx);
        self.watch(BTreeSet::new(), ctx);
    }

    fn finalize(&mut self, _: &mut Context<Self>) {
        self.group.terminate();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_process_ids_become_members_of_the_network() {
        let contents = vec![
            Some(b"log-replica(1)@127.0.0.1:15061".to_vec()),
            Some(b"nobody".to_vec()),
            None,
        ];

        let found: Vec<String> = replicas(contents).iter().map(Upid::to_string).collect();

        assert_eq!(found, vec!["log-replica(1)@127.0.0.1:15061"]);
    }
}
