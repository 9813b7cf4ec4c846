//! The sending side of a stream: what a socket has queued becomes the body of a request or a response.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use ::http::HeaderMap;
use bytes::Bytes;
use futures::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::sync::oneshot;
use tonic::Status;
use tonic::body::Body;

use crate::runtime::Runtime;
use crate::socket_manager::Socket;

/// How much is handed over at once, and so no longer counted as queued.
const PIECE: usize = 64 * 1024;

/// How a side begins and ends.
pub(super) enum Ending {
    /// It waits until the call is taken, and tells when all is sent.
    Request {
        gate: oneshot::Receiver<()>,
        sent: oneshot::Sender<()>,
    },
    /// It says how the call ended: well, unless a status was set.
    Response(Arc<OnceLock<Status>>),
}

struct Source {
    runtime: Runtime,
    socket: Arc<Socket>,
    pieces: VecDeque<Bytes>,
    ending: Option<Ending>,
}

/// A body that never fails; it breaks off with its connection.
pub(super) fn outgoing(runtime: &Runtime, socket: &Arc<Socket>, ending: Ending) -> Body {
    let source = Source {
        runtime: runtime.clone(),
        socket: Arc::clone(socket),
        pieces: VecDeque::new(),
        ending: Some(ending),
    };
    Body::new(StreamBody::new(stream::unfold(
        source,
        |mut source| async {
            let frame = source.next().await?;
            Some((Ok::<_, Infallible>(frame), source))
        },
    )))
}

/// The body for a caller to which nothing is sent.
pub(super) fn only_status(finished: oneshot::Receiver<Option<Status>>) -> Body {
    Body::new(StreamBody::new(stream::once(async {
        let status = finished.await.ok().flatten();
        Ok::<_, Infallible>(trailers(status.as_ref()))
    })))
}

impl Source {
    async fn next(&mut self) -> Option<Frame<Bytes>> {
        if let Some(Ending::Request { gate, .. }) = &mut self.ending
            && !gate.is_terminated()
        {
            gate.await.ok()?;
        }
        loop {
            if let Some(piece) = self.pieces.front_mut() {
                let data = piece.split_to(piece.len().min(PIECE));
                if piece.is_empty() {
                    self.pieces.pop_front();
                }
                self.socket.written(data.len());
                return Some(Frame::data(data));
            }
            let next = tokio::select! {
                next = self.socket.next_for(&self.runtime) => next,
                () = self.socket.closed() => None,
            };
            match next {
                Some(pieces) => self.pieces = pieces,
                None => return self.end(),
            }
        }
    }

    fn end(&mut self) -> Option<Frame<Bytes>> {
        match self.ending.take()? {
            Ending::Request { sent, .. } => {
                // Who dialled may have gone.
                let _ = sent.send(());
                None
            }
            Ending::Response(status) => Some(trailers(status.get())),
        }
    }
}

fn trailers(status: Option<&Status>) -> Frame<Bytes> {
    let well = Status::ok("");
    let mut trailers = HeaderMap::new();
    // A status is always made of header values.
    let _ = status.unwrap_or(&well).add_header(&mut trailers);
    Frame::trailers(trailers)
}
