//! One answer for equal questions, and none for a client that has it already.
//!
//! Mirrors `Master::Http::deferBatchedRequest`, and goes further: while an answer is being
//! written, questions of its kind wait and then share the next one.
//!
//! # Owns
//! The questions that wait for an answer, by what was asked and by whom.
//!
//! # Invariants
//! - An answer is of a snapshot that was taken after the question came.
//! - Of one kind at most one answer is being written.
//!
//! # Wire
//! `ETag` and `If-None-Match`: a client that has the present answer gets 304 without a body.

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use bytes::Bytes;
use foldhash::quality::FixedState;
use http::HeaderMap;
use http::header::ETAG;
use libprocess::http::{Body, Request, Response};
use libprocess::{Context, Future, Promise};

use crate::master::MasterProcess;

/// Writes an answer, outside the master.
pub(crate) type Render = Box<dyn FnOnce() -> Response + Send>;

/// Takes what an answer needs, inside the master.
pub(crate) type Snapshot = Box<dyn FnOnce(&MasterProcess) -> Render + Send>;

/// Somebody who waits.
struct Waiting {
    promise: Promise<Response>,
    /// What he has, by its tag.
    has: Option<String>,
}

/// The questions of one kind.
struct Kind {
    waiting: Vec<Waiting>,
    snapshot: Option<Snapshot>,
}

/// The questions of all kinds; a kind that is here is being answered.
#[derive(Default)]
pub(crate) struct SharedReads {
    kinds: HashMap<String, Kind>,
}

impl std::fmt::Debug for SharedReads {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("SharedReads")
            .field("kinds", &self.kinds.len())
            .finish()
    }
}

/// An answer that several clients get.
struct Document {
    status: u16,
    headers: HeaderMap,
    body: Bytes,
    tag: String,
}

impl Document {
    fn of(response: Response) -> Self {
        let body = match response.body {
            Body::Bytes(bytes) => bytes,
            Body::Empty | Body::Stream(_) | Body::File(_) => Bytes::new(),
        };
        // Another master of this version gives an equal answer the same tag.
        let hash = FixedState::default().hash_one(body.as_ref());
        Self {
            status: response.status,
            headers: response.headers,
            tag: format!("\"{:016x}-{:x}\"", hash, body.len()),
            body,
        }
    }

    fn answer(&self, has: Option<&str>) -> Response {
        if has.is_some_and(|tags| names(tags, &self.tag)) {
            return Response::new(304).with_header(ETAG, &self.tag);
        }
        let mut response = Response::new(self.status).with_header(ETAG, &self.tag);
        response.headers.extend(self.headers.clone());
        response.body = Body::Bytes(self.body.clone());
        response
    }
}

/// Whether a list of tags names one; weak tags are as good, for the bytes are the same.
fn names(tags: &str, tag: &str) -> bool {
    tags.split(',')
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

/// What is asked, by whom, and what he has already.
pub(crate) struct Question {
    key: String,
    has: Option<String>,
}

impl Question {
    /// A question for a document; query and principal are looked at besides.
    pub(crate) fn new(request: &Request, document: &str) -> Self {
        let principal = request.principal.as_ref().map(ToString::to_string);
        let query = request.query.encode();
        Self {
            key: format!("{document}\n{query}\n{principal:?}"),
            has: request.header("if-none-match").map(str::to_owned),
        }
    }
}

impl MasterProcess {
    /// Answers a read together with all that ask the same.
    pub(crate) fn share(
        &mut self,
        question: Question,
        snapshot: Snapshot,
        ctx: &Context<Self>,
    ) -> Future<Response> {
        let (promise, answer) = Promise::new();
        let Question { key, has } = question;
        let waiting = Waiting { promise, has };
        if let Some(kind) = self.shared_reads.kinds.get_mut(&key) {
            let is_hit = !kind.waiting.is_empty();
            kind.waiting.push(waiting);
            kind.snapshot.get_or_insert(snapshot);
            if is_hit {
                self.count_shared_read();
            }
            return answer;
        }
        let kind = Kind {
            waiting: vec![waiting],
            snapshot: Some(snapshot),
        };
        self.shared_reads.kinds.insert(key.clone(), kind);
        // Questions that are in the mailbox already share this answer.
        ctx.dispatch_self(move |master, ctx| master.answer_shared(key, ctx));
        answer
    }

    fn answer_shared(&mut self, key: String, ctx: &Context<Self>) {
        let Some(kind) = self.shared_reads.kinds.get_mut(&key) else {
            return;
        };
        let waiting = std::mem::take(&mut kind.waiting);
        let Some(snapshot) = kind.snapshot.take() else {
            self.shared_reads.kinds.remove(&key);
            return;
        };
        let render = snapshot(self);
        let work = move || {
            let document = Document::of(render());
            for one in waiting {
                one.promise.set(document.answer(one.has.as_deref()));
            }
        };
        ctx.perform_blocking(work, move |master, (), ctx| master.answer_shared(key, ctx));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use http::Method;
    use libprocess::Runtime;
    use mesos_detector::StandaloneContender;
    use mesos_state::{InMemoryStorage, State};

    use super::{Document, MasterProcess, Question, Request, Response, Snapshot, names};
    use crate::MasterHandle;
    use crate::flags::Flags;
    use crate::start::start_with;
    use crate::surroundings::Surroundings;

    /// How long a test waits for something that must come.
    const PATIENCE: Duration = Duration::from_secs(60);

    fn master(runtime: &Runtime) -> MasterHandle {
        let flags = Flags {
            registry: "in_memory".to_owned(),
            ..Flags::default()
        };
        let surroundings = Surroundings {
            state: State::new(InMemoryStorage::start(runtime)),
            contender: Box::new(StandaloneContender::default()),
            detector: None,
            broken: None,
        };
        start_with(runtime, flags, surroundings).expect("a master")
    }

    fn question() -> Request {
        Request::new(Method::GET, "/master/state").expect("a request")
    }

    #[test]
    fn master_answers_messages_while_a_state_is_being_written() {
        let runtime = Runtime::builder().ip([127, 0, 0, 1].into());
        let runtime = runtime.start().expect("a free port");
        let master = master(&runtime);
        let (begin, begun) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();

        let state = master.process().call_future(move |master, ctx| {
            let snapshot: Snapshot = Box::new(move |master: &MasterProcess| {
                let write = master.state(&question());
                Box::new(move || {
                    begin.send(()).expect("the test waits");
                    // An end of the waiting would be a test that fails, not one that hangs.
                    let _told = may_go_on.recv_timeout(PATIENCE);
                    write()
                })
            });
            master.share(Question::new(&question(), "state"), snapshot, ctx)
        });
        begun.recv_timeout(PATIENCE).expect("writing begins");
        let answers = (0..3).map(|_| master.process().call(|master, _| master.info().clone()));
        let answers: Vec<_> = answers.collect();
        for answer in answers {
            let info = runtime.block_on(answer).ready().expect("an answer");
            assert_eq!(&info, master.info());
        }
        let is_being_written = state.is_pending();
        go_on.send(()).expect("the state is being written");
        let state = runtime.block_on(state).ready().expect("a state");

        assert!(is_being_written);
        assert_eq!(state.status, 200);
        assert!(state.text().contains(master.info().id()));
        master.shutdown();
        runtime.shutdown();
    }

    #[test]
    fn client_that_has_the_answer_gets_none() {
        let document = Document::of(Response::ok_text("text"));

        let first = document.answer(None);
        let again = document.answer(Some(&document.tag));

        assert_eq!((first.status, first.text().as_ref()), (200, "text"));
        assert_eq!((again.status, again.text().as_ref()), (304, ""));
    }

    #[test]
    fn other_answers_have_other_tags() {
        let one = Document::of(Response::ok_text("one"));
        let two = Document::of(Response::ok_text("two"));

        assert_eq!(two.answer(Some(&one.tag)).status, 200);
    }

    #[test]
    fn lists_of_tags_and_weak_ones_are_understood() {
        assert!(names("\"a\", W/\"b\"", "\"b\""));
        assert!(names("*", "\"b\""));
        assert!(!names("\"a\"", "\"b\""));
    }
}
