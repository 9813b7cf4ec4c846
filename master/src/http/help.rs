//! What `/help` says about each endpoint.

use libprocess::http::Help;

/// `/registrar(1)/registry`.
#[must_use]
pub fn registry() -> Help {
    Help::new("Returns the current contents of the Registry in JSON.", &[])
}

/// A page of one line.
#[must_use]
pub fn line(text: &str) -> Help {
    Help::new(text, &[])
}
