//! The rules of `--acls`, ready to be asked.

use std::collections::HashMap;
use std::sync::Arc;

use libprocess::http::Principal;
use mesos_proto::acls::AcLs;
use mesos_proto::authorization::Action;
use mesos_proto::v1;
use mesos_proto_codec::WireEnum as _;
use thiserror::Error;

use super::acl::{self, Fault, Rule};
use super::object::{Names, Object};

/// Why rules are refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AclError {
    /// The object of such rules is given implicitly.
    #[error("ACL.{0} type must be either NONE or ANY")]
    NamesObjects(&'static str),
    /// Nobody ever asks about that path.
    #[error("Path: '{0}' is not an authorizable path")]
    Path(String),
}

/// The rules.
#[derive(Debug)]
pub struct LocalAuthorizer {
    permissive: bool,
    rules: HashMap<Action, Vec<Rule>>,
    parents: HashMap<Action, Vec<Rule>>,
}

/// Actions of a default executor, which acts on what runs below it.
const OF_EXECUTORS: [Action; 6] = [
    Action::LaunchNestedContainer,
    Action::WaitNestedContainer,
    Action::KillNestedContainer,
    Action::LaunchNestedContainerSession,
    Action::RemoveNestedContainer,
    Action::AttachContainerOutput,
];

/// Actions of a local resource provider, which acts on containers of its own name space.
const OF_PROVIDERS: [Action; 5] = [
    Action::LaunchStandaloneContainer,
    Action::WaitStandaloneContainer,
    Action::KillStandaloneContainer,
    Action::RemoveStandaloneContainer,
    Action::ViewStandaloneContainer,
];

const LAUNCHES: [Action; 2] = [
    Action::LaunchNestedContainer,
    Action::LaunchNestedContainerSession,
];

impl LocalAuthorizer {
    /// Takes the rules.
    ///
    /// # Errors
    /// [`AclError`] when rules name objects that cannot be named.
    pub fn new(acls: &AcLs) -> Result<Self, AclError> {
        match acl::find_fault(acls) {
            Some(Fault::NamesObjects(name)) => return Err(AclError::NamesObjects(name)),
            Some(Fault::Path(path)) => return Err(AclError::Path(path)),
            None => {}
        }
        let actions = Action::NAMES.iter().map(|(action, ..)| *action);
        Ok(Self {
            permissive: acls.permissive(),
            rules: actions
                .map(|action| (action, acl::of_action(acls, action)))
                .collect(),
            parents: LAUNCHES
                .into_iter()
                .map(|action| (action, acl::of_parent(acls, action)))
                .collect(),
        })
    }

    /// Whether a subject may do something to an object; neither has to be told.
    #[must_use]
    pub fn allows(
        &self,
        subject: Option<&Principal>,
        action: Action,
        object: Option<&Object<'_>>,
    ) -> bool {
        let name = match subject {
            None => None,
            Some(subject) => match subject.value.as_deref() {
                Some(name) => Some(name),
                None => return by_claims(subject, action, object),
            },
        };
        if LAUNCHES.contains(&action) {
            return self.allows_launch(name, action, object);
        }
        let rules = self.rules.get(&action).map(Vec::as_slice);
        self.judge(rules.unwrap_or_default(), name, action, object)
    }

    /// Launching below a container: its user must be allowed, and the command's user if told.
    fn allows_launch(
        &self,
        name: Option<&str>,
        action: Action,
        object: Option<&Object<'_>>,
    ) -> bool {
        let parents = self.parents.get(&action).map(Vec::as_slice);
        let parents = parents.unwrap_or_default();
        let Some(object) = object.filter(|object| object.command_info.is_some()) else {
            return self.judge(parents, name, action, object);
        };
        let parent = Object {
            executor_info: object.executor_info,
            framework_info: object.framework_info,
            ..Object::default()
        };
        let child = Object {
            command_info: object.command_info,
            ..Object::default()
        };
        let children = self.rules.get(&action).map(Vec::as_slice);
        self.judge(parents, name, action, Some(&parent))
            && self.judge(children.unwrap_or_default(), name, action, Some(&child))
    }

    fn judge(
        &self,
        rules: &[Rule],
        subject: Option<&str>,
        action: Action,
        object: Option<&Object<'_>>,
    ) -> bool {
        if action == Action::Unknown {
            return false;
        }
        let names = object.map_or(Names::Any, |object| object.names(action));
        let first = |name: Option<&str>| {
            let verdict = rules.iter().find_map(|rule| rule.verdict(subject, name));
            verdict.unwrap_or(self.permissive)
        };
        match names {
            Names::Any => first(None),
            Names::One(name) => first(Some(name)),
            Names::Each(names) if names.is_empty() => self.permissive,
            Names::Each(names) => names.into_iter().all(|name| first(Some(name))),
        }
    }
}

/// A subject without a name is an executor or a resource provider with a token.
fn by_claims(subject: &Principal, action: Action, object: Option<&Object<'_>>) -> bool {
    let container = object.and_then(|object| object.container_id);
    let claim = |name: &str| subject.claims.get(name).map(String::as_str);
    if OF_EXECUTORS.contains(&action) {
        let root = container.map(|id| root_of(id).value());
        return root.is_some() && claim("cid") == root;
    }
    if OF_PROVIDERS.contains(&action) {
        return match (claim("cid_prefix"), container) {
            (Some(prefix), Some(container)) => container.value().starts_with(prefix),
            (_, None) | (None, _) => false,
        };
    }
    false
}

fn root_of(id: &v1::ContainerId) -> &v1::ContainerId {
    match &id.parent {
        Some(_) => root_of(id.parent()),
        None => id,
    }
}

/// What one principal may do; without an authorizer that is everything.
#[derive(Clone, Debug, Default)]
pub struct Approvers {
    authorizer: Option<Arc<LocalAuthorizer>>,
    principal: Option<Principal>,
}

impl Approvers {
    /// What `principal` may do under the rules of `authorizer`.
    #[must_use]
    pub fn new(authorizer: Option<Arc<LocalAuthorizer>>, principal: Option<Principal>) -> Self {
        Self {
            authorizer,
            principal,
        }
    }

    /// Whether the principal may do something to an object.
    #[must_use]
    pub fn approve(&self, action: Action, object: &Object<'_>) -> bool {
        self.ask(action, Some(object))
    }

    /// Whether the principal may do something that has no object, or to any object.
    #[must_use]
    pub fn approve_any(&self, action: Action) -> bool {
        self.ask(action, None)
    }

    fn ask(&self, action: Action, object: Option<&Object<'_>>) -> bool {
        self.authorizer
            .as_ref()
            .is_none_or(|authorizer| authorizer.allows(self.principal.as_ref(), action, object))
    }

    /// Whether every role of a resource may be seen: of its reservations, and of its allocation.
    #[must_use]
    pub fn may_see(&self, resource: &v1::Resource) -> bool {
        let see = |role: &str| self.approve(Action::ViewRole, &Object::value(role));
        let reserved = resource.reservations.iter();
        (resource.role() == "*" || see(resource.role()))
            && reserved.map(v1::resource::ReservationInfo::role).all(see)
            && (resource.allocation_info.is_none() || see(resource.allocation_info().role()))
    }

    /// Whether every question is answered with yes, without looking at it.
    #[must_use]
    pub fn is_without_rules(&self) -> bool {
        self.authorizer.is_none()
    }

    /// Who asks.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        self.principal.as_ref()
    }

    /// Who asks, as log lines and answers call it.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.principal {
            Some(principal) => format!("principal '{principal}'"),
            None => "any principal".to_owned(),
        }
    }
}
