//! One list of agents of the registry, kept as the bytes that are stored of it.
//!
//! # Owns
//! The encoded entries in their order, and where each agent's entry is.
//!
//! # Invariants
//! - What is written is what the list of entries as a message would be encoded to.
//! - To add, change or take an entry costs as much with a hundred thousand entries as with ten.

use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;

use mesos_proto::internal::registry::{Agent, GoneAgent, UnreachableAgent};
use mesos_proto_codec::UnknownFields;
use prost::Message;
use prost::encoding::{WireType, decode_varint, encode_key, encode_varint, encoded_len_varint};

/// The field of all three lists that holds the entries.
const ENTRIES: u32 = 1;

/// Fewer free places than this are never worth closing.
const FEWEST_HOLES: usize = 1_024;

/// An entry of a list of agents.
pub trait Entry: Message + Default {
    /// Whose entry it is.
    fn agent_id(&self) -> &str;

    /// Whether an operator keeps the agent from being offered.
    fn is_deactivated(&self) -> bool;
}

impl Entry for Agent {
    fn agent_id(&self) -> &str {
        self.info().id().value()
    }

    fn is_deactivated(&self) -> bool {
        self.deactivated()
    }
}

impl Entry for UnreachableAgent {
    fn agent_id(&self) -> &str {
        self.id().value()
    }

    fn is_deactivated(&self) -> bool {
        self.deactivated()
    }
}

impl Entry for GoneAgent {
    fn agent_id(&self) -> &str {
        self.id().value()
    }

    fn is_deactivated(&self) -> bool {
        false
    }
}

/// An entry as it stands in the list: key, length and message.
type Encoded = Box<[u8]>;

/// A list of agents with at most one entry each.
#[derive(Clone, Debug)]
pub struct Roll<T> {
    /// Entries in order; one that was taken leaves its place free.
    places: Vec<Option<Encoded>>,
    index: HashMap<String, usize>,
    deactivated: HashSet<String>,
    /// Bytes of all entries together.
    length: usize,
    /// Whether the list is written; an empty one may be.
    written: bool,
    unknown: UnknownFields,
    entries: PhantomData<T>,
}

impl<T> Default for Roll<T> {
    fn default() -> Self {
        Self {
            places: Vec::new(),
            index: HashMap::new(),
            deactivated: HashSet::new(),
            length: 0,
            written: false,
            unknown: UnknownFields::EMPTY,
            entries: PhantomData,
        }
    }
}

impl<T: Entry> Roll<T> {
    /// The list of these entries; `unknown` is what a newer master wrote beside them.
    pub(super) fn of(entries: &[T], unknown: &UnknownFields) -> Self {
        let mut roll = Self {
            written: true,
            unknown: unknown.clone(),
            places: Vec::with_capacity(entries.len()),
            index: HashMap::with_capacity(entries.len()),
            ..Self::default()
        };
        for entry in entries {
            roll.push(entry);
        }
        roll
    }

    /// How many agents are in the list.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether nobody is in the list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Whether the agent is in the list.
    #[must_use]
    pub fn contains(&self, agent_id: &str) -> bool {
        self.index.contains_key(agent_id)
    }

    /// Whether the list has a deactivated agent.
    #[must_use]
    pub fn has_deactivated(&self) -> bool {
        !self.deactivated.is_empty()
    }

    /// The entry of an agent.
    #[must_use]
    pub fn get(&self, agent_id: &str) -> Option<T> {
        let place = self.index.get(agent_id)?;
        self.places.get(*place)?.as_ref().map(decode)
    }

    /// All entries in order.
    pub fn entries(&self) -> impl Iterator<Item = T> {
        self.places.iter().flatten().map(decode)
    }

    /// The list as a message, unless it is not written at all.
    pub(super) fn list<L>(&self, list: impl FnOnce(Vec<T>, UnknownFields) -> L) -> Option<L> {
        self.written
            .then(|| list(self.entries().collect(), self.unknown.clone()))
    }

    /// Adds an entry at the end.
    pub(super) fn push(&mut self, entry: &T) {
        self.written = true;
        let place = self.places.len();
        self.note(entry);
        self.index
            .entry(entry.agent_id().to_owned())
            .or_insert(place);
        let encoded = encode(entry);
        self.length += encoded.len();
        self.places.push(Some(encoded));
    }

    /// Takes the entry of an agent out; the others keep their order.
    pub(super) fn take(&mut self, agent_id: &str) -> Option<T> {
        let place = self.index.remove(agent_id)?;
        self.deactivated.remove(agent_id);
        let encoded = self.places.get_mut(place)?.take()?;
        self.length -= encoded.len();
        let holes = self.places.len() - self.index.len();
        if holes > FEWEST_HOLES.max(self.index.len()) {
            self.close_holes();
        }
        Some(decode(&encoded))
    }

    /// Changes the entry of an agent, but not whose it is; none when it is not there.
    pub(super) fn change<R>(
        &mut self,
        agent_id: &str,
        change: impl FnOnce(&mut T) -> R,
    ) -> Option<R> {
        let mut entry = self.get(agent_id)?;
        let changed = change(&mut entry);
        self.note(&entry);
        let place = *self.index.get(agent_id)?;
        let encoded = self.places.get_mut(place)?.as_mut()?;
        self.length -= encoded.len();
        *encoded = encode(&entry);
        self.length += encoded.len();
        Some(changed)
    }

    fn note(&mut self, entry: &T) {
        if entry.is_deactivated() {
            self.deactivated.insert(entry.agent_id().to_owned());
        } else {
            self.deactivated.remove(entry.agent_id());
        }
    }

    /// Moves the entries up over the free places: costs as much as there are entries, and comes
    /// only after as many were taken.
    fn close_holes(&mut self) {
        let mut moved = vec![0; self.places.len()];
        let mut next = 0;
        for (place, new) in self.places.iter().zip(&mut moved) {
            *new = next;
            next += usize::from(place.is_some());
        }
        self.places.retain(Option::is_some);
        for place in self.index.values_mut() {
            *place = moved.get(*place).copied().unwrap_or_default();
        }
    }

    /// How many bytes [`Roll::put`] writes.
    pub(super) fn encoded_len(&self, tag: u32) -> usize {
        if !self.written {
            return 0;
        }
        let body = self.length + self.unknown.as_bytes().len();
        prost::encoding::key_len(tag) + encoded_len_varint(body as u64) + body
    }

    /// Appends the list as the field `tag` of the registry.
    pub(super) fn put(&self, tag: u32, out: &mut Vec<u8>) {
        if !self.written {
            return;
        }
        encode_key(tag, WireType::LengthDelimited, out);
        let unknown = self.unknown.as_bytes();
        encode_varint((self.length + unknown.len()) as u64, out);
        for entry in self.places.iter().flatten() {
            out.extend_from_slice(entry);
        }
        out.extend_from_slice(unknown);
    }
}

fn encode<T: Entry>(entry: &T) -> Encoded {
    let message = entry.encode_to_vec();
    let length = message.len() as u64;
    let head = prost::encoding::key_len(ENTRIES) + encoded_len_varint(length);
    let mut encoded = Vec::with_capacity(head + message.len());
    encode_key(ENTRIES, WireType::LengthDelimited, &mut encoded);
    encode_varint(length, &mut encoded);
    encoded.extend_from_slice(&message);
    encoded.into_boxed_slice()
}

fn decode<T: Entry>(encoded: &Encoded) -> T {
    let mut message = encoded
        .get(prost::encoding::key_len(ENTRIES)..)
        .unwrap_or_default();
    decode_varint(&mut message)
        .and_then(|_| T::decode(message))
        .expect("the entry was encoded here")
}

#[cfg(test)]
mod tests;
