//! Quota and what the cluster has.

use super::{Force, accepted, allocators, config, refused, remove, set, update};
use crate::support::{Stage, framework, run_one};

const AGENT: &str = "cpus:2;gpus:0;mem:1024;disk:1024;ports:[31000-32000]";

/// Asks for more than there is by both APIs, without and with force.
fn insists(stage: &Stage, quota: &str, exceeds: &str) {
    refused(
        &set(stage, "role1", quota, Force::No),
        409,
        &format!(
            "Quota guarantees overcommit the cluster (use 'force' to bypass this check): Total \
             quota guarantees {exceeds}"
        ),
    );
    refused(
        &update(stage, &[config("role1", quota, quota)], Force::No),
        400,
        &format!(
            "Invalid QuotaConfig: total quota guarantees {exceeds} (use 'force' flag to bypass \
             this check)"
        ),
    );
    accepted(&set(stage, "role1", quota, Force::Yes));
    accepted(&remove(stage, "role1"));
    accepted(&update(stage, &[config("role1", quota, quota)], Force::Yes));
}

/// Asks for what there is by both APIs; the allocator hears of it.
fn gets(stage: &Stage, quota: &str, cpus: f64) {
    accepted(&set(stage, "role1", quota, Force::No));
    stage.settle();
    let first = allocators(stage, "role1", "cpus");
    accepted(&remove(stage, "role1"));
    accepted(&update(stage, &[config("role1", quota, quota)], Force::No));
    stage.settle();

    assert_eq!(first, (Some(cpus), Some(cpus)));
    assert_eq!(allocators(stage, "role1", "cpus"), (Some(cpus), Some(cpus)));
}

/// Mirrors: MasterQuotaTest.InsufficientResourcesSingleAgent
#[test]
fn more_than_one_agent_has_needs_force() {
    let stage = Stage::start();
    let _agent = stage.agent(AGENT);

    insists(
        &stage,
        "cpus:3;mem:2048",
        "'cpus:3; mem:2048' exceed cluster capacity 'cpus:2; disk:1024; mem:1024'",
    );
}

/// Mirrors: MasterQuotaTest.InsufficientResourcesMultipleAgents
#[test]
fn more_than_all_agents_have_needs_force() {
    let stage = Stage::start();
    let _agents = [stage.agent(AGENT), stage.agent(AGENT)];

    insists(
        &stage,
        "cpus:5;mem:3072",
        "'cpus:5; mem:3072' exceed cluster capacity 'cpus:4; disk:2048; mem:2048'",
    );
}

/// Mirrors: MasterQuotaTest.AvailableResourcesSingleAgent
#[test]
fn part_of_an_agent_can_be_guaranteed() {
    let stage = Stage::start();
    let _agent = stage.agent(AGENT);

    gets(&stage, "cpus:1;mem:512", 1.0);
}

/// Mirrors: MasterQuotaTest.AvailableResourcesSingleReservedAgent
#[test]
fn resources_reserved_to_others_count_as_capacity() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus(other-role):1;mem(other-role):512");

    gets(&stage, "cpus:1;mem:512", 1.0);
}

/// Mirrors: MasterQuotaTest.AvailableResourcesSingleDisconnectedAgent
#[test]
fn disconnected_agent_counts_as_capacity() {
    let stage = Stage::start();
    let agent = stage.agent(AGENT);
    agent.peer.disappear();
    stage.settle();
    assert_eq!(stage.get("/slaves")["slaves"][0]["active"], false);

    gets(&stage, "cpus:1;mem:512", 1.0);
}

/// Mirrors: MasterQuotaTest.AvailableResourcesMultipleAgents
#[test]
fn all_of_several_agents_can_be_guaranteed() {
    let stage = Stage::start();
    let _agents = [stage.agent(AGENT), stage.agent(AGENT)];

    gets(&stage, "cpus:4;mem:2048", 4.0);
}

/// Mirrors: MasterQuotaTest.ValidateLimitAgainstConsumed
#[test]
fn limit_below_what_runs_needs_force() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(framework("role1"));
    run_one(&mut scheduler, &agent, "t", "cpus:2;mem:1024");

    let below = |force| update(&stage, &[config("role1", "", "cpus:1")], force);
    refused(
        &below(Force::No),
        400,
        "Invalid QuotaConfig: Role 'role1' is already consuming 'cpus:2; mem:1024'; this is more \
         than the requested limits 'cpus:1' (use 'force' flag to bypass this check)",
    );
    accepted(&update(&stage, &[config("role1", "", "cpus:2")], Force::No));
    accepted(&below(Force::Yes));
}
