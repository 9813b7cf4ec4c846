//! What a fault does to the network.

use std::io;

use super::{State, Step};
use crate::address::Address;
use crate::simulation::fault::Fault;
use crate::simulation::pipe::{ConnectionId, PipeId, Wakers};

impl State {
    pub(super) fn inflict(&mut self, fault: Fault) -> Vec<Wakers> {
        tracing::debug!(at = ?self.now, ?fault, "simulated fault");
        match fault {
            Fault::Weather(weather) => self.weather = weather,
            Fault::PathWeather { from, to, weather } => {
                self.paths.insert((from, to), weather);
            }
            Fault::Partition(one, other) => {
                self.blocked.extend([(one, other), (other, one)]);
            }
            Fault::Block { from, to } => {
                self.blocked.insert((from, to));
            }
            Fault::Heal(one, other) => {
                self.blocked.remove(&(one, other));
                self.blocked.remove(&(other, one));
            }
            Fault::HealAll => self.blocked.clear(),
            Fault::Disconnect(one, other) => {
                return self.disconnect(|id| {
                    (id.client, id.server) == (one, other) || (id.client, id.server) == (other, one)
                });
            }
            Fault::Crash(host) => return self.crash(host),
        }
        Vec::new()
    }

    fn disconnect(&mut self, concerned: impl Fn(&ConnectionId) -> bool) -> Vec<Wakers> {
        let mut woken = Vec::new();
        for (id, connecting) in &mut self.connecting {
            if concerned(id) {
                woken.push(connecting.end(Err(io::ErrorKind::ConnectionReset)));
            }
        }
        let ends: Vec<PipeId> = self.pipes.keys().copied().collect();
        for end in ends {
            if concerned(&end.connection) {
                woken.extend(self.break_end(end, io::ErrorKind::ConnectionReset));
            }
        }
        woken
    }

    fn crash(&mut self, host: Address) -> Vec<Wakers> {
        if let Some(listening) = self.listening.remove(&host) {
            self.dead.insert(listening.incarnation);
        }
        let mut woken = Vec::new();
        for (id, connecting) in &mut self.connecting {
            if id.client == host {
                woken.push(connecting.end(Err(io::ErrorKind::NetworkDown)));
            }
        }
        let ends: Vec<PipeId> = self.pipes.keys().copied().collect();
        for end in ends {
            if end.from() == host {
                woken.extend(self.break_end(end, io::ErrorKind::NetworkDown));
            } else if end.to() == host {
                let at = self.now + self.delay_back(end);
                self.steps.insert((at, Step::Reset(end)));
            }
        }
        woken
    }
}
