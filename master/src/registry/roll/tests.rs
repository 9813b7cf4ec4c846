//! Tests of a list of agents against a plain list of messages.

use mesos_proto::internal::registry::{Agent, Agents};
use mesos_proto::v1;

use super::*;

const TAG: u32 = 2;

fn agent(id: &str, hostname: &str) -> Agent {
    let info = v1::AgentInfo {
        hostname: Some(hostname.to_owned()),
        id: Some(v1::AgentId {
            value: Some(id.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    Agent {
        info: Some(info.into()),
        ..Default::default()
    }
}

/// The list beside the messages that it should hold.
#[derive(Default)]
struct Pair {
    roll: Roll<Agent>,
    model: Vec<Agent>,
}

impl Pair {
    fn position(&self, id: &str) -> Option<usize> {
        self.model.iter().position(|agent| agent.agent_id() == id)
    }

    fn push(&mut self, id: &str, hostname: &str) {
        if self.position(id).is_none() {
            let agent = agent(id, hostname);
            self.roll.push(&agent);
            self.model.push(agent);
        }
    }

    fn take(&mut self, id: &str) {
        let expected = self.position(id).map(|at| self.model.remove(at));
        assert_eq!(self.roll.take(id), expected);
    }

    fn deactivate(&mut self, id: &str, deactivated: Option<bool>) {
        let expected = self.position(id).map(|at| {
            self.model[at].deactivated = deactivated;
        });
        let changed = self.roll.change(id, |agent| {
            agent.deactivated = deactivated;
        });
        assert_eq!(changed, expected);
    }

    #[track_caller]
    fn check(&self) {
        let mut expected = Vec::new();
        if self.roll.written {
            let agents = Agents {
                agents: self.model.clone(),
                unknown: self.roll.unknown.clone(),
            };
            prost::encoding::message::encode(TAG, &agents, &mut expected);
        }
        let mut written = Vec::new();
        self.roll.put(TAG, &mut written);
        assert_eq!(written, expected);
        assert_eq!(self.roll.encoded_len(TAG), expected.len());
        assert_eq!(self.roll.len(), self.model.len());
        assert_eq!(
            self.roll.has_deactivated(),
            self.model.iter().any(Agent::deactivated)
        );
        for agent in &self.model {
            assert_eq!(self.roll.get(agent.agent_id()).as_ref(), Some(agent));
        }
    }
}

#[test]
fn a_list_is_written_as_the_message_of_its_entries_whatever_happened_to_it() {
    for seed in 0..50 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut pair = Pair::default();
        for step in 0..200 {
            let id = format!("S{}", random.u8(0..20));
            match random.u8(0..4) {
                0 | 1 => pair.push(&id, &"h".repeat(random.usize(0..300))),
                2 => pair.take(&id),
                _ => pair.deactivate(&id, Some(random.bool())),
            }
            if step % 20 == 0 {
                pair.check();
            }
        }
        pair.check();
    }
}

#[test]
fn a_list_whose_holes_were_closed_still_knows_everybody() {
    let mut pair = Pair::default();
    for number in 0..3 * FEWEST_HOLES {
        pair.push(&format!("S{number}"), "host");
    }

    for number in 0..2 * FEWEST_HOLES {
        pair.take(&format!("S{}", number * 3 / 2));
    }

    assert!(pair.roll.places.len() < 3 * FEWEST_HOLES);
    pair.check();
}

#[test]
fn an_empty_list_that_was_written_is_written_again() {
    let mut list = Agents::default();
    list.unknown.push(&[0x78, 0x01]);

    let pair = Pair {
        roll: Roll::of(&list.agents, &list.unknown),
        model: Vec::new(),
    };

    pair.check();
    assert_eq!(pair.roll.encoded_len(TAG), 4);
}
