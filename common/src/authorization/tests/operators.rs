//! Rules on what operators do.

use super::Rules;
use crate::authorization::Action;

/// Mirrors: AuthorizationTest.Unreserve
#[test]
fn rules_decide_unreserve() {
    let rules = Rules::of(
        "unreserve_resources principals=foo reserver_principals=foo \n\
         unreserve_resources principals=bar reserver_principals=NONE \n\
         unreserve_resources principals=ops reserver_principals=ANY \n\
         unreserve_resources principals=ANY reserver_principals=NONE",
    );

    rules.allow(Action::UnreserveResources, Some("foo"), &[("value", "foo")]);
    rules.allow(
        Action::UnreserveResources,
        Some("foo"),
        &[("reservation principal", "foo")],
    );
    rules.refuse(Action::UnreserveResources, Some("bar"), &[("value", "foo")]);
    rules.refuse(
        Action::UnreserveResources,
        Some("bar"),
        &[("reservation principal", "foo")],
    );
    rules.refuse(Action::UnreserveResources, Some("bar"), &[("value", "bar")]);
    rules.refuse(
        Action::UnreserveResources,
        Some("bar"),
        &[("reservation principal", "bar")],
    );
    rules.allow(Action::UnreserveResources, Some("ops"), &[("value", "foo")]);
    rules.allow(
        Action::UnreserveResources,
        Some("ops"),
        &[("reservation principal", "foo")],
    );
    rules.allow(Action::UnreserveResources, Some("ops"), &[("value", "foo")]);
    rules.allow(
        Action::UnreserveResources,
        Some("ops"),
        &[("reservation principal", "foo")],
    );
    rules.allow(Action::UnreserveResources, Some("ops"), &[("value", "bar")]);
    rules.allow(
        Action::UnreserveResources,
        Some("ops"),
        &[("reservation principal", "bar")],
    );
    rules.allow(Action::UnreserveResources, Some("ops"), &[("value", "ops")]);
    rules.allow(
        Action::UnreserveResources,
        Some("ops"),
        &[("reservation principal", "ops")],
    );
    rules.refuse(
        Action::UnreserveResources,
        Some("zelda"),
        &[("value", "foo")],
    );
    rules.refuse(
        Action::UnreserveResources,
        Some("zelda"),
        &[("reservation principal", "foo")],
    );
}

/// Mirrors: AuthorizationTest.ViewFlags
#[test]
fn rules_decide_view_flags() {
    let rules = Rules::of(
        "view_flags principals=foo flags=ANY \n\
         view_flags principals=ANY flags=NONE",
    );

    rules.allow(Action::ViewFlags, Some("foo"), &[]);
    rules.refuse(Action::ViewFlags, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("view_flags principals=foo flags=yoda").is_err());
}

/// Mirrors: AuthorizationTest.ViewResourceProvider
#[test]
fn rules_decide_view_resource_provider() {
    let rules = Rules::of(
        "view_resource_providers principals=foo resource_providers=ANY \n\
         view_resource_providers principals=ANY resource_providers=NONE",
    );

    rules.allow(Action::ViewResourceProvider, Some("foo"), &[]);
    rules.refuse(Action::ViewResourceProvider, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(
        Rules::parse("view_resource_providers principals=foo resource_providers=yoda").is_err()
    );
}

/// Mirrors: AuthorizationTest.SetLogLevel
#[test]
fn rules_decide_set_log_level() {
    let rules = Rules::of(
        "set_log_level principals=foo level=ANY \n\
         set_log_level principals=ANY level=NONE",
    );

    rules.allow(Action::SetLogLevel, Some("foo"), &[]);
    rules.refuse(Action::SetLogLevel, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("set_log_level principals=foo level=yoda").is_err());
}

/// Mirrors: AuthorizationTest.ValidateEndpoints
#[test]
fn rules_may_name_only_paths_that_somebody_asks_about() {
    let paths = |paths: &str| Rules::parse(&format!("get_endpoints principals=foo paths={paths}"));

    assert_eq!(
        paths("/frameworks").unwrap_err().to_string(),
        "Path: '/frameworks' is not an authorizable path"
    );
    assert!(paths("/frameworks,/monitor/statistics,/containers").is_err());
    assert!(paths("/monitor/statistics,/containers").is_ok());
}

/// Mirrors: AuthorizationTest.RegisterAgent
#[test]
fn rules_decide_register_agent() {
    let rules = Rules::of(
        "register_agents principals=foo agents=ANY \n\
         register_agents principals=ANY agents=NONE",
    );

    rules.allow(Action::RegisterAgent, Some("foo"), &[]);
    rules.refuse(Action::RegisterAgent, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("register_agents principals=foo agents=yoda").is_err());
}

/// Mirrors: AuthorizationTest.UpdateMaintenanceSchedule
#[test]
fn rules_decide_update_maintenance_schedule() {
    let rules = Rules::of(
        "update_maintenance_schedules principals=foo machines=ANY \n\
         update_maintenance_schedules principals=ANY machines=NONE",
    );

    rules.allow(Action::UpdateMaintenanceSchedule, Some("foo"), &[]);
    rules.refuse(Action::UpdateMaintenanceSchedule, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("update_maintenance_schedules principals=foo machines=yoda").is_err());
}

/// Mirrors: AuthorizationTest.GetMaintenanceSchedule
#[test]
fn rules_decide_get_maintenance_schedule() {
    let rules = Rules::of(
        "get_maintenance_schedules principals=foo machines=ANY \n\
         get_maintenance_schedules principals=ANY machines=NONE",
    );

    rules.allow(Action::GetMaintenanceSchedule, Some("foo"), &[]);
    rules.refuse(Action::GetMaintenanceSchedule, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("get_maintenance_schedules principals=foo machines=yoda").is_err());
}

/// Mirrors: AuthorizationTest.StartMaintenance
#[test]
fn rules_decide_start_maintenance() {
    let rules = Rules::of(
        "start_maintenances principals=foo machines=ANY \n\
         start_maintenances principals=ANY machines=NONE",
    );

    rules.allow(Action::StartMaintenance, Some("foo"), &[]);
    rules.refuse(Action::StartMaintenance, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("start_maintenances principals=foo machines=yoda").is_err());
}

/// Mirrors: AuthorizationTest.StopMaintenance
#[test]
fn rules_decide_stop_maintenance() {
    let rules = Rules::of(
        "stop_maintenances principals=foo machines=ANY \n\
         stop_maintenances principals=ANY machines=NONE",
    );

    rules.allow(Action::StopMaintenance, Some("foo"), &[]);
    rules.refuse(Action::StopMaintenance, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("stop_maintenances principals=foo machines=yoda").is_err());
}

/// Mirrors: AuthorizationTest.GetMaintenanceStatus
#[test]
fn rules_decide_get_maintenance_status() {
    let rules = Rules::of(
        "get_maintenance_statuses principals=foo machines=ANY \n\
         get_maintenance_statuses principals=ANY machines=NONE",
    );

    rules.allow(Action::GetMaintenanceStatus, Some("foo"), &[]);
    rules.refuse(Action::GetMaintenanceStatus, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("get_maintenance_statuses principals=foo machines=yoda").is_err());
}

/// Mirrors: AuthorizationTest.DrainAgent
#[test]
fn rules_decide_drain_agent() {
    let rules = Rules::of(
        "drain_agents principals=foo agents=ANY \n\
         drain_agents principals=ANY agents=NONE",
    );

    rules.allow(Action::DrainAgent, Some("foo"), &[]);
    rules.refuse(Action::DrainAgent, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("drain_agents principals=foo agents=yoda").is_err());
}

/// Mirrors: AuthorizationTest.DeactivateAgent
#[test]
fn rules_decide_deactivate_agent() {
    let rules = Rules::of(
        "deactivate_agents principals=foo agents=ANY \n\
         deactivate_agents principals=ANY agents=NONE",
    );

    rules.allow(Action::DeactivateAgent, Some("foo"), &[]);
    rules.refuse(Action::DeactivateAgent, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("deactivate_agents principals=foo agents=yoda").is_err());
}

/// Mirrors: AuthorizationTest.ReactivateAgent
#[test]
fn rules_decide_reactivate_agent() {
    let rules = Rules::of(
        "reactivate_agents principals=foo agents=ANY \n\
         reactivate_agents principals=ANY agents=NONE",
    );

    rules.allow(Action::ReactivateAgent, Some("foo"), &[]);
    rules.refuse(Action::ReactivateAgent, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("reactivate_agents principals=foo agents=yoda").is_err());
}

/// Mirrors: AuthorizationTest.ViewStandaloneContainer
#[test]
fn rules_decide_view_standalone_container() {
    let rules = Rules::of(
        "view_standalone_containers principals=foo users=ANY \n\
         view_standalone_containers principals=ANY users=NONE",
    );

    rules.allow(Action::ViewStandaloneContainer, Some("foo"), &[]);
    rules.refuse(Action::ViewStandaloneContainer, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("view_standalone_containers principals=foo users=yoda").is_err());
}

/// Mirrors: AuthorizationTest.MarkResourceProviderGone
#[test]
fn rules_decide_mark_resource_provider_gone() {
    let rules = Rules::of(
        "mark_resource_providers_gone principals=foo resource_providers=ANY \n\
         mark_resource_providers_gone principals=ANY resource_providers=NONE",
    );

    rules.allow(Action::MarkResourceProviderGone, Some("foo"), &[]);
    rules.refuse(Action::MarkResourceProviderGone, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(
        Rules::parse("mark_resource_providers_gone principals=foo resource_providers=yoda")
            .is_err()
    );
}

/// Mirrors: AuthorizationTest.ModifyResourceProviderConfig
#[test]
fn rules_decide_modify_resource_provider_config() {
    let rules = Rules::of(
        "modify_resource_provider_configs principals=foo resource_providers=ANY \n\
         modify_resource_provider_configs principals=ANY resource_providers=NONE",
    );

    rules.allow(Action::ModifyResourceProviderConfig, Some("foo"), &[]);
    rules.refuse(Action::ModifyResourceProviderConfig, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(
        Rules::parse("modify_resource_provider_configs principals=foo resource_providers=yoda")
            .is_err()
    );
}

/// Mirrors: AuthorizationTest.PruneImages
#[test]
fn rules_decide_prune_images() {
    let rules = Rules::of(
        "prune_images principals=foo images=ANY \n\
         prune_images principals=ANY images=NONE",
    );

    rules.allow(Action::PruneImages, Some("foo"), &[]);
    rules.refuse(Action::PruneImages, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("prune_images principals=foo images=yoda").is_err());
}

/// Mirrors: AuthorizationTest.LogAccess
#[test]
fn rules_decide_log_access() {
    let rules = Rules::of(
        "access_mesos_logs principals=foo logs=ANY \n\
         access_mesos_logs principals=ANY logs=NONE",
    );

    rules.allow(Action::AccessMesosLog, Some("foo"), &[]);
    rules.refuse(Action::AccessMesosLog, Some("bar"), &[]);
    // What is given implicitly cannot be named.
    assert!(Rules::parse("access_mesos_logs principals=foo logs=yoda").is_err());
}
