//! Generated expressions through the body of the fuzz target: each is judged well or refused.

use proptest::prelude::*;

#[expect(unreachable_pub, reason = "the fuzz crate exports it")]
#[path = "../fuzz/src/bodies.rs"]
mod bodies;

/// Expressions that are nearly right, some of them quite.
fn expressions() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b",
        "ab",
        ".",
        "\\.",
        "[a-c]",
        "[^a]",
        "[]a]",
        "[[:alpha:]]",
        "[a&&b]",
        "[",
        "]",
        "(",
        ")",
        "(?:",
        "(?i)",
        "(?P<n>",
        "|",
        "*",
        "+",
        "?",
        "*?",
        "{2}",
        "{2,}",
        "{0,3}",
        "{1001}",
        "{3,2}",
        "{",
        "}",
        "^",
        "$",
        "\\A",
        "\\z",
        "\\b",
        "\\B",
        "\\d",
        "\\D",
        "\\w",
        "\\s",
        "\\pL",
        "\\p{Greek}",
        "\\x41",
        "\\x{1f600}",
        "\\Q",
        "\\E",
        "\\C",
        "\\1",
        "\\",
        "é",
        "\u{1f600}",
        "\n",
        "(?s)",
        "(?U)",
        "(?=a)",
        "(?<n>a)",
    ]);
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn likely_expressions_are_judged_well_or_refused(
        pattern in expressions(),
        text in "[abé. \\n]{0,6}",
    ) {
        bodies::judge_by_regex(&pattern, &text);
    }

    #[test]
    fn arbitrary_expressions_are_judged_well_or_refused(
        pattern in any::<String>(),
        text in any::<String>(),
    ) {
        bodies::judge_by_regex(&pattern, &text);
    }
}
