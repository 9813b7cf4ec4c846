//! Regular expressions in the language of RE2, within its limits.
//!
//! The engine is the `regex` crate, a descendant of RE2. Patterns are rewritten where the two
//! differ: Perl classes are ASCII, and `[`, `&` and `~` inside a class stand for themselves.
//! Sizes are counted as RE2 counts instructions, within a few.

use regex::{Regex, RegexBuilder};
use regex_syntax::ast;
use regex_syntax::hir::{Class, Hir, HirKind};

use super::{ConstraintError, RegexLimits};

/// RE2 spends about this many bytes on an instruction.
const BYTES_PER_INSTRUCTION: usize = 8;
/// The largest count of a repetition, nested ones multiplied.
const MAX_REPETITION: usize = 1000;
/// Instructions that every program has: fail, match and the loop that looks for a start.
const FIXED_INSTRUCTIONS: usize = 4;

/// Compiles a pattern that must match a whole text.
pub(super) fn compile(limits: RegexLimits, pattern: &str) -> Result<Regex, ConstraintError> {
    let refuse = |reason: String| ConstraintError::Regex {
        pattern: pattern.to_owned(),
        reason,
    };
    let translated = translate(pattern);
    let parsed = ast::parse::Parser::new()
        .parse(&translated)
        .map_err(|error| refuse(describe(&error, pattern)))?;
    if let Some(operator) = oversized_repetition(&parsed, 1) {
        return Err(refuse(format!("invalid repetition size: {operator}")));
    }
    let hir = regex_syntax::hir::translate::Translator::new()
        .translate(&translated, &parsed)
        .map_err(|error| refuse(error.kind().to_string()))?;
    let size = instructions(&hir).saturating_add(FIXED_INSTRUCTIONS);
    if size > limits.max_memory_bytes / BYTES_PER_INSTRUCTION {
        return Err(refuse("pattern too large - compile failed".to_owned()));
    }
    if size > limits.max_program_size {
        return Err(ConstraintError::TooComplex {
            pattern: pattern.to_owned(),
            size,
            maximum: limits.max_program_size,
        });
    }
    RegexBuilder::new(&format!("^(?:{translated})$"))
        .size_limit(1 << 20)
        .dfa_size_limit(1 << 20)
        .build()
        .map_err(|error| refuse(error.to_string()))
}

/// Where the scanner is.
enum Place {
    Outside,
    InClass,
}

/// Rewrites what RE2 and the `regex` crate read differently.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut place = Place::Outside;
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        match (&place, letter) {
            (_, '\\') => match letters.next() {
                Some(escaped) => push_escape(&mut out, escaped, &place),
                None => out.push('\\'),
            },
            (Place::Outside, '[') => {
                out.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                if letters.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
                place = Place::InClass;
            }
            (Place::InClass, '[') if letters.peek() == Some(&':') => {
                out.push('[');
                for letter in letters.by_ref() {
                    out.push(letter);
                    if letter == ']' {
                        break;
                    }
                }
            }
            (Place::InClass, '[' | '&' | '~') => {
                out.push('\\');
                out.push(letter);
            }
            (Place::InClass, ']') => {
                out.push(']');
                place = Place::Outside;
            }
            (Place::Outside | Place::InClass, _) => out.push(letter),
        }
    }
    out
}

fn push_escape(out: &mut String, escaped: char, place: &Place) {
    let class = match escaped {
        'd' => "0-9",
        'D' => "^0-9",
        'w' => "0-9A-Za-z_",
        'W' => "^0-9A-Za-z_",
        's' => "\\t\\n\\f\\r ",
        'S' => "^\\t\\n\\f\\r ",
        'b' if matches!(place, Place::Outside) => {
            out.push_str("(?-u:\\b)");
            return;
        }
        _ => {
            out.push('\\');
            out.push(escaped);
            return;
        }
    };
    out.push('[');
    out.push_str(class);
    out.push(']');
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
        ast::ErrorKind::RepetitionMissing => {
            let operator: String = rest.chars().take(1).collect();
            format!("no argument for repetition operator: {operator}")
        }
        ast::ErrorKind::EscapeUnexpectedEof => "trailing \\".to_owned(),
        ast::ErrorKind::EscapeUnrecognized => format!("invalid escape sequence: {piece}"),
        other => other.to_string(),
    }
}

/// The first counted repetition that, multiplied with those around it, is too large.
fn oversized_repetition(parsed: &ast::Ast, around: usize) -> Option<String> {
    match parsed {
        ast::Ast::Repetition(repetition) => {
            let times = match &repetition.op.kind {
                ast::RepetitionKind::Range(range) => largest(range),
                ast::RepetitionKind::ZeroOrOne
                | ast::RepetitionKind::ZeroOrMore
                | ast::RepetitionKind::OneOrMore => 1,
            };
            let product = around.saturating_mul(times.max(1));
            if product > MAX_REPETITION {
                return Some(format!("{{{times}}}"));
            }
            oversized_repetition(&repetition.ast, product)
        }
        ast::Ast::Group(group) => oversized_repetition(&group.ast, around),
        ast::Ast::Alternation(branches) => branches
            .asts
            .iter()
            .find_map(|one| oversized_repetition(one, around)),
        ast::Ast::Concat(parts) => parts
            .asts
            .iter()
            .find_map(|one| oversized_repetition(one, around)),
        ast::Ast::Empty(_)
        | ast::Ast::Flags(_)
        | ast::Ast::Literal(_)
        | ast::Ast::Dot(_)
        | ast::Ast::Assertion(_)
        | ast::Ast::ClassUnicode(_)
        | ast::Ast::ClassPerl(_)
        | ast::Ast::ClassBracketed(_) => None,
    }
}

fn largest(range: &ast::RepetitionRange) -> usize {
    let count = match range {
        ast::RepetitionRange::Exactly(count) | ast::RepetitionRange::AtLeast(count) => *count,
        ast::RepetitionRange::Bounded(least, most) => *least.max(most),
    };
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// How many instructions RE2 would need.
fn instructions(hir: &Hir) -> usize {
    match hir.kind() {
        HirKind::Empty => 1,
        HirKind::Literal(literal) => literal.0.len(),
        HirKind::Class(Class::Unicode(class)) => class.ranges().len().max(1),
        HirKind::Class(Class::Bytes(class)) => class.ranges().len().max(1),
        HirKind::Look(_) => 1,
        HirKind::Capture(capture) => instructions(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) => total(parts),
        HirKind::Alternation(branches) => total(branches).saturating_add(branches.len() - 1),
        HirKind::Repetition(repetition) => {
            let body = instructions(&repetition.sub);
            let count = |times: u32| usize::try_from(times).unwrap_or(usize::MAX);
            let least = count(repetition.min);
            match repetition.max.map(count) {
                Some(most) => body.saturating_mul(least).saturating_add(
                    body.saturating_add(1)
                        .saturating_mul(most.saturating_sub(least)),
                ),
                None => body.saturating_mul(least.max(1)).saturating_add(1),
            }
        }
    }
}

fn total(parts: &[Hir]) -> usize {
    parts
        .iter()
        .map(instructions)
        .fold(0, usize::saturating_add)
}
