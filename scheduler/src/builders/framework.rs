//! Builds what a framework says about itself.

use std::time::Duration;

use mesos_proto::v1::framework_info::{Capability, capability};
use mesos_proto::v1::{FrameworkId, FrameworkInfo, Label};

/// Builds a framework step by step.
///
/// # Examples
/// ```
/// use std::time::Duration;
/// use mesos_scheduler::FrameworkBuilder;
///
/// let framework = FrameworkBuilder::new("web")
///     .role("services")
///     .failover_timeout(Duration::from_secs(3600))
///     .checkpoint()
///     .build();
///
/// assert_eq!(framework.roles, ["services"]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct FrameworkBuilder {
    framework: Box<FrameworkInfo>,
}

impl FrameworkBuilder {
    /// A framework with this name, and with the user of this program.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        let framework = FrameworkInfo {
            name: Some(name.into()),
            user: Some(current_user()),
            ..Default::default()
        };
        Self {
            framework: Box::new(framework),
        }
    }

    fn with(mut self, change: impl FnOnce(&mut FrameworkInfo)) -> Self {
        change(&mut self.framework);
        self
    }

    /// Sets the user that tasks run as.
    #[must_use]
    pub fn user(self, user: impl Into<String>) -> Self {
        self.with(|framework| framework.user = Some(user.into()))
    }

    /// Adds a role. A framework with roles has the capability `MULTI_ROLE`.
    #[must_use]
    pub fn role(self, role: impl Into<String>) -> Self {
        self.with(|framework| framework.roles.push(role.into()))
            .capability(capability::Type::MultiRole)
    }

    /// Adds a capability, once.
    #[must_use]
    pub fn capability(self, kind: capability::Type) -> Self {
        self.with(|framework| {
            let known = &framework.capabilities;
            if known.iter().all(|capability| capability.r#type() != kind) {
                framework.capabilities.push(Capability {
                    r#type: Some(kind.into()),
                    ..Default::default()
                });
            }
        })
    }

    /// Sets how long the tasks go on when the framework is away.
    #[must_use]
    pub fn failover_timeout(self, timeout: Duration) -> Self {
        self.with(|framework| framework.failover_timeout = Some(timeout.as_secs_f64()))
    }

    /// Lets the tasks survive a restart of their agent.
    #[must_use]
    pub fn checkpoint(self) -> Self {
        self.with(|framework| framework.checkpoint = Some(true))
    }

    /// Sets the name by which the master knows the framework.
    #[must_use]
    pub fn principal(self, principal: impl Into<String>) -> Self {
        self.with(|framework| framework.principal = Some(principal.into()))
    }

    /// Sets the id that the master gave, so that this framework takes the place of the one before.
    #[must_use]
    pub fn id(self, id: FrameworkId) -> Self {
        self.with(|framework| framework.id = Some(id))
    }

    /// Adds a label.
    #[must_use]
    pub fn label(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        let label = Label {
            key: Some(key.into()),
            value: Some(value.into()),
            ..Default::default()
        };
        self.with(|framework| framework.labels.get_or_insert_default().labels.push(label))
    }

    /// The framework.
    #[must_use]
    pub fn build(self) -> FrameworkInfo {
        *self.framework
    }
}

/// The name of the user that this program runs as; a user without a name is shown as `nobody`.
fn current_user() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::geteuid());
    user.ok()
        .flatten()
        .map_or_else(|| "nobody".to_owned(), |user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framework_with_roles_knows_many_of_them() {
        let framework = FrameworkBuilder::new("f").role("a").role("b").build();

        assert_eq!(framework.roles, ["a", "b"]);
        assert_eq!(framework.capabilities.len(), 1);
        assert_eq!(
            framework.capabilities[0].r#type(),
            capability::Type::MultiRole
        );
    }
}
