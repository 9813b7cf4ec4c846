//! Finds the master, and goes to it when it changes.

use libprocess::{Context, Outcome, Upid};
use mesos_detector::DetectError;
use mesos_proto::v1;
use rand::Rng;

use super::{AgentProcess, AgentState};

type Detected = Outcome<Result<Option<v1::MasterInfo>, DetectError>>;

impl AgentProcess {
    /// Waits for a master other than the present one.
    pub(super) fn detect(&mut self, ctx: &mut Context<Self>) {
        let Some(parts) = &self.parts else { return };
        let detected = parts.detector.detect(self.master.info.clone());
        self.master.detection = detected.discard_handle();
        self.master.detections += 1;
        let number = self.master.detections;
        ctx.on_any(detected, move |agent, outcome, ctx| {
            // A detection that was given up for another may still be answered.
            if agent.master.detections == number {
                agent.on_detected(outcome, ctx);
            }
        });
    }

    /// Ends the wait, so that the present master is found again and registered with.
    pub(super) fn redetect(&mut self, ctx: &mut Context<Self>) {
        if let Some(detection) = self.master.detection.take() {
            detection.discard();
        }
        self.master.detections += 1;
        self.on_detected(Outcome::Discarded, ctx);
    }

    fn on_detected(&mut self, outcome: Detected, ctx: &mut Context<Self>) {
        let Some(parts) = &self.parts else { return };
        parts.updates.pause();
        parts.operation_updates.pause();
        match self.state {
            AgentState::Terminating => {}
            AgentState::Recovering(_) | AgentState::Disconnected | AgentState::Running => {
                self.state = AgentState::Disconnected;
            }
        }
        let found = match outcome {
            Outcome::Ready(Ok(found)) => found,
            Outcome::Ready(Err(error)) => {
                return self.fail(format!("Failed to detect a master: {error}"), ctx);
            }
            Outcome::Failed(text) => {
                return self.fail(format!("Failed to detect a master: {text}"), ctx);
            }
            // The detector has ended, and so will this agent.
            Outcome::Abandoned => return,
            Outcome::Discarded => {
                tracing::info!("re-detecting master");
                self.lose_master();
                return self.detect(ctx);
            }
        };
        match found {
            None => {
                tracing::info!("lost leading master");
                self.lose_master();
            }
            Some(info) => self.follow(info, ctx),
        }
        self.detect(ctx);
    }

    fn lose_master(&mut self) {
        self.master.pid = None;
        self.master.info = None;
        if let Some(timer) = self.master.registration.take() {
            timer.cancel();
        }
    }

    fn follow(&mut self, info: v1::MasterInfo, ctx: &mut Context<Self>) {
        let pid = info.pid().parse::<Upid>().ok();
        tracing::info!(pid = info.pid(), "new master detected");
        self.master.info = Some(info);
        self.master.pid = pid;
        self.look_up_master(ctx);
        if let Some(timer) = self.master.registration.take() {
            timer.cancel();
        }
        if matches!(self.state, AgentState::Terminating) {
            tracing::info!("skipping registration because the agent is terminating");
            return;
        }
        if self.required_agent_update && !self.master_takes_updates() {
            let text =
                "Agent state was updated and the master does not have the AGENT_UPDATE capability";
            return self.fail(text.to_owned(), ctx);
        }
        let factor = self.flags.registration_backoff_factor;
        let wait = factor.mul_f64(rand::rng().random::<f64>());
        let timer = ctx.delay(wait, Self::approach_master);
        self.master.registration = Some(timer);
    }

    /// Asks the resolver for the name of the master's address, which may take its time.
    fn look_up_master(&mut self, ctx: &Context<Self>) {
        self.master.hostname = None;
        let Some(ip) = self.master.pid.as_ref().map(|pid| pid.address.ip) else {
            return;
        };
        ctx.perform_blocking(
            move || dns_lookup::lookup_addr(&ip).ok(),
            move |agent, name, _| {
                let is_same = |pid: &Upid| pid.address.ip == ip;
                if agent.master.pid.as_ref().is_some_and(is_same) {
                    agent.master.hostname = name;
                }
            },
        );
    }

    fn master_takes_updates(&self) -> bool {
        use v1::master_info::capability::Type;
        self.master.info.as_ref().is_some_and(|info| {
            info.capabilities
                .iter()
                .any(|capability| capability.r#type() == Type::AgentUpdate)
        })
    }
}
