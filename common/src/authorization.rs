//! Who may do what: rules from `--acls`, and the questions that master and agent ask of them.
//!
//! Mirrors `src/authorizer/local/authorizer.cpp` and `include/mesos/authorizer/authorizer.hpp`.
//!
//! The rules never change while a daemon runs, so asking is a function and not a conversation:
//! [`Approvers`] is a value that any code may hold, on any thread.
//! [`LocalAuthorizerProcess`] serves those who can only wait for an answer.
//!
//! # Invariants
//! - Within a kind of rule the first one that matches subject and object decides.
//! - When none matches, `permissive` decides.

mod acl;
mod local;
mod object;
mod process;

pub use mesos_proto::authorization::Action;

pub use self::local::{AclError, Approvers, LocalAuthorizer};
pub use self::object::Object;
pub use self::process::{AuthorizationError, Authorizer, LocalAuthorizerProcess};

#[cfg(test)]
mod tests;
