//! Regular expressions in the language of RE2, within its limits.
//!
//! The engine is the `regex` crate, a descendant of RE2; patterns are rewritten where the two differ.
//! Programs are measured as RE2 measures them.

mod size;
mod translate;

use regex::{Regex, RegexBuilder};
use regex_syntax::{ast, hir};

use self::size::program_size;
use self::translate::translate;
use super::{ConstraintError, RegexLimits};

/// What RE2 keeps of its memory for other things than instructions, in bytes.
const FIXED_BYTES: usize = 432;
/// The size of an instruction.
const BYTES_PER_INSTRUCTION: usize = 8;
/// The largest count of a repetition, nested ones multiplied.
const MAX_REPETITION: usize = 1000;

/// Compiles a pattern that must match a whole text.
pub(super) fn compile(limits: RegexLimits, pattern: &str) -> Result<Regex, ConstraintError> {
    let refuse = |reason: String| ConstraintError::Regex {
        pattern: pattern.to_owned(),
        reason,
    };
    let translated = translate(pattern).map_err(refuse)?;
    let parsed = ast::parse::Parser::new()
        .parse(&translated)
        .map_err(|error| refuse(describe(&error, pattern)))?;
    check_repetitions(&parsed, &translated).map_err(refuse)?;
    let hir = hir::translate::Translator::new()
        .translate(&translated, &parsed)
        .map_err(|error| refuse(describe_meaning(&error)))?;
    let size = program_size(&hir);
    if size.compiled > instructions_within(limits.max_memory_bytes) {
        return Err(refuse("pattern too large - compile failed".to_owned()));
    }
    if size.flattened > limits.max_program_size {
        return Err(ConstraintError::TooComplex {
            pattern: pattern.to_owned(),
            size: size.flattened,
            maximum: limits.max_program_size,
        });
    }
    RegexBuilder::new(&format!("^(?:{translated})$"))
        .size_limit(1 << 20)
        .dfa_size_limit(1 << 20)
        .build()
        .map_err(|error| refuse(error.to_string()))
}

/// The words of RE2 for a malformed pattern.
#[expect(clippy::wildcard_enum_match_arm, reason = "the list of errors is open")]
fn describe(error: &ast::Error, pattern: &str) -> String {
    let span = error.span();
    let rest = error.pattern().get(span.start.offset..).unwrap_or_default();
    let piece = error
        .pattern()
        .get(span.start.offset..span.end.offset)
        .unwrap_or_default();
    match error.kind() {
        ast::ErrorKind::GroupUnclosed => format!("missing ): {pattern}"),
        ast::ErrorKind::GroupUnopened => format!("unexpected ): {pattern}"),
        ast::ErrorKind::ClassUnclosed => format!("missing ]: {rest}"),
        ast::ErrorKind::ClassRangeInvalid => format!("invalid character class range: {piece}"),
        ast::ErrorKind::RepetitionCountInvalid => format!("invalid repetition size: {piece}"),
        ast::ErrorKind::RepetitionMissing => {
            let operator: String = rest.chars().take(1).collect();
            format!("no argument for repetition operator: {operator}")
        }
        ast::ErrorKind::EscapeUnexpectedEof => "trailing \\".to_owned(),
        ast::ErrorKind::EscapeUnrecognized => format!("invalid escape sequence: {piece}"),
        other => other.to_string(),
    }
}

/// How many instructions RE2 makes within this memory; a third of it is for running backwards.
fn instructions_within(bytes: usize) -> usize {
    let forwards = bytes.saturating_mul(2) / 3;
    forwards.saturating_sub(FIXED_BYTES) / BYTES_PER_INSTRUCTION
}

/// The words of RE2 for a pattern that is well formed and means nothing.
#[expect(clippy::wildcard_enum_match_arm, reason = "the list of errors is open")]
fn describe_meaning(error: &hir::Error) -> String {
    let span = error.span();
    let piece = error.pattern().get(span.start.offset..span.end.offset);
    match error.kind() {
        hir::ErrorKind::UnicodePropertyNotFound | hir::ErrorKind::UnicodePropertyValueNotFound => {
            format!(
                "invalid character class range: {}",
                piece.unwrap_or_default()
            )
        }
        other => other.to_string(),
    }
}

/// Refuses a repetition of a repetition, and one that, multiplied with those inside it, is too
/// large; returns the largest such product.
fn check_repetitions(parsed: &ast::Ast, pattern: &str) -> Result<usize, String> {
    let text = |op: &ast::RepetitionOp| {
        let piece = pattern.get(op.span.start.offset..op.span.end.offset);
        piece.unwrap_or_default().to_owned()
    };
    let all = |parts: &[ast::Ast]| {
        parts.iter().try_fold(1, |largest: usize, part| {
            Ok(largest.max(check_repetitions(part, pattern)?))
        })
    };
    match parsed {
        ast::Ast::Repetition(repetition) => {
            let inside = check_repetitions(&repetition.ast, pattern)?;
            if let ast::Ast::Repetition(inner) = &*repetition.ast {
                let operators = text(&inner.op) + &text(&repetition.op);
                return Err(format!("bad repetition operator: {operators}"));
            }
            let times = match &repetition.op.kind {
                ast::RepetitionKind::Range(range) => largest(range),
                ast::RepetitionKind::ZeroOrOne
                | ast::RepetitionKind::ZeroOrMore
                | ast::RepetitionKind::OneOrMore => 1,
            };
            let product = inside.saturating_mul(times.max(1));
            if product > MAX_REPETITION {
                let operator = text(&repetition.op);
                return Err(format!("invalid repetition size: {operator}"));
            }
            Ok(product)
        }
        ast::Ast::Group(group) => check_repetitions(&group.ast, pattern),
        ast::Ast::Alternation(branches) => all(&branches.asts),
        ast::Ast::Concat(parts) => all(&parts.asts),
        ast::Ast::Empty(_)
        | ast::Ast::Flags(_)
        | ast::Ast::Literal(_)
        | ast::Ast::Dot(_)
        | ast::Ast::Assertion(_)
        | ast::Ast::ClassUnicode(_)
        | ast::Ast::ClassPerl(_)
        | ast::Ast::ClassBracketed(_) => Ok(1),
    }
}

fn largest(range: &ast::RepetitionRange) -> usize {
    let count = match range {
        ast::RepetitionRange::Exactly(count) | ast::RepetitionRange::AtLeast(count) => *count,
        ast::RepetitionRange::Bounded(least, most) => *least.max(most),
    };
    usize::try_from(count).unwrap_or(usize::MAX)
}
