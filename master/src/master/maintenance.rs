//! Maintenance schedules, and machines that go down and come up.
//!
//! Mirrors the maintenance handlers of `src/master/http.cpp` and `Master::updateUnavailability`.

use std::collections::BTreeSet;

use libprocess::http::Response;
use libprocess::{Context, Future, Promise};
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_proto::v1;
use mesos_proto::v1::allocator::InverseOfferStatus;
use mesos_proto::v1::machine_info::Mode;
use mesos_proto::v1::maintenance::{ClusterStatus, Schedule, cluster_status::DrainingMachine};
use mesos_proto_codec::{Dialect, to_json};

use super::MasterProcess;
use super::remove_agent::RemovalReason;
use crate::registry::maintenance::{StartMaintenance, StopMaintenance, UpdateSchedule};
use crate::state::machines::MachineKey;

type Statuses = std::collections::BTreeMap<
    AgentId,
    std::collections::BTreeMap<FrameworkId, InverseOfferStatus>,
>;

/// What is wrong with one machine's id.
fn check_machine(id: &v1::MachineId) -> Result<(), String> {
    if id.hostname().is_empty() && id.ip().is_empty() {
        return Err("Both 'hostname' and 'ip' for a machine are empty".to_owned());
    }
    if id.ip.is_some() {
        id.ip()
            .parse::<std::net::Ipv4Addr>()
            .map_err(|_unparsable| format!("Failed to parse IPv4: {}", id.ip()))?;
    }
    Ok(())
}

fn show(id: &v1::MachineId) -> String {
    to_json(id, Dialect::V0)
}

impl MasterProcess {
    /// The schedule in force.
    pub(crate) fn schedule(&self) -> Schedule {
        self.schedules.first().cloned().unwrap_or_default()
    }

    /// Handles `UPDATE_MAINTENANCE_SCHEDULE` and `POST /maintenance/schedule`.
    pub(crate) fn update_schedule(
        &mut self,
        schedule: Schedule,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if let Err(text) = self.check_schedule(&schedule) {
            return Response::bad_request(text).into();
        }
        let applied = self.registrar.apply(UpdateSchedule {
            schedule: schedule.clone(),
        });
        let (promise, answer) = Promise::new();
        ctx.on_any(applied, move |master, outcome, ctx| {
            let stored = master.durable(outcome, "update the maintenance schedule", ctx);
            let done = stored.map(|_| master.on_schedule_stored(schedule, ctx));
            promise.set(done.map_or_else(Response::from, |()| Response::ok()));
        });
        answer
    }

    fn check_schedule(&self, schedule: &Schedule) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for window in &schedule.windows {
            if window.machine_ids.is_empty() {
                return Err("List of machines in the maintenance window is empty".to_owned());
            }
            if window.unavailability().duration().nanoseconds() < 0 {
                return Err("Unavailability 'duration' is negative".to_owned());
            }
            for id in &window.machine_ids {
                check_machine(id)?;
                if !seen.insert(MachineKey::from(id)) {
                    let machine = show(id);
                    return Err(format!(
                        "Machine '{machine}' appears more than once in the schedule"
                    ));
                }
            }
        }
        for (key, machine) in self.machines.iter() {
            if machine.mode() == Mode::Down && !seen.contains(key) {
                return Err(format!(
                    "Machine '{}' is deactivated and cannot be removed from the schedule",
                    show(machine.info().id())
                ));
            }
        }
        Ok(())
    }

    // Continues `update_schedule`: the registry has it.
    fn on_schedule_stored(&mut self, schedule: Schedule, ctx: &Context<Self>) {
        let listed: BTreeSet<MachineKey> = schedule
            .windows
            .iter()
            .flat_map(|window| &window.machine_ids)
            .map(MachineKey::from)
            .collect();
        let unlisted: Vec<v1::MachineId> = self
            .machines
            .iter()
            .filter(|(key, machine)| {
                !listed.contains(*key)
                    && (machine.mode() != Mode::Up || machine.unavailability().is_some())
            })
            .map(|(_, machine)| machine.info().id().clone())
            .collect();
        for id in unlisted {
            self.set_unavailability(&id, None, ctx);
            self.machines.clear(&MachineKey::from(&id));
        }
        for window in &schedule.windows {
            for id in &window.machine_ids {
                let key = MachineKey::from(id);
                let up = self
                    .machines
                    .get(&key)
                    .is_none_or(|known| known.mode() == Mode::Up);
                if up {
                    self.machines.set_mode(id, Mode::Draining);
                }
                self.set_unavailability(id, Some(window.unavailability().clone()), ctx);
            }
        }
        self.schedules = vec![schedule];
    }

    /// Plans a machine's absence, or forgets the plan; offers of its agents are void then.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    fn set_unavailability(
        &mut self,
        id: &v1::MachineId,
        unavailability: Option<v1::Unavailability>,
        ctx: &Context<Self>,
    ) {
        self.machines.set_unavailability(id, unavailability.clone());
        let agents: Vec<AgentId> = self
            .machines
            .get(&MachineKey::from(id))
            .map(|machine| machine.agents().iter().cloned().collect())
            .unwrap_or_default();
        for agent_id in agents {
            let Some(agent) = self.agents.get(&agent_id) else {
                continue;
            };
            let (offers, inverse) = (agent.offers().clone(), agent.inverse_offers().clone());
            for offer_id in offers {
                self.rescind(&offer_id, None, ctx);
            }
            for offer_id in inverse {
                self.rescind_inverse(&offer_id, ctx);
            }
            self.allocator
                .update_unavailability(agent_id, unavailability.clone());
        }
    }

    /// Whether a list of machines may change from one mode to the other.
    fn check_machines(&self, ids: &[v1::MachineId], mode: Mode) -> Result<(), String> {
        if ids.is_empty() {
            return Err("List of machines is empty".to_owned());
        }
        let mut seen = BTreeSet::new();
        for id in ids {
            check_machine(id)?;
            if !seen.insert(MachineKey::from(id)) {
                let machine = show(id);
                return Err(format!(
                    "Machine '{machine}' appears more than once in the schedule"
                ));
            }
        }
        for id in ids {
            let Some(machine) = self.machines.get(&MachineKey::from(id)) else {
                let machine = show(id);
                return Err(format!(
                    "Machine '{machine}' is not part of a maintenance schedule"
                ));
            };
            if machine.mode() != mode {
                let (name, direction) = match mode {
                    Mode::Draining => ("DRAINING", "down"),
                    Mode::Down => ("DOWN", "up"),
                    Mode::Up => ("UP", "down"),
                };
                return Err(format!(
                    "Machine '{}' is not in {name} mode and cannot be brought {direction}",
                    show(id)
                ));
            }
        }
        Ok(())
    }

    /// Handles `START_MAINTENANCE` and `POST /machine/down`.
    pub(crate) fn start_maintenance(
        &mut self,
        machines: Vec<v1::MachineId>,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if let Err(text) = self.check_machines(&machines, Mode::Draining) {
            return Response::bad_request(text).into();
        }
        let applied = self.registrar.apply(StartMaintenance {
            machines: machines.clone(),
        });
        let (promise, answer) = Promise::new();
        ctx.on_any(applied, move |master, outcome, ctx| {
            let stored = master.durable(outcome, "start maintenance", ctx);
            let done = stored.map(|_| master.on_maintenance_started(&machines, ctx));
            promise.set(done.map_or_else(Response::from, |()| Response::ok()));
        });
        answer
    }

    // Continues `start_maintenance`: the registry has it.
    fn on_maintenance_started(&mut self, machines: &[v1::MachineId], ctx: &mut Context<Self>) {
        const TEXT: &str = "Operator initiated 'Machine DOWN'";
        for id in machines {
            let agents: Vec<AgentId> = self
                .machines
                .get(&MachineKey::from(id))
                .map(|machine| machine.agents().iter().cloned().collect())
                .unwrap_or_default();
            for agent_id in agents {
                if let Some(agent) = self.agents.get(&agent_id) {
                    Self::send_shutdown(agent.pid(), TEXT, ctx);
                }
                self.remove_agent(&agent_id, TEXT, RemovalReason::MachineDown, ctx);
            }
            self.machines.set_mode(id, Mode::Down);
        }
    }

    /// Handles `STOP_MAINTENANCE` and `POST /machine/up`.
    pub(crate) fn stop_maintenance(
        &mut self,
        machines: Vec<v1::MachineId>,
        ctx: &mut Context<Self>,
    ) -> Future<Response> {
        if let Err(text) = self.check_machines(&machines, Mode::Down) {
            return Response::bad_request(text).into();
        }
        let applied = self.registrar.apply(StopMaintenance {
            machines: machines.clone(),
        });
        let (promise, answer) = Promise::new();
        ctx.on_any(applied, move |master, outcome, ctx| {
            let stored = master.durable(outcome, "stop maintenance", ctx);
            let done = stored.map(|_| master.on_maintenance_stopped(&machines));
            promise.set(done.map_or_else(Response::from, |()| Response::ok()));
        });
        answer
    }

    // Continues `stop_maintenance`: the registry has it.
    fn on_maintenance_stopped(&mut self, machines: &[v1::MachineId]) {
        let up: BTreeSet<MachineKey> = machines.iter().map(MachineKey::from).collect();
        for key in &up {
            self.machines.clear(key);
        }
        for schedule in &mut self.schedules {
            for window in &mut schedule.windows {
                window
                    .machine_ids
                    .retain(|id| !up.contains(&MachineKey::from(id)));
            }
            schedule
                .windows
                .retain(|window| !window.machine_ids.is_empty());
        }
        self.schedules
            .retain(|schedule| !schedule.windows.is_empty());
    }

    /// Which machines drain, with the frameworks' answers, and which are down.
    pub(crate) fn maintenance_status(&self, ctx: &Context<Self>) -> Future<ClusterStatus> {
        let (promise, answer) = Promise::new();
        let statuses = self.allocator.inverse_offer_statuses();
        ctx.on_any(statuses, move |master, outcome, _| {
            promise.set(master.cluster_status(&outcome.ready().unwrap_or_default()));
        });
        answer
    }

    // Continues `maintenance_status`: the allocator told the answers.
    fn cluster_status(&self, statuses: &Statuses) -> ClusterStatus {
        let mut status = ClusterStatus::default();
        for (_, machine) in self.machines.iter() {
            match machine.mode() {
                Mode::Draining => {
                    let answers = machine
                        .agents()
                        .iter()
                        .filter_map(|agent_id| statuses.get(agent_id))
                        .flat_map(|answers| answers.values().cloned())
                        .collect();
                    status.draining_machines.push(DrainingMachine {
                        id: Some(machine.info().id().clone()),
                        statuses: answers,
                        ..Default::default()
                    });
                }
                Mode::Down => status.down_machines.push(machine.info().id().clone()),
                Mode::Up => {}
            }
        }
        status
    }
}
