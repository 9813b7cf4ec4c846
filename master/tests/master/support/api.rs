//! The operator API in both of its forms.

use mesos_common::recordio::Decoder;
use mesos_proto::v1::master::call::Type;
use mesos_proto::v1::master::{Call, Event, Response, event};
use mesos_proto_codec::{Dialect, Json, decode, to_json};

use crate::support::{Answer, Connection, Stage, from_json};

/// How messages of the API are written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Json,
    Protobuf,
}

/// Checks a claim in both forms.
pub(crate) fn in_both_forms(claim: impl Fn(Form)) {
    claim(Form::Json);
    claim(Form::Protobuf);
}

impl Form {
    fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/x-protobuf",
        }
    }

    fn write<M: Json>(self, message: &M) -> Vec<u8> {
        match self {
            Self::Json => to_json(message, Dialect::V1).into_bytes(),
            Self::Protobuf => message.encode_to_vec(),
        }
    }

    #[track_caller]
    fn read<M: Json>(self, bytes: &[u8]) -> M {
        match self {
            Self::Json => M::read_json(Dialect::V1, bytes).expect("a message in JSON"),
            Self::Protobuf => decode(bytes.to_vec().into()).expect("a message"),
        }
    }
}

/// A call that is its type.
pub(crate) fn plain(kind: Type) -> Call {
    Call {
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

/// A call of a type, with the field that belongs to it.
#[track_caller]
pub(crate) fn with(kind: Type, field: &serde_json::Value) -> Call {
    let name = kind.as_str_name();
    from_json(&serde_json::json!({"type": name, name.to_lowercase(): field}))
}

/// Somebody's proof of who he is, if he has one.
pub(crate) type Who<'a> = Option<(&'a str, &'a str)>;

fn headers<'a>(form: Form, who: Who<'a>) -> Vec<(&'a str, &'a str)> {
    let media_type = form.media_type();
    let mut headers = vec![("Content-Type", media_type), ("Accept", media_type)];
    headers.extend(who);
    headers
}

impl Stage {
    /// What the master answers to a call.
    pub(crate) fn tell(&self, form: Form, who: Who<'_>, call: &Call) -> Answer {
        let answer = self.http("POST", "/api/v1", &headers(form, who), &form.write(call));
        self.settle();
        answer
    }

    /// A call that must be answered with this status.
    #[track_caller]
    pub(crate) fn told(&self, form: Form, who: Who<'_>, call: &Call, status: u16) {
        let answer = self.tell(form, who, call);
        assert_eq!(answer.status, status, "{form:?}: {}", answer.text());
    }

    /// The answer to a call that asks for something, by somebody.
    #[track_caller]
    pub(crate) fn asked(&self, form: Form, who: Who<'_>, call: &Call) -> Response {
        let answer = self.tell(form, who, call);
        assert_eq!(answer.status, 200, "{form:?}: {}", answer.text());
        assert_eq!(answer.header("Content-Type"), Some(form.media_type()));
        let response: Response = form.read(&answer.body);
        assert_eq!(
            response.r#type().as_str_name(),
            call.r#type().as_str_name(),
            "{form:?}"
        );
        response
    }

    /// The answer to a call that is its type.
    #[track_caller]
    pub(crate) fn shown(&self, form: Form, kind: Type) -> Response {
        self.asked(form, None, &plain(kind))
    }
}

/// Somebody who follows the master's events.
pub(crate) struct Follower {
    form: Form,
    connection: Connection,
    decoder: Decoder,
}

impl Follower {
    /// Subscribes; returns the first event besides, and reads the heartbeat behind it.
    #[track_caller]
    pub(crate) fn subscribe(stage: &Stage, form: Form, who: Who<'_>) -> (Self, event::Subscribed) {
        let mut connection = Connection::open(&stage.runtime);
        let body = form.write(&plain(Type::Subscribe));
        connection.request("POST", "/api/v1", &headers(form, who), &body);
        let head = connection.head();
        assert_eq!(head.status, 200);
        assert_eq!(head.header("Transfer-Encoding"), Some("chunked"));
        let mut follower = Self {
            form,
            connection,
            decoder: Decoder::default(),
        };
        let first = follower.expect(event::Type::Subscribed);
        follower.expect(event::Type::Heartbeat);
        (follower, first.subscribed().clone())
    }

    /// The next event; none when the stream ended.
    pub(crate) fn next(&mut self) -> Option<Event> {
        let chunk = self.connection.chunk()?;
        let mut records = Vec::new();
        self.decoder.decode(&chunk, &mut records).expect("records");
        assert_eq!(records.len(), 1, "one record is one chunk");
        records.first().map(|record| self.form.read(record))
    }

    /// The next event, which must be of this kind.
    #[track_caller]
    pub(crate) fn expect(&mut self, kind: event::Type) -> Event {
        let name = kind.as_str_name();
        let event = self.next().expect(name);
        assert_eq!(event.r#type().as_str_name(), name);
        event
    }
}
