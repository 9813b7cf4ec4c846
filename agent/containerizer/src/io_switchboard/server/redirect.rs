//! Carries what the container writes to its log and to the clients, and ends when there is no more.

use std::os::fd::AsFd;

use bytes::Bytes;
use libprocess::{
    Context, Outcome,
    http::Response,
    io::{BUFFERED_READ_SIZE, Hook, redirect},
};
use mesos_proto::v1::agent::process_io::data;

use super::{IoSwitchboardServerProcess, Kind, Redirect, ServerError};

/// How long a client of the input may go on after the output has ended.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(1);

/// How far reading the container's output has come.
#[derive(Debug)]
pub(super) enum Redirects {
    /// It has not begun.
    Waiting(Vec<Source>),
    /// So many streams have not ended.
    Running(usize),
    /// All have ended.
    Finished,
}

/// One stream of the container.
#[derive(Debug)]
pub(super) struct Source {
    name: &'static str,
    stream: data::Type,
    redirect: Redirect,
}

impl Redirects {
    pub(super) fn new(kind: Kind, stdout: Redirect, stderr: Redirect) -> Self {
        let mut sources = vec![Source {
            name: "stdout",
            stream: data::Type::Stdout,
            redirect: stdout,
        }];
        // Both outputs of a container with a terminal come out of it.
        if kind == Kind::Pipes {
            sources.push(Source {
                name: "stderr",
                stream: data::Type::Stderr,
                redirect: stderr,
            });
        }
        Self::Waiting(sources)
    }
}

impl IoSwitchboardServerProcess {
    /// Begins to read, unless that has begun.
    pub(super) fn begin_redirects(&mut self, ctx: &mut Context<Self>) {
        let Redirects::Waiting(sources) = &mut self.redirects else {
            return;
        };
        let sources = std::mem::take(sources);
        self.redirects = Redirects::Running(sources.len());
        for Source {
            name,
            stream,
            redirect: Redirect { from, to },
        } in sources
        {
            let pid = ctx.pid();
            let hook: Hook = Box::new(move |piece| {
                let data = Bytes::copy_from_slice(piece);
                pid.dispatch(move |server, _| server.pass_on(data, stream));
            });
            let done = redirect(
                ctx.runtime(),
                from.as_fd(),
                Some(to.as_fd()),
                BUFFERED_READ_SIZE,
                vec![hook],
            );
            ctx.on_any(done, move |server, outcome, ctx| {
                server.on_redirected(name, &outcome, ctx);
            });
        }
    }

    /// As [`Self::begin_redirects`]; when all is read already, nobody is waited for any more.
    pub(super) fn unblock(&mut self, ctx: &mut Context<Self>) {
        self.begin_redirects(ctx);
        if matches!(self.redirects, Redirects::Finished) {
            self.end();
        }
    }

    fn on_redirected(
        &mut self,
        stream: &'static str,
        outcome: &Outcome<()>,
        ctx: &mut Context<Self>,
    ) {
        let why = match outcome {
            Outcome::Ready(()) => None,
            Outcome::Failed(why) => Some(why.clone()),
            Outcome::Discarded | Outcome::Abandoned => Some("discarded".to_owned()),
        };
        if let Some(why) = why {
            self.failure = Some(ServerError::Redirect { stream, why });
            return self.end();
        }
        if let Redirects::Running(left @ 2..) = &mut self.redirects {
            *left -= 1;
            return;
        }
        self.redirects = Redirects::Finished;
        // Nothing more comes: who only listens is told now.
        self.outputs.close();
        ctx.delay(LAST_WORDS, |server, _| {
            server.answer_input(Response::ok());
        });
        self.end_when_acknowledged();
    }

    /// Ends when nothing is left to do, and agents have every answer.
    pub(super) fn end_when_acknowledged(&mut self) {
        let is_done = matches!(self.redirects, Redirects::Finished) || self.failure.is_some();
        if is_done && self.unacknowledged == 0 {
            self.end();
        }
    }

    /// Says whether the output has ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.redirects, Redirects::Finished) || self.ended.is_none()
    }

    fn end(&mut self) {
        self.outputs.close();
        let Some(ended) = self.ended.take() else {
            return;
        };
        ended.set(match self.failure.clone() {
            Some(failure) => Err(failure),
            None => Ok(()),
        });
    }
}
