//! Every typed id, one list.
//!
//! An id is a short text that is compared, hashed and copied all the time: clones share it.
//! `new` and `From` check nothing, since ids come from peers and validation says what is wrong with
//! them; `parse` checks, for places that want a proof.
//!
//! # Wire
//! The formats of ids that a master makes are promises, see [`IdGenerator`].

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use mesos_proto::v1;
use uuid::Uuid;

use crate::validation::{IdError, validate_id};

/// An id that is one text, with the rule that `parse` checks.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// An id with this text, unchecked.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let check: fn(&str) -> Result<(), IdError> = $check;
                check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

/// An id that has a message of the same name.
macro_rules! message_id {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        text_id! { $(#[$doc])* $name, $check }

        impl $name {
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
    };
}

/// Ids that never become a path: anything but the empty text.
fn not_empty(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        Err(IdError::Empty)
    } else {
        Ok(())
    }
}

message_id! {
    /// Names a framework: `<master id>-0000` when a master made it.
    FrameworkId, validate_id
}
message_id! {
    /// Names an agent: `<master id>-S0`.
    #[doc(alias = "SlaveID")]
    AgentId, validate_id
}
message_id! {
    /// Names an offer or an inverse offer: `<master id>-O0`.
    OfferId, not_empty
}
message_id! {
    /// Names a task within its framework, which chose it.
    TaskId, validate_id
}
message_id! {
    /// Names an executor within its framework and agent; the framework chose it.
    ExecutorId, validate_id
}
message_id! {
    /// Names an operation within its framework, which chose it; any text will do.
    OperationId, not_empty
}
message_id! {
    /// Names a resource provider; its manager chose it.
    ResourceProviderId, validate_id
}
text_id! {
    /// Names a persistent volume within its role; a framework chose it.
    PersistenceId, validate_id
}
text_id! {
    /// Names one life of a master: a random UUID.
    MasterId, not_empty
}

impl MasterId {
    /// A new random id.
    #[must_use]
    pub fn random() -> Self {
        Self(Arc::from(Uuid::new_v4().to_string()))
    }
}

/// Makes the ids that a master hands out.
///
/// # Wire
/// Framework `<master id>-<at least four digits>`, agent `<master id>-S<n>`, offer
/// `<master id>-O<n>`, each counted from zero. Inverse offers share the count of offers.
#[derive(Debug)]
pub struct IdGenerator {
    master_id: MasterId,
    frameworks: u64,
    agents: u64,
    offers: u64,
}

impl IdGenerator {
    /// A generator that counts from zero.
    #[must_use]
    pub fn new(master_id: MasterId) -> Self {
        Self {
            master_id,
            frameworks: 0,
            agents: 0,
            offers: 0,
        }
    }

    /// The master whose ids these are.
    #[must_use]
    pub fn master_id(&self) -> &MasterId {
        &self.master_id
    }

    /// The next framework id.
    pub fn framework(&mut self) -> FrameworkId {
        let number = next(&mut self.frameworks);
        FrameworkId(Arc::from(format!("{}-{number:04}", self.master_id)))
    }

    /// The next agent id.
    pub fn agent(&mut self) -> AgentId {
        let number = next(&mut self.agents);
        AgentId(Arc::from(format!("{}-S{number}", self.master_id)))
    }

    /// The next id of an offer or an inverse offer.
    pub fn offer(&mut self) -> OfferId {
        let number = next(&mut self.offers);
        OfferId(Arc::from(format!("{}-O{number}", self.master_id)))
    }
}

fn next(counter: &mut u64) -> u64 {
    let number = *counter;
    *counter = counter.wrapping_add(1);
    number
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn generated_ids_have_the_format_of_mesos() {
        let mut ids = IdGenerator::new(MasterId::new("m"));

        assert_eq!(ids.framework().as_str(), "m-0000");
        assert_eq!(ids.framework().as_str(), "m-0001");
        assert_eq!(ids.agent().as_str(), "m-S0");
        assert_eq!(ids.offer().as_str(), "m-O0");
        assert_eq!(ids.offer().as_str(), "m-O1");
    }

    #[test]
    fn framework_numbers_grow_beyond_four_digits() {
        let mut ids = IdGenerator::new(MasterId::new("m"));
        ids.frameworks = 12345;

        assert_eq!(ids.framework().as_str(), "m-12345");
    }

    #[test]
    fn a_master_id_is_a_random_uuid() {
        let one = MasterId::random();

        assert_eq!(one.as_str().len(), 36);
        assert_ne!(one, MasterId::random());
    }

    #[test]
    fn an_id_is_found_by_its_text() {
        let mut map = HashMap::new();
        map.insert(TaskId::new("t"), 1);

        assert_eq!(map.get("t"), Some(&1));
    }

    #[test]
    fn parsing_refuses_what_mesos_refuses() {
        assert_eq!(
            "a/b".parse::<TaskId>(),
            Err(IdError::InvalidCharacters("a/b".to_owned()))
        );
        assert_eq!("".parse::<OfferId>(), Err(IdError::Empty));
        assert!(
            "a/b".parse::<OperationId>().is_ok(),
            "operation ids may hold slashes"
        );
    }

    #[test]
    fn an_id_goes_into_its_message_and_back() {
        let id = FrameworkId::new("f");

        assert_eq!(FrameworkId::from(&id.to_proto()), id);
    }
}
