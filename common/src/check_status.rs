//! Which results of checks an executor may tell.
//!
//! Mirrors `validateCheckStatusInfo` of `src/common/validation.cpp`.

use mesos_proto::v1::{CheckStatusInfo, check_info};
use thiserror::Error;

/// Why the result of a check is none. The texts are those of Mesos.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CheckStatusError {
    /// It does not say which kind of check it is of.
    #[error("CheckStatusInfo must specify 'type'")]
    NoType,
    /// It is of a kind that nobody knows.
    #[error("'UNKNOWN' is not a valid check's status type")]
    UnknownType,
    /// The part that its type names is missing.
    #[error("Expecting '{field}' to be set for {kind} check's status")]
    MissingPart {
        /// The missing field.
        field: &'static str,
        /// The type.
        kind: &'static str,
    },
}

/// Checks the result of a check.
///
/// # Errors
/// [`CheckStatusError`] names what is missing.
pub fn validate_check_status(status: &CheckStatusInfo) -> Result<(), CheckStatusError> {
    if status.r#type.is_none() {
        return Err(CheckStatusError::NoType);
    }
    let (is_set, field, kind) = match status.r#type() {
        check_info::Type::Command => (status.command.is_some(), "command", "COMMAND"),
        check_info::Type::Http => (status.http.is_some(), "http", "HTTP"),
        check_info::Type::Tcp => (status.tcp.is_some(), "tcp", "TCP"),
        check_info::Type::Unknown => return Err(CheckStatusError::UnknownType),
    };
    if is_set {
        Ok(())
    } else {
        Err(CheckStatusError::MissingPart { field, kind })
    }
}

#[cfg(test)]
mod tests {
    use mesos_proto::v1::check_status_info::Tcp;

    use super::*;

    fn of(kind: check_info::Type) -> CheckStatusInfo {
        CheckStatusInfo {
            r#type: Some(kind.into()),
            ..Default::default()
        }
    }

    /// Mirrors: CheckTest.CheckStatusInfoValidation
    #[test]
    fn result_says_of_which_kind_it_is_and_has_that_part() {
        let error =
            |status: &CheckStatusInfo| validate_check_status(status).unwrap_err().to_string();

        assert_eq!(
            error(&CheckStatusInfo::default()),
            "CheckStatusInfo must specify 'type'"
        );
        assert_eq!(
            error(&of(check_info::Type::Unknown)),
            "'UNKNOWN' is not a valid check's status type"
        );
        assert_eq!(
            error(&of(check_info::Type::Command)),
            "Expecting 'command' to be set for COMMAND check's status"
        );
        assert_eq!(
            error(&of(check_info::Type::Http)),
            "Expecting 'http' to be set for HTTP check's status"
        );
        assert_eq!(
            error(&of(check_info::Type::Tcp)),
            "Expecting 'tcp' to be set for TCP check's status"
        );
        let whole = CheckStatusInfo {
            tcp: Some(Tcp::default()),
            ..of(check_info::Type::Tcp)
        };
        assert_eq!(validate_check_status(&whole), Ok(()));
    }
}
