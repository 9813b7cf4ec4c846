//! Which roles there are, and what `/roles` says of them.

use mesos_common::resources::Resources;
use mesos_proto::internal::RunTaskMessage;
use mesos_proto::v1;
use serde_json::{Value, json};

use crate::operations::{create, reserve};
use crate::support::{
    ALICE, Driver, MALLORY, Stage, credentials, framework, launch, offered, run_one, task,
};

/// A role of which nothing is known.
fn role(name: &str) -> Value {
    json!({
        "frameworks": [],
        "name": name,
        "resources": {},
        "allocated": {},
        "offered": {},
        "reserved": {},
        "quota": {"role": name, "consumed": {}, "guarantee": {}, "limit": {}},
        "weight": 1.0,
    })
}

/// A role with these things known.
fn known(name: &str, facts: &[(&str, Value)]) -> Value {
    let mut role = role(name);
    for (path, value) in facts {
        *role.pointer_mut(path).expect("a fact of roles") = value.clone();
    }
    role
}

fn roles(stage: &Stage) -> Value {
    let answer = stage.get("/roles");
    answer.get("roles").expect("roles").clone()
}

/// Mirrors: RoleTest.BadRegister
#[test]
fn framework_of_a_role_that_is_not_listed_is_refused() {
    let stage = Stage::start_with(|flags| flags.roles = Some("foo,bar".to_owned()));

    let error = Driver::refused(&stage, framework("invalid"));

    assert_eq!(
        error,
        "Roles { invalid } are not present in the master's --roles"
    );
}

/// Mirrors: RoleTest.ImplicitRoleRegister
#[test]
fn framework_of_a_new_role_reserves_and_makes_a_volume() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus:1;mem:512;disk:1024");
    let mut scheduler = stage.subscribe(framework("new-role-name"));
    let unreserved = Resources::parse("disk:1024").expect("resources");

    let first = scheduler.offers()[0].clone();
    let reservation = reserve(&first, "disk:1024", None);
    let reserved = Resources::from_proto(&reservation.reserve().resources);
    scheduler.accept(&first, vec![reservation]);
    stage.advance(std::time::Duration::from_secs(1));
    let second = scheduler.offers()[0].clone();
    let creation = create(&second, "disk:64");
    let volume = Resources::from_proto(&creation.create().volumes);
    scheduler.accept(&second, vec![creation]);
    stage.advance(std::time::Duration::from_secs(1));
    let third = scheduler.offers()[0].clone();

    let allocated = |offer: &v1::Offer| Resources::from_proto(&offer.resources);
    assert!(offered(std::slice::from_ref(&first)).contains(&unreserved));
    assert!(!allocated(&first).contains(&reserved));
    assert!(allocated(&second).contains(&reserved));
    assert!(!offered(std::slice::from_ref(&second)).contains(&unreserved));
    assert!(allocated(&third).contains(&volume));
    assert!(!allocated(&third).contains(&reserved));
    assert!(!offered(std::slice::from_ref(&third)).contains(&unreserved));
}

/// Mirrors: RoleTest.ImplicitRoleStaticReservation
#[test]
fn static_reservation_of_a_new_role_runs_a_task() {
    let stage = Stage::start();
    let agent = stage.agent("cpus(role):1;mem(role):512");
    let mut scheduler = stage.subscribe(framework("role"));

    let offer = scheduler.offers()[0].clone();
    let wanted = task("t", &offer, "cpus(role):1;mem(role):512");
    scheduler.accept(&offer, vec![launch(vec![wanted.clone()])]);

    let all = Resources::parse("cpus(role):1;mem(role):512").expect("resources");
    assert!(offered(std::slice::from_ref(&offer)).contains(&all));
    let run: RunTaskMessage = agent.peer.expect();
    let given = Resources::from_proto(&run.task().resources);
    assert_eq!(given, Resources::from_proto(&wanted.resources));
}

/// Mirrors: RoleTest.EndpointEmpty
#[test]
fn no_role_is_known_at_first() {
    let stage = Stage::start();

    let answer = stage.http("GET", "/roles", &[], b"");

    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
    assert_eq!(answer.json(), json!({"roles": []}));
}

/// Mirrors: RoleTest.EndpointWithWhitelistNoFrameworks
#[test]
fn listed_roles_are_known_without_frameworks() {
    let stage = Stage::start_with(|flags| {
        flags.roles = Some("role1,role2".to_owned());
        flags.weights = Some("role1=5".to_owned());
    });

    assert_eq!(
        roles(&stage),
        json!([
            role("*"),
            known("role1", &[("/weight", json!(5.0))]),
            role("role2")
        ])
    );
}

#[test]
fn listed_roles_hide_all_others() {
    let stage = Stage::start_with(|flags| flags.roles = Some("role1/child".to_owned()));
    let _agent = stage.agent("cpus(other):1;mem(other):64");

    let names: Vec<Value> = roles(&stage)
        .as_array()
        .expect("a list")
        .iter()
        .map(|role| role["name"].clone())
        .collect();

    assert_eq!(names, ["*", "role1", "role1/child"]);
}

fn set_quota(role: &str) -> String {
    format!(
        r#"{{"role":"{role}","force":true,"guarantee":[
        {{"name":"cpus","type":"SCALAR","scalar":{{"value":1}}}},
        {{"name":"mem","type":"SCALAR","scalar":{{"value":512}}}}]}}"#
    )
}

/// Mirrors: RoleTest.RolesEndpointContainsQuota
/// Mirrors: RoleTest.EndpointImplicitRolesQuotas
#[test]
fn role_is_known_while_it_has_a_quota() {
    let stage = Stage::start();

    let set = stage.http("POST", "/quota", &[], set_quota("foo").as_bytes());
    let with_quota = roles(&stage);
    let removed = stage.http("DELETE", "/quota/foo", &[], b"");
    let without = roles(&stage);

    assert_eq!((set.status, removed.status), (200, 200));
    let amounts = json!({"cpus": 1.0, "mem": 512.0});
    let facts = [
        ("/quota/guarantee", amounts.clone()),
        ("/quota/limit", amounts),
    ];
    assert_eq!(with_quota, json!([known("foo", &facts)]));
    assert_eq!(without, json!([]));
}

/// Mirrors: RoleTest.RolesEndpointContainsConsumedQuota
#[test]
fn consumption_is_what_runs_and_what_is_reserved() {
    let stage = Stage::start();
    let mut scheduler = stage.subscribe(framework("role"));
    let reserved = stage.agent_at("one", "cpus(role):1;mem(role):10;disk:0;ports:[]");
    run_one(&mut scheduler, &reserved, "1", "cpus(role):1;mem(role):10");
    let plain = stage.agent_at("two", "cpus:10;mem:100;disk:0;ports:[]");
    run_one(&mut scheduler, &plain, "2", "cpus:10;mem:100");
    let _offered = stage.agent_at(
        "three",
        "cpus(role):100;mem(role):1000;ports(role):[100-199];cpus:1000;mem:10000;disk:0;\
         ports:[1000-1999]",
    );
    scheduler.offers();

    let shown = roles(&stage);

    let facts = [
        ("/frameworks", json!([scheduler.id.value()])),
        (
            "/resources",
            json!({"cpus": 1111.0, "mem": 11110.0, "ports": 1100.0}),
        ),
        ("/allocated", json!({"cpus": 11.0, "mem": 110.0})),
        (
            "/offered",
            json!({"cpus": 1100.0, "mem": 11000.0, "ports": 1100.0}),
        ),
        (
            "/reserved",
            json!({"cpus": 101.0, "mem": 1010.0, "ports": 100.0}),
        ),
        (
            "/quota/consumed",
            json!({"cpus": 111.0, "mem": 1110.0, "ports": 100.0}),
        ),
    ];
    assert_eq!(shown, json!([known("role", &facts)]));
}

/// Mirrors: RoleTest.EndpointImplicitRolesWeights
#[test]
fn roles_with_a_weight_or_a_framework_are_known() {
    let stage = Stage::start_with(|flags| flags.weights = Some("roleX=5,roleY=4".to_owned()));
    let first = Driver::subscribe(&stage, framework("roleX"));
    let second = Driver::subscribe(&stage, framework("roleZ"));

    let of = |driver: &Driver| ("/frameworks", json!([driver.id.value()]));
    assert_eq!(
        roles(&stage),
        json!([
            known("roleX", &[of(&first), ("/weight", json!(5.0))]),
            known("roleY", &[("/weight", json!(4.0))]),
            known("roleZ", &[of(&second)]),
        ])
    );
}

/// Mirrors: RoleTest.EndpointImplicitRolesReservations
/// Mirrors: RoleTest.EndpointImplicitRolesAncestors
#[test]
fn reservation_makes_its_role_and_the_roles_above_known() {
    let stage = Stage::start();
    let _agent = stage.agent("cpus(ancestor/child):1;mem(ancestor/child):10");

    let shown = roles(&stage);

    let amounts = json!({"cpus": 1.0, "mem": 10.0});
    let facts = [("/reserved", amounts.clone()), ("/quota/consumed", amounts)];
    assert_eq!(
        shown,
        json!([known("ancestor", &facts), known("ancestor/child", &facts)])
    );
}

/// Mirrors: RoleTest.AddAndRemoveFrameworkWithMultipleRoles
#[test]
fn roles_come_and_go_with_their_framework() {
    let stage = Stage::start();
    let mut info = framework("role1");
    info.roles.push("role2".to_owned());
    let scheduler = stage.subscribe(info);

    let before = roles(&stage);
    scheduler.tear_down();
    stage.settle();

    let of = [("/frameworks", json!([scheduler.id.value()]))];
    assert_eq!(before, json!([known("role1", &of), known("role2", &of)]));
    assert_eq!(roles(&stage), json!([]));
}

/// Mirrors: RoleTest.EndpointBadAuthentication
#[test]
fn strangers_do_not_see_roles() {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_readonly = true;
    });

    let nobody = stage.http("GET", "/roles", &[], b"");
    let stranger = stage.http("GET", "/roles", &[MALLORY], b"");
    let alice = stage.http("GET", "/roles", &[ALICE], b"");

    assert_eq!(
        (nobody.status, stranger.status, alice.status),
        (401, 401, 200)
    );
}

#[test]
fn roles_and_weights_that_cannot_be_end_the_start() {
    for (roles, weights, error) in [
        (
            "foo,.,*",
            "",
            "bad value of --roles: Role '.' cannot include '.' as a component",
        ),
        (
            "foo",
            "bar=1",
            "bad value of --weights: 'bar=1': bar is not a valid role",
        ),
        (
            "foo",
            "foo=0",
            "bad value of --weights: 'foo=0': weights must be positive",
        ),
    ] {
        let refused = Stage::refused(|flags| {
            flags.roles = Some(roles.to_owned());
            flags.weights = Some(weights.to_owned());
        });

        assert_eq!(refused, error);
    }
}
