//! Maintenance schedules and the modes of machines.
//!
//! Mirrors `src/master/maintenance.cpp`, its three registry operations.

use mesos_proto::internal::registry::Machine;
use mesos_proto::v1;
use mesos_proto::v1::maintenance::Schedule;

use super::book::RegistryBook;
use super::operation::Mutation;
use crate::state::machines::MachineKey;

fn key_of(machine: &Machine) -> MachineKey {
    MachineKey::from(machine.info().id())
}

/// Replaces the whole schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateSchedule {
    /// The new schedule; empty means no maintenance.
    pub schedule: Schedule,
}

impl UpdateSchedule {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Mutation {
        let registry = &mut book.rest;
        let scheduled_before: Vec<MachineKey> = registry
            .schedules
            .iter()
            .flat_map(|schedule| &schedule.windows)
            .flat_map(|window| &window.machine_ids)
            .map(MachineKey::from)
            .collect();
        let machines = &mut registry.machines.get_or_insert_default().machines;
        let unavailability_of = |key: &MachineKey| {
            self.schedule
                .windows
                .iter()
                .find(|window| {
                    window
                        .machine_ids
                        .iter()
                        .any(|id| &MachineKey::from(id) == key)
                })
                .map(|window| window.unavailability().clone())
        };
        machines.retain_mut(|machine| match unavailability_of(&key_of(machine)) {
            Some(unavailability) => {
                machine.info.get_or_insert_default().unavailability = Some(unavailability.into());
                true
            }
            None => false,
        });
        for window in &self.schedule.windows {
            for id in &window.machine_ids {
                if scheduled_before.contains(&MachineKey::from(id)) {
                    continue;
                }
                let info = v1::MachineInfo {
                    id: Some(id.clone()),
                    mode: Some(v1::machine_info::Mode::Draining.into()),
                    unavailability: Some(window.unavailability().clone().into()),
                    ..Default::default()
                };
                machines.push(Machine {
                    info: Some(info.into()),
                    ..Default::default()
                });
            }
        }
        registry.schedules = vec![self.schedule.clone()];
        Mutation::Changed
    }
}

/// Brings machines down.
#[derive(Clone, Debug, PartialEq)]
pub struct StartMaintenance {
    /// The machines.
    pub machines: Vec<v1::MachineId>,
}

impl StartMaintenance {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Mutation {
        let registry = &mut book.rest;
        let down: Vec<MachineKey> = self.machines.iter().map(MachineKey::from).collect();
        let mut mutation = Mutation::Unchanged;
        for machine in &mut registry.machines.get_or_insert_default().machines {
            if down.contains(&key_of(machine)) {
                let info = machine.info.get_or_insert_default();
                info.mode = Some(v1::machine_info::Mode::Down.into());
                mutation = Mutation::Changed;
            }
        }
        mutation
    }
}

/// Brings machines up and takes them out of the schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct StopMaintenance {
    /// The machines.
    pub machines: Vec<v1::MachineId>,
}

impl StopMaintenance {
    pub(super) fn apply(&self, book: &mut RegistryBook) -> Mutation {
        let registry = &mut book.rest;
        let up: Vec<MachineKey> = self.machines.iter().map(MachineKey::from).collect();
        let machines = &mut registry.machines.get_or_insert_default().machines;
        let before = machines.len();
        machines.retain(|machine| !up.contains(&key_of(machine)));
        let mutation = if machines.len() < before {
            Mutation::Changed
        } else {
            Mutation::Unchanged
        };
        for schedule in &mut registry.schedules {
            for window in &mut schedule.windows {
                window
                    .machine_ids
                    .retain(|id| !up.contains(&MachineKey::from(id)));
            }
            schedule
                .windows
                .retain(|window| !window.machine_ids.is_empty());
        }
        registry
            .schedules
            .retain(|schedule| !schedule.windows.is_empty());
        mutation
    }
}
