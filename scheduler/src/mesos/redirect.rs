//! Where a master that does not lead sends its schedulers.

use libprocess::Upid;

/// How many redirects are followed one after the other, until the search starts anew.
pub(super) const MAX_REDIRECTS: u32 = 5;

/// Reads the `Location` of a redirect, such as `//master1:5050/master/api/v1/scheduler`.
///
/// The scheme may be missing: masters answer without one, so that HTTPS stays HTTPS.
/// The lookup of a host name blocks.
pub(super) fn target(location: &str) -> Option<Upid> {
    let rest = location.split_once("//").map_or(location, |(_, rest)| rest);
    let authority = rest.split('/').next()?;
    if authority.is_empty() {
        return None;
    }
    Upid::resolve(&format!("master@{authority}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn location_needs_no_scheme() {
        for location in [
            "//127.0.0.1:5050/master/api/v1/scheduler",
            "http://127.0.0.1:5050/master/api/v1/scheduler",
            "//127.0.0.1:5050",
        ] {
            let target = target(location).map(|upid| upid.to_string());
            assert_eq!(
                target.as_deref(),
                Some("master@127.0.0.1:5050"),
                "{location}"
            );
        }
    }

    #[test]
    fn location_without_a_port_is_not_followed() {
        assert_eq!(target("//127.0.0.1/"), None);
        assert_eq!(target("/api/v1/scheduler"), None);
        assert_eq!(target(""), None);
    }
}
