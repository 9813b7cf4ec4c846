//! What removes the sandboxes of nested containers some time after their end.

use std::{fmt, path::Path, time::Duration};

use libprocess::Future;

/// Removes directories later.
pub trait SandboxCollector: Send + Sync + fmt::Debug {
    /// Has a directory removed that was last used some time ago.
    fn schedule(&self, path: &Path, age: Duration);

    /// Keeps a directory; the answer comes when a removal that had begun is over.
    fn unschedule(&self, path: &Path) -> Future<()>;
}
