//! Whole recordings played against a live master: agents, frameworks and operators at once.
//!
//! A recording tells what every client sent and what the genuine master answered.
//! The player sends the same, in the same order, and compares every answer, event, message
//! and every snapshot of the read endpoints.
//!
//! [`timeline`] puts the files of a recording in one order.
//! [`player`] goes along it.
//! [`offers`] finds the live offer for a recorded one, for which agent comes first is chance.
//! [`snapshot`] compares the read endpoints.

pub mod agents;
pub mod events;
pub(crate) mod meaning;
pub mod offers;
pub mod order;
pub mod player;
pub mod schedulers;
pub mod shrinking;
pub mod snapshot;
pub mod timeline;

use thiserror::Error;

use crate::cluster::ClusterError;
use crate::descriptors::DescriptorError;
use crate::golden::GoldenError;
use crate::http_client::HttpError;
use crate::legacy_peer::PeerError;
use crate::record_stream::StreamError;
use crate::replay::ReplayError;

/// Why a recording could not be played to its end.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The recording cannot be read.
    #[error(transparent)]
    Golden(#[from] GoldenError),
    /// A frame of the recording cannot be read.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The master does not come up.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// An agent cannot speak.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// A call got no answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A stream did not open.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A recorded message has another shape than the `.proto` files say.
    #[error(transparent)]
    Message(#[from] DescriptorError),
}
