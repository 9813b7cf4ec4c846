//! A panic ends the program.
//!
//! Release builds abort by their profile. Builds that unwind would lose the actor or the task without a word and wait
//! for it for ever, so they abort here, after the panic's own message.

/// Aborts when it is dropped by a panic.
pub(crate) struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}
