//! Waits for the signals that end a program.

use std::io;

use tokio::signal::unix::{SignalKind, signal};

/// A signal that asks a program to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Termination {
    /// Ctrl-C.
    Interrupt,
    /// `kill`.
    Terminate,
}

impl Termination {
    /// The exit status of a program that ended because of the signal, as a shell reports it.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 128 + 2,
            Self::Terminate => 128 + 15,
        }
    }
}

/// Waits for the first of the two signals.
///
/// # Errors
/// When the signals cannot be watched.
///
/// # Cancel safety
/// Once called, the signals no longer end the program by themselves.
pub(crate) async fn termination() -> io::Result<Termination> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => Ok(Termination::Interrupt),
        _ = terminate.recv() => Ok(Termination::Terminate),
    }
}
