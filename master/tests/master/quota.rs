//! Quota by both APIs: what is accepted, shown, stored and removed.

mod authorization;
mod capacity;
mod rescinding;

use serde_json::{Value, json};

use crate::support::{ALICE, Answer, Connection, MALLORY, Stage, credentials};

/// Amounts such as `cpus:1;mem:512` as the operator API writes them.
fn amounts(text: &str) -> Value {
    entries(text)
        .map(|(name, value)| (name.to_owned(), json!({"value": value})))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn entries(text: &str) -> impl Iterator<Item = (&str, f64)> {
    text.split(';')
        .filter(|entry| !entry.is_empty())
        .map(|entry| {
            let (name, value) = entry.split_once(':').expect("name:value");
            (name, value.parse().expect("a number"))
        })
}

/// One configuration.
fn config(role: &str, guarantees: &str, limits: &str) -> Value {
    json!({"role": role, "guarantees": amounts(guarantees), "limits": amounts(limits)})
}

/// Whether a request insists.
#[derive(Clone, Copy, PartialEq)]
enum Force {
    Yes,
    No,
}

/// `UPDATE_QUOTA`.
fn update(stage: &Stage, configs: &[Value], force: Force) -> Answer {
    let call = json!({
        "type": "UPDATE_QUOTA",
        "update_quota": {"force": force == Force::Yes, "quota_configs": configs},
    });
    stage.call(&call.to_string())
}

/// Amounts as unreserved resources.
fn guarantee(text: &str) -> Vec<Value> {
    entries(text)
        .map(|(name, value)| json!({"name": name, "type": "SCALAR", "scalar": {"value": value}}))
        .collect()
}

/// The body of `POST /quota`.
fn request(role: &str, guarantee: &[Value], force: Force) -> String {
    let insists = force == Force::Yes;
    json!({"role": role, "guarantee": guarantee, "force": insists}).to_string()
}

/// `POST /quota`.
fn set(stage: &Stage, role: &str, text: &str, force: Force) -> Answer {
    post(stage, &request(role, &guarantee(text), force))
}

fn post(stage: &Stage, body: &str) -> Answer {
    stage.http("POST", "/quota", &[], body.as_bytes())
}

/// `DELETE /quota/<role>`.
fn remove(stage: &Stage, role: &str) -> Answer {
    stage.http("DELETE", &format!("/quota/{role}"), &[], b"")
}

#[track_caller]
fn accepted(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
}

#[track_caller]
fn refused(answer: &Answer, status: u16, text: &str) {
    assert_eq!((answer.status, answer.text().as_str()), (status, text));
}

/// What the allocator holds as the quota of a role: the guarantee and the limit.
fn allocators(stage: &Stage, role: &str, resource: &str) -> (Option<f64>, Option<f64>) {
    let of = |kind: &str| {
        let key = format!("allocator/mesos/quota/roles/{role}/resources/{resource}/{kind}");
        stage.find_metric(&key)
    };
    (of("guarantee"), of("limit"))
}

/// Mirrors: MasterQuotaTest.UpdateAndGetQuota
#[test]
fn updated_quota_is_shown_everywhere() {
    let stage = Stage::start();

    let configs = [config("role1", "cpus:1;mem:1024", "cpus:2;mem:2048")];
    accepted(&update(&stage, &configs, Force::Yes));

    let role = &stage.get("/roles")["roles"][0];
    assert_eq!(
        role["quota"],
        json!({
            "role": "role1",
            "consumed": {},
            "guarantee": {"cpus": 1.0, "mem": 1024.0},
            "limit": {"cpus": 2.0, "mem": 2048.0},
        })
    );
    let status = json!({
        "infos": [{"role": "role1", "guarantee": guarantee("cpus:1;mem:1024")}],
        "configs": configs,
    });
    assert_eq!(
        stage.call(r#"{"type":"GET_QUOTA"}"#).json(),
        json!({"type": "GET_QUOTA", "get_quota": {"status": status}})
    );
    assert_eq!(stage.get("/quota"), status);
}

#[test]
fn quotas_of_one_call_are_stored_all_or_none() {
    let stage = Stage::start();
    let good = config("role1", "cpus:1", "cpus:2");

    let nested = update(
        &stage,
        &[good.clone(), config("a/b", "", "cpus:1")],
        Force::Yes,
    );
    let none = stage.get("/quota");
    accepted(&update(
        &stage,
        &[good, config("*", "mem:5", "")],
        Force::Yes,
    ));

    refused(
        &nested,
        400,
        "Updating quota on nested role 'a/b' is not supported yet",
    );
    assert_eq!(none, json!({}));
    let stored = stage.get("/quota")["configs"].clone();
    assert_eq!(stored.as_array().expect("a list").len(), 2);
}

/// Mirrors: MasterQuotaTest.UpdateQuotaTooLarge
#[test]
fn amounts_beyond_all_machines_are_refused() {
    let stage = Stage::start();
    let text = |guarantees: &str, limits: &str| {
        let answer = update(&stage, &[config("role1", guarantees, limits)], Force::Yes);
        assert_eq!(answer.status, 400);
        answer.text()
    };

    assert_eq!(
        text("cpus:1000000000000", "cpus:1000000000001"),
        "Invalid QuotaConfig: Invalid 'QuotaConfig.limits': {'cpus': 1000000000001} is invalid: \
         values greater than 1 trillion (1000000000000) are not supported"
    );
    assert_eq!(
        text("mem:1099511627776", "mem:1099511627777"),
        "Invalid QuotaConfig: Invalid 'QuotaConfig.limits': {'mem': 1099511627777} is invalid: \
         values greater than 1 exabyte (1099511627776) are not supported"
    );
    assert_eq!(
        text("disk:1099511627777", ""),
        "Invalid QuotaConfig: Invalid 'QuotaConfig.guarantees': {'disk': 1099511627777} is \
         invalid: values greater than 1 exabyte (1099511627776) are not supported"
    );
    assert_eq!(stage.get("/quota"), json!({}));
}

/// Mirrors: MasterQuotaTest.SetForNonExistentRole
#[test]
fn quota_of_a_role_that_is_not_listed_is_refused() {
    let stage = Stage::start_with(|flags| flags.roles = Some("role1,role2".to_owned()));

    refused(
        &set(&stage, "non-existent-role", "cpus:1;mem:512", Force::Yes),
        400,
        "Failed to validate set quota request: Unknown role 'non-existent-role'",
    );
    refused(
        &update(
            &stage,
            &[config("non-existent-role", "cpus:1", "")],
            Force::Yes,
        ),
        400,
        "Invalid QuotaConfig: 'non-existent-role' is not on the roles whitelist",
    );
    refused(
        &remove(&stage, "non-existent-role"),
        400,
        "Failed to validate remove quota request for path '/master/quota/non-existent-role': Unknown \
         role 'non-existent-role'",
    );
}

/// Mirrors: MasterQuotaTest.InvalidSetRequest
#[test]
fn body_that_is_no_request_is_refused() {
    let stage = Stage::start();

    for body in [
        "{  invalidJson}",
        r#"{"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]}"#,
        r#"{"role":"some-role","unknownField":"unknownValue"}"#,
        r#"{"resources":[" invalidResource" : 1]}"#,
    ] {
        let answer = post(&stage, body);

        assert_eq!(answer.status, 400, "{body}");
    }
    assert_eq!(stage.get("/quota"), json!({}));
}

/// Mirrors: MasterQuotaTest.SetRequestWithInvalidData
#[test]
fn guarantee_that_is_no_plain_amount_is_refused() {
    let stage = Stage::start();
    let text = |extra: Value| {
        let mut all = guarantee("cpus:1;mem:512");
        all.push(extra);
        let answer = post(&stage, &request("role1", &all, Force::No));
        assert_eq!(answer.status, 400);
        let text = answer.text();
        let rest = text.strip_prefix("Failed to validate set quota request: ");
        rest.expect("the usual words").to_owned()
    };
    let disk = |key: &str, value: Value| {
        let mut disk = guarantee("disk:128")[0].clone();
        disk[key] = value;
        disk
    };

    let range = json!({"begin": 31000, "end": 31001});
    let ports = json!({"name": "ports", "type": "RANGES", "ranges": {"range": [range]}});
    assert_eq!(
        text(ports),
        "QuotaInfo must not include non-scalar resources"
    );
    assert_eq!(
        text(disk("role", json!("role1"))),
        "QuotaInfo must not contain any ReservationInfo"
    );
    assert_eq!(
        text(guarantee("cpus:1")[0].clone()),
        "QuotaInfo contains duplicate resource name 'cpus'"
    );
    let volume = json!({
        "persistence": {"id": "id1"},
        "volume": {"container_path": "path1", "mode": "RW"},
    });
    let mut persistent = disk("disk", volume);
    persistent["reservations"] = json!([{"type": "STATIC", "role": "role1"}]);
    assert_eq!(
        text(persistent),
        "QuotaInfo must not contain any ReservationInfo"
    );
    assert_eq!(
        text(disk("disk", json!({"source": {"type": "MOUNT"}}))),
        "QuotaInfo must not contain any DiskInfo"
    );
    assert_eq!(
        text(disk("revocable", json!({}))),
        "QuotaInfo must not contain any RevocableInfo"
    );
    let dynamic = json!([{"type": "DYNAMIC", "role": "role1", "principal": "ops"}]);
    assert_eq!(
        text(disk("reservations", dynamic)),
        "QuotaInfo must not contain any ReservationInfo"
    );
    assert_eq!(stage.get("/quota"), json!({}));
}

/// Mirrors: MasterQuotaTest.SetExistingQuota
#[test]
fn quota_cannot_be_set_twice() {
    let stage = Stage::start();
    accepted(&set(&stage, "role1", "cpus:1;mem:512", Force::Yes));

    let again = set(&stage, "role1", "cpus:1;mem:512", Force::Yes);

    refused(
        &again,
        400,
        "Failed to validate set quota request: Cannot set quota for role 'role1' which already \
         has quota",
    );
}

#[test]
fn set_quota_on_a_nested_role_is_measured_by_its_parent_first() {
    let stage = Stage::start();

    let orphan = set(&stage, "eng/dev", "cpus:1", Force::Yes);
    accepted(&set(&stage, "eng", "cpus:1", Force::Yes));
    let fitting = set(&stage, "eng/dev", "cpus:1", Force::Yes);
    let exceeding = set(&stage, "eng/dev", "cpus:2", Force::Yes);

    let tree = |guarantees: &str, children: &str| {
        format!(
            "Failed to validate set quota request: Invalid quota configuration. Parent role 'eng' \
             with guarantees ({guarantees}) does not contain the sum of its children's guarantees \
             ({children})"
        )
    };
    refused(&orphan, 400, &tree("{}", "cpus:1"));
    refused(&exceeding, 400, &tree("cpus:1", "cpus:2"));
    refused(
        &fitting,
        400,
        "Setting quota on nested role 'eng/dev' is not supported yet",
    );
}

/// Mirrors: MasterQuotaTest.RemoveSingleQuota
#[test]
fn removed_quota_is_gone_from_the_allocator() {
    let stage = Stage::start();

    refused(
        &remove(&stage, "role1"),
        400,
        "Failed to remove quota for path '/master/quota/role1': Role 'role1' has no quota set",
    );
    accepted(&set(&stage, "role1", "cpus:1;mem:512", Force::Yes));
    stage.settle();
    assert_eq!(allocators(&stage, "role1", "cpus"), (Some(1.0), Some(1.0)));
    accepted(&remove(&stage, "role1"));
    stage.settle();

    assert_eq!(allocators(&stage, "role1", "cpus"), (None, None));
}

#[test]
fn emptied_quota_stays_listed_until_it_is_removed() {
    let stage = Stage::start();
    accepted(&update(&stage, &[config("role1", "", "cpus:1")], Force::No));

    accepted(&update(&stage, &[config("role1", "", "")], Force::No));
    let emptied = stage.get("/quota");
    accepted(&remove(&stage, "role1"));

    assert_eq!(emptied["configs"], json!([{"role": "role1"}]));
    assert_eq!(stage.get("/quota"), json!({}));
}

/// Mirrors: MasterQuotaTest.RemoveQuotaRace
#[test]
fn one_of_two_removals_at_once_finds_nothing() {
    let stage = Stage::start();
    accepted(&set(&stage, "role1", "cpus:1;mem:512", Force::Yes));
    let mut connection = Connection::open(&stage.runtime);

    connection.request("DELETE", "/quota/role1", &[], b"");
    connection.request("DELETE", "/quota/role1", &[], b"");

    accepted(&connection.answer());
    refused(
        &connection.answer(),
        400,
        "Failed to remove quota for path '/master/quota/role1': Role 'role1' has no quota set",
    );
}

/// Mirrors: MasterQuotaTest.Status
#[test]
fn status_lists_what_is_guaranteed() {
    let stage = Stage::start();

    let empty = stage.http("GET", "/quota", &[], b"");
    accepted(&set(&stage, "role1", "cpus:1;mem:512", Force::Yes));
    let one = stage.http("GET", "/quota", &[], b"");

    assert_eq!(empty.header("Content-Type"), Some("application/json"));
    assert_eq!(empty.json(), json!({}));
    assert_eq!(one.header("Content-Type"), Some("application/json"));
    let infos = json!([{"role": "role1", "guarantee": guarantee("cpus:1;mem:512")}]);
    assert_eq!(one.json()["infos"], infos);
}

/// Mirrors: MasterQuotaTest.RecoverQuotaEmptyCluster
#[test]
fn next_master_knows_the_quota_and_can_remove_it() {
    let mut stage = Stage::start();
    accepted(&set(&stage, "role1", "cpus:1;mem:512", Force::Yes));

    stage.fail_over(|_| {});
    let recovered = allocators(&stage, "role1", "mem");
    accepted(&remove(&stage, "role1"));
    stage.settle();

    assert_eq!(recovered, (Some(512.0), Some(512.0)));
    assert_eq!(allocators(&stage, "role1", "mem"), (None, None));
    stage.fail_over(|_| {});
    assert_eq!(stage.get("/quota"), json!({}));
}

/// Mirrors: MasterQuotaTest.NoAuthenticationNoAuthorization
#[test]
fn without_authentication_everybody_sets_and_removes() {
    let stage = Stage::start_with(|flags| flags.authenticate_http_readwrite = false);

    accepted(&set(&stage, "role1", "cpus:1;mem:512", Force::Yes));
    stage.settle();
    let (guarantee, _) = allocators(&stage, "role1", "cpus");
    accepted(&remove(&stage, "role1"));
    stage.settle();

    assert_eq!(guarantee, Some(1.0));
    assert_eq!(allocators(&stage, "role1", "cpus"), (None, None));
}

/// Mirrors: MasterQuotaTest.UnauthenticatedQuotaRequest
#[test]
fn strangers_cannot_set_quota() {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_readwrite = true;
    });
    let body = request("role1", &guarantee("cpus:1;mem:512"), Force::Yes);

    let stranger = stage.http_as(MALLORY, "POST", "/quota", body.as_bytes());
    let nobody = stage.http("POST", "/quota", &[], body.as_bytes());
    let alice = stage.http_as(ALICE, "POST", "/quota", body.as_bytes());

    assert_eq!(
        (stranger.status, nobody.status, alice.status),
        (401, 401, 200)
    );
}
