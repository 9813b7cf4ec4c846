//! Constraints, their patterns and their errors.

use std::collections::BTreeMap;

use mesos_proto_codec::{Dialect, Json};

use super::*;

fn constraints(json: &str) -> v1::scheduler::OfferConstraints {
    v1::scheduler::OfferConstraints::read_json(Dialect::V0, json.as_bytes()).expect("constraints")
}

fn filter(json: &str) -> Result<OfferConstraintsFilter, OfferConstraintsError> {
    OfferConstraintsFilter::create(RegexLimits::default(), &constraints(json))
}

fn one(selector: &str, predicate: &str) -> String {
    format!(r#"{{"selector": {selector}, "predicate": {predicate}}}"#)
}

fn group(all: &[String]) -> String {
    format!(r#"{{"attribute_constraints": [{}]}}"#, all.join(","))
}

fn for_role(role: &str, groups: &[String]) -> String {
    format!(
        r#"{{"role_constraints": {{"{role}": {{"groups": [{}]}}}}}}"#,
        groups.join(",")
    )
}

fn on_foo(predicate: &str) -> OfferConstraintsFilter {
    let constraint = one(r#"{"attribute_name": "foo"}"#, predicate);
    filter(&for_role("roleA", &[group(&[constraint])])).expect("valid")
}

fn agent(attributes: &[(&str, &str)]) -> v1::AgentInfo {
    let attribute = |(name, text): &(&str, &str)| v1::Attribute {
        name: Some((*name).to_owned()),
        r#type: Some(ValueType::Text.into()),
        text: Some(v1::value::Text {
            value: Some((*text).to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    v1::AgentInfo {
        hostname: Some("host1".to_owned()),
        attributes: attributes.iter().map(attribute).collect(),
        ..Default::default()
    }
}

fn scalar_agent() -> v1::AgentInfo {
    let mut agent = agent(&[]);
    agent.attributes.push(v1::Attribute {
        name: Some("foo".to_owned()),
        r#type: Some(ValueType::Scalar.into()),
        scalar: Some(v1::value::Scalar {
            value: Some(2.0),
            ..Default::default()
        }),
        ..Default::default()
    });
    agent
}

/// Mirrors: OfferConstraintsFilter.NamedAttributeExists
/// Mirrors: OfferConstraintsFilter.NamedAttributeNotExists
/// Mirrors: OfferConstraintsFilter.NamedAttributeTextEquals
/// Mirrors: OfferConstraintsFilter.NamedAttributeTextNotEquals
/// Mirrors: OfferConstraintsFilter.NamedAttributeTextMatches
/// Mirrors: OfferConstraintsFilter.NamedAttributeTextNotMatches
#[test]
fn predicates_judge_absent_equal_other_and_untexted_attributes() {
    for (predicate, absent, equal, other, scalar) in [
        (r#"{"exists": {}}"#, false, true, true, true),
        (r#"{"not_exists": {}}"#, true, false, false, false),
        (
            r#"{"text_equals": {"value": "abc"}}"#,
            false,
            true,
            false,
            true,
        ),
        (
            r#"{"text_not_equals": {"value": "abc"}}"#,
            true,
            false,
            true,
            true,
        ),
        (
            r#"{"text_matches": {"regex": "[a-d]+"}}"#,
            false,
            true,
            false,
            true,
        ),
        (
            r#"{"text_not_matches": {"regex": "[a-d]+"}}"#,
            true,
            false,
            true,
            true,
        ),
    ] {
        let filter = on_foo(predicate);
        let holds = |agent: &v1::AgentInfo| !filter.excludes("roleA", agent);
        assert_eq!(holds(&agent(&[("bar", "abc")])), absent, "{predicate}");
        assert_eq!(holds(&agent(&[("foo", "abc")])), equal, "{predicate}");
        assert_eq!(holds(&agent(&[("foo", "abcx")])), other, "{predicate}");
        assert_eq!(holds(&scalar_agent()), scalar, "{predicate}");
        assert!(!filter.excludes("roleB", &agent(&[])));
    }
}

/// Mirrors: OfferConstraintsFilter.TwoAttributesWithTheSameName
#[test]
fn only_the_first_attribute_of_a_name_counts() {
    let filter = on_foo(r#"{"text_equals": {"value": "2"}}"#);

    assert!(filter.excludes("roleA", &agent(&[("foo", "1"), ("foo", "2")])));
    assert!(!filter.excludes("roleA", &agent(&[("foo", "2"), ("foo", "1")])));
}

/// Mirrors: OfferConstraintsFilter.TwoConstraintsInGroup
/// Mirrors: OfferConstraintsFilter.TwoGroups
#[test]
fn groups_are_alternatives_and_their_constraints_add_up() {
    let exists = |name: &str| {
        one(
            &format!(r#"{{"attribute_name": "{name}"}}"#),
            r#"{"exists": {}}"#,
        )
    };
    let both = filter(&for_role("roleA", &[group(&[exists("a"), exists("b")])])).expect("valid");
    let either = filter(&for_role(
        "roleA",
        &[group(&[exists("a")]), group(&[exists("b")])],
    ))
    .expect("valid");

    for (attributes, by_both, by_either) in [
        (&[][..], true, true),
        (&[("a", "1")][..], true, false),
        (&[("b", "1")][..], true, false),
        (&[("a", "1"), ("b", "1")][..], false, false),
    ] {
        assert_eq!(both.excludes("roleA", &agent(attributes)), by_both);
        assert_eq!(either.excludes("roleA", &agent(attributes)), by_either);
    }
}

/// Mirrors: OfferConstraintsFilter.TwoRoles
/// Mirrors: OfferConstraintsFilter.DefaultOfferConstraints
#[test]
fn roles_have_constraints_of_their_own() {
    let exists = |name: &str| {
        format!(
            r#"{{"groups": [{}]}}"#,
            group(&[one(
                &format!(r#"{{"attribute_name": "{name}"}}"#),
                r#"{"exists": {}}"#
            )])
        )
    };
    let json = format!(
        r#"{{"role_constraints": {{"roleA": {}, "roleB": {}}}}}"#,
        exists("a"),
        exists("b")
    );
    let filter = filter(&json).expect("valid");
    let agent = agent(&[("a", "1")]);

    assert!(!filter.excludes("roleA", &agent) && filter.excludes("roleB", &agent));
    assert!(!filter.excludes("roleC", &agent));
    assert!(!OfferConstraintsFilter::default().excludes("roleA", &agent));
}

#[test]
fn host_region_and_zone_are_attributes_too() {
    let on = |kind: &str, predicate: &str| {
        let constraint = one(
            &format!(r#"{{"pseudoattribute_type": "{kind}"}}"#),
            predicate,
        );
        filter(&for_role("roleA", &[group(&[constraint])])).expect("valid")
    };
    let plain = agent(&[]);
    assert!(!on("HOSTNAME", r#"{"text_equals": {"value": "host1"}}"#).excludes("roleA", &plain));
    assert!(on("HOSTNAME", r#"{"text_equals": {"value": "host2"}}"#).excludes("roleA", &plain));
    for kind in ["REGION", "ZONE"] {
        assert!(on(kind, r#"{"exists": {}}"#).excludes("roleA", &plain));
        assert!(!on(kind, r#"{"not_exists": {}}"#).excludes("roleA", &plain));
    }
    let mut placed = plain;
    let json = r#"{"fault_domain": {"region": {"name": "r1"}, "zone": {"name": "z1"}}}"#;
    placed.domain =
        Some(v1::DomainInfo::read_json(Dialect::V0, json.as_bytes()).expect("a domain"));
    assert!(!on("REGION", r#"{"text_matches": {"regex": "r."}}"#).excludes("roleA", &placed));
    assert!(on("ZONE", r#"{"text_matches": {"regex": "r."}}"#).excludes("roleA", &placed));
}

fn regex(pattern: &str) -> Result<OfferConstraintsFilter, OfferConstraintsError> {
    let mut all = constraints(&for_role("roleA", &[]));
    let predicate = proto::Predicate {
        text_matches: Some(proto::predicate::TextMatches {
            regex: Some(pattern.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    let constraint = v1::scheduler::AttributeConstraint {
        selector: Some(proto::Selector {
            attribute_name: Some("foo".to_owned()),
            ..Default::default()
        }),
        predicate: Some(predicate.into()),
        ..Default::default()
    };
    let mut role = v1::scheduler::offer_constraints::RoleConstraints::default();
    role.groups
        .push(v1::scheduler::offer_constraints::role_constraints::Group {
            attribute_constraints: vec![constraint],
            ..Default::default()
        });
    all.role_constraints = BTreeMap::from([("roleA".to_owned(), role)]);
    OfferConstraintsFilter::create(RegexLimits::default(), &all)
}

/// Mirrors: OfferConstraintsFilter.InvalidTextMatches
/// Mirrors: OfferConstraintsFilter.InvalidTextNotMatches
/// Mirrors: OfferConstraintsFilter.RegexTooComplex
#[test]
fn malformed_and_oversized_patterns_are_refused_in_the_words_of_re2() {
    let prefix = "A role roleA has an invalid 'AttributeConstraint': ";
    let failed = |pattern: &str, reason: &str| {
        let error = regex(pattern).expect_err("refused").to_string();
        let text = format!("{prefix}Failed to construct regex from pattern '{pattern}': {reason}");
        assert_eq!(error, text);
    };
    failed("(", "missing ): (");
    failed("[a-d", "missing ]: [a-d");
    failed("*", "no argument for repetition operator: *");
    failed("(a{100}){100}", "invalid repetition size: {100}");
    failed("(a+){500}", "pattern too large - compile failed");
    let error = regex("(a+){50}").expect_err("refused").to_string();
    assert_eq!(
        error,
        format!(
            "{prefix}Regex '(a+){{50}}' is too complex: program size of 204 is larger than maximum of 100 allowed"
        )
    );
    assert!(regex("(a+){10}").is_ok());
}

#[test]
fn patterns_match_whole_texts_as_in_re2() {
    let matches = |pattern: &str, text: &str| {
        !regex(pattern)
            .expect("valid")
            .excludes("roleA", &agent(&[("foo", text)]))
    };
    assert!(matches("a|ab", "ab") && !matches("a", "ab"));
    assert!(matches(r"\d+", "123") && !matches(r"\d", "٣"));
    assert!(matches(r"[\d.]+", "1.2") && matches(r"[[a]+", "[a"));
    assert!(matches(r"[a&&b]+", "&ab") && matches("[]a]", "]"));
    assert!(matches(r"\w+\b", "a_1") && matches("[[:alpha:]]+", "ab"));
    assert!(matches("a.c", "aéc") && matches(r"a\.c", "a.c"));
}

#[test]
fn empty_lists_and_unknown_parts_are_refused() {
    let error = |json: &str| filter(json).expect_err("refused").to_string();
    assert_eq!(
        error(&for_role("r", &[])),
        "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role r"
    );
    assert_eq!(
        error(&for_role("r", &[group(&[])])),
        "'OfferConstraints::RoleConstraints::groups' for role rcontains an empty RoleConstraints::Group"
    );
    let invalid = |selector: &str, predicate: &str| {
        error(&for_role("r", &[group(&[one(selector, predicate)])]))
            .replace("A role r has an invalid 'AttributeConstraint': ", "")
    };
    assert_eq!(
        invalid("{}", r#"{"exists": {}}"#),
        "Exactly one of 'AttributeConstraint::Selector::name' or 'AttributeConstraint::Selector::pseudoattribute_type' must be set"
    );
    assert_eq!(
        invalid(
            r#"{"pseudoattribute_type": "UNKNOWN"}"#,
            r#"{"exists": {}}"#
        ),
        "Unknown pseudoattribute type"
    );
    assert_eq!(
        invalid(r#"{"attribute_name": "a"}"#, "{}"),
        "Unknown predicate type"
    );
}

/// `re2_programs.tsv` was printed by RE2 2022-06-01 with a memory limit of 4096 bytes.
#[test]
fn programs_are_as_large_and_refusals_as_worded_as_those_of_re2() {
    let table = include_str!("../../tests/data/re2_programs.tsv");
    let limits = RegexLimits {
        max_memory_bytes: 4096,
        max_program_size: 0,
    };
    for line in table.lines() {
        let (pattern, expected) = line.split_once('\t').expect("two columns");

        let answer = match compile(limits, pattern).expect_err("no program is that small") {
            ConstraintError::TooComplex { size, .. } => size.to_string(),
            ConstraintError::Regex { reason, .. } => reason,
            error @ (ConstraintError::PseudoAttribute
            | ConstraintError::Selector
            | ConstraintError::Predicate) => error.to_string(),
        };

        assert_eq!(answer, expected, "{pattern}");
    }
    assert!(table.lines().count() > 180);
}

#[test]
fn patterns_mean_what_they_mean_to_re2() {
    let matches = |pattern: &str, text: &str| {
        !regex(pattern)
            .expect("valid")
            .excludes("roleA", &agent(&[("foo", text)]))
    };
    assert!(matches(r"\<a\>", "<a>") && matches("a{", "a{") && matches("a{,3}", "a{,3}"));
    assert!(matches(r"\Qa.b\E+", "a.bb") && !matches(r"\Qa.b\E", "axb"));
    assert!(matches(r"\101", "A") && matches(r"\0", "\0") && matches(r"\x{41}b", "Ab"));
    assert!(matches("[--a]", "A") && matches("[a-]+", "a-a") && matches(r"[\d-]+", "1-2"));
    assert!(matches("(?P<n>a)(?P<n>b)", "ab") && matches("(?i)NODE", "node"));
}
