//! What one replica knows and how it answers: a pure value.
//!
//! Mirrors the rules of `src/log/replica.cpp`; the actor around it is in [`crate::replica`].
//!
//! # Invariants
//! - `holes` and `unlearned` never overlap.
//! - A position below `begin` is truncated, one above `end` has never been seen.
//! - What an answer promises is in the [`Change`] that must be stored first.

use mesos_proto::internal::log::{
    Action, Metadata, PromiseRequest, PromiseResponse, RecoverResponse, WriteRequest,
    WriteResponse, action, metadata, promise_response, write_response,
};

use crate::positions::Positions;

/// What the storage holds for the position that a request names.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Found {
    /// The position lies before the beginning of the log.
    Truncated,
    /// Nobody has written or promised anything there.
    Nothing,
    /// The stored action.
    Action(Box<Action>),
}

/// What must be on disk before the answer leaves.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// The promise that covers every position without an action of its own.
    Metadata(Metadata),
    /// One position.
    Action(Box<Action>),
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict<R> {
    /// Stored, synced, before anything is answered.
    pub(crate) change: Option<Change>,
    /// Nothing at all is said when this is empty.
    pub(crate) answer: Option<R>,
}

impl<R> Verdict<R> {
    fn silent() -> Self {
        Self {
            change: None,
            answer: None,
        }
    }

    fn answer(answer: R) -> Self {
        Self {
            change: None,
            answer: Some(answer),
        }
    }

    fn store(change: Change, answer: R) -> Self {
        Self {
            change: Some(change),
            answer: Some(answer),
        }
    }
}

/// A replica's memory of its own storage.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ReplicaState {
    status: metadata::Status,
    promised: u64,
    begin: u64,
    end: u64,
    holes: Positions,
    unlearned: Positions,
}

impl ReplicaState {
    /// Builds the state from what a scan of the storage found.
    ///
    /// A store without any action has the single position 0, and that is a hole.
    pub(crate) fn recovered(scan: &Scan) -> Self {
        let mut holes = Positions::default();
        holes.insert(scan.begin, scan.end);
        holes.remove_all(&scan.learned);
        holes.remove_all(&scan.unlearned);
        let mut unlearned = scan.unlearned.clone();
        if let Some(truncated) = scan.begin.checked_sub(1) {
            unlearned.remove(0, truncated);
        }
        Self {
            status: scan.status,
            promised: scan.promised,
            begin: scan.begin,
            end: scan.end,
            holes,
            unlearned,
        }
    }

    /// Whether this replica votes, and if not, how far it is.
    pub(crate) fn status(&self) -> metadata::Status {
        self.status
    }

    /// The highest proposal promised for all positions without a promise of their own.
    pub(crate) fn promised(&self) -> u64 {
        self.promised
    }

    /// The first position that is not truncated.
    pub(crate) fn beginning(&self) -> u64 {
        self.begin
    }

    /// The last position that was ever seen.
    pub(crate) fn ending(&self) -> u64 {
        self.end
    }

    /// Whether nothing is stored at a position of the log: above the end, or a hole.
    pub(crate) fn is_blank(&self, position: u64) -> bool {
        position > self.end || self.holes.contains(position)
    }

    /// The positions of `from..=to` where something is stored; holes of any width cost nothing.
    pub(crate) fn stored_between(&self, from: u64, to: u64) -> Positions {
        let mut stored = Positions::default();
        stored.insert(from.max(self.begin), to.min(self.end));
        stored.remove_all(&self.holes);
        stored
    }

    /// Whether this replica does not know the agreed value of a position.
    pub(crate) fn is_missing(&self, position: u64) -> bool {
        if position < self.begin {
            return false;
        }
        self.is_blank(position) || self.unlearned.contains(position)
    }

    /// The positions of `from..=to` whose agreed value this replica does not know.
    pub(crate) fn missing(&self, from: u64, to: u64) -> Positions {
        if from > to {
            return Positions::default();
        }
        let mut all = self.holes.clone();
        all.insert_all(&self.unlearned);
        if to > self.end {
            all.insert(self.end.saturating_add(1), to);
        }
        all.intersect(from, to)
    }

    /// Decides on a promise request; `found` is the storage's answer for an explicit position.
    pub(crate) fn promise(
        &self,
        request: &PromiseRequest,
        found: &Found,
    ) -> Verdict<PromiseResponse> {
        let proposal = request.proposal();
        if self.status != metadata::Status::Voting {
            return Verdict::answer(promise_answer(promise_response::Type::Ignored, proposal));
        }
        let Some(position) = request.position else {
            return self.implicit_promise(proposal);
        };
        match found {
            Found::Truncated => Verdict::answer(PromiseResponse {
                action: Some(self.tombstone(position).into()),
                ..promise_answer(promise_response::Type::Accept, proposal)
            }),
            Found::Nothing if proposal <= self.promised => Verdict::answer(promise_answer(
                promise_response::Type::Reject,
                self.promised,
            )),
            Found::Nothing => Verdict::store(
                Change::Action(Box::new(Action {
                    position: Some(position),
                    promised: Some(proposal),
                    ..Action::default()
                })),
                PromiseResponse {
                    position: Some(position),
                    ..promise_answer(promise_response::Type::Accept, proposal)
                },
            ),
            Found::Action(action) if proposal <= action.promised() => Verdict::answer(
                promise_answer(promise_response::Type::Reject, action.promised()),
            ),
            Found::Action(action) => {
                let mut promised = action.clone();
                promised.promised = Some(proposal);
                Verdict::store(
                    Change::Action(promised),
                    PromiseResponse {
                        action: Some((**action).clone().into()),
                        ..promise_answer(promise_response::Type::Accept, proposal)
                    },
                )
            }
        }
    }

    fn implicit_promise(&self, proposal: u64) -> Verdict<PromiseResponse> {
        if proposal <= self.promised {
            return Verdict::answer(promise_answer(
                promise_response::Type::Reject,
                self.promised,
            ));
        }
        Verdict::store(
            Change::Metadata(self.metadata_with(self.status, proposal)),
            PromiseResponse {
                position: Some(self.end),
                ..promise_answer(promise_response::Type::Accept, proposal)
            },
        )
    }

    /// The stand-in for a truncated position: learned, and marked so that its reader truncates too.
    fn tombstone(&self, position: u64) -> Action {
        Action {
            position: Some(position),
            promised: Some(self.promised),
            performed: Some(self.promised),
            learned: Some(true),
            r#type: Some(action::Type::Nop.into()),
            nop: Some(action::Nop {
                tombstone: Some(true),
                ..Default::default()
            }),
            ..Action::default()
        }
    }

    /// Decides on a write request.
    ///
    /// A write whose value does not belong to its type is met with silence: C++ aborts there.
    pub(crate) fn write(&self, request: &WriteRequest, found: &Found) -> Verdict<WriteResponse> {
        let (proposal, position) = (request.proposal(), request.position());
        if self.status != metadata::Status::Voting {
            let ignored = write_answer(write_response::Type::Ignored, proposal, position);
            return Verdict::answer(ignored);
        }
        if !has_value_of_its_type(request) {
            return Verdict::silent();
        }
        let accepted = write_answer(write_response::Type::Accept, proposal, position);
        match found {
            Found::Truncated => Verdict::silent(),
            Found::Nothing if proposal < self.promised => Verdict::answer(write_answer(
                write_response::Type::Reject,
                self.promised,
                position,
            )),
            Found::Nothing => {
                Verdict::store(Change::Action(written(request, self.promised)), accepted)
            }
            Found::Action(action) if proposal < action.promised() => Verdict::answer(write_answer(
                write_response::Type::Reject,
                action.promised(),
                position,
            )),
            Found::Action(action) if action.learned() => Verdict::silent(),
            Found::Action(action) => Verdict::store(
                Change::Action(written(request, action.promised())),
                accepted,
            ),
        }
    }

    /// Says how far this replica is.
    pub(crate) fn recover(&self) -> RecoverResponse {
        let voting = self.status == metadata::Status::Voting;
        RecoverResponse {
            status: Some(self.status.into()),
            begin: voting.then_some(self.begin),
            end: voting.then_some(self.end),
            ..RecoverResponse::default()
        }
    }

    /// The metadata record with another status and the same promise.
    pub(crate) fn metadata_for(&self, status: metadata::Status) -> Metadata {
        self.metadata_with(status, self.promised)
    }

    #[expect(
        clippy::unused_self,
        reason = "reads as a method of the state it describes"
    )]
    fn metadata_with(&self, status: metadata::Status, promised: u64) -> Metadata {
        Metadata {
            status: Some(status.into()),
            promised: Some(promised),
            ..Metadata::default()
        }
    }

    /// Takes note of a change that the storage now holds.
    pub(crate) fn stored(&mut self, change: &Change) {
        match change {
            Change::Metadata(metadata) => {
                self.status = metadata.status();
                self.promised = metadata.promised();
            }
            Change::Action(action) => self.stored_action(action),
        }
    }

    fn stored_action(&mut self, action: &Action) {
        let position = action.position();
        self.holes.remove(position, position);
        if action.learned() {
            self.unlearned.remove(position, position);
            if let Some(begin) = truncates_to(action) {
                self.truncated_to(begin);
            }
        } else {
            self.unlearned.insert(position, position);
        }
        if position > self.end {
            if let (Some(from), Some(to)) = (self.end.checked_add(1), position.checked_sub(1)) {
                self.holes.insert(from, to);
            }
            self.end = position;
        }
    }

    fn truncated_to(&mut self, begin: u64) {
        if let Some(last) = begin.checked_sub(1) {
            self.holes.remove(0, last);
            self.unlearned.remove(0, last);
        }
        self.begin = self.begin.max(begin);
    }
}

/// What a scan of the storage found at start.
#[derive(Clone, Debug, PartialEq)]
pub struct Scan {
    /// Whether the replica votes.
    pub status: metadata::Status,
    /// The highest proposal promised for all positions.
    pub promised: u64,
    /// First position that is not truncated.
    pub begin: u64,
    /// Last position with an action.
    pub end: u64,
    /// Lowest position that is still stored; at most `begin` when deletes are pending.
    pub first: Option<u64>,
    /// Positions with an agreed value.
    pub learned: Positions,
    /// Positions with a promise or a write that is not known to be agreed.
    pub unlearned: Positions,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            status: metadata::Status::Empty,
            promised: 0,
            begin: 0,
            end: 0,
            first: None,
            learned: Positions::default(),
            unlearned: Positions::default(),
        }
    }
}

impl Scan {
    /// Adds the next action; actions come in the order of their positions.
    pub fn add(&mut self, action: &Action) {
        let position = action.position();
        if action.learned() {
            self.learned.insert(position, position);
            if let Some(begin) = truncates_to(action) {
                self.begin = self.begin.max(begin);
            }
        } else {
            self.unlearned.insert(position, position);
        }
        self.end = self.end.max(position);
        self.first = Some(self.first.map_or(position, |first| first.min(position)));
    }
}

/// Where the log begins once this learned action is stored, if it truncates at all.
pub(crate) fn truncates_to(action: &Action) -> Option<u64> {
    match action.r#type() {
        action::Type::Truncate => Some(action.truncate().to()),
        action::Type::Nop if action.nop().tombstone() => action.position().checked_add(1),
        action::Type::Nop | action::Type::Append => None,
    }
}

fn promise_answer(kind: promise_response::Type, proposal: u64) -> PromiseResponse {
    PromiseResponse {
        okay: Some(kind == promise_response::Type::Accept),
        proposal: Some(proposal),
        r#type: Some(kind.into()),
        ..PromiseResponse::default()
    }
}

fn write_answer(kind: write_response::Type, proposal: u64, position: u64) -> WriteResponse {
    WriteResponse {
        okay: Some(kind == write_response::Type::Accept),
        proposal: Some(proposal),
        position: Some(position),
        r#type: Some(kind.into()),
        ..WriteResponse::default()
    }
}

fn has_value_of_its_type(request: &WriteRequest) -> bool {
    match request.r#type() {
        action::Type::Nop => request.nop.is_some(),
        action::Type::Append => request.append.is_some(),
        action::Type::Truncate => request.truncate.is_some(),
    }
}

fn written(request: &WriteRequest, promised: u64) -> Box<Action> {
    Box::new(Action {
        position: request.position,
        promised: Some(promised),
        performed: request.proposal,
        learned: request.learned,
        r#type: request.r#type,
        nop: request.nop.clone(),
        append: request.append.clone(),
        truncate: request.truncate.clone(),
        ..Action::default()
    })
}

#[cfg(test)]
mod tests;
