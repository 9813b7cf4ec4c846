//! Weights of roles by `/weights`, and what survives a master.

use serde_json::{Value, json};

use crate::support::{ALICE, Answer, BOB, MALLORY, Stage, credentials, ruled, rules};

/// Weights such as `role1=2.0,role2=4.0` as the endpoint takes them.
fn infos(text: &str) -> Value {
    let entries = text.split(',').map(|entry| {
        let (role, weight) = entry.split_once('=').expect("role=weight");
        let weight: f64 = weight.parse().expect("a number");
        json!({"role": role, "weight": weight})
    });
    entries.collect()
}

fn put(stage: &Stage, body: &str) -> Answer {
    stage.http("PUT", "/weights", &[], body.as_bytes())
}

#[track_caller]
fn refused(stage: &Stage, body: &str, text: &str) {
    let answer = put(stage, body);

    assert_eq!((answer.status, answer.text().as_str()), (400, text));
    assert_eq!(stage.get("/weights"), json!([]));
}

/// Mirrors: DynamicWeightsTest.PutInvalidRequest
#[test]
fn body_that_is_no_list_of_weights_is_refused() {
    let stage = Stage::start();

    let syntax = put(&stage, r#"[{  "weight":3.2,  "role"}]"#);

    assert_eq!(syntax.status, 400);
    assert!(
        syntax
            .text()
            .starts_with("Failed to parse update weights request JSON '[{")
    );
    refused(
        &stage,
        r#"[{"weight":3.2,"invalidField":"role1"}]"#,
        "Failed to validate update weights request JSON: Invalid role '': Role names cannot be \
         the empty string",
    );
}

/// Mirrors: DynamicWeightsTest.ZeroWeight
/// Mirrors: DynamicWeightsTest.NegativeWeight
/// Mirrors: DynamicWeightsTest.NonNumericWeight
#[test]
fn weight_that_is_no_positive_number_is_refused() {
    let stage = Stage::start();

    for weight in ["0", "-2"] {
        refused(
            &stage,
            &format!(r#"[{{"role":"role1","weight":{weight}}}]"#),
            &format!(
                "Failed to validate update weights request JSON for role 'role1': Invalid weight \
                 '{weight}': Weights must be positive"
            ),
        );
    }
    let text = put(&stage, r#"[{"role":"role1","weight":"two"}]"#);
    assert_eq!(text.status, 400);
    assert_eq!(stage.get("/weights"), json!([]));
}

/// Mirrors: DynamicWeightsTest.MissingRole
#[test]
fn weight_without_a_role_is_refused() {
    let stage = Stage::start();

    let no_json = put(&stage, r#"weights=[{"weight":2.0}]"#);

    assert_eq!(no_json.status, 400);
    refused(
        &stage,
        &infos(" =2.0").to_string(),
        "Failed to validate update weights request JSON: Invalid role '': Role names cannot be \
         the empty string",
    );
}

/// Mirrors: DynamicWeightsTest.UnknownRole
/// Mirrors: DynamicWeightsTest.UpdateWeightsWithExplictRoles
#[test]
fn only_listed_roles_get_weights() {
    let stage = Stage::start_with(|flags| flags.roles = Some("role1,role2".to_owned()));
    let weights = infos("role1=2.0,role2=4.0");

    refused(
        &stage,
        &infos("unknown=3.0").to_string(),
        "Failed to validate update weights request JSON: Unknown role 'unknown'",
    );
    let answer = put(&stage, &weights.to_string());

    assert_eq!((answer.status, answer.text().as_str()), (200, ""));
    assert_eq!(stage.get("/weights"), weights);
}

/// Mirrors: DynamicWeightsTest.UnauthenticatedUpdateWeightRequest
/// Mirrors: DynamicWeightsTest.UnauthenticatedQueryWeightRequest
#[test]
fn strangers_neither_see_nor_change_weights() {
    let file = credentials();
    let path = file.path().to_owned();
    let stage = Stage::start_with(|flags| {
        flags.credentials = Some(path);
        flags.authenticate_http_readwrite = true;
    });
    let body = infos("role1=2.0").to_string();

    let changed = stage.http_as(MALLORY, "PUT", "/weights", body.as_bytes());
    let nobody = put(&stage, &body);
    let seen = stage.http_as(MALLORY, "GET", "/weights", b"");
    let none = stage.http_as(ALICE, "GET", "/weights", b"");

    assert_eq!(
        (changed.status, nobody.status, seen.status),
        (401, 401, 401)
    );
    assert_eq!((none.status, none.json()), (200, json!([])));
}

/// Mirrors: DynamicWeightsTest.RecoveredWeightsFromRegistry
#[test]
fn weights_of_the_registry_win_over_the_flag() {
    let flagged = Some("role1=2.0,role2=4.0".to_owned());
    let by_flag = infos("role1=2.0,role2=4.0");
    let updated = infos("role1=1.0,role2=4.0,role3=2.5");
    let mut stage = Stage::start_with(|flags| flags.weights.clone_from(&flagged));
    assert_eq!(stage.get("/weights"), by_flag);

    stage.fail_over(|_| {});
    assert_eq!(stage.get("/weights"), by_flag);

    let answer = put(&stage, &infos("role1=1.0,role3=2.5").to_string());
    assert_eq!(answer.status, 200);
    assert_eq!(stage.get("/weights"), updated);

    stage.fail_over(|_| {});
    assert_eq!(stage.get("/weights"), updated);

    stage.fail_over(|flags| flags.weights = flagged);
    assert_eq!(stage.get("/weights"), updated);
}

/// Restrictive rules; `alice` may set both weights.
fn alice_sets(views: &Value) -> Value {
    json!({
        "permissive": false,
        "update_weights": [{
            "principals": {"values": ["alice"]},
            "roles": {"values": ["role1", "role2"]},
        }],
        "view_roles": views,
    })
}

/// Mirrors: DynamicWeightsTest.AuthorizedGetWeightsRequest
#[test]
fn weights_are_shown_to_those_who_may_see_the_role() {
    let (stage, _file) = ruled(&alice_sets(&json!([
        {"principals": {"values": ["alice"]}, "roles": {"values": ["role1"]}},
        {"principals": {"values": ["bob"]}, "roles": {"values": ["role2"]}},
    ])));
    let body = infos("role1=2.0,role2=4.0").to_string();

    let put = stage.http_as(ALICE, "PUT", "/weights", body.as_bytes());

    assert_eq!(put.status, 200);
    let shown = |who| stage.http_as(who, "GET", "/weights", b"").json();
    assert_eq!(shown(ALICE), infos("role1=2.0"));
    assert_eq!(shown(BOB), infos("role2=4.0"));
}

/// Mirrors: DynamicWeightsTest.AuthorizedWeightUpdateRequest
#[test]
fn principal_that_may_sets_weights() {
    let both = json!([{
        "principals": {"values": ["alice"]},
        "roles": {"values": ["role1", "role2"]},
    }]);
    let (stage, _file) = ruled(&alice_sets(&both));
    let weights = infos("role1=2.0,role2=4.0");

    let put = stage.http_as(ALICE, "PUT", "/weights", weights.to_string().as_bytes());

    assert_eq!(put.status, 200);
    assert_eq!(stage.http_as(ALICE, "GET", "/weights", b"").json(), weights);
}

/// Mirrors: DynamicWeightsTest.AuthorizedUpdateWeightRequestWithoutPrincipal
#[test]
fn anybody_sets_weights_where_anybody_may() {
    let acls = json!({
        "permissive": false,
        "update_weights": [{
            "principals": {"type": "ANY"},
            "roles": {"values": ["role1", "role2"]},
        }],
        "view_roles": [{"principals": {"type": "ANY"}, "roles": {"type": "ANY"}}],
    });
    let stage = Stage::start_with(|flags| flags.acls = Some(rules(&acls)));
    let weights = infos("role1=2.0,role2=4.0");

    let answer = put(&stage, &weights.to_string());

    assert_eq!(answer.status, 200);
    assert_eq!(stage.get("/weights"), weights);
}

/// Mirrors: DynamicWeightsTest.UnauthorizedWeightUpdateRequest
#[test]
fn nobody_sets_weights_where_nobody_may() {
    let (stage, _file) = ruled(&json!({"permissive": false}));
    let body = infos("role1=2.0,role2=4.0").to_string();

    let put = stage.http_as(ALICE, "PUT", "/weights", body.as_bytes());

    assert_eq!(put.status, 403);
}
