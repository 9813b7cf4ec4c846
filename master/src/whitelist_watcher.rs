//! Watches the file that lists the agents whose resources may be offered.
//!
//! Mirrors `src/watcher/whitelist_watcher.cpp`.
//!
//! # Timers
//! The file is read every [`WHITELIST_WATCH_INTERVAL`].

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::PathBuf;

use libprocess::{Context, Process, ProcessId};

use crate::constants::WHITELIST_WATCH_INTERVAL;

/// Host names of agents; `None` stands for every agent.
pub type Whitelist = Option<BTreeSet<String>>;

type Subscriber = Box<dyn FnMut(Whitelist) + Send>;

/// The actor `whitelist(N)`: tells one subscriber what the file holds, and again when it changes.
///
/// Until the file can be read for the first time nothing is told, and every agent is used.
/// Later on a file that cannot be read leaves the last list in force.
#[doc(alias = "WhitelistWatcher")]
pub struct WhitelistWatcherProcess {
    path: PathBuf,
    subscriber: Subscriber,
    last: Whitelist,
}

impl WhitelistWatcherProcess {
    /// Watches a file.
    #[must_use]
    pub fn new(path: PathBuf, subscriber: impl FnMut(Whitelist) + Send + 'static) -> Self {
        Self {
            path,
            subscriber: Box::new(subscriber),
            last: None,
        }
    }

    fn watch(&mut self, ctx: &mut Context<Self>) {
        let path = self.path.clone();
        ctx.perform_blocking(
            move || std::fs::read_to_string(path),
            |watcher, read, ctx| watcher.on_read(read, ctx),
        );
    }

    // Continues `watch`: the file was read, or cannot be.
    fn on_read(&mut self, read: io::Result<String>, ctx: &mut Context<Self>) {
        match read {
            Ok(text) => self.tell(Some(hosts(&text))),
            Err(error) => {
                let path = self.path.display();
                tracing::error!(%path, %error, "failed to read the whitelist, trying again");
            }
        }
        ctx.delay(WHITELIST_WATCH_INTERVAL, |watcher, ctx| watcher.watch(ctx));
    }

    fn tell(&mut self, whitelist: Whitelist) {
        if whitelist != self.last {
            self.last.clone_from(&whitelist);
            (self.subscriber)(whitelist);
        }
    }
}

impl fmt::Debug for WhitelistWatcherProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WhitelistWatcherProcess")
            .field("path", &self.path)
            .field("last", &self.last)
            .finish_non_exhaustive()
    }
}

impl Process for WhitelistWatcherProcess {
    fn id(&self) -> ProcessId {
        ProcessId::generated("whitelist")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        self.watch(ctx);
    }
}

/// One host name a line; empty lines are skipped.
fn hosts(text: &str) -> BTreeSet<String> {
    text.split('\n')
        .filter(|line| !line.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use libprocess::{Clock, Runtime};

    use super::*;

    fn watched(path: PathBuf) -> (Runtime, Receiver<Whitelist>) {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .clock(Clock::paused())
            .start()
            .expect("a runtime");
        let (sender, told) = channel();
        runtime.spawn(WhitelistWatcherProcess::new(path, move |whitelist| {
            let _ = sender.send(whitelist);
        }));
        runtime.clock().settle();
        (runtime, told)
    }

    fn later(runtime: &Runtime) {
        runtime.clock().settle();
        runtime.clock().advance(WHITELIST_WATCH_INTERVAL);
        runtime.clock().settle();
    }

    fn list(names: &[&str]) -> Whitelist {
        Some(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn changes_of_the_file_are_told_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("whitelist.txt");
        std::fs::write(&path, "a\n\nb\n").expect("writes");

        let (runtime, told) = watched(path.clone());
        later(&runtime);
        std::fs::write(&path, "").expect("writes");
        later(&runtime);

        let told: Vec<Whitelist> = told.try_iter().collect();
        assert_eq!(told, [list(&["a", "b"]), list(&[])]);
        runtime.shutdown();
    }

    #[test]
    fn file_that_is_missing_changes_nothing_until_it_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("whitelist.txt");

        let (runtime, told) = watched(path.clone());
        let before: Vec<Whitelist> = told.try_iter().collect();
        std::fs::write(&path, "a").expect("writes");
        later(&runtime);
        std::fs::remove_file(&path).expect("removes");
        later(&runtime);

        assert_eq!(before, []);
        assert_eq!(told.try_iter().collect::<Vec<_>>(), [list(&["a"])]);
        runtime.shutdown();
    }
}
