//! Quantities and limits: reading, sums, differences and containment.

use super::*;

fn quantities(text: &str) -> ResourceQuantities {
    ResourceQuantities::parse(text).expect("quantities")
}

fn limits(text: &str) -> ResourceLimits {
    ResourceLimits::parse(text).expect("limits")
}

/// Mirrors: QuantitiesTest.FromStringValid
/// Mirrors: QuantitiesTest.Stringify
#[test]
fn quantities_are_sorted_summed_and_never_zero() {
    for (text, read) in [
        ("cpus:10", "cpus:10"),
        ("cpus:3.14", "cpus:3.14"),
        (" cpus : 3.14 ; disk : 10 ", "cpus:3.14; disk:10"),
        ("cpus:0", "{}"),
        ("ports:3;cpus:10.5", "cpus:10.5; ports:3"),
        ("ports:3;cpus:1;cpus:10.5", "cpus:11.5; ports:3"),
    ] {
        assert_eq!(quantities(text).to_string(), read);
    }
}

/// Mirrors: LimitsTest.FromStringValid
#[test]
fn limits_keep_zero() {
    assert_eq!(
        limits(" cpus : 3.14 ; disk : 10 ").to_string(),
        "cpus:3.14; disk:10"
    );
    assert_eq!(limits("cpus:0").to_string(), "cpus:0");
    assert_eq!(
        limits("ports:3;cpus:10.5").to_string(),
        "cpus:10.5; ports:3"
    );
}

/// Mirrors: QuantitiesTest.FromStringInvalid
/// Mirrors: LimitsTest.FromStringInvalid
#[test]
fn malformed_quantities_and_limits_are_refused() {
    for text in [
        "cpus:a10",
        "cpus:3.14c",
        "ports:3,cpus:1",
        "ports:3,cpus:-1",
        "cpus:-1",
        "cpus:nan",
        "cpus:-nan",
        "cpus:inf",
        "cpus:-inf",
        "cpus:infinity",
        "cpus:-infinity",
        "cpus",
        "p:[1-2]",
    ] {
        assert!(ResourceQuantities::parse(text).is_err(), "{text}");
        assert!(ResourceLimits::parse(text).is_err(), "{text}");
    }
    assert!(ResourceLimits::parse("cpus:1;cpus:2").is_err());
    let error = ResourceQuantities::parse("cpus:a10")
        .expect_err("a text")
        .to_string();
    assert_eq!(
        error,
        "Failed to parse 'a10' to quantity: only scalar values are allowed"
    );
}

/// Mirrors: QuantitiesTest.FromScalarResources
/// Mirrors: QuantitiesTest.FromResources
#[test]
fn quantities_are_read_from_resources() {
    let all = Resources::parse("cpus:1;mem:512;ports:[5000-6000];zones:{a,b};disk:800");
    let all = all.expect("resources");

    assert_eq!(
        ResourceQuantities::from_scalars(&all).to_string(),
        "cpus:1; disk:800; mem:512"
    );
    assert_eq!(
        ResourceQuantities::from_resources(&all).to_string(),
        "cpus:1; disk:800; mem:512; ports:1001; zones:2"
    );
    assert!(ResourceQuantities::from_resources(&Resources::new()).is_empty());
}

/// Mirrors: QuantitiesTest.Addition
/// Mirrors: QuantitiesTest.Sum
#[test]
fn quantities_add_by_name() {
    for (left, right, total) in [
        ("cpus:10", "", "cpus:10"),
        ("cpus:10", "cpus:0.1", "cpus:10.1"),
        ("cpus:10.1", "alphas:1", "alphas:1; cpus:10.1"),
        ("cpus:10.1", "mem:1", "cpus:10.1; mem:1"),
        (
            "alphas:1;cpus:10.1",
            "cpus:1;mem:100",
            "alphas:1; cpus:11.1; mem:100",
        ),
    ] {
        assert_eq!((&quantities(left) + &quantities(right)).to_string(), total);
    }
}

/// Mirrors: QuantitiesTest.Subtraction
#[test]
fn quantities_that_are_used_up_vanish() {
    for (left, right, rest) in [
        ("", "cpus:1", "{}"),
        ("cpus:1", "", "cpus:1"),
        ("cpus:1", "cpus:0.4", "cpus:0.6"),
        ("cpus:1", "cpus:1", "{}"),
        ("cpus:1", "cpus:1.4", "{}"),
        ("cpus:1", "mem:100", "cpus:1"),
        ("cpus:1", "alphas:1", "cpus:1"),
        ("cpus:1;mem:100", "alphas:1;cpus:0.5", "cpus:0.5; mem:100"),
    ] {
        assert_eq!((&quantities(left) - &quantities(right)).to_string(), rest);
    }
}

/// Mirrors: QuantitiesTest.Contains
#[test]
fn quantities_contain_smaller_ones() {
    let contains = |left: &str, right: &str| quantities(left).contains(&quantities(right));
    assert!(contains("", "") && contains("cpus:1", "") && !contains("", "cpus:1"));
    assert!(contains("cpus:1;mem:1;disk:1", "cpus:1;mem:1"));
    assert!(!contains("cpus:1;mem:1", "cpus:1;mem:1;disk:1"));
    assert!(!contains("cpus:1;mem:1", "cpus:1;disk:1"));
    assert!(!contains("cpus:1;mem:1", "gpu:1;disk:1"));
    assert!(contains("cpus:2;mem:2", "cpus:2;mem:1") && !contains("cpus:2;mem:1", "cpus:2;mem:2"));
}

/// Mirrors: LimitsTest.Contains
#[test]
fn a_missing_limit_allows_everything() {
    let contains = |left: &str, right: &str| limits(left).contains(&limits(right));
    assert!(contains("", "") && contains("", "cpus:1") && !contains("cpus:1", ""));
    assert!(contains("cpus:1;mem:1", "cpus:1;mem:1"));
    assert!(contains("cpus:1;mem:1", "cpus:1;mem:1;disk:1"));
    assert!(!contains("cpus:1;mem:1;disk:1", "cpus:1;mem:1"));
    assert!(contains("cpus:2;mem:2", "cpus:2;mem:1") && !contains("cpus:2;mem:1", "cpus:2;mem:2"));
}

/// Mirrors: LimitsTest.ContainsQuantities
#[test]
fn only_named_limits_bind() {
    let allows = |left: &str, right: &str| limits(left).contains_quantities(&quantities(right));
    assert!(allows("", "") && allows("", "cpus:1") && allows("cpus:1", ""));
    assert!(allows("cpus:1;mem:1", "cpus:1;disk:5") && !allows("cpus:1", "cpus:2"));
    assert!(!allows("cpus:0", "cpus:1"));
}

/// Mirrors: LimitsTest.SubtractQuantities
#[test]
fn limits_shrink_to_zero_and_stay() {
    for (limit, given, left) in [
        ("", "cpus:1", "{}"),
        ("cpus:1", "", "cpus:1"),
        ("cpus:2", "cpus:1", "cpus:1"),
        ("cpus:1", "cpus:2", "cpus:0"),
        ("cpus:1", "mem:1", "cpus:1"),
        ("cpus:2;mem:10", "cpus:1;disk:1", "cpus:1; mem:10"),
    ] {
        assert_eq!((&limits(limit) - &quantities(given)).to_string(), left);
    }
}
