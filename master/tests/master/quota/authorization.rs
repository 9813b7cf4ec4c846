//! Who may see and change quota.

use serde_json::{Value, json};

use super::{Force, accepted, allocators, config, guarantee, remove, request, set};
use crate::support::{ALICE, BOB, Stage, ruled, rules};

/// `UPDATE_QUOTA` of several roles by somebody.
fn update_as(stage: &Stage, who: (&str, &str), configs: &[Value]) -> u16 {
    let call = json!({
        "type": "UPDATE_QUOTA",
        "update_quota": {"force": true, "quota_configs": configs},
    });
    let answer = stage.http_as(who, "POST", "/api/v1", call.to_string().as_bytes());
    answer.status
}

/// Mirrors: MasterQuotaTest.UpdateQuotaMultipleRoles
#[test]
fn one_forbidden_role_forbids_the_whole_call() {
    let (stage, _file) = ruled(&json!({
        "update_quotas": [
            {"principals": {"values": ["alice"]}, "roles": {"type": "ANY"}},
            {"principals": {"values": ["bob"]}, "roles": {"values": ["role1"]}},
            {"principals": {"type": "ANY"}, "roles": {"type": "NONE"}},
        ],
    }));
    let configs = [
        config("role1", "cpus:1;mem:1024", "cpus:2;mem:2048"),
        config("*", "cpus:1;mem:1024", "cpus:2;mem:2048"),
    ];
    let roles = || stage.http_as(ALICE, "GET", "/roles", b"").json()["roles"].clone();

    let forbidden = update_as(&stage, BOB, &configs);
    let before = roles();
    let allowed = update_as(&stage, ALICE, &configs);
    let after = roles();

    assert_eq!((forbidden, allowed), (403, 200));
    assert_eq!(before, json!([]));
    let quota = |role: &str| {
        json!({
            "role": role,
            "consumed": {},
            "guarantee": {"cpus": 1.0, "mem": 1024.0},
            "limit": {"cpus": 2.0, "mem": 2048.0},
        })
    };
    assert_eq!(after.as_array().expect("a list").len(), 2);
    assert_eq!(after[0]["quota"], quota("*"));
    assert_eq!(after[1]["quota"], quota("role1"));
}

/// Mirrors: MasterQuotaTest.AuthorizeGetUpdateQuotaRequests
#[test]
fn only_those_who_may_see_and_change_a_quota() {
    let only_alice = json!([
        {"principals": {"values": ["alice"]}, "roles": {"values": ["role1"]}},
        {"principals": {"type": "ANY"}, "roles": {"type": "NONE"}},
    ]);
    let (stage, _file) = ruled(&json!({
        "get_quotas": only_alice,
        "update_quotas": only_alice,
    }));
    let body = request("role1", &guarantee("cpus:1;mem:512"), Force::Yes);
    let set_as = |who| stage.http_as(who, "POST", "/quota", body.as_bytes()).status;
    let shown_to = |who| {
        let answer = stage.http_as(who, "GET", "/quota", b"");
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
        answer.json()["infos"].clone()
    };
    let remove_as = |who| stage.http_as(who, "DELETE", "/quota/role1", b"").status;

    assert_eq!((set_as(BOB), set_as(ALICE)), (403, 200));
    stage.settle();
    assert_eq!(allocators(&stage, "role1", "cpus"), (Some(1.0), Some(1.0)));
    assert_eq!(shown_to(BOB), Value::Null);
    assert_eq!(shown_to(ALICE)[0]["role"], "role1");
    assert_eq!((remove_as(BOB), remove_as(ALICE)), (403, 200));
    stage.settle();
    assert_eq!(allocators(&stage, "role1", "cpus"), (None, None));
}

/// Mirrors: MasterQuotaTest.AuthorizeGetUpdateQuotaRequestsWithoutPrincipal
#[test]
fn anybody_changes_quota_where_anybody_may() {
    let acls = json!({
        "get_quotas": [{"principals": {"type": "ANY"}, "roles": {"values": ["role1"]}}],
        "update_quotas": [{"principals": {"type": "ANY"}, "roles": {"type": "ANY"}}],
    });
    let stage = Stage::start_with(|flags| flags.acls = Some(rules(&acls)));

    accepted(&set(&stage, "role1", "cpus:1;mem:512", Force::Yes));
    let shown = stage.get("/quota");
    accepted(&remove(&stage, "role1"));

    assert_eq!(shown["infos"].as_array().expect("a list").len(), 1);
    assert_eq!(shown["infos"][0]["role"], "role1");
}
