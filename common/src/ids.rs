//! Every typed id, one list.
//!
//! An id is a short text that is compared, hashed and copied all the time: clones share it.
//! No rule is checked here: ids come from peers, and validation says what is wrong with them.

use std::fmt;
use std::sync::Arc;

use mesos_proto::v1;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(Arc<str>);

            impl $name {
                /// An id with this text.
                pub fn new(text: impl Into<Arc<str>>) -> Self {
                    Self(text.into())
                }

                /// Its text.
                #[must_use]
                pub fn as_str(&self) -> &str {
                    &self.0
                }

                /// The message that carries it.
                #[must_use]
                pub fn to_proto(&self) -> v1::$name {
                    v1::$name { value: Some(self.0.as_ref().to_owned()), ..Default::default() }
                }
            }

            impl From<&v1::$name> for $name {
                fn from(message: &v1::$name) -> Self {
                    Self(message.value().into())
                }
            }

            impl From<&str> for $name {
                fn from(text: &str) -> Self {
                    Self(text.into())
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    write!(f, "{}({})", stringify!($name), self.0)
                }
            }

            impl std::borrow::Borrow<str> for $name {
                fn borrow(&self) -> &str {
                    &self.0
                }
            }
        )*
    };
}

ids! {
    /// Names a framework.
    FrameworkId,
    /// Names an agent.
    #[doc(alias = "SlaveID")]
    AgentId,
    /// Names an offer or an inverse offer.
    OfferId,
    /// Names a task within its framework.
    TaskId,
    /// Names an executor within its framework and agent.
    ExecutorId,
    /// Names an operation within its framework.
    OperationId,
    /// Names a resource provider.
    ResourceProviderId,
}
