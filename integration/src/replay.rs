//! Plays one recorded side of a conversation against a live daemon and compares the other side.
//!
//! Ids, ports and times differ between recording and live run: [`ids`] maps them.
//! [`master`] plays agents and frameworks against our master.
//! [`agent`] plays the master against our agent.
//! [`client`] plays agent and master against our executors and schedulers.
//! [`driver`] plays the master against our scheduler driver.
//! [`executor`] plays an agent that spoke the legacy messages against our executors.
//! [`neighbours`] plays the master and the executors against our agent.

pub mod agent;
pub mod client;
pub mod compare;
pub mod driver;
pub mod executor;
pub mod ids;
pub mod master;
pub mod neighbours;
pub mod wire;

use thiserror::Error;

use crate::descriptors::DescriptorError;
use crate::golden::GoldenError;
use crate::http_client::HttpError;
use crate::legacy_peer::PeerError;
use crate::record_stream::StreamError;
use crate::replay::neighbours::stand_in::StandInError;

pub use self::compare::Difference;

/// Why a replay stopped.
#[derive(Debug, Error)]
pub enum ReplayError {
    /// The recording cannot be read.
    #[error(transparent)]
    Golden(#[from] GoldenError),
    /// One frame could not be played.
    #[error("frame {frame}: {source}")]
    Frame {
        /// Line of the recording, from 1.
        frame: usize,
        /// What failed.
        source: FrameError,
    },
}

/// Why one frame could not be played.
#[derive(Debug, Error)]
pub enum FrameError {
    /// A legacy message failed or did not come.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// A stream failed or ended early.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// An HTTP call failed.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A message does not decode or encode.
    #[error(transparent)]
    Message(#[from] DescriptorError),
    /// The recording holds something that the player does not understand.
    #[error("{0}")]
    Unplayable(&'static str),
    /// The agent did not start an executor, or a task does not run.
    #[error(transparent)]
    StandIn(#[from] StandInError),
    /// The other side cannot be written to.
    #[error("write to the other side")]
    Io(#[from] std::io::Error),
    /// A recorded body that should be JSON is none.
    #[error("the recorded body is no JSON")]
    Json(#[from] serde_json::Error),
}

/// Puts the number of a frame to what failed in it.
fn in_frame<E: Into<FrameError>>(frame: usize) -> impl Fn(E) -> ReplayError + Copy {
    move |source| ReplayError::Frame {
        frame,
        source: source.into(),
    }
}

/// What a replay found.
#[derive(Debug, Default)]
pub struct Outcome {
    /// How many messages and answers were compared, by name.
    pub compared: std::collections::BTreeMap<String, usize>,
    /// Where the live side said something else.
    pub differences: Vec<Difference>,
}

impl Outcome {
    /// Counts one comparison and keeps its differences.
    pub fn add(&mut self, name: &str, differences: Vec<Difference>) {
        *self.compared.entry(name.to_owned()).or_default() += 1;
        self.differences.extend(differences);
    }

    /// Returns how often a message or answer of that name was compared.
    #[must_use]
    pub fn count(&self, name: &str) -> usize {
        self.compared.get(name).copied().unwrap_or(0)
    }

    /// The differences, a line each; empty when there is none.
    #[must_use]
    pub fn report(&self) -> String {
        let lines: Vec<String> = self.differences.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }
}
