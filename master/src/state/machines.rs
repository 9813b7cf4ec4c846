//! Machines: what maintenance is planned for, and which agents run on them.
//!
//! Mirrors `src/master/machine.hpp`.

use std::collections::{BTreeMap, BTreeSet};

use mesos_common::ids::AgentId;
use mesos_proto::v1;
use mesos_proto::v1::machine_info::Mode;

/// A machine's identity: host names in lower case, and whether each part is present counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MachineKey {
    hostname: Option<String>,
    ip: Option<String>,
}

impl MachineKey {
    /// The machine of an agent: it always has both parts.
    #[must_use]
    pub fn new(hostname: &str, ip: &str) -> Self {
        Self {
            hostname: Some(hostname.to_lowercase()),
            ip: Some(ip.to_owned()),
        }
    }
}

impl From<&v1::MachineId> for MachineKey {
    fn from(id: &v1::MachineId) -> Self {
        Self {
            hostname: id.hostname.as_ref().map(|name| name.to_lowercase()),
            ip: id.ip.clone(),
        }
    }
}

/// One machine.
#[derive(Clone, Debug)]
pub struct Machine {
    info: v1::MachineInfo,
    agents: BTreeSet<AgentId>,
}

impl Machine {
    /// Its id, mode and planned unavailability.
    #[must_use]
    pub fn info(&self) -> &v1::MachineInfo {
        &self.info
    }

    /// Its mode; a machine that nobody scheduled is up.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.info.mode.map_or(Mode::Up, |_| self.info.mode())
    }

    /// When it will be unavailable.
    #[must_use]
    pub fn unavailability(&self) -> Option<&v1::Unavailability> {
        self.info
            .unavailability
            .as_ref()
            .map(|_| self.info.unavailability())
    }

    /// The agents that run on it.
    #[must_use]
    pub fn agents(&self) -> &BTreeSet<AgentId> {
        &self.agents
    }
}

/// All machines that run an agent or are scheduled for maintenance.
#[derive(Clone, Debug, Default)]
pub struct Machines {
    machines: BTreeMap<MachineKey, Machine>,
}

impl Machines {
    /// A machine.
    #[must_use]
    pub fn get(&self, key: &MachineKey) -> Option<&Machine> {
        self.machines.get(key)
    }

    /// All machines.
    pub fn iter(&self) -> impl Iterator<Item = (&MachineKey, &Machine)> {
        self.machines.iter()
    }

    /// Whether agents may not register from the machine.
    #[must_use]
    pub fn is_down(&self, key: &MachineKey) -> bool {
        self.get(key)
            .is_some_and(|machine| machine.mode() == Mode::Down)
    }

    fn entry(&mut self, id: &v1::MachineId) -> &mut Machine {
        self.machines
            .entry(MachineKey::from(id))
            .or_insert_with(|| Machine {
                info: v1::MachineInfo {
                    id: Some(id.clone()),
                    ..Default::default()
                },
                agents: BTreeSet::new(),
            })
    }

    /// Replaces a machine's mode and unavailability, as the registry has them.
    pub fn recover(&mut self, info: &v1::MachineInfo) {
        self.entry(info.id()).info = info.clone();
    }

    /// Notes that an agent runs on a machine.
    pub fn add_agent(&mut self, id: &v1::MachineId, agent_id: AgentId) {
        self.entry(id).agents.insert(agent_id);
    }

    /// Notes that an agent no longer runs on a machine; forgets a machine without meaning.
    pub fn remove_agent(&mut self, key: &MachineKey, agent_id: &AgentId) {
        if let Some(machine) = self.machines.get_mut(key) {
            machine.agents.remove(agent_id);
        }
        self.forget_if_idle(key);
    }

    /// Sets the mode of a machine.
    pub fn set_mode(&mut self, id: &v1::MachineId, mode: Mode) {
        self.entry(id).info.mode = Some(mode.into());
    }

    /// Sets or clears the planned unavailability of a machine.
    pub fn set_unavailability(
        &mut self,
        id: &v1::MachineId,
        unavailability: Option<v1::Unavailability>,
    ) {
        self.entry(id).info.unavailability = unavailability.map(Into::into);
    }

    /// Puts a machine up without a plan; it stays known.
    pub fn clear(&mut self, key: &MachineKey) {
        if let Some(machine) = self.machines.get_mut(key) {
            machine.info.mode = Some(Mode::Up.into());
            machine.info.unavailability = None;
        }
    }

    fn forget_if_idle(&mut self, key: &MachineKey) {
        let idle = self.machines.get(key).is_some_and(|machine| {
            machine.agents.is_empty()
                && machine.mode() == Mode::Up
                && machine.info.unavailability.is_none()
        });
        if idle {
            self.machines.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(hostname: Option<&str>, ip: Option<&str>) -> v1::MachineId {
        v1::MachineId {
            hostname: hostname.map(str::to_owned),
            ip: ip.map(str::to_owned),
            ..Default::default()
        }
    }

    #[test]
    fn host_names_are_compared_in_lower_case() {
        let key = MachineKey::from(&id(Some("Node1"), Some("10.0.0.1")));

        assert_eq!(key, MachineKey::new("node1", "10.0.0.1"));
    }

    #[test]
    fn machine_without_ip_is_another_machine() {
        let key = MachineKey::from(&id(Some("node1"), None));

        assert_ne!(key, MachineKey::new("node1", "10.0.0.1"));
    }

    #[test]
    fn machine_that_was_put_up_is_still_known() {
        let mut machines = Machines::default();
        let id = id(Some("node1"), Some("10.0.0.1"));
        let key = MachineKey::from(&id);
        machines.set_mode(&id, Mode::Down);

        machines.clear(&key);

        assert_eq!(machines.get(&key).map(Machine::mode), Some(Mode::Up));
    }
}
