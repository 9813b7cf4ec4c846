//! The actors that every runtime has.

use crate::metrics::RateLimit;
use crate::runtime::Runtime;

/// What the built-in actors need to know.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) readonly_realm: Option<String>,
    pub(crate) readwrite_realm: Option<String>,
    pub(crate) metrics_rate_limit: Option<RateLimit>,
}

/// Starts them.
pub(crate) fn spawn(runtime: &Runtime, settings: Settings) {
    let _ = (runtime, settings);
}
