//! Clients of the container's output.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use libprocess::{
    Context, Future,
    http::{Request, Response, pipe},
};
use mesos_common::{negotiation::ContentType, recordio};
use mesos_proto::v1::{
    DurationInfo,
    agent::{
        ProcessIo,
        process_io::{self, control, data},
    },
};

use super::{IoSwitchboardServerProcess, media};

/// How much a client may leave unread; one that leaves more is let go.
const MAX_UNREAD: usize = 64 * 1024 * 1024;

/// The clients that get what the container writes.
#[derive(Default)]
pub(super) struct Outputs {
    clients: BTreeMap<u64, Client>,
    next: u64,
}

struct Client {
    writer: pipe::Writer,
    form: ContentType,
}

impl Outputs {
    fn add(&mut self, client: Client) -> u64 {
        self.next += 1;
        self.clients.insert(self.next, client);
        self.next
    }

    /// Writes a message to all clients, once for each form.
    fn send(&mut self, message: &ProcessIo) {
        let mut written: BTreeMap<&'static str, Bytes> = BTreeMap::new();
        self.clients.retain(|number, client| {
            if client.writer.buffered_bytes() > MAX_UNREAD {
                tracing::warn!(number, "letting a client go that does not read");
                client.writer.fail("client does not read");
                return false;
            }
            let record = written
                .entry(client.form.media_type())
                .or_insert_with(|| recordio::encode(&media::write(client.form, message)));
            // One that is gone is taken out when that is told.
            client.writer.write(record.clone());
            true
        });
    }

    /// Ends all streams.
    pub(super) fn close(&mut self) {
        for client in std::mem::take(&mut self.clients).into_values() {
            client.writer.close();
        }
    }
}

impl IoSwitchboardServerProcess {
    /// Begins a stream of what the container writes.
    pub(super) fn attach_output(
        &mut self,
        request: &Request,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        let (content, form) = match media::of_answer(request) {
            Ok(accepted) => accepted,
            Err(refusal) => return (*refusal).into(),
        };
        let (writer, reader) = pipe::pipe();
        let gone = writer.reader_closed();
        let mut response = Response::streaming(reader, content.media_type());
        if content == ContentType::RecordIo {
            response = response.with_header("message-content-type", form.media_type());
        }
        if self.has_ended() {
            writer.close();
            return response.into();
        }
        let number = self.outputs.add(Client { writer, form });
        ctx.on_ready(gone, move |server, (), _| {
            server.outputs.clients.remove(&number);
        });
        self.begin_redirects(ctx);
        response.into()
    }

    /// Passes on what the container wrote.
    pub(super) fn pass_on(&mut self, data: Bytes, stream: data::Type) {
        let data = process_io::Data {
            r#type: Some(stream.into()),
            data: Some(data),
            ..Default::default()
        };
        self.outputs.send(&ProcessIo {
            r#type: Some(process_io::Type::Data.into()),
            data: Some(data),
            ..Default::default()
        });
    }

    /// Sends a sign of life, and again after the interval.
    pub(super) fn beat(&mut self, ctx: &mut Context<Self>) {
        let Some(interval) = self.heartbeat_interval else {
            return;
        };
        // First, so that who has seen a sign of life can rely on the next one being due.
        ctx.delay(interval, Self::beat);
        self.outputs.send(&heartbeat(interval));
    }
}

fn heartbeat(interval: Duration) -> ProcessIo {
    let interval = DurationInfo {
        nanoseconds: Some(i64::try_from(interval.as_nanos()).unwrap_or(i64::MAX)),
        ..Default::default()
    };
    let heartbeat = control::Heartbeat {
        interval: Some(interval),
        ..Default::default()
    };
    let control = process_io::Control {
        r#type: Some(control::Type::Heartbeat.into()),
        heartbeat: Some(heartbeat),
        ..Default::default()
    };
    ProcessIo {
        r#type: Some(process_io::Type::Control.into()),
        control: Some(control.into()),
        ..Default::default()
    }
}
