//! What three genuine masters said to each other, said again by our replicas and coordinators.
//!
//! The recording holds what went over sockets.
//! A coordinator also talks to the replica of its own process; what it told the others, that
//! replica heard as well, so those messages are put back.
//! Its recovery told a replica when to begin to vote; that is taken from the answers.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use mesos_integration::golden::Golden;
use mesos_proto::internal::log::{
    LearnedMessage, Metadata, PromiseRequest, PromiseResponse, RecoverRequest, RecoverResponse,
    WriteRequest, WriteResponse, metadata, promise_response, write_response,
};
use prost::Message;

use crate::{
    consensus::{
        ExplicitPromise, ExplicitPromiseTally, ImplicitPromise, ImplicitPromiseTally, Step, Tally,
        WriteTally, Written, next_step, write_request,
    },
    replica::{Change, Found, ReplicaState},
    storage::{MemoryStorage, Storage},
};

const QUORUM: usize = 2;

/// One recorded message of the log.
struct Said {
    kind: String,
    /// The actor and the port of who said it.
    from: (String, u16),
    to: (String, u16),
    body: Vec<u8>,
}

impl Said {
    fn decode<M: Message + Default>(&self) -> M {
        let message = M::decode(self.body.as_slice()).expect("a message");
        // Whatever a C++ master wrote is what we write.
        assert_eq!(message.encode_to_vec(), self.body, "{}", self.kind);
        message
    }
}

fn recording() -> Vec<Said> {
    let golden = Golden::open("ha").expect("the recording");
    let lines = golden.text("wire.jsonl").expect("its messages").lines();
    lines
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a message"))
        .filter_map(|line| {
            let kind = line["message"]
                .as_str()?
                .strip_prefix("mesos.internal.log.")?
                .to_owned();
            let path = line["start"].as_str()?.split(['/', ' ']).nth(2)?.to_owned();
            let headers = line["headers"].as_array()?;
            let from = headers
                .iter()
                .find(|header| header[0] == "Libprocess-From")?;
            let (actor, address) = from[1].as_str()?.split_once('@')?;
            let port = address.rsplit_once(':')?.1.parse().ok()?;
            let engine = base64::engine::general_purpose::STANDARD;
            let body = line["body_b64"].as_str().unwrap_or_default();
            Some(Said {
                kind,
                from: (actor.to_owned(), port),
                to: (path, u16::try_from(line["to_port"].as_u64()?).ok()?),
                body: engine.decode(body).expect("base64"),
            })
        })
        .collect()
}

struct Node {
    disk: MemoryStorage,
    state: ReplicaState,
}

impl Node {
    fn new() -> Self {
        let mut disk = MemoryStorage::default();
        let state = ReplicaState::recovered(&disk.restore().expect("memory"));
        Self { disk, state }
    }

    fn store(&mut self, change: &Change) {
        match change {
            Change::Metadata(metadata) => self.disk.persist_metadata(metadata),
            Change::Action(action) => self.disk.persist_action(action),
        }
        .expect("memory");
        self.state.stored(change);
    }

    /// Its recovery moved it on; nobody ever moves back.
    fn reach(&mut self, status: metadata::Status) {
        if self.state.status() != status {
            assert_ne!(self.state.status(), metadata::Status::Voting);
            let metadata: Metadata = self.state.metadata_for(status);
            self.store(&Change::Metadata(metadata));
        }
    }

    fn find(&mut self, position: Option<u64>) -> Found {
        match position {
            None => Found::Nothing,
            Some(position) if position < self.state.beginning() => Found::Truncated,
            Some(position) if self.state.is_blank(position) => Found::Nothing,
            Some(position) => Found::Action(Box::new(self.disk.read(position).expect("stored"))),
        }
    }

    fn promise(&mut self, request: &PromiseRequest) -> Option<PromiseResponse> {
        let found = self.find(request.position);
        let verdict = self.state.promise(request, &found);
        if let Some(change) = &verdict.change {
            self.store(change);
        }
        verdict.answer
    }

    fn write(&mut self, request: &WriteRequest) -> Option<WriteResponse> {
        let found = self.find(request.position);
        let verdict = self.state.write(request, &found);
        if let Some(change) = &verdict.change {
            self.store(change);
        }
        verdict.answer
    }
}

/// The answer that was recorded for each question, by who asked and who was asked.
fn recorded_answers(recording: &[Said]) -> BTreeMap<((String, u16), u16), &Said> {
    recording
        .iter()
        .filter(|said| said.kind.ends_with("Response"))
        .map(|said| ((said.to.clone(), said.from.1), said))
        .collect()
}

/// What the status of a replica was when it gave this answer, if that can be told.
fn status_in(answer: &Said) -> Option<metadata::Status> {
    let votes = match answer.kind.as_str() {
        "RecoverResponse" => return Some(answer.decode::<RecoverResponse>().status()),
        "PromiseResponse" => {
            answer.decode::<PromiseResponse>().r#type() != promise_response::Type::Ignored
        }
        _ => answer.decode::<WriteResponse>().r#type() != write_response::Type::Ignored,
    };
    votes.then_some(metadata::Status::Voting)
}

/// The three replicas, fed with everything that the genuine ones were asked.
struct Replay {
    nodes: BTreeMap<u16, Node>,
    /// What each coordinator's own replica has heard already.
    heard: BTreeSet<(u16, String, Vec<u8>)>,
}

impl Replay {
    fn new() -> Self {
        let nodes = [15061, 15062, 15063].map(|port| (port, Node::new()));
        Self {
            nodes: nodes.into(),
            heard: BTreeSet::new(),
        }
    }

    fn node(&mut self, port: u16) -> &mut Node {
        self.nodes.get_mut(&port).expect("one of three")
    }

    /// Lets a replica hear a question; its answer, if it has one.
    fn ask(&mut self, port: u16, said: &Said) -> Option<Vec<u8>> {
        let node = self.node(port);
        match said.kind.as_str() {
            "RecoverRequest" => {
                said.decode::<RecoverRequest>();
                Some(node.state.recover().encode_to_vec())
            }
            "PromiseRequest" => node
                .promise(&said.decode())
                .map(|answer| answer.encode_to_vec()),
            "WriteRequest" => node
                .write(&said.decode())
                .map(|answer| answer.encode_to_vec()),
            _ => {
                let learned = said.decode::<LearnedMessage>();
                let action = learned.action().clone();
                node.store(&Change::Action(Box::new(action)));
                None
            }
        }
    }

    /// Lets the replica beside the coordinator hear what it tells the others, once; its answer.
    fn ask_own(&mut self, said: &Said) -> Option<Option<Vec<u8>>> {
        let port = said.from.1;
        let once = (port, said.kind.clone(), said.body.clone());
        if said.kind == "RecoverRequest" || !self.heard.insert(once) {
            return None;
        }
        // Only who votes runs for election.
        self.node(port).reach(metadata::Status::Voting);
        Some(self.ask(port, said))
    }
}

#[test]
fn our_replicas_answer_every_recorded_question_byte_by_byte() {
    let recording = recording();
    let answers = recorded_answers(&recording);
    let mut replay = Replay::new();
    let mut compared = BTreeMap::new();

    for said in &recording {
        if said.kind.ends_with("Response") {
            continue;
        }
        drop(replay.ask_own(said));
        let recorded = answers.get(&(said.from.clone(), said.to.1));
        if let Some(status) = recorded.and_then(|answer| status_in(answer)) {
            replay.node(said.to.1).reach(status);
        }
        let answer = replay.ask(said.to.1, said);
        if let Some(recorded) = recorded {
            assert_eq!(
                answer.as_ref(),
                Some(&recorded.body),
                "{} from {:?} to {}: {:?}",
                said.kind,
                said.from,
                said.to.1,
                replay.node(said.to.1).state,
            );
            *compared.entry(recorded.kind.as_str()).or_insert(0) += 1;
        }
    }

    let expected = [
        ("PromiseResponse", 1194),
        ("RecoverResponse", 20),
        ("WriteResponse", 12),
    ];
    assert_eq!(compared, expected.into());
}

/// What a coordinator's round came to, and what it had asked.
enum Round {
    Implicit(PromiseRequest, ImplicitPromiseTally),
    Explicit(PromiseRequest, ExplicitPromiseTally),
    Write(WriteRequest, WriteTally),
}

/// What our coordinator does next.
#[derive(Debug)]
enum Next {
    /// It runs for election.
    Elect,
    /// It fills the first position under its own number plus one.
    Fill(u64),
    Write(Box<WriteRequest>),
    Learn(Box<LearnedMessage>),
    /// It appends or truncates under this number.
    Serve(u64),
}

/// One recorded coordinator, followed round by round.
struct Follower {
    round: Option<Round>,
    next: Next,
    elected: u64,
}

impl Follower {
    /// Compares the question with what we would ask; begins the round.
    fn ask(&mut self, said: &Said, own_promised: u64) {
        match said.kind.as_str() {
            "PromiseRequest" => {
                let request = said.decode::<PromiseRequest>();
                self.round = Some(if let Some(position) = request.position {
                    let Next::Fill(proposal) = self.next else {
                        panic!("filling {request:?} after {:?}", self.next);
                    };
                    let ours = PromiseRequest {
                        proposal: Some(proposal),
                        position: Some(position),
                        ..PromiseRequest::default()
                    };
                    assert_eq!(ours.encode_to_vec(), said.body);
                    Round::Explicit(request, ExplicitPromiseTally::new(QUORUM))
                } else {
                    assert!(matches!(self.next, Next::Elect), "{:?}", self.next);
                    let ours = PromiseRequest {
                        proposal: Some(own_promised + 1),
                        ..PromiseRequest::default()
                    };
                    assert_eq!(ours.encode_to_vec(), said.body);
                    Round::Implicit(request, ImplicitPromiseTally::new(QUORUM))
                });
            }
            _ => {
                let request = said.decode::<WriteRequest>();
                match &self.next {
                    Next::Write(ours) => assert_eq!(ours.encode_to_vec(), said.body),
                    Next::Fill(proposal) | Next::Serve(proposal) => {
                        // A coordinator that missed nothing serves at once.
                        let proposal = if self.elected > 0 {
                            self.elected
                        } else {
                            *proposal
                        };
                        let ours = write_request(proposal, &action_of(&request));
                        assert_eq!(ours.encode_to_vec(), said.body);
                    }
                    other @ (Next::Elect | Next::Learn(_)) => {
                        panic!("writing {request:?} after {other:?}")
                    }
                }
                self.round = Some(Round::Write(request, WriteTally::new(QUORUM)));
            }
        }
    }

    /// Counts an answer; decides what comes next once the round is decided.
    fn answer(&mut self, body: &[u8]) {
        let next = match &mut self.round {
            None => return,
            Some(Round::Implicit(request, tally)) => {
                let response = PromiseResponse::decode(body).expect("an answer");
                match tally.count(&response) {
                    None => return,
                    Some(ImplicitPromise::Accepted { .. }) => {
                        self.elected = request.proposal();
                        Next::Fill(request.proposal() + 1)
                    }
                    Some(ImplicitPromise::Rejected { .. } | ImplicitPromise::Ignored) => {
                        Next::Elect
                    }
                }
            }
            Some(Round::Explicit(request, tally)) => {
                let response = PromiseResponse::decode(body).expect("an answer");
                let Some(outcome): Option<ExplicitPromise> = tally.count(&response) else {
                    return;
                };
                match next_step(request.proposal(), request.position(), outcome) {
                    Step::Write(action) => {
                        Next::Write(Box::new(write_request(request.proposal(), &action)))
                    }
                    Step::Learn(action) => Next::Learn(Box::new(learned(*action))),
                    Step::Retry { above } => Next::Fill(above + 1),
                }
            }
            Some(Round::Write(request, tally)) => {
                let response = WriteResponse::decode(body).expect("an answer");
                match tally.count(&response) {
                    None => return,
                    Some(Written::Accepted) => Next::Learn(Box::new(learned(action_of(request)))),
                    Some(Written::Rejected { .. } | Written::Ignored) => Next::Elect,
                }
            }
        };
        self.next = next;
        self.round = None;
    }

    fn learn(&mut self, said: &Said) {
        if let Next::Learn(ours) = &self.next {
            assert_eq!(ours.encode_to_vec(), said.body);
            self.next = Next::Serve(self.elected);
        }
    }
}

/// What a coordinator wanted to write when it sent this request.
fn action_of(request: &WriteRequest) -> super::Action {
    super::Action {
        position: request.position,
        promised: request.proposal,
        performed: request.proposal,
        r#type: request.r#type,
        nop: request.nop.clone(),
        append: request.append.clone(),
        truncate: request.truncate.clone(),
        ..super::Action::default()
    }
}

fn learned(mut action: super::Action) -> LearnedMessage {
    action.learned = Some(true);
    LearnedMessage {
        action: Some(action.into()),
        ..LearnedMessage::default()
    }
}

#[test]
fn our_coordinator_asks_what_the_recorded_ones_asked_when_it_hears_their_answers() {
    let recording = recording();
    let answers = recorded_answers(&recording);
    let mut replay = Replay::new();
    let mut followers: BTreeMap<u16, Follower> = BTreeMap::new();
    let (mut asked, mut told) = (0, 0);

    for said in &recording {
        match said.kind.as_str() {
            "PromiseResponse" | "WriteResponse" => {
                let follower = followers.get_mut(&said.to.1).expect("it was asked");
                follower.answer(&said.body);
            }
            "PromiseRequest" | "WriteRequest" => {
                let follower = followers.entry(said.from.1).or_insert(Follower {
                    round: None,
                    next: Next::Elect,
                    elected: 0,
                });
                let own_promised = replay.node(said.from.1).state.promised();
                if let Some(own) = replay.ask_own(said) {
                    follower.ask(said, own_promised);
                    asked += 1;
                    // Its own replica needs no socket, so it is the first to answer.
                    follower.answer(&own.expect("it answers"));
                }
            }
            "LearnedMessage" if replay.ask_own(said).is_some() => {
                let follower = followers.get_mut(&said.from.1).expect("it wrote");
                follower.learn(said);
                told += 1;
            }
            _ => {}
        }
        if said.kind.ends_with("Response") {
            continue;
        }
        let answer = answers.get(&(said.from.clone(), said.to.1));
        if let Some(status) = answer.and_then(|answer| status_in(answer)) {
            replay.node(said.to.1).reach(status);
        }
        replay.ask(said.to.1, said);
    }

    assert!(asked > 700 && told == 7, "{asked} rounds, {told} learned");
}
