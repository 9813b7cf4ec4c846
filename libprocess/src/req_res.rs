//! One question to another actor and its one answer, over messages.
//!
//! Mirrors `ReqResProcess` of `3rdparty/libprocess/include/process/protobuf.hpp`.

use mesos_proto_codec::WireMessage;

use crate::{Context, Future, Process, ProcessId, Promise, Runtime, Upid};

/// Sends `request` to `to` and is ready with the first answer of type `R`, from whomever it comes.
///
/// The question is asked by an actor of its own, `__req_res__(N)`.
/// There is no timeout and no link: when the other side dies the answer stays pending, so whoever
/// asks decides how long to wait and discards the future, which ends the actor.
///
/// # Wire
/// Two ordinary messages; the second is sent to the asking actor.
pub fn request<Q: WireMessage, R: WireMessage>(
    runtime: &Runtime,
    to: &Upid,
    request: &Q,
) -> Future<R> {
    let (promise, future) = Promise::new();
    runtime.spawn(ReqResProcess {
        to: to.clone(),
        request: request.clone(),
        answer: Some(promise),
    });
    future
}

struct ReqResProcess<Q, R: WireMessage> {
    to: Upid,
    request: Q,
    answer: Option<Promise<R>>,
}

impl<Q: WireMessage, R: WireMessage> ReqResProcess<Q, R> {
    fn on_response(&mut self, _: &Upid, response: R, ctx: &mut Context<Self>) {
        if let Some(answer) = self.answer.take() {
            answer.set(response);
        }
        ctx.terminate();
    }

    fn give_up(&mut self, ctx: &mut Context<Self>) {
        if let Some(answer) = self.answer.take() {
            answer.discard();
        }
        ctx.terminate();
    }
}

impl<Q: WireMessage, R: WireMessage> Process for ReqResProcess<Q, R> {
    fn id(&self) -> ProcessId {
        ProcessId::generated("__req_res__")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        let pid = ctx.pid();
        if let Some(answer) = &self.answer {
            answer.on_discard(move || pid.dispatch(Self::give_up));
        }
        ctx.install_protobuf(Self::on_response);
        ctx.send_protobuf(&self.to, &self.request);
    }
}
