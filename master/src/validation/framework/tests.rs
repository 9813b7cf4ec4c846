//! The table of rules on `FrameworkInfo`.

use super::*;

struct Rules;

impl FrameworkRules for Rules {
    fn is_whitelisted(&self, role: &str) -> bool {
        role != "secret"
    }

    fn allows_root(&self) -> bool {
        false
    }

    fn is_completed(&self, id: &FrameworkId) -> bool {
        id.as_str() == "old"
    }
}

fn info(multi_role: &[&str]) -> v1::FrameworkInfo {
    let mut info = v1::FrameworkInfo {
        user: Some("u".to_owned()),
        name: Some("n".to_owned()),
        ..Default::default()
    };
    if !multi_role.is_empty() {
        info.roles = multi_role.iter().map(|role| (*role).to_owned()).collect();
        info.capabilities.push(v1::framework_info::Capability {
            r#type: Some(Capability::MultiRole.into()),
            ..Default::default()
        });
    }
    info
}

#[track_caller]
fn refused(info: &v1::FrameworkInfo, text: &str) {
    let error = validate(info, &BTreeSet::new(), &Rules).expect_err("a broken rule");
    assert_eq!(error.text(), text);
}

#[test]
fn plain_framework_is_fine() {
    assert!(validate(&info(&[]), &BTreeSet::new(), &Rules).is_ok());
    assert!(validate(&info(&["eng", "ops"]), &BTreeSet::new(), &Rules).is_ok());
}

/// Mirrors: FrameworkInfoValidationTest.ValidateRoles
#[test]
fn role_fields_must_fit_the_multi_role_capability() {
    let mut both = info(&["eng"]);
    both.role = Some("eng".to_owned());
    refused(
        &both,
        "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
    );
    let mut none = info(&[]);
    none.roles.push("eng".to_owned());
    refused(
        &none,
        "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
    );
}

#[test]
fn roles_must_be_distinct_and_valid() {
    refused(
        &info(&["b", "a", "b", "a"]),
        "'FrameworkInfo.roles' contains duplicate items: { a, b }",
    );
    refused(
        &info(&["/a"]),
        "'FrameworkInfo.roles' contains invalid role: Role '/a' cannot start with a slash",
    );
    let mut single = info(&[]);
    single.role = Some("a//b".to_owned());
    refused(
        &single,
        "'FrameworkInfo.role' is not a valid role: Role 'a//b' cannot contain two adjacent slashes",
    );
}

/// Mirrors: FrameworkInfoValidationTest.RoleChangeWithMultiRole
#[test]
fn roles_outside_the_whitelist_are_refused() {
    refused(
        &info(&["secret"]),
        "Roles { secret } are not present in the master's --roles",
    );
}

#[test]
fn root_and_removed_frameworks_are_refused() {
    let mut root = info(&[]);
    root.user = Some("root".to_owned());
    refused(
        &root,
        "User 'root' is not allowed to run frameworks without --root_submissions set",
    );
    let mut old = info(&[]);
    old.id = Some(FrameworkId::from("old").to_proto());
    refused(&old, "Framework has been removed");
}

/// Mirrors: FrameworkInfoValidationTest.MissingMultiRoleCapability
#[test]
fn suppressed_role_must_be_subscribed() {
    let suppressed = BTreeSet::from(["ops".to_owned()]);

    let error = validate(&info(&["eng"]), &suppressed, &Rules).expect_err("a broken rule");

    assert_eq!(
        error.text(),
        "Suppressed role 'ops' is not contained in the list of roles"
    );
}

/// Mirrors: FrameworkInfoValidationTest.ValidateFrameworkID
#[test]
fn framework_id_must_be_a_good_id() {
    let mut bad = info(&[]);
    bad.id = Some(FrameworkId::from("a/b").to_proto());

    refused(&bad, "'a/b' contains invalid characters");
}

#[test]
fn failover_timeout_may_be_negative_but_not_huge() {
    let mut negative = info(&[]);
    negative.failover_timeout = Some(-1.0);
    let mut huge = info(&[]);
    huge.failover_timeout = Some(1e300);

    assert!(validate(&negative, &BTreeSet::new(), &Rules).is_ok());
    assert!(validate(&huge, &BTreeSet::new(), &Rules).is_err());
}

#[test]
fn update_may_not_change_user_principal_and_checkpoint() {
    let old = info(&[]);
    let mut user = old.clone();
    user.user = Some("v".to_owned());
    let mut principal = old.clone();
    principal.principal = Some("p".to_owned());
    let mut checkpoint = old.clone();
    checkpoint.checkpoint = Some(true);

    let texts: Vec<String> = [&user, &principal, &checkpoint]
        .iter()
        .map(|new| {
            validate_update(&old, new)
                .expect_err("a broken rule")
                .to_string()
        })
        .collect();

    assert_eq!(
        texts[0],
        "Updating 'FrameworkInfo.user' is unsupported; attempted to update from 'u' to 'v'"
    );
    assert_eq!(texts[1], "Changing framework's principal is not allowed.");
    assert_eq!(
        texts[2],
        "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from 'false' to \
         'true'"
    );
}
