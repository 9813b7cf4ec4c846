//! Which path leads where.

use libprocess::http::{Request, Response};
use libprocess::{Context, Future};
use mesos_common::wire;

use super::Guard;
use super::help::line;
use super::shared::{Question, Render};
use crate::master::MasterProcess;

use crate::authentication::{
    READONLY_REALM as READONLY, READWRITE_REALM as READWRITE, SCHEDULER_REALM as SCHEDULER,
};

type Read = fn(&MasterProcess, &Request, &Context<MasterProcess>) -> Future<Response>;
type Take = fn(&MasterProcess, &Request) -> Render;
type Write = fn(&mut MasterProcess, &Request, &mut Context<MasterProcess>) -> Future<Response>;

fn read(ctx: &mut Context<MasterProcess>, path: &str, help: &str, handle: Read) {
    ctx.route_in_realm(
        path,
        READONLY,
        line(help),
        move |master, request, ctx| match master.guard(&request, Guard::Leader) {
            Some(response) => response.into(),
            None => handle(master, &request, ctx),
        },
    );
}

/// A document that equal questions share.
fn shared(ctx: &mut Context<MasterProcess>, path: &'static str, help: &str, take: Take) {
    ctx.route_in_realm(
        path,
        READONLY,
        line(help),
        move |master, request, ctx| match master.guard(&request, Guard::Leader) {
            Some(response) => response.into(),
            None => {
                let question = Question::new(&request, path);
                let snapshot = Box::new(move |master: &MasterProcess| take(master, &request));
                master.share(question, snapshot, ctx)
            }
        },
    );
}

fn write(ctx: &mut Context<MasterProcess>, path: &str, help: &str, handle: Write) {
    ctx.route_in_realm(
        path,
        READWRITE,
        line(help),
        move |master, request, ctx| match master.guard(&request, Guard::Leader) {
            Some(response) => response.into(),
            None => handle(master, &request, ctx),
        },
    );
}

impl MasterProcess {
    /// Installs every route.
    pub(crate) fn install_routes(&self, ctx: &mut Context<Self>) {
        Self::install_api_routes(ctx);
        Self::install_read_routes(ctx);
        Self::install_write_routes(ctx);
        self.install_assets(ctx);
    }

    fn install_api_routes(ctx: &mut Context<Self>) {
        ctx.route_in_realm(
            "/api/v1",
            READWRITE,
            line("Endpoint for API calls against the master."),
            |master, request, ctx| master.api(&request, ctx),
        );
        ctx.route_in_realm(
            "/api/v1/scheduler",
            SCHEDULER,
            line("Endpoint for schedulers to make calls against the master."),
            |master, request, ctx| master.scheduler(&request, ctx),
        );
    }

    fn install_read_routes(ctx: &mut Context<Self>) {
        shared(
            ctx,
            "/state",
            "Information about state of master.",
            Self::state,
        );
        shared(
            ctx,
            "/state-summary",
            "Summary of agents, tasks, and registered frameworks in cluster.",
            Self::state_summary,
        );
        shared(
            ctx,
            "/frameworks",
            "Exposes the frameworks info.",
            Self::frameworks,
        );
        shared(
            ctx,
            wire::AGENTS_ROUTE,
            "Information about agents.",
            Self::agents,
        );
        shared(
            ctx,
            "/tasks",
            "Lists tasks from all active frameworks.",
            Self::tasks,
        );
        shared(ctx, "/roles", "Information about roles.", Self::roles);
        read(
            ctx,
            "/maintenance/status",
            "Retrieves the maintenance status of the cluster.",
            Self::maintenance_status_route,
        );
        ctx.route(
            "/health",
            line("Health status of the Master."),
            |_, _, _| Response::ok().into(),
        );
        ctx.route(
            "/redirect",
            line("Redirects to the leading Master."),
            |master, request, _| master.redirect(&request).into(),
        );
        ctx.route_in_realm(
            "/flags",
            READONLY,
            line("Exposes the master's flag configuration."),
            |master, request, _| master.flags(&request).into(),
        );
    }

    fn install_write_routes(ctx: &mut Context<Self>) {
        write(
            ctx,
            "/reserve",
            "Reserve resources dynamically.",
            Self::reserve,
        );
        write(
            ctx,
            "/unreserve",
            "Unreserve resources dynamically.",
            Self::unreserve,
        );
        write(
            ctx,
            "/create-volumes",
            "Create persistent volumes.",
            Self::create_volumes,
        );
        write(
            ctx,
            "/destroy-volumes",
            "Destroy persistent volumes.",
            Self::destroy_volumes,
        );
        write(
            ctx,
            "/teardown",
            "Tears down a running framework.",
            Self::teardown,
        );
        write(
            ctx,
            "/quota",
            "Gets or updates quota for roles.",
            Self::quota,
        );
        write(
            ctx,
            "/weights",
            "Updates weights for the specified roles.",
            Self::weights_route,
        );
        write(
            ctx,
            "/maintenance/schedule",
            "Returns or updates the cluster's maintenance schedule.",
            Self::maintenance_schedule,
        );
        write(
            ctx,
            "/machine/down",
            "Brings a set of machines down.",
            Self::machine_down,
        );
        write(
            ctx,
            "/machine/up",
            "Brings a set of machines back up.",
            Self::machine_up,
        );
    }
}
