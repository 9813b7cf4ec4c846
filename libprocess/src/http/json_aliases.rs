//! Old names of endpoints, which end with `.json`.

use std::sync::atomic::{AtomicBool, Ordering};

/// Whether endpoints answer under their old names too.
#[derive(Debug, Default)]
pub(crate) struct JsonAliases {
    are_served: AtomicBool,
}

impl JsonAliases {
    pub(crate) fn serve(&self) {
        self.are_served.store(true, Ordering::Relaxed);
    }

    /// What a path is under its present name; none when it is no old one.
    pub(crate) fn plain<'a>(&self, path: &'a str) -> Option<&'a str> {
        let plain = path.strip_suffix(".json")?;
        self.are_served.load(Ordering::Relaxed).then_some(plain)
    }
}
