//! Questions to the rules, in a shorthand.
//!
//! Rules are lines such as `run_tasks principals=ANY users=guest,bar`; `restrictive` is a line too.
//! Objects are pairs such as `("task user", "guest")`.

mod containers;
mod operators;
mod role_settings;
mod roles;
mod users;
mod volumes;

use libprocess::http::Principal;
use mesos_proto::acls::AcLs;
use mesos_proto::authorization::{self as message, Action};
use mesos_proto::v1;
use mesos_proto_codec::{Dialect, Json as _};
use serde_json::{Map, Value, json};

use super::{AclError, LocalAuthorizer};

/// Rules to ask.
#[derive(Debug)]
struct Rules(LocalAuthorizer);

/// Reads `ANY`, `NONE`, or names parted by commas.
fn entity(text: &str) -> Value {
    match text {
        "ANY" | "NONE" => json!({"type": text}),
        names => json!({"values": names.split(',').collect::<Vec<_>>()}),
    }
}

impl Rules {
    fn parse(lines: &str) -> Result<Self, AclError> {
        let mut acls = Map::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if line == "restrictive" {
                acls.insert("permissive".to_owned(), json!(false));
                continue;
            }
            let (kind, fields) = line.split_once(' ').expect("a kind and fields");
            let rule: Map<String, Value> = fields
                .split(' ')
                .filter_map(|field| field.split_once('='))
                .map(|(name, names)| (name.to_owned(), entity(names)))
                .collect();
            let list = acls.entry(kind).or_insert_with(|| json!([]));
            list.as_array_mut()
                .expect("a list")
                .push(Value::Object(rule));
        }
        let text = Value::Object(acls).to_string();
        let acls = AcLs::read_json(Dialect::V0, text.as_bytes()).expect("the rules are ACLs");
        LocalAuthorizer::new(&acls).map(Self)
    }

    fn of(lines: &str) -> Self {
        Self::parse(lines).expect("the rules are valid")
    }

    fn answer(&self, action: Action, subject: Option<&str>, object: &[(&str, &str)]) -> bool {
        let subject = subject.map(Principal::named);
        let message = object_of(object);
        let object = (!object.is_empty()).then(|| (&message).into());
        self.0.allows(subject.as_ref(), action, object.as_ref())
    }

    #[track_caller]
    fn allow(&self, action: Action, subject: Option<&str>, object: &[(&str, &str)]) {
        assert!(
            self.answer(action, subject, object),
            "{action:?} {subject:?} {object:?}"
        );
    }

    #[track_caller]
    fn refuse(&self, action: Action, subject: Option<&str>, object: &[(&str, &str)]) {
        assert!(
            !self.answer(action, subject, object),
            "{action:?} {subject:?} {object:?}"
        );
    }
}

fn command(user: Option<&str>) -> v1::CommandInfo {
    v1::CommandInfo {
        user: user.map(str::to_owned),
        ..Default::default()
    }
}

fn executor(user: Option<&str>) -> v1::ExecutorInfo {
    v1::ExecutorInfo {
        command: user.map(|user| command(Some(user)).into()),
        ..Default::default()
    }
}

fn resource(part: v1::Resource) -> Option<Box<v1::Resource>> {
    Some(part.into())
}

/// Makes the object that the pairs describe.
fn object_of(pairs: &[(&str, &str)]) -> message::Object {
    let mut object = message::Object::default();
    for (kind, text) in pairs {
        let owned = Some((*text).to_owned());
        match *kind {
            "value" => object.value = owned,
            "framework role" => {
                object.framework_info.get_or_insert_default().role = owned;
            }
            "framework user" => {
                object.framework_info.get_or_insert_default().user = owned;
            }
            "quota role" => object.quota_info.get_or_insert_default().role = owned,
            "reservation role" | "reservation principal" => {
                let mut reservation = v1::resource::ReservationInfo::default();
                if *kind == "reservation role" {
                    reservation.role = owned;
                } else {
                    reservation.principal = owned;
                }
                object.resource = resource(v1::Resource {
                    reservations: vec![reservation],
                    ..Default::default()
                });
            }
            "volume principal" => {
                let persistence = v1::resource::disk_info::Persistence {
                    principal: owned,
                    ..Default::default()
                };
                let disk = v1::resource::DiskInfo {
                    persistence: Some(persistence),
                    ..Default::default()
                };
                object.resource = resource(v1::Resource {
                    disk: Some(disk.into()),
                    ..Default::default()
                });
            }
            "running task user" => object.task.get_or_insert_default().user = owned,
            "task" => object.task_info = Some(Box::default()),
            "task user" => {
                object.task_info.get_or_insert_default().command = Some(command(Some(text)).into());
            }
            "task executor user" => {
                object.task_info.get_or_insert_default().executor =
                    Some(executor(Some(text)).into());
            }
            "executor" => object.executor_info = Some(executor(None).into()),
            "executor user" => object.executor_info = Some(executor(Some(text)).into()),
            "command" => object.command_info = Some(command(None).into()),
            "command user" => object.command_info = Some(command(Some(text)).into()),
            other => panic!("no such kind of object: {other}"),
        }
    }
    object
}
