//! Which reservations and volumes frameworks and operators may change under `--acls`.

use mesos_common::resources::Resources;
use mesos_proto::internal::{ApplyOperationMessage, RunTaskMessage};
use mesos_proto::v1;
use mesos_proto::v1::TaskState;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::scheduler::{call, event};
use serde_json::{Value, json};

use crate::support::operations::{
    create, destroy, grow, holds, parsed, reserve, reserved, shrink, unreserve, volume, volumes_of,
};
use crate::support::operator::form;
use crate::support::{
    ALICE, Agent, BOB, MALLORY, Scheduler, Stage, framework, launch, mine, ruled, rules, task_with,
};

/// A master with rules that trusts what frameworks say of themselves.
fn under(acls: &Value) -> Stage {
    Stage::start_with(|flags| flags.acls = Some(rules(acls)))
}

fn staged(
    acls: &Value,
    resources: &str,
    info: v1::FrameworkInfo,
) -> (Stage, Agent, Scheduler, v1::Offer) {
    let stage = under(acls);
    let agent = stage.agent(resources);
    let mut scheduler = stage.subscribe(info);
    let offer = scheduler.offers().first().expect("an offer").clone();
    (stage, agent, scheduler, offer)
}

/// `alice` may reserve for every role and give back nothing.
fn never_unreserve() -> Value {
    json!({
        "reserve_resources": [{"principals": {"values": ["alice"]}, "roles": {"type": "ANY"}}],
        "unreserve_resources": [
            {"principals": {"values": ["alice"]}, "reserver_principals": {"type": "NONE"}},
        ],
    })
}

/// Mirrors: ReservationTest.GoodACLReserveThenUnreserve
#[test]
fn framework_that_may_reserves_and_gives_back() {
    let acls = json!({
        "reserve_resources": [{"principals": {"values": ["alice"]}, "roles": {"type": "ANY"}}],
        "unreserve_resources": [
            {"principals": {"values": ["alice"]}, "reserver_principals": {"values": ["alice"]}},
        ],
    });
    let (stage, _agent, mut scheduler, offer) = staged(&acls, "cpus:1;mem:512", mine("role"));
    let taken = reserved("cpus:1;mem:512", "role");

    let offer = scheduler.after(&stage, &offer, vec![reserve(&taken)]);
    assert!(holds(&offer, &taken));
    let offer = scheduler.after(&stage, &offer, vec![unreserve(&taken)]);

    assert!(holds(&offer, &parsed("cpus:1;mem:512")));
}

/// Mirrors: ReservationTest.BadACLDropReserve
#[test]
fn framework_that_may_not_reserves_nothing() {
    let acls = json!({
        "reserve_resources": [{"principals": {"type": "NONE"}, "roles": {"type": "ANY"}}],
    });
    let (stage, agent, mut scheduler, offer) = staged(&acls, "cpus:1;mem:512", mine("role"));

    let taken = reserved("cpus:1;mem:512", "role");
    let offer = scheduler.after(&stage, &offer, vec![reserve(&taken)]);

    assert!(holds(&offer, &parsed("cpus:1;mem:512")));
    assert!(!agent.peer.has::<ApplyOperationMessage>());
}

/// Mirrors: ReservationTest.BadACLDropUnreserve
#[test]
fn framework_that_may_not_give_back_reserves_on() {
    let (stage, _agent, mut scheduler, offer) =
        staged(&never_unreserve(), "cpus:2;mem:1024", mine("role"));
    let one = reserved("cpus:1;mem:512", "role");
    let two = reserved("cpus:0.5;mem:256", "role");

    let offer = scheduler.after(&stage, &offer, vec![reserve(&one)]);
    assert!(holds(&offer, &(&one + &parsed("cpus:1;mem:512"))));
    let offer = scheduler.after(&stage, &offer, vec![unreserve(&one), reserve(&two)]);

    let expected = &(&one + &two) + &parsed("cpus:0.5;mem:256");
    assert!(holds(&offer, &expected));
}

/// Runs a task to its end after other operations; returns the offer that comes then.
fn finishing(
    stage: &Stage,
    agent: &Agent,
    scheduler: &mut Scheduler,
    offer: &v1::Offer,
    (before, id, resources): (Vec<v1::offer::Operation>, &str, &Resources),
) -> v1::Offer {
    let mut operations = before;
    operations.push(launch(vec![task_with(id, offer, resources.clone())]));
    scheduler.accept(offer, operations);
    let run: RunTaskMessage = agent.peer.expect();
    agent.update(stage, &run, TaskState::TaskFinished, 1);
    let finished = scheduler.update();
    assert_eq!(finished.state(), TaskState::TaskFinished);
    scheduler.acknowledge(&finished);
    scheduler.next_offer(stage)
}

/// Mirrors: ReservationTest.ACLMultipleOperations
#[test]
fn operation_that_is_not_allowed_leaves_those_beside_it_alone() {
    let (stage, agent, mut scheduler, offer) =
        staged(&never_unreserve(), "cpus:2;mem:1024", mine("role"));
    let one = reserved("cpus:1;mem:512", "role");
    let two = reserved("cpus:0.5;mem:256", "role");
    let all = &(&one + &two) + &parsed("cpus:0.5;mem:256");
    let offer = scheduler.after(&stage, &offer, vec![reserve(&one)]);
    assert!(holds(&offer, &(&one + &parsed("cpus:1;mem:512"))));

    let step = (vec![unreserve(&one), reserve(&two)], "1", &two);
    let offer = finishing(&stage, &agent, &mut scheduler, &offer, step);
    assert!(holds(&offer, &all));
    let step = (vec![unreserve(&one), unreserve(&two)], "2", &one);
    let offer = finishing(&stage, &agent, &mut scheduler, &offer, step);

    assert!(holds(&offer, &all));
}

const DISKS: &str = "cpus:2;mem:2048;disk(role1):4096";

fn disk(megabytes: u32) -> Resources {
    parsed(&format!("disk(role1):{megabytes}"))
}

fn nameless(resources: &Resources) -> Resources {
    let mut list = resources.to_proto();
    for resource in &mut list {
        let disk = resource.disk.get_or_insert_default();
        if let Some(persistence) = disk.persistence.as_mut() {
            persistence.principal = None;
        }
    }
    Resources::try_from_proto(&list).expect("resources")
}

/// A volume is created and destroyed, and the agent is told of both.
fn created_and_destroyed(acls: &Value, info: v1::FrameworkInfo, volume: &Resources) {
    let (stage, agent, mut scheduler, offer) = staged(acls, DISKS, info);

    let offer = scheduler.after(&stage, &offer, vec![create(volume)]);
    let told = agent.perform(&stage);
    assert_eq!(told.r#type(), Type::Create);
    let mut named = Resources::from_proto(&told.create().volumes);
    named.unallocate();
    assert_eq!(&named, volume);
    assert!(holds(&offer, volume));
    let offer = scheduler.after(&stage, &offer, vec![destroy(volume)]);

    assert_eq!(agent.perform(&stage).r#type(), Type::Destroy);
    assert!(!holds(&offer, volume));
}

/// Mirrors: PersistentVolumeTest.GoodACLCreateThenDestroy
#[test]
fn framework_that_may_creates_and_destroys_volumes() {
    let acls = json!({
        "create_volumes": [{"principals": {"values": ["alice"]}, "roles": {"type": "ANY"}}],
        "destroy_volumes": [
            {"principals": {"values": ["alice"]}, "creator_principals": {"values": ["alice"]}},
        ],
    });

    created_and_destroyed(&acls, mine("role1"), &volume(&disk(2048), "id1"));
}

/// Mirrors: PersistentVolumeTest.GoodACLNoPrincipal
#[test]
fn framework_without_a_principal_may_what_everybody_may() {
    let acls = json!({
        "create_volumes": [{"principals": {"type": "ANY"}, "roles": {"type": "ANY"}}],
        "destroy_volumes": [
            {"principals": {"type": "ANY"}, "creator_principals": {"type": "ANY"}},
        ],
    });

    let volume = nameless(&volume(&disk(2048), "id1"));
    created_and_destroyed(&acls, framework("role1"), &volume);
}

/// One framework may neither create nor destroy volumes; `creator` may create them.
fn only_the_creator_creates(creator: &str, info: v1::FrameworkInfo) {
    let acls = json!({
        "create_volumes": [
            {"principals": {"values": [creator]}, "roles": {"type": "ANY"}},
            {"principals": {"type": "ANY"}, "roles": {"type": "NONE"}},
        ],
        "destroy_volumes": [
            {"principals": {"type": "ANY"}, "creator_principals": {"type": "NONE"}},
        ],
    });
    let volume_of = |principal: Option<&str>| {
        let mut list = volume(&disk(2048), "id1").to_proto();
        let disk = list[0].disk.get_or_insert_default();
        let persistence = disk.persistence.get_or_insert_default();
        persistence.principal = principal.map(str::to_owned);
        Resources::try_from_proto(&list).expect("resources")
    };
    let of_one = volume_of(info.principal.as_deref());
    let (stage, agent, mut one, offer) = staged(&acls, DISKS, info);
    let offer = one.after(&stage, &offer, vec![create(&of_one)]);
    assert!(!holds(&offer, &of_one));
    assert!(!agent.peer.has::<ApplyOperationMessage>());
    one.decline(&[offer], 0.0);
    one.say(call::Type::Suppress);
    let mut info = framework("role1");
    info.principal = Some(creator.to_owned());
    let mut two = stage.subscribe(info);
    let offer = two.next_offer(&stage);
    let volume = volume_of(Some(creator));
    let offer = two.after(&stage, &offer, vec![create(&volume)]);
    assert!(holds(&offer, &volume));
    two.decline(&[offer], 0.0);
    two.say(call::Type::Suppress);
    one.say(call::Type::Revive);
    let offer = one.next_offer(&stage);
    assert!(holds(&offer, &volume));

    let offer = one.after(&stage, &offer, vec![destroy(&volume)]);

    assert!(holds(&offer, &volume));
}

/// Mirrors: PersistentVolumeTest.BadACLDropCreateAndDestroy
#[test]
fn framework_that_may_not_neither_creates_nor_destroys_volumes() {
    only_the_creator_creates("creator-principal", mine("role1"));
}

/// Mirrors: PersistentVolumeTest.BadACLNoPrincipal
#[test]
fn framework_without_a_principal_may_not_what_few_may() {
    only_the_creator_creates("alice", framework("role1"));
}

/// Mirrors: PersistentVolumeTest.GoodACLGrowThenShrink
#[test]
fn framework_that_may_resizes_volumes() {
    let acls = json!({
        "resize_volumes": [
            {"principals": {"values": ["alice"]}, "roles": {"values": ["role1"]}},
        ],
    });
    let (stage, agent, mut scheduler, offer) = staged(&acls, DISKS, mine("role1"));
    let (small, big) = (volume(&disk(3584), "id1"), volume(&disk(4096), "id1"));

    let offer = scheduler.after(
        &stage,
        &offer,
        vec![create(&small), grow(&small, &disk(512))],
    );
    assert_eq!(volumes_of(&offer), big);
    assert!(!holds(&offer, &disk(512)));
    assert_eq!(agent.perform(&stage).r#type(), Type::Create);
    assert_eq!(agent.perform(&stage).r#type(), Type::GrowVolume);
    let offer = scheduler.after(&stage, &offer, vec![shrink(&big, 512.0)]);

    assert_eq!(agent.perform(&stage).r#type(), Type::ShrinkVolume);
    assert_eq!(volumes_of(&offer), small);
    assert!(holds(&offer, &disk(512)));
}

/// Mirrors: PersistentVolumeTest.BadACLDropGrowAndShrink
#[test]
fn framework_that_may_not_resizes_no_volumes() {
    let acls = json!({
        "resize_volumes": [{"principals": {"type": "ANY"}, "roles": {"type": "NONE"}}],
    });
    let (stage, _agent, mut one, offer) = staged(&acls, DISKS, mine("role1"));
    let (small, rest) = (volume(&disk(3584), "id1"), disk(512));
    let unchanged = |offer: &v1::Offer| volumes_of(offer) == small && holds(offer, &rest);

    let offer = one.after(&stage, &offer, vec![create(&small), grow(&small, &rest)]);
    assert!(unchanged(&offer));
    let offer = one.after(&stage, &offer, vec![shrink(&small, 512.0)]);
    assert!(unchanged(&offer));
    one.tear_down();
    let mut two = stage.subscribe(framework("role1"));
    let offer = two.next_offer(&stage);
    assert!(unchanged(&offer));
    let offer = two.after(&stage, &offer, vec![grow(&small, &rest)]);
    assert!(unchanged(&offer));
    let offer = two.after(&stage, &offer, vec![shrink(&small, 512.0)]);

    assert!(unchanged(&offer));
}

/// What an operator is answered.
fn ask(stage: &Stage, who: (&str, &str), path: &str, agent: &Agent, resources: &Resources) -> u16 {
    let field = if path.ends_with("volumes") {
        "volumes"
    } else {
        "resources"
    };
    stage
        .post_as(Some(who), path, &form(agent, field, resources))
        .0
}

/// Mirrors: ReservationEndpointsTest.GoodReserveAndUnreserveACL
/// Mirrors: ReservationEndpointsTest.GoodReserveACLMultipleRoles
#[test]
fn operator_that_may_reserves_and_gives_back() {
    let (stage, _file) = ruled(&json!({
        "reserve_resources": [{"principals": {"values": ["alice"]}, "roles": {"type": "ANY"}}],
        "unreserve_resources": [
            {"principals": {"values": ["alice"]}, "reserver_principals": {"values": ["alice"]}},
        ],
    }));
    let agent = stage.agent("cpus:2;mem:1024");
    let one = reserved("cpus:1;mem:512", "role");

    assert_eq!(ask(&stage, ALICE, "/reserve", &agent, &one), 202);
    assert_eq!(ask(&stage, ALICE, "/unreserve", &agent, &one), 202);
    let two = &reserved("cpus:1;mem:512", "jedi_master") + &reserved("cpus:1", "sith_lord");
    assert_eq!(ask(&stage, ALICE, "/reserve", &agent, &two), 202);
}

/// Mirrors: ReservationEndpointsTest.BadReserveACL
#[test]
fn operator_that_may_not_reserves_nothing() {
    let (stage, _file) = ruled(&json!({
        "reserve_resources": [{"principals": {"type": "ANY"}, "roles": {"type": "NONE"}}],
    }));
    let agent = stage.agent("cpus:1;mem:512");

    let taken = reserved("cpus:1;mem:512", "role");
    assert_eq!(ask(&stage, ALICE, "/reserve", &agent, &taken), 403);
}

/// Mirrors: ReservationEndpointsTest.BadReserveACLMultipleRoles
#[test]
fn one_role_that_an_operator_may_not_reserve_for_forbids_the_request() {
    let (stage, _file) = ruled(&json!({
        "reserve_resources": [
            {"principals": {"values": ["alice"]}, "roles": {"values": ["panda"]}},
            {"principals": {"values": ["alice"]}, "roles": {"type": "NONE"}},
        ],
    }));
    let agent = stage.agent("cpus:2;mem:1024");
    let panda = reserved("cpus:1;mem:512", "panda");

    let both = &panda + &reserved("cpus:1;mem:512", "giraffe");
    assert_eq!(ask(&stage, ALICE, "/reserve", &agent, &both), 403);
    assert_eq!(ask(&stage, ALICE, "/reserve", &agent, &panda), 202);
}

/// Mirrors: ReservationEndpointsTest.BadUnreserveACL
#[test]
fn operator_that_may_not_gives_nothing_back() {
    let (stage, _file) = ruled(&json!({
        "unreserve_resources": [
            {"principals": {"type": "ANY"}, "reserver_principals": {"type": "NONE"}},
        ],
    }));
    let agent = stage.agent("cpus:1;mem:512");
    let taken = reserved("cpus:1;mem:512", "role");

    assert_eq!(ask(&stage, ALICE, "/reserve", &agent, &taken), 202);
    assert_eq!(ask(&stage, ALICE, "/unreserve", &agent, &taken), 403);
}

fn volume_in(role: &str, id: &str) -> Resources {
    volume(&parsed(&format!("disk({role}):64")), id)
}

/// Mirrors: PersistentVolumeEndpointsTest.GoodCreateAndDestroyACL
#[test]
fn operator_that_may_creates_and_destroys_volumes() {
    let (stage, _file) = ruled(&json!({
        "create_volumes": [{"principals": {"values": ["alice"]}, "roles": {"type": "ANY"}}],
        "destroy_volumes": [
            {"principals": {"values": ["alice"]}, "creator_principals": {"values": ["alice"]}},
        ],
    }));
    let agent = stage.agent("cpus:1;mem:512;disk(role1):1024");
    let volume = volume_in("role1", "id1");

    assert_eq!(ask(&stage, ALICE, "/create-volumes", &agent, &volume), 202);
    let mut scheduler = stage.subscribe(mine("role1"));
    let offer = scheduler.offers()[0].clone();
    assert!(holds(&offer, &volume));
    assert_eq!(ask(&stage, ALICE, "/destroy-volumes", &agent, &volume), 202);

    let rescind = scheduler.expect(event::Type::Rescind);
    assert_eq!(rescind.rescind().offer_id(), offer.id());
    scheduler.say(call::Type::Revive);
    assert!(!holds(&scheduler.next_offer(&stage), &volume));
}

/// Mirrors: PersistentVolumeEndpointsTest.GoodCreateACLMultipleRoles
/// Mirrors: PersistentVolumeEndpointsTest.BadCreateACLMultipleRoles
#[test]
fn operator_creates_volumes_only_for_roles_that_it_may() {
    let resources = "cpus:1;mem:512;disk(potato_head):1024;disk(gumby):1024";
    let volumes = &volume_in("potato_head", "id1") + &volume_in("gumby", "id2");

    for (acls, expected) in [
        (
            json!([{"principals": {"values": ["alice"]}, "roles": {"type": "ANY"}}]),
            202,
        ),
        (
            json!([
                {"principals": {"values": ["alice"]}, "roles": {"values": ["potato_head"]}},
                {"principals": {"values": ["alice"]}, "roles": {"type": "NONE"}},
            ]),
            403,
        ),
    ] {
        let (stage, _file) = ruled(&json!({"create_volumes": acls}));
        let agent = stage.agent(resources);
        let status = ask(&stage, ALICE, "/create-volumes", &agent, &volumes);
        assert_eq!(status, expected);
    }
}

/// Mirrors: PersistentVolumeEndpointsTest.BadCreateAndDestroyACL
#[test]
fn operator_that_may_not_neither_creates_nor_destroys_volumes() {
    let (stage, _file) = ruled(&json!({
        "create_volumes": [
            {"principals": {"values": ["bob"]}, "roles": {"type": "NONE"}},
            {"principals": {"values": ["alice"]}, "roles": {"type": "ANY"}},
        ],
        "destroy_volumes": [
            {"principals": {"values": ["bob"]}, "creator_principals": {"type": "NONE"}},
        ],
    }));
    let agent = stage.agent("cpus:1;mem:512;disk(role1):1024");
    let volume = volume_in("role1", "id1");
    let mut of_bob = volume.to_proto();
    let disk = of_bob[0].disk.get_or_insert_default();
    disk.persistence.get_or_insert_default().principal = Some("bob".to_owned());
    let of_bob = Resources::try_from_proto(&of_bob).expect("resources");

    assert_eq!(ask(&stage, BOB, "/create-volumes", &agent, &of_bob), 403);
    assert_eq!(ask(&stage, ALICE, "/create-volumes", &agent, &volume), 202);
    let mut scheduler = stage.subscribe(mine("role1"));
    assert!(holds(&scheduler.offers()[0], &volume));
    assert_eq!(ask(&stage, BOB, "/destroy-volumes", &agent, &volume), 403);
    assert!(!scheduler.heard_before_answer(event::Type::Rescind));
}

/// Mirrors: PersistentVolumeEndpointsTest.GoodCreateAndDestroyACLBadCredential
#[test]
fn rules_do_not_help_an_operator_who_cannot_prove_who_it_is() {
    let (stage, _file) = ruled(&json!({
        "create_volumes": [
            {"principals": {"values": ["mallory"]}, "roles": {"type": "ANY"}},
            {"principals": {"values": ["alice"]}, "roles": {"type": "ANY"}},
        ],
        "destroy_volumes": [
            {"principals": {"values": ["mallory"]}, "creator_principals": {"type": "ANY"}},
        ],
    }));
    let agent = stage.agent("cpus:1;mem:512;disk(role1):1024");
    let volume = volume_in("role1", "id1");

    assert_eq!(
        ask(&stage, MALLORY, "/create-volumes", &agent, &volume),
        401
    );
    assert_eq!(ask(&stage, ALICE, "/create-volumes", &agent, &volume), 202);
    let mut scheduler = stage.subscribe(mine("role1"));
    assert!(holds(&scheduler.offers()[0], &volume));
    assert_eq!(
        ask(&stage, MALLORY, "/destroy-volumes", &agent, &volume),
        401
    );
}
