//! `/create-volumes` and `/destroy-volumes`.

use mesos_common::resources::Resources;
use mesos_proto::internal::{RunTaskMessage, UnregisterAgentMessage};
use mesos_proto::v1;
use mesos_proto::v1::offer::operation::Type;
use mesos_proto::v1::scheduler::{call, event};
use serde_json::{Value, json};

use crate::support::operations::{
    create, destroy, holds, parsed, reserve, reserved, unreserve, volume, volume_at,
};
use crate::support::operator::{form, list};
use crate::support::{ALICE, Agent, MALLORY, Scheduler, Stage, launch, mine, task_with};

const ACCEPTED: (u16, String) = (202, String::new());

fn staged(resources: &str) -> (Stage, tempfile::NamedTempFile, Agent) {
    let (stage, file) = Stage::guarded();
    let agent = stage.agent(resources);
    (stage, file, agent)
}

fn static_volume(megabytes: u32, id: &str) -> Resources {
    volume(&parsed(&format!("disk(role1):{megabytes}")), id)
}

fn dynamic_volume(megabytes: u32, role: &str) -> Resources {
    volume(&reserved(&format!("disk:{megabytes}"), role), "id1")
}

fn ask(stage: &Stage, path: &str, agent: &Agent, volumes: &Resources) -> (u16, String) {
    let field = if path.ends_with("volumes") {
        "volumes"
    } else {
        "resources"
    };
    stage.post(path, &form(agent, field, volumes))
}

fn first_offer(scheduler: &mut Scheduler) -> v1::Offer {
    scheduler.offers().first().expect("an offer").clone()
}

#[track_caller]
fn rescinded(scheduler: &mut Scheduler, offer: &v1::Offer) {
    let rescind = scheduler.expect(event::Type::Rescind);
    assert_eq!(rescind.rescind().offer_id(), offer.id());
}

fn revived(stage: &Stage, scheduler: &mut Scheduler) -> v1::Offer {
    scheduler.say(call::Type::Revive);
    scheduler.next_offer(stage)
}

/// Mirrors: PersistentVolumeEndpointsTest.StaticReservation
#[test]
fn volume_on_a_static_reservation_is_created_and_destroyed() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024;disk(role1):1024");
    let volume = static_volume(64, "id1");

    assert_eq!(ask(&stage, "/create-volumes", &agent, &volume), ACCEPTED);
    let mut scheduler = stage.subscribe(mine("role1"));
    let offer = first_offer(&mut scheduler);
    assert!(holds(&offer, &volume));
    assert_eq!(ask(&stage, "/destroy-volumes", &agent, &volume), ACCEPTED);

    rescinded(&mut scheduler, &offer);
    assert!(!holds(&revived(&stage, &mut scheduler), &volume));
}

/// Mirrors: PersistentVolumeEndpointsTest.DynamicReservation
#[test]
fn volume_on_a_dynamic_reservation_is_created_and_destroyed() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024;disk:1024");
    let taken = reserved("disk:1024", "role1");
    let volume = dynamic_volume(64, "role1");
    assert_eq!(ask(&stage, "/reserve", &agent, &taken), ACCEPTED);
    let mut scheduler = stage.subscribe(mine("role1"));
    let offer = first_offer(&mut scheduler);
    assert!(holds(&offer, &taken));

    assert_eq!(ask(&stage, "/create-volumes", &agent, &volume), ACCEPTED);
    rescinded(&mut scheduler, &offer);
    let offer = revived(&stage, &mut scheduler);
    assert!(holds(&offer, &volume));
    assert_eq!(ask(&stage, "/destroy-volumes", &agent, &volume), ACCEPTED);
    rescinded(&mut scheduler, &offer);
}

/// Mirrors: PersistentVolumeEndpointsTest.DynamicReservationRoleMismatch
#[test]
fn volume_of_another_role_than_the_reservation_is_a_conflict() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024;disk:1024");
    ask(&stage, "/reserve", &agent, &reserved("disk:1024", "role1"));

    let (status, _text) = ask(
        &stage,
        "/create-volumes",
        &agent,
        &dynamic_volume(64, "role2"),
    );

    assert_eq!(status, 409);
}

/// Mirrors: PersistentVolumeEndpointsTest.UnreserveVolumeResources
#[test]
fn reservation_with_a_volume_cannot_be_given_back() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024;disk:1024");
    let taken = reserved("disk:1024", "role1");
    assert_eq!(ask(&stage, "/reserve", &agent, &taken), ACCEPTED);
    let volume = dynamic_volume(64, "role1");
    assert_eq!(ask(&stage, "/create-volumes", &agent, &volume), ACCEPTED);

    assert_eq!(ask(&stage, "/unreserve", &agent, &taken).0, 409);
}

/// Mirrors: PersistentVolumeEndpointsTest.InvalidVolume
#[test]
fn volume_of_everybody_is_refused() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024;disk(role1):1024");
    let body = format!(
        r#"slaveId={}&volumes=[{{"name":"disk","type":"SCALAR","scalar":{{"value":64}},
        "reservations":[{{"type":"DYNAMIC","role":"*"}}],
        "disk":{{"persistence":{{"id":"id1","principal":"alice"}},
        "volume":{{"container_path":"path1","mode":"RW"}}}}}}]"#,
        agent.id
    );

    for path in ["/create-volumes", "/destroy-volumes"] {
        let (status, text) = stage.post(path, &body);
        assert_eq!(status, 400);
        assert!(
            text.contains("Invalid reservation: role \"*\" cannot be reserved"),
            "{text}"
        );
    }
}

/// Mirrors: PersistentVolumeEndpointsTest.VolumeExceedsReservedSize
#[test]
fn volume_larger_than_the_reservation_is_a_conflict() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024;disk(role1):1024");

    let (status, _text) = ask(
        &stage,
        "/create-volumes",
        &agent,
        &static_volume(1025, "id1"),
    );

    assert_eq!(status, 409);
}

/// Mirrors: PersistentVolumeEndpointsTest.DeleteNonExistentVolume
#[test]
fn volume_is_destroyed_by_its_id_role_and_size() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024;disk(role1):1024");
    let created = static_volume(64, "id1");
    assert_eq!(ask(&stage, "/create-volumes", &agent, &created), ACCEPTED);
    let wrong = [
        static_volume(64, "id2"),
        volume(&parsed("disk(role2):64"), "id1"),
        static_volume(128, "id1"),
    ];

    for volume in wrong {
        let (status, text) = ask(&stage, "/destroy-volumes", &agent, &volume);
        assert_eq!(
            (status, text.as_str()),
            (
                400,
                "Invalid DESTROY operation: Persistent volumes not found"
            )
        );
    }
    let elsewhere = volume_at(&parsed("disk(role1):64"), "id1", "path2");
    assert_eq!(
        ask(&stage, "/destroy-volumes", &agent, &elsewhere),
        ACCEPTED
    );
}

/// Mirrors: PersistentVolumeEndpointsTest.NoHeader
/// Mirrors: PersistentVolumeEndpointsTest.BadCredentials
#[test]
fn who_proves_nothing_creates_nothing() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024;disk(role1):1024");
    let body = form(&agent, "volumes", &static_volume(64, "id1"));

    for who in [None, Some(MALLORY)] {
        for path in ["/create-volumes", "/destroy-volumes"] {
            assert_eq!(stage.post_as(who, path, &body).0, 401, "{path}");
        }
    }
}

/// Mirrors: PersistentVolumeEndpointsTest.NoAuthentication
#[test]
fn without_authentication_any_principal_may_stand_there() {
    let stage = Stage::start();
    let agent = stage.agent("cpus:1;mem:512;disk(role1):1024");
    let body = form(&agent, "volumes", &static_volume(64, "id1"));

    assert_eq!(stage.post_as(None, "/create-volumes", &body), ACCEPTED);
    assert_eq!(stage.post_as(None, "/destroy-volumes", &body), ACCEPTED);
}

/// Mirrors: PersistentVolumeEndpointsTest.NoSlaveId
/// Mirrors: PersistentVolumeEndpointsTest.NoVolumes
#[test]
fn agent_and_volumes_must_be_named() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024;disk(role1):1024");
    let volume = static_volume(64, "id1");
    let no_agent = format!("volumes={}", list(&volume));
    let no_volumes = format!("slaveId={}", agent.id);

    assert_eq!(stage.post("/create-volumes", &no_agent).0, 400);
    assert_eq!(stage.post("/create-volumes", &no_volumes).0, 400);
    assert_eq!(ask(&stage, "/create-volumes", &agent, &volume), ACCEPTED);
    assert_eq!(stage.post("/destroy-volumes", &no_agent).0, 400);
    assert_eq!(stage.post("/destroy-volumes", &no_volumes).0, 400);
}

/// Mirrors: PersistentVolumeEndpointsTest.OfferCreateThenEndpointRemove
#[test]
fn operator_removes_what_a_framework_created() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024;disk:1024");
    let taken = reserved("disk:512", "role1");
    let volume = dynamic_volume(1, "role1");
    let mut scheduler = stage.subscribe(mine("role1"));
    let offer = first_offer(&mut scheduler);
    let offer = scheduler.after(&stage, &offer, vec![reserve(&taken)]);
    agent.perform(&stage);
    assert!(holds(&offer, &taken));
    let offer = scheduler.after(&stage, &offer, vec![create(&volume)]);
    agent.perform(&stage);
    assert!(holds(&offer, &volume));
    assert!((stage.metric("master/operations/finished") - 2.0).abs() < 1e-9);

    assert_eq!(ask(&stage, "/destroy-volumes", &agent, &volume), ACCEPTED);
    rescinded(&mut scheduler, &offer);
    let offer = revived(&stage, &mut scheduler);
    assert!(holds(&offer, &taken));
    assert_eq!(ask(&stage, "/unreserve", &agent, &taken), ACCEPTED);
    rescinded(&mut scheduler, &offer);

    assert!(holds(&revived(&stage, &mut scheduler), &parsed("disk:512")));
}

/// Mirrors: PersistentVolumeEndpointsTest.EndpointCreateThenOfferRemove
#[test]
fn framework_removes_what_an_operator_created() {
    let (stage, _file, agent) = staged("cpus:2;mem:1024;disk:1024");
    let taken = reserved("disk:512", "role1");
    let volume = dynamic_volume(1, "role1");
    assert_eq!(ask(&stage, "/reserve", &agent, &taken), ACCEPTED);
    agent.perform(&stage);
    assert_eq!(ask(&stage, "/create-volumes", &agent, &volume), ACCEPTED);
    agent.perform(&stage);
    let mut scheduler = stage.subscribe(mine("role1"));
    let offer = first_offer(&mut scheduler);
    assert!(holds(&offer, &volume));

    let offer = scheduler.after(&stage, &offer, vec![destroy(&volume)]);
    assert_eq!(agent.perform(&stage).r#type(), Type::Destroy);
    assert!(holds(&offer, &taken));
    let offer = scheduler.after(&stage, &offer, vec![unreserve(&taken)]);
    assert_eq!(agent.perform(&stage).r#type(), Type::Unreserve);

    assert!(holds(&offer, &parsed("disk:512")));
    stage.settle();
    assert!((stage.metric("master/operations/finished") - 4.0).abs() < 1e-9);
}

/// Mirrors: PersistentVolumeEndpointsTest.ReserveAndSlaveRemoval
#[test]
fn removed_agent_leaves_the_reservations_of_others_alone() {
    let (stage, _file, one) = staged("cpus:4");
    let two = stage.agent("cpus:3");
    let (first, second) = (reserved("cpus:4", "role1"), reserved("cpus:3", "role1"));
    assert_eq!(ask(&stage, "/reserve", &one, &first), ACCEPTED);
    one.perform(&stage);
    let mut scheduler = stage.subscribe(mine("role1"));
    let mut offers = scheduler.offers();
    while offers.len() < 2 {
        stage.advance(std::time::Duration::from_secs(2));
        offers.extend(scheduler.offers());
    }
    let of_two = offers
        .iter()
        .find(|offer| offer.agent_id().value() == two.id)
        .expect("an offer of the second agent");
    scheduler.accept(of_two, vec![reserve(&second)]);
    let sent = two.perform(&stage);
    let mut sent = Resources::from_proto(&sent.reserve().resources);
    sent.unallocate();
    assert_eq!(sent, second);

    let unregister = UnregisterAgentMessage {
        agent_id: Some(two.proto_id()),
        ..Default::default()
    };
    stage.send(&two.peer, &unregister);

    let failure = scheduler.expect(event::Type::Failure);
    assert_eq!(failure.failure().agent_id().value(), two.id);
    assert_eq!(ask(&stage, "/unreserve", &one, &first), ACCEPTED);
}

fn full(name: &str, amount: f64, disk: Option<Value>) -> Value {
    let mut resource = json!({
        "name": name,
        "type": "SCALAR",
        "scalar": {"value": amount},
        "role": "role1",
        "reservation": {"principal": "alice"},
        "reservations": [{"principal": "alice", "role": "role1", "type": "DYNAMIC"}],
    });
    if let Some(disk) = disk {
        resource["disk"] = disk;
    }
    resource
}

/// Mirrors: PersistentVolumeEndpointsTest.SlavesEndpointFullResources
#[test]
fn agents_are_listed_with_their_volumes_and_reservations() {
    let (stage, _file, agent) = staged("cpus:4;gpus:0;mem:2048;disk:4096");
    let taken = reserved("cpus:1;mem:512;disk:1024", "role1");
    assert_eq!(ask(&stage, "/reserve", &agent, &taken), ACCEPTED);
    let volume = dynamic_volume(64, "role1");
    assert_eq!(ask(&stage, "/create-volumes", &agent, &volume), ACCEPTED);
    let mut scheduler = stage.subscribe(mine("role1"));
    let offer = first_offer(&mut scheduler);
    let task = task_with("t", &offer, reserved("cpus:1;mem:256", "role1"));
    scheduler.accept(&offer, vec![launch(vec![task])]);
    let _run: RunTaskMessage = agent.peer.expect();
    scheduler.next_offer(&stage);

    let answer = stage.http("GET", "/slaves", &[ALICE], b"").json();

    let listed = &answer["slaves"][0];
    let disk = json!({
        "persistence": {"id": "id1", "principal": "alice"},
        "volume": {"container_path": "path1", "mode": "RW"},
    });
    let mut reserved: Vec<Value> = listed["reserved_resources_full"]["role1"]
        .as_array()
        .expect("a list")
        .clone();
    let by_text = |one: &Value| one.to_string();
    reserved.sort_by_key(by_text);
    let mut expected = vec![
        full("cpus", 1.0, None),
        full("mem", 512.0, None),
        full("disk", 960.0, None),
        full("disk", 64.0, Some(disk)),
    ];
    expected.sort_by_key(by_text);
    assert_eq!(reserved, expected);
    let amounts = |key: &str| -> Vec<(String, f64)> {
        let list = listed[key].as_array().expect("a list");
        let mut amounts: Vec<(String, f64)> = list
            .iter()
            .map(|one| {
                let name = one["name"].as_str().expect("a name").to_owned();
                (name, one["scalar"]["value"].as_f64().expect("an amount"))
            })
            .collect();
        amounts.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
        amounts
    };
    let named = |list: &[(&str, f64)]| -> Vec<(String, f64)> {
        list.iter()
            .map(|(name, amount)| ((*name).to_owned(), *amount))
            .collect()
    };
    assert_eq!(
        amounts("unreserved_resources_full"),
        named(&[("cpus", 3.0), ("disk", 3072.0), ("mem", 1536.0)])
    );
    assert_eq!(
        amounts("used_resources_full"),
        named(&[("cpus", 1.0), ("mem", 256.0)])
    );
    assert_eq!(
        amounts("offered_resources_full"),
        named(&[
            ("cpus", 3.0),
            ("disk", 64.0),
            ("disk", 960.0),
            ("disk", 3072.0),
            ("mem", 256.0),
            ("mem", 1536.0)
        ])
    );
}
