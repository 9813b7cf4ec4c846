//! A framework on HTTP.

use libprocess::Runtime;
use mesos_common::recordio::Decoder;
use mesos_proto::v1;
use mesos_proto::v1::scheduler::{Call, Event, call, event};
use mesos_proto_codec::{Dialect, Json, to_json};

use crate::support::{Answer, Connection, Stage};

/// A framework on HTTP.
pub(crate) struct Scheduler {
    pub(crate) id: v1::FrameworkId,
    pub(crate) stream_id: String,
    connection: Connection,
    decoder: Decoder,
    events: std::collections::VecDeque<Event>,
    address: Runtime,
}

impl Scheduler {
    /// Subscribes and waits for the first event.
    pub(crate) fn subscribe(stage: &Stage, info: v1::FrameworkInfo) -> Self {
        let mut scheduler = Self::open(stage, info);
        let subscribed = scheduler.expect(event::Type::Subscribed);
        scheduler.id = subscribed.subscribed().framework_id().clone();
        scheduler
    }

    /// Sends a `SUBSCRIBE` and reads nothing but the head of the answer.
    pub(crate) fn open(stage: &Stage, info: v1::FrameworkInfo) -> Self {
        Self::open_suppressed(stage, info, &[])
    }

    /// The same, with roles that are not to be offered to.
    pub(crate) fn open_suppressed(
        stage: &Stage,
        info: v1::FrameworkInfo,
        suppressed: &[&str],
    ) -> Self {
        let call = Call {
            framework_id: info.id.clone(),
            r#type: Some(call::Type::Subscribe.into()),
            subscribe: Some(
                call::Subscribe {
                    framework_info: Some(info.into()),
                    suppressed_roles: suppressed.iter().map(|role| (*role).to_owned()).collect(),
                    ..Default::default()
                }
                .into(),
            ),
            ..Default::default()
        };
        let mut connection = Connection::open(&stage.runtime);
        let body = to_json(&call, Dialect::V1);
        let headers = [
            ("Content-Type", "application/json"),
            ("Accept", "application/json"),
        ];
        connection.request("POST", "/api/v1/scheduler", &headers, body.as_bytes());
        let head = connection.head();
        assert_eq!(head.status, 200);
        Self {
            id: v1::FrameworkId::default(),
            stream_id: head
                .header("Mesos-Stream-Id")
                .expect("a stream id")
                .to_owned(),
            connection,
            decoder: Decoder::default(),
            events: std::collections::VecDeque::new(),
            address: stage.runtime.clone(),
        }
    }

    /// The next event; none when the stream ended.
    pub(crate) fn next(&mut self) -> Option<Event> {
        while self.events.is_empty() {
            let chunk = self.connection.chunk()?;
            let mut records = Vec::new();
            self.decoder.decode(&chunk, &mut records).expect("records");
            assert_eq!(records.len(), 1, "one record is one chunk");
            for record in records {
                self.events
                    .push_back(Event::read_json(Dialect::V1, &record).expect("an event"));
            }
        }
        self.events.pop_front()
    }

    /// The next event of a kind; others are skipped.
    #[track_caller]
    pub(crate) fn expect(&mut self, kind: event::Type) -> Event {
        let name = kind.as_str_name();
        loop {
            let event = self.next().expect(name);
            if event.r#type() == kind {
                return event;
            }
        }
    }

    /// The offers of the next event that has some.
    #[track_caller]
    pub(crate) fn offers(&mut self) -> Vec<v1::Offer> {
        self.expect(event::Type::Offers).offers().offers.clone()
    }

    /// The first offer after the next allocation.
    #[track_caller]
    pub(crate) fn next_offer(&mut self, stage: &Stage) -> v1::Offer {
        stage.settle();
        stage.advance(std::time::Duration::from_secs(2));
        self.offers().first().expect("an offer").clone()
    }

    /// Performs operations on an offer, and returns the offer that comes of it.
    #[track_caller]
    pub(crate) fn after(
        &mut self,
        stage: &Stage,
        offer: &v1::Offer,
        operations: Vec<v1::offer::Operation>,
    ) -> v1::Offer {
        self.accept(offer, operations);
        self.next_offer(stage)
    }

    /// A call that is its type.
    #[track_caller]
    pub(crate) fn say(&self, kind: call::Type) {
        let answer = self.call(Call {
            r#type: Some(kind.into()),
            ..Default::default()
        });
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    /// Asks what became of operations: the id, the agent and the resource provider of each.
    #[track_caller]
    pub(crate) fn reconcile_operations(&self, asked: &[(&str, Option<&str>, Option<&str>)]) {
        let operations = asked
            .iter()
            .map(|(id, agent_id, provider)| {
                let mut operation = serde_json::json!({"operation_id": {"value": id}});
                if let Some(agent_id) = agent_id {
                    operation["agent_id"] = serde_json::json!({"value": agent_id});
                }
                if let Some(provider) = provider {
                    operation["resource_provider_id"] = serde_json::json!({"value": provider});
                }
                crate::support::from_json(&operation)
            })
            .collect();
        let answer = self.call(Call {
            r#type: Some(call::Type::ReconcileOperations.into()),
            reconcile_operations: Some(call::ReconcileOperations {
                operations,
                ..Default::default()
            }),
            ..Default::default()
        });
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    /// Acknowledges an update of an operation.
    #[track_caller]
    pub(crate) fn acknowledge_operation(&self, status: &v1::OperationStatus) {
        let acknowledge = call::AcknowledgeOperationStatus {
            agent_id: status.agent_id.clone(),
            resource_provider_id: status.resource_provider_id.clone(),
            uuid: status.uuid().value.clone(),
            operation_id: status.operation_id.clone(),
            ..Default::default()
        };
        let answer = self.call(Call {
            r#type: Some(call::Type::AcknowledgeOperationStatus.into()),
            acknowledge_operation_status: Some(acknowledge.into()),
            ..Default::default()
        });
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    /// Asks what became of tasks, or of all when none is named.
    #[track_caller]
    pub(crate) fn reconcile(&self, asked: &[(&str, Option<&str>)]) {
        let tasks = asked
            .iter()
            .map(|(id, agent_id)| {
                let mut task = serde_json::json!({"task_id": {"value": id}});
                if let Some(agent_id) = agent_id {
                    task["agent_id"] = serde_json::json!({"value": agent_id});
                }
                crate::support::from_json(&task)
            })
            .collect();
        let answer = self.call(Call {
            r#type: Some(call::Type::Reconcile.into()),
            reconcile: Some(call::Reconcile {
                tasks,
                ..Default::default()
            }),
            ..Default::default()
        });
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    /// Whether an event of a kind is there by now: everything before the answer to a question
    /// that the master must answer is read.
    #[track_caller]
    pub(crate) fn heard_before_answer(&mut self, kind: event::Type) -> bool {
        self.reconcile(&[("a-question", Some("nobody"))]);
        loop {
            let event = self.next().expect("an answer");
            let answer = event.r#type() == event::Type::Update
                && event.update().status().task_id().value() == "a-question";
            if answer {
                return false;
            }
            if event.r#type() == kind {
                return true;
            }
        }
    }

    /// The status of the next update of an operation.
    #[track_caller]
    pub(crate) fn operation_update(&mut self) -> v1::OperationStatus {
        let event = self.expect(event::Type::UpdateOperationStatus);
        event.update_operation_status().status().clone()
    }

    /// The status of the next update.
    #[track_caller]
    pub(crate) fn update(&mut self) -> v1::TaskStatus {
        self.expect(event::Type::Update).update().status().clone()
    }

    /// Sends a call; the framework's id and stream are filled in.
    pub(crate) fn call(&self, mut call: Call) -> Answer {
        call.framework_id = Some(self.id.clone());
        let body = to_json(&call, Dialect::V1);
        let headers = [
            ("Content-Type", "application/json"),
            ("Mesos-Stream-Id", self.stream_id.as_str()),
        ];
        let mut connection = Connection::open(&self.address);
        connection.request("POST", "/api/v1/scheduler", &headers, body.as_bytes());
        connection.answer()
    }

    /// Accepts an offer with operations; what is left may be offered again at once.
    #[track_caller]
    pub(crate) fn accept(&self, offer: &v1::Offer, operations: Vec<v1::offer::Operation>) {
        let accept = call::Accept {
            offer_ids: vec![offer.id().clone()],
            operations,
            filters: Some(refusing(0.0)),
            ..Default::default()
        };
        let answer = self.call(Call {
            r#type: Some(call::Type::Accept.into()),
            accept: Some(accept.into()),
            ..Default::default()
        });
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    /// Gives offers back; they may be offered again after these seconds.
    #[track_caller]
    pub(crate) fn decline(&self, offers: &[v1::Offer], seconds: f64) {
        let decline = call::Decline {
            offer_ids: offers.iter().map(|offer| offer.id().clone()).collect(),
            filters: Some(refusing(seconds)),
            ..Default::default()
        };
        let answer = self.call(Call {
            r#type: Some(call::Type::Decline.into()),
            decline: Some(decline),
            ..Default::default()
        });
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    /// Ends the framework.
    #[track_caller]
    pub(crate) fn tear_down(&self) {
        let answer = self.call(Call {
            r#type: Some(call::Type::Teardown.into()),
            ..Default::default()
        });
        assert_eq!(answer.status, 202, "{}", answer.text());
    }

    /// Acknowledges an update.
    #[track_caller]
    pub(crate) fn acknowledge(&self, status: &v1::TaskStatus) {
        let acknowledge = call::Acknowledge {
            agent_id: status.agent_id.clone(),
            task_id: status.task_id.clone(),
            uuid: status.uuid.clone(),
            ..Default::default()
        };
        let answer = self.call(Call {
            r#type: Some(call::Type::Acknowledge.into()),
            acknowledge: Some(acknowledge.into()),
            ..Default::default()
        });
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
}

/// Filters that hold for these seconds.
pub(crate) fn refusing(seconds: f64) -> v1::Filters {
    v1::Filters {
        refuse_seconds: Some(seconds),
        ..Default::default()
    }
}
