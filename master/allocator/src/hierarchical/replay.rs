//! Applying a recorded list of events again.

use crate::allocator::AllocatorOptions;
use crate::event::{Command, Recorded};
use crate::hierarchical::state::State;

/// Applies the events to a fresh allocator and returns all commands, in order.
///
/// The same options, seed included, and the same events give the same commands.
#[must_use]
pub fn replay(options: AllocatorOptions, events: &[Recorded]) -> Vec<Command> {
    let mut state = State::new(options);
    let mut commands = Vec::new();
    for recorded in events {
        commands.extend(state.apply(recorded.event.clone(), recorded.at));
    }
    commands
}
