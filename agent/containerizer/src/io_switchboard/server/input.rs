//! The client that writes to the container's input.

use std::os::fd::AsFd;

use bytes::Bytes;
use libprocess::{
    Context, Future, Outcome, Promise,
    http::{Response, pipe::Reader},
    io,
};
use mesos_common::{negotiation::ContentType, record_reader::RecordReader};
use mesos_proto::v1::agent::{
    Call, ProcessIo,
    call::{self, AttachContainerInput, attach_container_input},
    process_io::{self, control, data},
};
use rustix::termios::tcsetwinsize;

use super::{IoSwitchboardServerProcess, Kind, ServerError, media};
use crate::io_switchboard::streams::window_size;

/// The client whose request is not answered yet.
pub(super) struct Attached {
    number: u64,
    promise: Promise<Response>,
}

/// The calls of a request's body.
struct Calls {
    records: RecordReader,
    form: ContentType,
}

impl Calls {
    /// The next call; none at the end.
    async fn next(&mut self) -> Option<Result<Call, String>> {
        let record = self.records.next().await?;
        let record = record.map_err(|error| error.to_string());
        Some(record.and_then(|record| media::read_call(self.form, &record)))
    }
}

impl IoSwitchboardServerProcess {
    /// Reads the first record, which names the container and is for the agent.
    pub(super) fn receive_input(
        &mut self,
        reader: Reader,
        form: ContentType,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        let mut calls = Calls {
            records: RecordReader::new(reader),
            form,
        };
        let (promise, future) = Promise::new();
        let reading = async move {
            let first = calls.next().await;
            (calls, first)
        };
        ctx.perform(reading, move |server, (calls, first), ctx| match first {
            None => promise.set(Response::bad_request(
                "IOSwitchboard received EOF while reading request body",
            )),
            Some(Err(why)) => promise.set(Response::bad_request(why)),
            Some(Ok(first)) => match names_container(&first) {
                Ok(()) => server.attach_input(calls, promise, ctx),
                Err(why) => promise.set(Response::bad_request(why)),
            },
        });
        future
    }

    fn attach_input(&mut self, calls: Calls, promise: Promise<Response>, ctx: &mut Context<Self>) {
        self.unacknowledged += 1;
        if self.input.is_some() {
            let text = "Multiple input connections are not allowed";
            return promise.set(Response::conflict(text));
        }
        self.next_input += 1;
        let number = self.next_input;
        self.input = Some(Attached { number, promise });
        Self::read_input(number, calls, ctx);
    }

    fn read_input(number: u64, mut calls: Calls, ctx: &mut Context<Self>) {
        let reading = async move {
            let next = calls.next().await;
            (calls, next)
        };
        ctx.perform(reading, move |server, (calls, next), ctx| {
            if server.is_attached(number) {
                server.take_input(number, calls, next, ctx);
            }
        });
    }

    fn take_input(
        &mut self,
        number: u64,
        calls: Calls,
        next: Option<Result<Call, String>>,
        ctx: &mut Context<Self>,
    ) {
        let response = match next {
            None => Some(Response::ok()),
            Some(Err(why)) => Some(Response::bad_request(why)),
            Some(Ok(call)) => match input_of(&call) {
                Err(why) => Some(Response::bad_request(why)),
                Ok(Input::Heartbeat) => None,
                Ok(Input::WindowSize(message)) => self.resize(message).err().map(|error| {
                    Response::bad_request(format!("Unable to set the window size: {error}"))
                }),
                Ok(Input::Data(bytes)) => {
                    return self.write_input(number, calls, bytes, ctx);
                }
            },
        };
        match response {
            Some(response) => self.answer_input(response),
            None => Self::read_input(number, calls, ctx),
        }
    }

    fn resize(&self, message: &ProcessIo) -> Result<(), rustix::io::Errno> {
        let stdin = self.stdin.as_ref().ok_or(rustix::io::Errno::BADF)?;
        let size = message.control().tty_info().window_size();
        tcsetwinsize(stdin, window_size(size))
    }

    /// Writes to the container, and reads on when that is done; nothing to write is the end, but not for a terminal.
    fn write_input(&mut self, number: u64, calls: Calls, bytes: Bytes, ctx: &mut Context<Self>) {
        if bytes.is_empty() {
            if self.kind == Kind::Pipes {
                self.stdin = None;
            }
            return Self::read_input(number, calls, ctx);
        }
        let Some(stdin) = &self.stdin else {
            let error = ServerError::Write("it was closed before".to_owned());
            return self.answer_input(Response::internal_server_error(error.to_string()));
        };
        let written = io::write(ctx.runtime(), stdin.as_fd(), bytes);
        ctx.on_any(written, move |server, outcome, ctx| {
            let why = match outcome {
                Outcome::Ready(()) => return Self::read_input(number, calls, ctx),
                Outcome::Failed(why) => why,
                Outcome::Discarded | Outcome::Abandoned => "discarded".to_owned(),
            };
            let error = ServerError::Write(why);
            let text = error.to_string();
            server.failure = Some(error);
            server.answer_input(Response::internal_server_error(text));
        });
    }

    fn is_attached(&self, number: u64) -> bool {
        self.input
            .as_ref()
            .is_some_and(|input| input.number == number)
    }

    /// Answers the client, after which another may come.
    pub(super) fn answer_input(&mut self, response: Response) {
        if let Some(input) = self.input.take() {
            input.promise.set(response);
        }
    }
}

/// Checks the record with which a client begins.
fn names_container(call: &Call) -> Result<(), String> {
    let input = input_call(call)?;
    if input.r#type() == attach_container_input::Type::ContainerId {
        Ok(())
    } else {
        Err("Expecting 'attach_container_input.type' to be CONTAINER_ID".to_owned())
    }
}

fn input_call(call: &Call) -> Result<&AttachContainerInput, String> {
    match call.attach_container_input.as_deref() {
        Some(input) if call.r#type() == call::Type::AttachContainerInput => Ok(input),
        Some(_) | None => Err(format!(
            "Expecting a call of type ATTACH_CONTAINER_INPUT instead of {}",
            call.r#type().as_str_name()
        )),
    }
}

/// What a client wants to reach the container.
#[derive(Debug, PartialEq)]
enum Input<'c> {
    Heartbeat,
    WindowSize(&'c ProcessIo),
    Data(Bytes),
}

/// Checks a record; the texts are those of Mesos.
fn input_of(call: &Call) -> Result<Input<'_>, String> {
    let input = input_call(call)?;
    match input.r#type() {
        attach_container_input::Type::ProcessIo => {}
        other @ (attach_container_input::Type::Unknown
        | attach_container_input::Type::ContainerId) => {
            return Err(format!(
                "Expecting 'attach_container_input.type' to be 'PROCESS_IO' instead of: '{}'",
                other.as_str_name()
            ));
        }
    }
    let expect = |present: bool, what: &str| {
        if present {
            Ok(())
        } else {
            Err(format!("Expecting '{what}' to be present"))
        }
    };
    expect(
        input.process_io.is_some(),
        "attach_container_input.process_io",
    )?;
    let message = input.process_io();
    expect(message.r#type.is_some(), "process_io.type")?;
    match message.r#type() {
        process_io::Type::Unknown => Err("'process_io.type' is unknown".to_owned()),
        process_io::Type::Control => {
            expect(message.control.is_some(), "process_io.control")?;
            let control = message.control();
            expect(control.r#type.is_some(), "process_io.control.type")?;
            match control.r#type() {
                control::Type::Unknown => Err("'process_io.control.type' is unknown".to_owned()),
                control::Type::TtyInfo => {
                    expect(control.tty_info.is_some(), "process_io.control.tty_info")?;
                    let size = control.tty_info().window_size.is_some();
                    expect(size, "tty_info.window_size")?;
                    Ok(Input::WindowSize(message))
                }
                control::Type::Heartbeat => {
                    expect(control.heartbeat.is_some(), "process_io.control.heartbeat")?;
                    Ok(Input::Heartbeat)
                }
            }
        }
        process_io::Type::Data => {
            expect(message.data.is_some(), "process_io.data")?;
            let data = message.data();
            expect(data.r#type.is_some(), "process_io.data.type")?;
            if data.r#type() != data::Type::Stdin {
                return Err("Expecting 'process_io.data.type' to be 'STDIN'".to_owned());
            }
            expect(data.data.is_some(), "process_io.data.data")?;
            Ok(Input::Data(data.data().clone()))
        }
    }
}
