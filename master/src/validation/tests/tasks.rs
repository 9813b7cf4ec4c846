//! Tasks and task groups, as far as they need no running master.

use mesos_common::resources::Resources;

use super::*;
use crate::validation::task::{validate, validate_group};

fn task(id: &str, resources: Vec<v1::Resource>) -> v1::TaskInfo {
    let mut task: v1::TaskInfo = from(&json!({
        "name": id,
        "task_id": {"value": id},
        "agent_id": {"value": "a"},
        "command": {"value": "exit 0"},
    }));
    task.resources = resources;
    task
}

fn available() -> Resources {
    let mut all = Resources::parse("cpus:16;mem:16384;disk:10000").expect("resources");
    all.allocate(&"role".into());
    let mut spare = all.clone();
    for one in spare.to_proto() {
        spare += &Resources::from_proto(&[revocable(one)]);
    }
    spare
}

fn check(task: &v1::TaskInfo) -> Check {
    validate(task, &framework_in("role"), &agent(&[], &[]), &available())
}

fn cpus() -> v1::Resource {
    allocated(resource("cpus:2"), "role")
}

/// Mirrors: TaskValidationTest.TaskUsesRevocableResources
#[test]
fn task_uses_cpus_that_are_all_revocable_or_none() {
    assert_eq!(check(&task("t", vec![cpus()])), Ok(()));
    assert_eq!(check(&task("t", vec![revocable(cpus())])), Ok(()));
    refused(
        check(&task("t", vec![cpus(), revocable(cpus())])),
        "Task mixes revocable and non-revocable resources: Cannot use both revocable and \
         non-revocable 'cpus' at the same time",
    );
}

/// Mirrors: TaskValidationTest.TaskInfoAllocatedResources
#[test]
fn resources_of_a_task_are_allocated_to_one_role() {
    let mem = resource("mem:1");

    assert_eq!(
        check(&task("t", vec![cpus(), allocated(mem.clone(), "role")])),
        Ok(())
    );
    refused(
        check(&task("t", vec![resource("cpus:1"), mem.clone()])),
        "Invalid task resources: The resources are not allocated to a role",
    );
    refused(
        check(&task("t", vec![cpus(), allocated(mem, "role2")])),
        "Invalid task resources: The resources have multiple allocation roles ('role2' and \
         'role') but only one allocation role is allowed",
    );
}

fn custom(resources: Vec<v1::Resource>) -> v1::ExecutorInfo {
    let mut executor: v1::ExecutorInfo = from(&json!({
        "executor_id": {"value": "e"},
        "framework_id": {"value": "f"},
        "command": {"value": "exit 1"},
    }));
    executor.resources = resources;
    executor
}

/// Mirrors: TaskValidationTest.TaskAndExecutorUseRevocableResources
#[test]
fn task_and_executor_use_cpus_that_are_all_revocable_or_none() {
    let with = |own: v1::Resource, executor: v1::Resource| {
        let mut task = task("t", vec![own]);
        task.command = None;
        task.executor = Some(custom(vec![executor]).into());
        check(&task)
    };
    let text = "Task and its executor mix revocable and non-revocable resources: Cannot use both \
                revocable and non-revocable 'cpus' at the same time";

    assert_eq!(with(cpus(), cpus()), Ok(()));
    assert_eq!(with(revocable(cpus()), revocable(cpus())), Ok(()));
    refused(with(cpus(), revocable(cpus())), text);
    refused(with(revocable(cpus()), cpus()), text);
}

fn group(tasks: Vec<v1::TaskInfo>, cpus_of_executor: v1::Resource) -> Check {
    let mut executor: v1::ExecutorInfo = from(&json!({
        "type": "DEFAULT",
        "executor_id": {"value": "e"},
        "framework_id": {"value": "f"},
    }));
    executor.resources = vec![
        cpus_of_executor,
        allocated(resource("mem:64"), "role"),
        allocated(resource("disk:64"), "role"),
    ];
    let mut tasks = tasks;
    for task in &mut tasks {
        task.executor = Some(executor.clone().into());
    }
    let group = v1::TaskGroupInfo {
        tasks,
        ..Default::default()
    };
    validate_group(
        &group,
        &executor,
        &framework_in("role"),
        &agent(&[], &[]),
        &available(),
    )
}

const MIXED_GROUP: &str = "Task group and executor mix revocable and non-revocable resources: \
                           Cannot use both revocable and non-revocable 'cpus' at the same time";

/// Mirrors: TaskGroupValidationTest.TaskGroupUsesRevocableResources
#[test]
fn tasks_of_a_group_use_cpus_that_are_all_revocable_or_none() {
    let two = |one: v1::Resource, other: v1::Resource| {
        vec![task("task1", vec![one]), task("task2", vec![other])]
    };

    assert_eq!(group(two(cpus(), cpus()), cpus()), Ok(()));
    assert_eq!(
        group(two(revocable(cpus()), revocable(cpus())), revocable(cpus())),
        Ok(())
    );
    refused(group(two(cpus(), revocable(cpus())), cpus()), MIXED_GROUP);
}

/// Mirrors: TaskGroupValidationTest.TaskGroupAndExecutorUsesRevocableResources
#[test]
fn group_and_executor_use_cpus_that_are_all_revocable_or_none() {
    let one = |own: v1::Resource| vec![task("task1", vec![own])];

    assert_eq!(group(one(cpus()), cpus()), Ok(()));
    assert_eq!(group(one(revocable(cpus())), revocable(cpus())), Ok(()));
    refused(group(one(revocable(cpus())), cpus()), MIXED_GROUP);
    refused(group(one(cpus()), revocable(cpus())), MIXED_GROUP);
}

#[test]
fn executor_of_a_group_has_cpus_memory_and_disk() {
    let task = || vec![task("task1", vec![cpus()])];
    let tiny = allocated(resource("cpus:0.001"), "role");

    refused(
        group(task(), tiny),
        "Executor 'e' uses less CPUs (0.001) than the minimum required (0.01)",
    );
    refused(
        group(task(), allocated(resource("gpus:1"), "role")),
        "Executor 'e' uses less CPUs (None) than the minimum required (0.01)",
    );
}
