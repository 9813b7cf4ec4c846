//! Replicas, proposers and the packets between them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mesos_proto::internal::log::{
    Action, Metadata, PromiseRequest, PromiseResponse, WriteRequest, WriteResponse, action,
    metadata,
};

use crate::{
    consensus::{
        ExplicitPromiseTally, ImplicitPromise, ImplicitPromiseTally, Step, Tally, WriteTally,
        Written, next_step, write_request,
    },
    replica::{Change, Found, ReplicaState},
    storage::{MemoryStorage, Storage},
};

/// A replica and its disk, which survives restarts.
struct Node {
    disk: MemoryStorage,
    state: ReplicaState,
}

impl Node {
    fn new() -> Self {
        let mut disk = MemoryStorage::default();
        let metadata = Metadata {
            status: Some(metadata::Status::Voting.into()),
            promised: Some(0),
            ..Metadata::default()
        };
        disk.persist_metadata(&metadata).expect("memory");
        let state = ReplicaState::recovered(&disk.restore().expect("memory"));
        Self { disk, state }
    }

    fn restart(&mut self) {
        self.state = ReplicaState::recovered(&self.disk.restore().expect("memory"));
    }

    fn find(&mut self, position: Option<u64>) -> Found {
        match position {
            None => Found::Nothing,
            Some(position) if position < self.state.beginning() => Found::Truncated,
            Some(position) if self.state.is_blank(position) => Found::Nothing,
            Some(position) => Found::Action(Box::new(self.disk.read(position).expect("stored"))),
        }
    }

    fn store(&mut self, change: &Change) {
        match change {
            Change::Metadata(metadata) => self.disk.persist_metadata(metadata),
            Change::Action(action) => self.disk.persist_action(action),
        }
        .expect("memory");
        self.state.stored(change);
    }
}

/// A round that counts each replica once, as a question has one answer.
struct Round<T> {
    id: u64,
    tally: T,
    answered: BTreeSet<usize>,
}

enum Job {
    Idle,
    Electing(Round<ImplicitPromiseTally>),
    Filling(Fill),
    Elected,
    Writing(Action, Round<WriteTally>),
}

/// The positions that a new coordinator fills, and how far it is with the first.
struct Fill {
    missing: VecDeque<u64>,
    proposal: u64,
    phase: Phase,
}

enum Phase {
    Pause,
    Promise(Round<ExplicitPromiseTally>),
    Write(Action, Round<WriteTally>),
}

/// A coordinator at one of the replicas.
struct Proposer {
    home: usize,
    proposal: u64,
    index: u64,
    job: Job,
}

#[derive(Clone)]
struct Packet {
    round: u64,
    replica: usize,
    proposer: usize,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Promise(PromiseRequest),
    Promised(PromiseResponse),
    Write(WriteRequest),
    Written(WriteResponse),
    Learned(Action),
}

/// Everything, and the random choices.
pub(super) struct World {
    seed: u64,
    random: fastrand::Rng,
    quorum: usize,
    nodes: Vec<Node>,
    proposers: Vec<Proposer>,
    packets: Vec<Packet>,
    rounds: u64,
    values: u64,
    agreed: BTreeMap<u64, Vec<u8>>,
    acknowledged: BTreeMap<u64, Vec<u8>>,
}

impl World {
    pub(super) fn new(size: usize, quorum: usize, seed: u64) -> Self {
        Self {
            seed,
            random: fastrand::Rng::with_seed(seed),
            quorum,
            nodes: (0..size).map(|_| Node::new()).collect(),
            proposers: (0..size)
                .map(|home| Proposer {
                    home,
                    proposal: 0,
                    index: 0,
                    job: Job::Idle,
                })
                .collect(),
            packets: Vec::new(),
            rounds: 0,
            values: 0,
            agreed: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
        }
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.acknowledged.len()
    }

    /// One random thing happens.
    pub(super) fn step(&mut self) {
        let proposer = self.random.usize(..self.proposers.len());
        match self.random.u32(0..100) {
            0..70 if !self.packets.is_empty() => {
                let at = self.random.usize(..self.packets.len());
                let packet = self.packets.swap_remove(at);
                self.deliver(packet);
            }
            70..77 if !self.packets.is_empty() => {
                let at = self.random.usize(..self.packets.len());
                self.packets.swap_remove(at);
            }
            77..82 if !self.packets.is_empty() => {
                let at = self.random.usize(..self.packets.len());
                let copy = self.packets[at].clone();
                self.packets.push(copy);
            }
            82..84 => self.restart(proposer),
            84..87 => self.proposers[proposer].job = Job::Idle,
            _ => self.act(proposer),
        }
    }

    /// The process dies and comes back with what is on its disk.
    fn restart(&mut self, at: usize) {
        self.nodes[at].restart();
        self.proposers[at] = Proposer {
            home: at,
            proposal: 0,
            index: 0,
            job: Job::Idle,
        };
    }

    fn act(&mut self, at: usize) {
        match std::mem::replace(&mut self.proposers[at].job, Job::Idle) {
            Job::Idle => self.elect(at),
            Job::Elected => self.write(at),
            Job::Filling(fill) if matches!(fill.phase, Phase::Pause) => self.fill(at, fill),
            Job::Writing(value, _) if self.random.u32(0..4) == 0 => self.ask_to_write(at, value),
            busy @ (Job::Electing(_) | Job::Filling(_) | Job::Writing(..)) => {
                self.proposers[at].job = busy;
            }
        }
    }

    fn round<T>(&mut self, tally: T) -> Round<T> {
        self.rounds += 1;
        Round {
            id: self.rounds,
            tally,
            answered: BTreeSet::new(),
        }
    }

    fn broadcast(&mut self, proposer: usize, round: u64, body: &Body) {
        for replica in 0..self.nodes.len() {
            self.packets.push(Packet {
                round,
                replica,
                proposer,
                body: body.clone(),
            });
        }
    }

    fn elect(&mut self, at: usize) {
        let promised = self.nodes[at].state.promised();
        let proposer = &mut self.proposers[at];
        proposer.proposal = proposer.proposal.max(promised) + 1;
        let request = PromiseRequest {
            proposal: Some(proposer.proposal),
            ..PromiseRequest::default()
        };
        let round = self.round(ImplicitPromiseTally::new(self.quorum));
        self.broadcast(at, round.id, &Body::Promise(request));
        self.proposers[at].job = Job::Electing(round);
    }

    fn on_elected(&mut self, at: usize, outcome: &ImplicitPromise) {
        match *outcome {
            ImplicitPromise::Accepted { end } => {
                let missing = self.nodes[at].state.missing(0, end);
                self.proposers[at].index = end;
                let fill = Fill {
                    missing: missing.iter().flat_map(Clone::clone).collect(),
                    proposal: self.proposers[at].proposal + 1,
                    phase: Phase::Pause,
                };
                self.fill(at, fill);
            }
            ImplicitPromise::Rejected { proposal } => {
                let proposer = &mut self.proposers[at];
                proposer.proposal = proposer.proposal.max(proposal);
            }
            ImplicitPromise::Ignored => {}
        }
    }

    /// Begins, or goes on with, the next position that the local replica does not know.
    fn fill(&mut self, at: usize, mut fill: Fill) {
        let home = self.proposers[at].home;
        while let Some(position) = fill.missing.front().copied() {
            if self.nodes[home].state.is_missing(position) {
                let request = PromiseRequest {
                    proposal: Some(fill.proposal),
                    position: Some(position),
                    ..PromiseRequest::default()
                };
                let round = self.round(ExplicitPromiseTally::new(self.quorum));
                self.broadcast(at, round.id, &Body::Promise(request));
                fill.phase = Phase::Promise(round);
                self.proposers[at].job = Job::Filling(fill);
                return;
            }
            fill.missing.pop_front();
        }
        self.proposers[at].index += 1;
        self.proposers[at].job = Job::Elected;
    }

    fn write(&mut self, at: usize) {
        let index = self.proposers[at].index;
        let proposal = self.proposers[at].proposal;
        let mut value = Action {
            position: Some(index),
            promised: Some(proposal),
            performed: Some(proposal),
            ..Action::default()
        };
        if index > 2 && self.random.u32(0..5) == 0 {
            let to = self.random.u64(1..=index);
            value.r#type = Some(action::Type::Truncate.into());
            value.truncate = Some(action::Truncate {
                to: Some(to),
                ..Default::default()
            });
        } else {
            self.values += 1;
            let bytes = self.values.to_be_bytes().to_vec().into();
            value.r#type = Some(action::Type::Append.into());
            let append = action::Append {
                bytes: Some(bytes),
                ..Default::default()
            };
            value.append = Some(append.into());
        }
        self.ask_to_write(at, value);
    }

    /// Asks all, and counts from the beginning: for the first time, or when somebody joined.
    fn ask_to_write(&mut self, at: usize, value: Action) {
        let round = self.round(WriteTally::new(self.quorum));
        let request = write_request(self.proposers[at].proposal, &value);
        self.broadcast(at, round.id, &Body::Write(request));
        self.proposers[at].job = Job::Writing(value, round);
    }

    /// Tells everybody; the local replica hears it first, as messages within a process are ordered.
    fn learn(&mut self, at: usize, mut action: Action) {
        action.learned = Some(true);
        self.rounds += 1;
        self.broadcast(at, self.rounds, &Body::Learned(action.clone()));
        self.store_learned(self.proposers[at].home, action);
    }

    fn store_learned(&mut self, replica: usize, action: Action) {
        self.check_learned(&action);
        self.nodes[replica].store(&Change::Action(Box::new(action)));
    }

    fn check_learned(&mut self, action: &Action) {
        if action.nop().tombstone() {
            return;
        }
        let (seed, position, value) = (self.seed, action.position(), value_of(action));
        let agreed = self.agreed.entry(position).or_insert_with(|| value.clone());
        assert_eq!(
            *agreed, value,
            "seed {seed}: two values at position {position}"
        );
        if let Some(acknowledged) = self.acknowledged.get(&position) {
            assert_eq!(
                *acknowledged, value,
                "seed {seed}: position {position} was changed"
            );
        }
    }

    fn deliver(&mut self, packet: Packet) {
        let Packet {
            round,
            replica,
            proposer,
            body,
        } = packet;
        let answer = |body| Packet {
            round,
            replica,
            proposer,
            body,
        };
        match body {
            Body::Promise(request) => {
                let node = &mut self.nodes[replica];
                let found = node.find(request.position);
                let verdict = node.state.promise(&request, &found);
                if let Some(change) = &verdict.change {
                    node.store(change);
                }
                let promised = verdict.answer.map(|said| answer(Body::Promised(said)));
                self.packets.extend(promised);
            }
            Body::Write(request) => {
                let node = &mut self.nodes[replica];
                let found = node.find(request.position);
                let verdict = node.state.write(&request, &found);
                if let Some(change) = &verdict.change {
                    node.store(change);
                }
                let written = verdict.answer.map(|said| answer(Body::Written(said)));
                self.packets.extend(written);
            }
            Body::Learned(action) => self.store_learned(replica, action),
            Body::Promised(said) => self.on_promised(proposer, (round, replica), &said),
            Body::Written(said) => self.on_written(proposer, (round, replica), &said),
        }
    }

    fn on_promised(&mut self, at: usize, from: (u64, usize), said: &PromiseResponse) {
        match std::mem::replace(&mut self.proposers[at].job, Job::Idle) {
            Job::Electing(mut round) => match count(&mut round, from, said) {
                Some(outcome) => self.on_elected(at, &outcome),
                None => self.proposers[at].job = Job::Electing(round),
            },
            Job::Filling(Fill {
                missing,
                proposal,
                phase: Phase::Promise(mut round),
            }) => {
                let outcome = count(&mut round, from, said);
                let phase = match outcome {
                    None => Phase::Promise(round),
                    Some(outcome) => {
                        let position = missing.front().copied().expect("a position");
                        let step = next_step(proposal, position, outcome);
                        self.follow(at, step, (missing, proposal));
                        return;
                    }
                };
                self.proposers[at].job = Job::Filling(Fill {
                    missing,
                    proposal,
                    phase,
                });
            }
            other @ (Job::Idle | Job::Filling(_) | Job::Elected | Job::Writing(..)) => {
                self.proposers[at].job = other;
            }
        }
    }

    fn follow(&mut self, at: usize, step: Step, (missing, proposal): (VecDeque<u64>, u64)) {
        let mut fill = Fill {
            missing,
            proposal,
            phase: Phase::Pause,
        };
        match step {
            Step::Learn(action) => {
                self.learn(at, *action);
                self.fill(at, fill);
            }
            Step::Write(action) => {
                let round = self.round(WriteTally::new(self.quorum));
                let request = write_request(fill.proposal, &action);
                self.broadcast(at, round.id, &Body::Write(request));
                fill.phase = Phase::Write(*action, round);
                self.proposers[at].job = Job::Filling(fill);
            }
            Step::Retry { above } => {
                fill.proposal = fill.proposal.max(above + 1);
                self.proposers[at].job = Job::Filling(fill);
            }
        }
    }

    fn on_written(&mut self, at: usize, from: (u64, usize), said: &WriteResponse) {
        match std::mem::replace(&mut self.proposers[at].job, Job::Idle) {
            Job::Writing(value, mut round) => match count(&mut round, from, said) {
                None => self.proposers[at].job = Job::Writing(value, round),
                Some(Written::Accepted) => self.acknowledge(at, value),
                Some(Written::Rejected { proposal }) => {
                    let proposer = &mut self.proposers[at];
                    proposer.proposal = proposer.proposal.max(proposal);
                }
                Some(Written::Ignored) => {}
            },
            Job::Filling(Fill {
                missing,
                proposal,
                phase: Phase::Write(value, mut round),
            }) => {
                let step = match count(&mut round, from, said) {
                    None => {
                        self.proposers[at].job = Job::Filling(Fill {
                            missing,
                            proposal,
                            phase: Phase::Write(value, round),
                        });
                        return;
                    }
                    Some(Written::Accepted) => Step::Learn(Box::new(value)),
                    Some(Written::Rejected { proposal }) => Step::Retry { above: proposal },
                    Some(Written::Ignored) => Step::Retry { above: 0 },
                };
                self.follow(at, step, (missing, proposal));
            }
            other @ (Job::Idle | Job::Electing(_) | Job::Filling(_) | Job::Elected) => {
                self.proposers[at].job = other;
            }
        }
    }

    fn acknowledge(&mut self, at: usize, value: Action) {
        let position = value.position();
        self.acknowledged.insert(position, value_of(&value));
        self.learn(at, value);
        let home = &self.nodes[self.proposers[at].home];
        assert!(!home.state.is_missing(position), "seed {}", self.seed);
        self.proposers[at].index = position + 1;
        self.proposers[at].job = Job::Elected;
    }

    /// Nothing is lost any more; what was on its way arrives.
    pub(super) fn heal(&mut self) {
        for proposer in &mut self.proposers {
            proposer.job = Job::Idle;
        }
        self.arrive();
    }

    fn arrive(&mut self) {
        while !self.packets.is_empty() {
            let at = self.random.usize(..self.packets.len());
            let packet = self.packets.swap_remove(at);
            self.deliver(packet);
        }
    }

    /// Elects a coordinator at each replica and looks at what its replica knows.
    pub(super) fn check_everybody(&mut self) {
        for at in 0..self.proposers.len() {
            for _ in 0..1_000 {
                if matches!(self.proposers[at].job, Job::Elected) {
                    break;
                }
                self.act(at);
                self.arrive();
            }
            let seed = self.seed;
            assert!(
                matches!(self.proposers[at].job, Job::Elected),
                "seed {seed}: nobody is elected at replica {at}"
            );
            let index = self.proposers[at].index;
            let node = &mut self.nodes[at];
            for (position, value) in &self.acknowledged {
                assert!(*position < index, "seed {seed}: {position} is lost");
                if *position >= node.state.beginning() {
                    let stored = node.disk.read(*position).expect("stored");
                    assert!(stored.learned(), "seed {seed}: {position} is pending");
                    assert_eq!(value_of(&stored), *value, "seed {seed}: {position}");
                }
            }
            self.proposers[at].job = Job::Idle;
        }
    }
}

fn count<T: Tally>(
    round: &mut Round<T>,
    (id, replica): (u64, usize),
    said: &T::Response,
) -> Option<T::Outcome> {
    if round.id == id && round.answered.insert(replica) {
        round.tally.count(said)
    } else {
        None
    }
}

/// What was decided, without who proposed it.
fn value_of(action: &Action) -> Vec<u8> {
    let value = Action {
        r#type: action.r#type,
        append: action.append.clone(),
        truncate: action.truncate.clone(),
        ..Action::default()
    };
    prost::Message::encode_to_vec(&value)
}
