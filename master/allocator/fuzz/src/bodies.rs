//! What is tried on arbitrary expressions: nothing panics, and what must hold holds.

use mesos_allocator::{OfferConstraintsError, OfferConstraintsFilter, RegexLimits};
use mesos_proto::v1;
use mesos_proto::v1::value::Type as ValueType;
use mesos_proto_codec::{Dialect, Json};
use serde_json::json;

const ROLE: &str = "role";

/// Judges agents whose attribute is `text` by an expression, as framework constraints do.
pub fn judge_by_regex(pattern: &str, text: &str) {
    let (with, without) = (agent(Some(text)), agent(None));
    let matches = filter("text_matches", pattern);
    let differs = filter("text_not_matches", pattern);
    assert_eq!(
        matches.as_ref().err(),
        differs.as_ref().err(),
        "a negation is refused differently"
    );
    if let (Ok(matches), Ok(differs)) = (matches, differs) {
        assert_ne!(
            matches.excludes(ROLE, &with),
            differs.excludes(ROLE, &with),
            "an expression and its negation agree"
        );
        assert!(
            matches.excludes(ROLE, &without),
            "no attribute matches nothing"
        );
        assert!(!differs.excludes(ROLE, &without), "no attribute differs");
    }
    // A text taken literally matches itself and nothing longer, unless it is too long.
    if let Ok(literal) = filter("text_matches", &quoted(text)) {
        assert!(
            !literal.excludes(ROLE, &with),
            "a text does not match itself"
        );
        let longer = agent(Some(&format!("{text}x")));
        assert!(
            literal.excludes(ROLE, &longer),
            "a text matches a longer one"
        );
    }
}

fn filter(predicate: &str, pattern: &str) -> Result<OfferConstraintsFilter, OfferConstraintsError> {
    let constraint = json!({
        "selector": {"attribute_name": "attribute"},
        "predicate": {predicate: {"regex": pattern}},
    });
    let groups = json!([{"attribute_constraints": [constraint]}]);
    let constraints = json!({"role_constraints": {ROLE: {"groups": groups}}}).to_string();
    let constraints =
        v1::scheduler::OfferConstraints::read_json(Dialect::V0, constraints.as_bytes());
    let constraints = constraints.expect("constraints in JSON");
    OfferConstraintsFilter::create(RegexLimits::default(), &constraints)
}

fn agent(text: Option<&str>) -> v1::AgentInfo {
    let attribute = |text: &str| v1::Attribute {
        name: Some("attribute".to_owned()),
        r#type: Some(ValueType::Text.into()),
        text: Some(v1::value::Text {
            value: Some(text.to_owned()),
            ..Default::default()
        }),
        ..Default::default()
    };
    v1::AgentInfo {
        hostname: Some("host".to_owned()),
        attributes: text.map(attribute).into_iter().collect(),
        ..Default::default()
    }
}

/// The expression that stands for exactly this text.
fn quoted(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_punctuation() {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern
}
