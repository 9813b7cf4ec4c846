//! `/api/v1`: the API of operators.
//!
//! Mirrors `Master::Http::api` of `src/master/http.cpp`.

use libprocess::http::{Request, Response, pipe};
use libprocess::{Context, Future};
use mesos_common::authorization::Approvers;
use mesos_common::ids::{AgentId, FrameworkId};
use mesos_proto::v1;
use mesos_proto::v1::master::call::Type;
use mesos_proto::v1::master::{Call, Event, event};
use mesos_proto::v1::offer::operation;

use super::Guard;
use super::authorize::forbidden;
use super::negotiation::{ContentType, accept, content_type, read_call};
use super::redirect::check_method;
use super::shared::Question;
use super::stream::EventStream;
use crate::constants::HEARTBEAT_INTERVAL;
use crate::master::{Afterwards, DrainPlan, Force, MasterProcess};
use crate::validation;

/// A call that passed the door.
pub(super) struct Asked {
    pub(super) call: Call,
    pub(super) accept: ContentType,
    pub(super) approvers: Approvers,
    /// What is asked, for those who ask the same.
    pub(super) question: Question,
}

impl MasterProcess {
    /// Answers a call of an operator.
    pub(crate) fn api(&mut self, request: &Request, ctx: &mut Context<Self>) -> Future<Response> {
        match self.take_operator_call(request) {
            Ok(asked) => self.perform_operator_call(asked, ctx),
            Err(refusal) => (*refusal).into(),
        }
    }

    fn take_operator_call(&self, request: &Request) -> Result<Asked, Box<Response>> {
        if let Some(response) = self.guard(request, Guard::Recovered) {
            return Err(Box::new(response));
        }
        if let Some(response) = check_method(request, &["POST"]) {
            return Err(Box::new(response));
        }
        let content = content_type(request)?;
        let call: Call = read_call(request, content)?;
        if let Err(error) = validation::call::validate_master(&call) {
            let text = format!("Failed to validate master::Call: {error}");
            return Err(Box::new(Response::bad_request(text)));
        }
        let accept = accept(request)?;
        let question = format!("{} {accept:?}", call.r#type().as_str_name());
        Ok(Asked {
            call,
            accept,
            approvers: self.approvers(request.principal.as_ref()),
            question: Question::new(request, &question),
        })
    }

    #[expect(clippy::too_many_lines, reason = "one arm a kind, each a few lines")]
    fn perform_operator_call(&mut self, asked: Asked, ctx: &mut Context<Self>) -> Future<Response> {
        let call = &asked.call;
        if self.forbids(call, &asked.approvers) {
            return forbidden().into();
        }
        match call.r#type() {
            Type::Unknown => Response::not_implemented("").into(),
            Type::Subscribe => self.subscribe_operator(&asked, ctx).into(),
            Type::ReserveResources
            | Type::UnreserveResources
            | Type::CreateVolumes
            | Type::DestroyVolumes
            | Type::GrowVolume
            | Type::ShrinkVolume => self.operation_call(&asked, ctx),
            Type::UpdateWeights => {
                self.update_weights(call.update_weights().weight_infos.clone(), ctx)
            }
            Type::UpdateMaintenanceSchedule => {
                let schedule = call.update_maintenance_schedule().schedule().clone();
                self.update_schedule(schedule, ctx)
            }
            Type::StartMaintenance => {
                self.start_maintenance(call.start_maintenance().machines.clone(), ctx)
            }
            Type::StopMaintenance => {
                self.stop_maintenance(call.stop_maintenance().machines.clone(), ctx)
            }
            Type::DrainAgent => self.drain_call(call, ctx),
            Type::DeactivateAgent => {
                let agent_id = AgentId::from(call.deactivate_agent().agent_id());
                self.deactivate_agent(&agent_id, ctx)
            }
            Type::ReactivateAgent => {
                let agent_id = AgentId::from(call.reactivate_agent().agent_id());
                self.reactivate_agent(&agent_id, ctx)
            }
            Type::UpdateQuota => {
                let update = call.update_quota();
                let force = if update.force() {
                    Force::Yes
                } else {
                    Force::No
                };
                self.update_quota(update.quota_configs.clone(), force, ctx)
            }
            Type::SetQuota => {
                let request = call.set_quota().quota_request();
                let force = if request.force() {
                    Force::Yes
                } else {
                    Force::No
                };
                let info = super::quota::info_of_request(request);
                self.set_quota(&info, force, ctx)
            }
            Type::RemoveQuota => self.remove_quota(call.remove_quota().role(), ctx),
            Type::Teardown => {
                let id = FrameworkId::from(call.teardown().framework_id());
                self.teardown_by_operator(&id, ctx).into()
            }
            Type::MarkAgentGone => self.mark_gone_call(call, ctx),
            Type::SetLoggingLevel => {
                let set = call.set_logging_level();
                let nanoseconds = u64::try_from(set.duration().nanoseconds()).unwrap_or(0);
                let duration = std::time::Duration::from_nanos(nanoseconds);
                let raised = ctx.runtime().raise_log_level(set.level(), duration);
                raised.map(|()| Response::ok())
            }
            Type::GetState
            | Type::GetAgents
            | Type::GetFrameworks
            | Type::GetExecutors
            | Type::GetTasks
            | Type::GetRoles => self.share_call(asked, ctx),
            Type::GetHealth
            | Type::GetFlags
            | Type::GetVersion
            | Type::GetMetrics
            | Type::GetLoggingLevel
            | Type::ListFiles
            | Type::ReadFile
            | Type::GetOperations
            | Type::GetWeights
            | Type::GetMaster
            | Type::GetMaintenanceStatus
            | Type::GetMaintenanceSchedule
            | Type::GetQuota => self.read_call(&asked, ctx),
        }
    }

    /// Opens a stream of events for an operator.
    fn subscribe_operator(&mut self, asked: &Asked, ctx: &Context<Self>) -> Response {
        let accept = asked.accept;
        let (writer, reader) = pipe::pipe();
        let stream = EventStream::new(accept, writer, self.unread_streams());
        let state = self.operator_state(&asked.approvers);
        let _ = stream.write(super::stream::record(&super::api_read::subscribed(
            &state, accept,
        )));
        let heartbeat = Event {
            r#type: Some(event::Type::Heartbeat.into()),
            ..Default::default()
        };
        let _ = stream.send(&heartbeat);
        let id = stream.id().to_owned();
        let closed = stream.closed();
        self.add_subscriber(stream, asked.approvers.clone());
        let closed_id = id.clone();
        ctx.on_any(closed, move |master, _, _| {
            master.remove_subscriber(&closed_id);
        });
        self.operator_heartbeat(id, ctx);
        Response::streaming(reader, accept.as_str())
    }

    fn operator_heartbeat(&self, id: String, ctx: &Context<Self>) {
        ctx.delay(HEARTBEAT_INTERVAL, move |master, ctx| {
            if master.send_operator_heartbeat(&id) {
                master.operator_heartbeat(id, ctx);
            }
        });
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the caller sends only these kinds"
    )]
    fn operation_call(&mut self, asked: &Asked, ctx: &mut Context<Self>) -> Future<Response> {
        let call = &asked.call;
        let mut operation = v1::offer::Operation::default();
        let (kind, agent_id) = match call.r#type() {
            Type::ReserveResources => {
                let reserve = call.reserve_resources();
                operation.reserve = Some(operation::Reserve {
                    resources: reserve.resources.clone(),
                    source: reserve.source.clone(),
                    ..Default::default()
                });
                (operation::Type::Reserve, reserve.agent_id())
            }
            Type::UnreserveResources => {
                let unreserve = call.unreserve_resources();
                operation.unreserve = Some(operation::Unreserve {
                    resources: unreserve.resources.clone(),
                    ..Default::default()
                });
                (operation::Type::Unreserve, unreserve.agent_id())
            }
            Type::CreateVolumes => {
                let create = call.create_volumes();
                operation.create = Some(operation::Create {
                    volumes: create.volumes.clone(),
                    ..Default::default()
                });
                (operation::Type::Create, create.agent_id())
            }
            Type::DestroyVolumes => {
                let destroy = call.destroy_volumes();
                operation.destroy = Some(operation::Destroy {
                    volumes: destroy.volumes.clone(),
                    ..Default::default()
                });
                (operation::Type::Destroy, destroy.agent_id())
            }
            Type::GrowVolume => {
                let grow = call.grow_volume();
                operation.grow_volume = Some(operation::GrowVolume {
                    volume: grow.volume.clone(),
                    addition: grow.addition.clone(),
                    ..Default::default()
                });
                (operation::Type::GrowVolume, grow.agent_id())
            }
            _ => {
                let shrink = call.shrink_volume();
                operation.shrink_volume = Some(operation::ShrinkVolume {
                    volume: shrink.volume.clone(),
                    subtract: shrink.subtract.clone(),
                    ..Default::default()
                });
                (operation::Type::ShrinkVolume, shrink.agent_id())
            }
        };
        operation.r#type = Some(kind.into());
        let agent_id = AgentId::from(agent_id);
        self.operator_operation(&agent_id, operation, &asked.approvers, ctx)
    }

    fn drain_call(&mut self, call: &Call, ctx: &mut Context<Self>) -> Future<Response> {
        let drain = call.drain_agent();
        let max_grace_ns = drain.max_grace_period.as_ref().map(|_| {
            let period = drain.max_grace_period();
            period
                .seconds()
                .saturating_mul(1_000_000_000)
                .saturating_add(i64::from(period.nanos()))
        });
        let afterwards = if drain.mark_gone() {
            Afterwards::MarkGone
        } else {
            Afterwards::Keep
        };
        let agent_id = AgentId::from(drain.agent_id());
        self.drain_agent(
            &agent_id,
            DrainPlan {
                max_grace_ns,
                afterwards,
            },
            ctx,
        )
    }

    fn mark_gone_call(&mut self, call: &Call, ctx: &mut Context<Self>) -> Future<Response> {
        let agent_id = AgentId::from(call.mark_agent_gone().agent_id());
        match self.mark_gone(&agent_id, ctx) {
            Ok(answer) => answer,
            Err(error) if error.is_not_found() => {
                Response::not_found_text(error.to_string()).into()
            }
            Err(error) => Response::service_unavailable(error.to_string()).into(),
        }
    }
}
