//! Maintenance.

use mesos_proto::v1::maintenance::{ClusterStatus, Schedule};
use mesos_proto::v1::master::Call;
use mesos_proto::v1::master::call::Type;
use serde_json::{Value, json};

use crate::support::api::{Form, Who, in_both_forms, plain, with};
use crate::support::{ALICE, BOB, Stage, ruled};

/// A master on which bob has nothing to do with any machine, as far as these rules go.
fn closed_to_bob(rules: &[&str]) -> (Stage, tempfile::NamedTempFile) {
    let rule = json!([{"principals": {"values": ["bob"]}, "machines": {"type": "NONE"}}]);
    let acls = rules.iter().map(|name| ((*name).to_owned(), rule.clone()));
    ruled(&Value::Object(acls.collect()))
}

fn window(machines: &Value) -> Value {
    json!({"machine_ids": machines, "unavailability": {"start": {"nanoseconds": 1}}})
}

fn two_machines() -> Value {
    json!([{"hostname": "Machine1"}, {"ip": "0.0.0.2"}])
}

fn update(windows: &[Value]) -> Call {
    with(
        Type::UpdateMaintenanceSchedule,
        &json!({"schedule": {"windows": windows}}),
    )
}

fn schedule(stage: &Stage, form: Form, who: Who<'_>) -> Schedule {
    let answer = stage.asked(form, who, &plain(Type::GetMaintenanceSchedule));
    answer.get_maintenance_schedule().schedule().clone()
}

fn status(stage: &Stage, form: Form, who: Who<'_>) -> ClusterStatus {
    let answer = stage.asked(form, who, &plain(Type::GetMaintenanceStatus));
    answer.get_maintenance_status().status().clone()
}

/// The two machines are the schedule.
#[track_caller]
fn names_two_machines(schedule: &Schedule) {
    let [window] = schedule.windows.as_slice() else {
        panic!("one window")
    };
    let [first, second] = window.machine_ids.as_slice() else {
        panic!("two machines")
    };
    assert_eq!((first.hostname(), second.ip()), ("Machine1", "0.0.0.2"));
}

/// Mirrors: MasterAPITest.UpdateAndGetMaintenanceSchedule
#[test]
fn schedule_is_made_by_and_shown_to_whom_it_may_be() {
    in_both_forms(|form| {
        let (stage, _file) =
            closed_to_bob(&["update_maintenance_schedules", "get_maintenance_schedules"]);
        let update = update(&[window(&two_machines())]);

        stage.told(form, Some(BOB), &update, 403);
        assert!(schedule(&stage, form, Some(ALICE)).windows.is_empty());
        stage.told(form, Some(ALICE), &update, 200);

        assert!(schedule(&stage, form, Some(BOB)).windows.is_empty());
        names_two_machines(&schedule(&stage, form, Some(ALICE)));
    });
}

/// Mirrors: MasterAPITest.GetMaintenanceStatus
#[test]
fn status_is_shown_to_whom_it_may_be() {
    in_both_forms(|form| {
        let (stage, _file) = closed_to_bob(&["get_maintenance_statuses"]);

        stage.told(form, Some(ALICE), &update(&[window(&two_machines())]), 200);

        assert_eq!(status(&stage, form, Some(BOB)), ClusterStatus::default());
        let seen = status(&stage, form, Some(ALICE));
        assert_eq!(seen.draining_machines.len(), 2);
        assert!(seen.down_machines.is_empty());
    });
}

/// Mirrors: MasterAPITest.StartAndStopMaintenance
#[test]
fn machine_goes_down_and_up_by_whom_it_may() {
    in_both_forms(|form| {
        let (stage, _file) = closed_to_bob(&["start_maintenances", "stop_maintenances"]);
        let third = json!([{"hostname": "Machine3", "ip": "0.0.0.3"}]);
        let windows = [window(&two_machines()), window(&third)];
        stage.told(form, Some(ALICE), &update(&windows), 200);
        let start = with(Type::StartMaintenance, &json!({ "machines": third }));
        let stop = with(Type::StopMaintenance, &json!({ "machines": third }));

        stage.told(form, Some(BOB), &start, 403);
        assert!(status(&stage, form, Some(ALICE)).down_machines.is_empty());
        stage.told(form, Some(ALICE), &start, 200);
        stage.told(form, Some(BOB), &stop, 403);
        assert_eq!(status(&stage, form, Some(ALICE)).down_machines.len(), 1);
        stage.told(form, Some(ALICE), &stop, 200);

        names_two_machines(&schedule(&stage, form, Some(ALICE)));
    });
}
