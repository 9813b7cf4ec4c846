//! `UPDATE_FRAMEWORK`, on HTTP and from drivers.

use mesos_proto::internal::{
    FrameworkErrorMessage, RescindResourceOfferMessage, ResourceOffersMessage,
    UpdateFrameworkMessage,
};
use mesos_proto::v1;
use mesos_proto::v1::scheduler::{Call, call, event};
use mesos_proto_codec::{Dialect, to_json};
use serde_json::{Value, json};

use crate::support::{Answer, Driver, Scheduler, Stage, from_json, mine};

/// Everything changed that may change.
fn changed(info: &v1::FrameworkInfo) -> v1::FrameworkInfo {
    let mut info = info.clone();
    info.name = Some(format!("{}_foo", info.name()));
    info.failover_timeout = Some(info.failover_timeout() + 1000.0);
    info.hostname = Some("renamed".to_owned());
    info.webui_url = Some("http://localhost:7777/".to_owned());
    info.roles.push("new_role".to_owned());
    info.capabilities
        .push(from_json(&json!({"type": "REGION_AWARE"})));
    info.labels = Some(from_json(&json!({"labels": [{"key": "a", "value": "b"}]})));
    info
}

fn update(scheduler: &Scheduler, info: &v1::FrameworkInfo) -> Answer {
    update_with(scheduler, info, &json!({}))
}

fn update_with(scheduler: &Scheduler, info: &v1::FrameworkInfo, more: &Value) -> Answer {
    let mut info = info.clone();
    info.id = Some(scheduler.id.clone());
    let mut update = more.clone();
    update["framework_info"] = serde_json::from_str(&to_json(&info, Dialect::V1)).expect("JSON");
    let call: Call = from_json(&json!({
        "type": "UPDATE_FRAMEWORK",
        "update_framework": update,
    }));
    scheduler.call(call)
}

/// What the master shows of its only framework.
fn shown(stage: &Stage) -> v1::FrameworkInfo {
    let answer = stage.call(r#"{"type":"GET_FRAMEWORKS"}"#).json();
    let frameworks = &answer["get_frameworks"]["frameworks"];
    assert_eq!(frameworks.as_array().expect("a list").len(), 1);
    from_json(&frameworks[0]["framework_info"])
}

/// A change that may not be is refused, and nothing of the update is taken over.
fn refused(change: impl FnOnce(&mut v1::FrameworkInfo), text: &str) {
    let stage = Stage::start();
    let scheduler = stage.subscribe(mine("role"));
    let mut info = changed(&mine("role"));
    change(&mut info);

    let answer = update(&scheduler, &info);

    assert_eq!(answer.status, 400);
    assert!(answer.text().contains(text), "{}", answer.text());
    let mut expected = mine("role");
    expected.id = Some(scheduler.id);
    assert_eq!(shown(&stage), expected);
}

/// Mirrors: UpdateFrameworkTest.UserChangeFails
#[test]
fn user_stays() {
    refused(
        |info| info.user = Some("other".to_owned()),
        "Updating 'FrameworkInfo.user' is unsupported",
    );
}

/// Mirrors: UpdateFrameworkTest.PrincipalChangeFails
#[test]
fn principal_stays() {
    refused(
        |info| info.principal = Some("other".to_owned()),
        "Changing framework's principal is not allowed",
    );
}

/// Mirrors: UpdateFrameworkTest.CheckpointingChangeFails
/// Mirrors: FrameworkInfoValidationTest.ValidateUpdate
#[test]
fn checkpointing_stays() {
    refused(
        |info| info.checkpoint = Some(false),
        "Updating 'FrameworkInfo.checkpoint' is unsupported",
    );
}

/// Mirrors: UpdateFrameworkTest.MutableFieldsUpdateSuccessfully
/// Mirrors: UpdateFrameworkTest.NoRedundantUpdates
#[test]
fn agents_hear_of_a_change_and_of_no_other_update() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let scheduler = stage.subscribe(mine("role"));

    assert_eq!(update(&scheduler, &mine("role")).status, 200);
    assert!(!agent.peer.has::<UpdateFrameworkMessage>());
    assert_eq!(update(&scheduler, &changed(&mine("role"))).status, 200);

    let mut expected = changed(&mine("role"));
    expected.id = Some(scheduler.id);
    let told: UpdateFrameworkMessage = agent.peer.expect();
    assert_eq!(told.framework_info(), &expected);
    assert_eq!(shown(&stage), expected);
}

fn without_roles() -> v1::FrameworkInfo {
    let mut info = mine("role");
    info.roles.clear();
    info
}

/// Mirrors: UpdateFrameworkTest.OffersOnAddingRole
#[test]
fn new_role_is_offered_to() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(without_roles());
    stage.advance(std::time::Duration::from_secs(2));
    assert!(!scheduler.heard_before_answer(event::Type::Offers));

    assert_eq!(update(&scheduler, &mine("new_role")).status, 200);

    let offer = scheduler.next_offer(&stage);
    assert_eq!(offer.allocation_info().role(), "new_role");
}

/// Mirrors: UpdateFrameworkTest.RescindOnRemovingRoles
#[test]
fn offers_to_a_role_that_is_left_are_taken_back() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(mine("role"));
    let offer = scheduler.offers()[0].clone();

    assert_eq!(update(&scheduler, &without_roles()).status, 200);

    let rescind = scheduler.expect(event::Type::Rescind);
    assert_eq!(rescind.rescind().offer_id(), offer.id());
    stage.advance(std::time::Duration::from_secs(2));
    assert!(!scheduler.heard_before_answer(event::Type::Offers));
}

/// Mirrors: UpdateFrameworkTest.AddSuppressedRole
#[test]
fn new_role_that_is_suppressed_is_not_offered_to() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(without_roles());
    let suppressed = json!({"suppressed_roles": ["new_role"]});

    let answer = update_with(&scheduler, &mine("new_role"), &suppressed);

    assert_eq!(answer.status, 200);
    stage.advance(std::time::Duration::from_secs(2));
    assert!(!scheduler.heard_before_answer(event::Type::Offers));
}

/// Mirrors: UpdateFrameworkTest.RemoveAndUnsuppress
#[test]
fn suppressed_role_that_is_left_is_not_offered_to() {
    let stage = Stage::start();
    let mut scheduler = stage.subscribe(mine("role"));
    scheduler.say(call::Type::Suppress);
    let _agent = stage.agent("cpus:2;mem:1024");

    assert_eq!(update(&scheduler, &without_roles()).status, 200);

    stage.advance(std::time::Duration::from_secs(2));
    assert!(!scheduler.heard_before_answer(event::Type::Offers));
}

fn constraint(predicate: &str) -> Value {
    json!({"role_constraints": {"role": {"groups": [{"attribute_constraints": [{
        "selector": {"attribute_name": "foo"},
        "predicate": {predicate: {}},
    }]}]}}})
}

/// Mirrors: UpdateFrameworkTest.OfferConstraints
#[test]
fn offers_obey_the_newest_constraints() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let mut scheduler = stage.subscribe(without_roles());
    let exists = json!({"offer_constraints": constraint("exists")});
    let missing = json!({"offer_constraints": constraint("not_exists")});
    assert_eq!(update_with(&scheduler, &mine("role"), &exists).status, 200);
    stage.advance(std::time::Duration::from_secs(2));
    assert!(!scheduler.heard_before_answer(event::Type::Offers));

    assert_eq!(update_with(&scheduler, &mine("role"), &missing).status, 200);

    scheduler.next_offer(&stage);
    let expected = constraint("not_exists");
    for path in ["/state", "/frameworks"] {
        assert_eq!(
            stage.get(path)["frameworks"][0]["offer_constraints"],
            expected,
            "{path}"
        );
    }
    let answer = stage.call(r#"{"type":"GET_FRAMEWORKS"}"#).json();
    assert_eq!(
        answer["get_frameworks"]["frameworks"][0]["offer_constraints"],
        expected
    );
}

/// Mirrors: UpdateFrameworkV0Test.CheckpointingChangeFails
#[test]
fn driver_that_changes_its_checkpointing_is_ended() {
    let stage = Stage::start();
    let driver = Driver::subscribe(&stage, mine("role"));
    let mut info = changed(&mine("role"));
    info.checkpoint = Some(false);

    driver.update(&stage, info, &[]);

    let error: FrameworkErrorMessage = driver.peer.expect();
    assert!(
        error
            .message()
            .contains("Updating 'FrameworkInfo.checkpoint' is unsupported"),
        "{}",
        error.message()
    );
}

/// Mirrors: UpdateFrameworkV0Test.MutableFieldsUpdateSuccessfully
#[test]
fn driver_changes_what_may_change() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:2;mem:1024");
    let driver = Driver::subscribe(&stage, mine("role"));

    driver.update(&stage, changed(&mine("role")), &[]);

    let mut expected = changed(&mine("role"));
    expected.id = Some(driver.id);
    let told: UpdateFrameworkMessage = agent.peer.expect();
    assert_eq!(told.framework_info(), &expected);
    assert_eq!(shown(&stage), expected);
}

/// Mirrors: UpdateFrameworkV0Test.OffersOnAddingRole
#[test]
fn new_role_of_a_driver_is_offered_to() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let driver = Driver::subscribe(&stage, without_roles());
    stage.advance(std::time::Duration::from_secs(2));
    assert!(!driver.peer.has::<ResourceOffersMessage>());

    driver.update(&stage, mine("new_role"), &[]);
    stage.settle();
    stage.advance(std::time::Duration::from_secs(2));

    assert_eq!(driver.offers()[0].allocation_info().role(), "new_role");
}

/// Mirrors: UpdateFrameworkV0Test.RescindOnRemovingRoles
#[test]
fn offers_to_a_role_that_a_driver_leaves_are_taken_back() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let driver = Driver::subscribe(&stage, mine("role"));
    let offers = driver.offers();

    driver.update(&stage, without_roles(), &[]);

    let rescind: RescindResourceOfferMessage = driver.peer.expect();
    assert_eq!(rescind.offer_id(), offers[0].id());
    stage.advance(std::time::Duration::from_secs(2));
    assert!(!driver.peer.has::<ResourceOffersMessage>());
}

/// Mirrors: UpdateFrameworkV0Test.SuppressedRoles
#[test]
fn role_that_a_driver_suppresses_is_not_offered_to() {
    let stage = Stage::start();
    let _one = stage.agent("cpus:2;mem:1024");
    let driver = Driver::subscribe(&stage, mine("role"));
    assert_eq!(driver.offers().len(), 1);

    driver.update(&stage, mine("role"), &["role"]);
    stage.settle();
    let _two = stage.agent("cpus:2;mem:1024");

    stage.advance(std::time::Duration::from_secs(2));
    assert!(!driver.peer.has::<ResourceOffersMessage>());
}

/// Mirrors: UpdateFrameworkV0Test.UnsuppressClearsFilters
#[test]
fn role_that_is_suppressed_no_more_has_no_filters() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:2;mem:1024");
    let driver = Driver::subscribe(&stage, mine("role"));
    let offers = driver.offers();
    driver.call(
        &stage,
        from_json(&json!({
            "framework_id": {"value": "filled in"},
            "type": "DECLINE",
            "decline": {
                "offer_ids": [{"value": offers[0].id().value()}],
                "filters": {"refuse_seconds": 86400},
            },
        })),
    );

    driver.update(&stage, mine("role"), &["role"]);
    driver.update(&stage, mine("role"), &[]);

    stage.settle();
    stage.advance(std::time::Duration::from_secs(2));
    assert_eq!(driver.offers().len(), 1);
}

/// Mirrors: FrameworkInfoValidationTest.AcceptMultiRoleFramework
/// Mirrors: FrameworkInfoValidationTest.MultiRoleWhitelist
#[test]
fn framework_has_the_roles_that_the_master_allows() {
    let stage = Stage::start_with(|flags| flags.roles = Some("role1,role3".to_owned()));
    let mut two = mine("role1");
    two.roles.push("role2".to_owned());
    let mut allowed = mine("role1");
    allowed.roles.push("role3".to_owned());

    Driver::subscribe(&stage, allowed);
    let peer = crate::support::Peer::start(&stage.runtime, "scheduler");
    stage.send(&peer, &Driver::subscription(two));

    let error: FrameworkErrorMessage = peer.expect();
    assert_eq!(
        error.message(),
        "Roles { role2 } are not present in the master's --roles"
    );
}

/// A driver that comes back with another description is registered.
fn comes_back_as(before: v1::FrameworkInfo, mut after: v1::FrameworkInfo) {
    let stage = Stage::start();
    let driver = Driver::subscribe(&stage, before);
    driver.peer.disappear();
    stage.settle();
    after.id = Some(driver.id.clone());

    let again = Driver::subscribe(&stage, after.clone());

    assert_eq!(again.id, driver.id);
    assert_eq!(shown(&stage), after);
}

fn single_role() -> v1::FrameworkInfo {
    let mut info = mine("role");
    info.capabilities.clear();
    info.roles.clear();
    info.role = Some("role".to_owned());
    info
}

fn multi_role(roles: &[&str]) -> v1::FrameworkInfo {
    let mut info = mine("role");
    info.capabilities = vec![from_json(&json!({"type": "MULTI_ROLE"}))];
    info.roles = roles.iter().map(|role| (*role).to_owned()).collect();
    info
}

/// Mirrors: FrameworkInfoValidationTest.UpgradeToMultiRole
#[test]
fn framework_can_become_multi_role() {
    comes_back_as(single_role(), multi_role(&["role"]));
}

/// Mirrors: FrameworkInfoValidationTest.DowngradeFromMultipleRoles
#[test]
fn framework_can_cease_to_be_multi_role() {
    comes_back_as(multi_role(&["role", "role2"]), single_role());
}

/// Mirrors: FrameworkInfoValidationTest.RoleChangeWithMultiRole
#[test]
fn framework_can_come_back_with_one_role_more() {
    comes_back_as(multi_role(&["role1"]), multi_role(&["role1", "role2"]));
}
