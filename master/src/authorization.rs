//! Questions of authorization: what an operation, a launch or a registration asks for.
//!
//! Mirrors `src/master/authorization.cpp`.

use std::collections::BTreeSet;
use std::fmt;

use mesos_common::authorization::{Action, Approvers, Object};
use mesos_proto::authorization as message;
use mesos_proto::v1;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::offer::operation::{CreateDisk, Reserve, Type};
use mesos_proto::v1::resource::disk_info::source::Type as DiskType;
use mesos_proto_codec::{Dialect, to_json};

use crate::state::framework::roles_of;
use crate::validation::framework::set;

/// One thing that somebody wants to do; without an object, to anything.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Question {
    action: Action,
    object: Option<message::Object>,
}

impl Question {
    fn on_any(action: Action) -> Self {
        Self {
            action,
            object: None,
        }
    }

    /// A resource, with the name that older authorizers look at.
    fn on_resource(action: Action, resource: &v1::Resource, value: &str) -> Self {
        Self {
            action,
            object: Some(message::Object {
                resource: Some(resource.clone().into()),
                value: Some(value.to_owned()),
                ..Default::default()
            }),
        }
    }

    /// Launching a task.
    pub(crate) fn launch(task: &v1::TaskInfo, framework: &v1::FrameworkInfo) -> Self {
        Self {
            action: Action::RunTask,
            object: Some(message::Object {
                task_info: Some(task.clone().into()),
                framework_info: Some(framework.clone().into()),
                ..Default::default()
            }),
        }
    }

    /// Subscribing with the roles of a framework.
    pub(crate) fn registration(framework: &v1::FrameworkInfo) -> Self {
        let several = v1::framework_info::capability::Type::MultiRole;
        let is_multi_role = framework
            .capabilities
            .iter()
            .any(|known| known.r#type() == several);
        Self {
            action: Action::RegisterFramework,
            object: Some(message::Object {
                framework_info: Some(framework.clone().into()),
                value: (!is_multi_role).then(|| framework.role().to_owned()),
                ..Default::default()
            }),
        }
    }

    /// Whether it may be done.
    pub(crate) fn is_approved(&self, approvers: &Approvers) -> bool {
        match &self.object {
            Some(object) => approvers.approve(self.action, &Object::from(object)),
            None => approvers.approve_any(self.action),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let action = self.action.as_str_name();
        let Some(object) = &self.object else {
            return write!(out, "perform action {action} on ANY object");
        };
        let framework = object.framework_info();
        if self.action == Action::RunTask {
            let task = object.task_info();
            return write!(
                out,
                "launch task {} of framework {} under user '{}'",
                task.task_id().value(),
                framework.id().value(),
                user_of(task, framework)
            );
        }
        if self.action == Action::RegisterFramework {
            let roles = roles_of(framework);
            let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
            let id = framework.id().value();
            return write!(out, "register framework {id} with roles {}", set(&roles));
        }
        let object = to_json(object, Dialect::V0);
        write!(out, "perform action {action} on object {object}")
    }
}

/// The user under whom a task runs.
fn user_of<'a>(task: &'a v1::TaskInfo, framework: &'a v1::FrameworkInfo) -> &'a str {
    let of_command = task.command().user.as_deref();
    let of_executor = task.executor().command().user.as_deref();
    of_command
        .or(of_executor)
        .unwrap_or_else(|| framework.user())
}

/// The first question that is answered with no.
pub(crate) fn first_refused(approvers: &Approvers, questions: Vec<Question>) -> Option<Question> {
    if approvers.is_without_rules() {
        return None;
    }
    questions
        .into_iter()
        .find(|question| !question.is_approved(approvers))
}

/// What the registration of an agent asks for: to register, and its static reservations.
pub(crate) fn of_agent(info: &v1::AgentInfo) -> Vec<Question> {
    let is_reserved = |resource: &v1::Resource| !resource.reservations.is_empty();
    let mut questions = Vec::new();
    if info.resources.iter().any(is_reserved) {
        questions = by_role(Action::ReserveResources, &info.resources);
    }
    questions.push(Question::on_any(Action::RegisterAgent));
    questions
}

/// What an operation asks for; launches are asked for task by task.
pub(crate) fn of_operation(operation: &Operation) -> Vec<Question> {
    match operation.r#type() {
        Type::Reserve => of_reserve(operation.reserve()),
        Type::Unreserve => of_unreserve(&operation.unreserve().resources),
        Type::Create => {
            let questions = by_role(Action::CreateVolume, &operation.create().volumes);
            or_any(questions, Action::CreateVolume)
        }
        Type::Destroy => {
            let volumes = operation.destroy().volumes.iter();
            let volumes = volumes.filter(|volume| volume.disk().persistence.is_some());
            let questions = volumes.map(|volume| {
                let creator = volume.disk().persistence().principal();
                Question::on_resource(Action::DestroyVolume, volume, creator)
            });
            or_any(questions.collect(), Action::DestroyVolume)
        }
        Type::GrowVolume => vec![on_role(
            Action::ResizeVolume,
            operation.grow_volume().volume(),
        )],
        Type::ShrinkVolume => {
            let volume = operation.shrink_volume().volume();
            vec![on_role(Action::ResizeVolume, volume)]
        }
        Type::CreateDisk => of_create_disk(operation.create_disk()),
        Type::DestroyDisk => {
            let source = operation.destroy_disk().source();
            let action = match source.disk().source().r#type() {
                DiskType::Mount => Action::DestroyMountDisk,
                DiskType::Block => Action::DestroyBlockDisk,
                DiskType::Raw => Action::DestroyRawDisk,
                DiskType::Unknown | DiskType::Path => return Vec::new(),
            };
            vec![on_role(action, source)]
        }
        Type::Unknown | Type::Launch | Type::LaunchGroup => Vec::new(),
    }
}

fn of_create_disk(create: &CreateDisk) -> Vec<Question> {
    let action = match create.target_type() {
        DiskType::Mount => Action::CreateMountDisk,
        DiskType::Block => Action::CreateBlockDisk,
        DiskType::Unknown | DiskType::Path | DiskType::Raw => return Vec::new(),
    };
    vec![on_role(action, create.source())]
}

fn or_any(questions: Vec<Question>, action: Action) -> Vec<Question> {
    if questions.is_empty() {
        return vec![Question::on_any(action)];
    }
    questions
}

/// The role of the innermost reservation; what is not reserved has the role `*`.
fn role_of(resource: &v1::Resource) -> &str {
    let innermost = resource.reservations.last();
    innermost.map_or("*", v1::resource::ReservationInfo::role)
}

fn on_role(action: Action, resource: &v1::Resource) -> Question {
    Question::on_resource(action, resource, role_of(resource))
}

/// One question for each role among the resources.
fn by_role(action: Action, resources: &[v1::Resource]) -> Vec<Question> {
    let mut seen = BTreeSet::new();
    resources
        .iter()
        .filter(|resource| seen.insert(role_of(resource).to_owned()))
        .map(|resource| on_role(action, resource))
        .collect()
}

fn of_unreserve(resources: &[v1::Resource]) -> Vec<Question> {
    let principal = |resource: &v1::Resource| resource.reservations.last()?.principal.clone();
    let mut questions = Vec::new();
    let mut is_one_without = false;
    for resource in resources {
        match principal(resource) {
            Some(reserver) => questions.push(Question::on_resource(
                Action::UnreserveResources,
                resource,
                &reserver,
            )),
            None => is_one_without = true,
        }
    }
    if is_one_without {
        questions.push(Question::on_any(Action::UnreserveResources));
    }
    questions
}

/// With a source: unreserve down to what source and target share, then reserve up to the target.
fn of_reserve(reserve: &Reserve) -> Vec<Question> {
    let (Some(source), Some(target)) = (reserve.source.first(), reserve.resources.first()) else {
        return by_role(Action::ReserveResources, &reserve.resources);
    };
    let pairs = source.reservations.iter().zip(&target.reservations);
    let shared = pairs.take_while(|(one, other)| one == other).count();
    let mut questions = Vec::new();
    let mut layer = reserve.source.clone();
    while layer
        .first()
        .is_some_and(|resource| resource.reservations.len() > shared)
    {
        questions.extend(of_unreserve(&layer));
        for resource in &mut layer {
            resource.reservations.pop();
        }
    }
    for reservation in target.reservations.iter().skip(shared) {
        for resource in &mut layer {
            resource.reservations.push(reservation.clone());
        }
        questions.extend(by_role(Action::ReserveResources, &layer));
    }
    questions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserved(roles: &[&str]) -> v1::Resource {
        v1::Resource {
            name: Some("cpus".to_owned()),
            reservations: roles
                .iter()
                .map(|role| v1::resource::ReservationInfo {
                    role: Some((*role).to_owned()),
                    principal: Some("ops".to_owned()),
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        }
    }

    fn asked(reserve: &Reserve) -> Vec<(Action, String)> {
        let value = |question: &Question| {
            let object = question.object.as_ref().expect("an object");
            (question.action, object.value().to_owned())
        };
        of_reserve(reserve).iter().map(value).collect()
    }

    #[test]
    fn each_role_is_asked_for_once() {
        let reserve = Reserve {
            resources: vec![reserved(&["a"]), reserved(&["b"]), reserved(&["a"])],
            ..Default::default()
        };

        assert_eq!(
            asked(&reserve),
            [
                (Action::ReserveResources, "a".to_owned()),
                (Action::ReserveResources, "b".to_owned())
            ]
        );
    }

    #[test]
    fn reservation_with_a_source_is_taken_down_and_built_up() {
        let reserve = Reserve {
            source: vec![reserved(&["a", "a/x"])],
            resources: vec![reserved(&["a", "a/y", "a/y/z"])],
            ..Default::default()
        };

        assert_eq!(
            asked(&reserve),
            [
                (Action::UnreserveResources, "ops".to_owned()),
                (Action::ReserveResources, "a/y".to_owned()),
                (Action::ReserveResources, "a/y/z".to_owned())
            ]
        );
    }

    /// Each question with the roles of the resource that it is about.
    fn layers(reserve: &Reserve) -> Vec<(Action, Vec<String>)> {
        let layer = |question: &Question| {
            let object = question.object.as_ref().expect("an object");
            let reservations = object.resource().reservations.iter();
            let roles = reservations.map(|one| one.role().to_owned()).collect();
            (question.action, roles)
        };
        of_reserve(reserve).iter().map(layer).collect()
    }

    fn layer(action: Action, roles: &[&str]) -> (Action, Vec<String>) {
        (
            action,
            roles.iter().map(|role| (*role).to_owned()).collect(),
        )
    }

    /// Mirrors: MasterAuthorizationTest.ReserveResources
    #[test]
    fn every_layer_of_a_reservation_is_asked_for() {
        let reserve = |source: &[&str], roles: &[&str]| Reserve {
            source: vec![reserved(source)],
            resources: vec![reserved(roles)],
            ..Default::default()
        };
        let (take, give) = (Action::ReserveResources, Action::UnreserveResources);

        let plain = layers(&reserve(&[], &["foo"]));
        let refined = layers(&reserve(&[], &["foo", "foo/bar"]));
        let moved = layers(&reserve(&["foo", "foo/bar"], &["baz", "baz/bar"]));

        assert_eq!(plain, [layer(take, &["foo"])]);
        assert_eq!(
            refined,
            [layer(take, &["foo"]), layer(take, &["foo", "foo/bar"])]
        );
        assert_eq!(
            moved,
            [
                layer(give, &["foo", "foo/bar"]),
                layer(give, &["foo"]),
                layer(take, &["baz"]),
                layer(take, &["baz", "baz/bar"]),
            ]
        );
    }

    #[test]
    fn texts_name_the_task_and_its_user() {
        let task = v1::TaskInfo {
            task_id: Some(v1::TaskId {
                value: Some("t".to_owned()),
                ..Default::default()
            }),
            ..Default::default()
        };
        let framework = v1::FrameworkInfo {
            user: Some("bob".to_owned()),
            ..Default::default()
        };

        assert_eq!(
            Question::launch(&task, &framework).to_string(),
            "launch task t of framework  under user 'bob'"
        );
    }
}
