//! How large RE2 would make the program of an expression.
//!
//! RE2 compiles an expression into instructions, which its memory limit bounds, and then flattens
//! them: that is the program size that it reports. Both are counted here from the parsed
//! expression, as RE2 simplifies and compiles it.

use std::collections::BTreeSet;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition};
use regex_syntax::utf8::{Utf8Range, Utf8Sequences};

/// Fail and match: every program has them.
const ENDS: usize = 2;
/// The loop that looks for a start, in programs that are not tied to the start of the text.
const SEARCH: usize = 2;

/// How many instructions there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// When compiled: bounded by memory.
    pub(super) compiled: usize,
    /// When flattened: the program size.
    pub(super) flattened: usize,
}

impl Size {
    const NOTHING: Self = Self::both(0);
    const ONE: Self = Self::both(1);

    const fn both(count: usize) -> Self {
        Self {
            compiled: count,
            flattened: count,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            compiled: self.compiled.saturating_add(other.compiled),
            flattened: self.flattened.saturating_add(other.flattened),
        }
    }

    fn times(self, count: usize) -> Self {
        Self {
            compiled: self.compiled.saturating_mul(count),
            flattened: self.flattened.saturating_mul(count),
        }
    }

    /// With branches that only choose: they vanish when flattened.
    fn choosing(mut self, branches: usize) -> Self {
        self.compiled = self.compiled.saturating_add(branches);
        self
    }
}

/// The size of a whole program.
pub(super) fn program_size(hir: &Hir) -> Size {
    let mut parts: Vec<&Hir> = match hir.kind() {
        HirKind::Concat(parts) => parts.iter().collect(),
        HirKind::Empty
        | HirKind::Literal(_)
        | HirKind::Class(_)
        | HirKind::Look(_)
        | HirKind::Repetition(_)
        | HirKind::Capture(_)
        | HirKind::Alternation(_) => vec![hir],
    };
    if parts.last().is_some_and(|last| is_look(last, Look::End)) {
        parts.pop();
    }
    let mut base = ENDS + SEARCH;
    if parts
        .first()
        .is_some_and(|first| is_look(first, Look::Start))
    {
        parts.remove(0);
        // What must come first literally is looked for without the program.
        if matches!(
            parts.first().map(|part| part.kind()),
            Some(HirKind::Literal(_))
        ) {
            parts.remove(0);
        } else {
            base = ENDS;
        }
    }
    parts
        .iter()
        .map(|part| size(part))
        .fold(Size::both(base), Size::and)
}

fn is_look(hir: &Hir, look: Look) -> bool {
    matches!(hir.kind(), HirKind::Look(found) if *found == look)
}

fn size(hir: &Hir) -> Size {
    match hir.kind() {
        HirKind::Empty => Size::NOTHING,
        HirKind::Literal(literal) => Size::both(literal.0.len()),
        HirKind::Class(Class::Unicode(class)) => class_size(class),
        HirKind::Class(Class::Bytes(class)) => {
            let ranges = class.ranges().len().max(1);
            Size::both(ranges).choosing(ranges - 1)
        }
        HirKind::Look(_) => Size::ONE,
        HirKind::Capture(capture) => size(&capture.sub).and(Size::both(2)),
        HirKind::Concat(parts) => parts.iter().map(size).fold(Size::NOTHING, Size::and),
        HirKind::Alternation(branches) => {
            let branches = branches.iter().map(Branch::of).collect();
            alternation_size(branches)
        }
        HirKind::Repetition(repetition) => repetition_size(repetition),
    }
}

fn repetition_size(repetition: &Repetition) -> Size {
    let body = size(&repetition.sub);
    let count = |times: u32| usize::try_from(times).unwrap_or(usize::MAX);
    let least = count(repetition.min);
    let most = repetition.max.map(count);
    // A repetition of a repetition, neither of them counted, is one.
    if let HirKind::Repetition(inner) = repetition.sub.kind()
        && let (Some(outer), Some(inner_kind)) = (Simple::of(repetition), Simple::of(inner))
    {
        let kind = if outer == inner_kind {
            outer
        } else {
            Simple::Star
        };
        return kind.around(size(&inner.sub));
    }
    if body == Size::NOTHING {
        return Size::NOTHING;
    }
    match most {
        None if least == 0 => Simple::Star.around(body),
        None => body.times(least - 1).and(Simple::Plus.around(body)),
        Some(most) => {
            let optional = Simple::Quest.around(body).times(most.saturating_sub(least));
            body.times(least).and(optional)
        }
    }
}

/// The repetitions that RE2 has instructions for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Simple {
    Star,
    Plus,
    Quest,
}

impl Simple {
    fn of(repetition: &Repetition) -> Option<Self> {
        match (repetition.min, repetition.max) {
            (0, None) => Some(Self::Star),
            (1, None) => Some(Self::Plus),
            (0, Some(1)) => Some(Self::Quest),
            _ => None,
        }
    }

    fn around(self, body: Size) -> Size {
        match self {
            Self::Star => body.choosing(1),
            Self::Plus | Self::Quest => body.and(Size::ONE),
        }
    }
}

/// One branch of an alternation: what it begins with literally, and the rest.
struct Branch<'a> {
    prefix: Vec<Letter>,
    rest: Vec<&'a Hir>,
}

/// One instruction that stands for a letter.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Letter {
    Byte(u8),
    /// Small or capital.
    Either(u8),
}

impl<'a> Branch<'a> {
    fn of(hir: &'a Hir) -> Self {
        let parts: Vec<&Hir> = match hir.kind() {
            HirKind::Concat(parts) => parts.iter().collect(),
            HirKind::Empty
            | HirKind::Literal(_)
            | HirKind::Class(_)
            | HirKind::Look(_)
            | HirKind::Repetition(_)
            | HirKind::Capture(_)
            | HirKind::Alternation(_) => vec![hir],
        };
        let mut prefix = Vec::new();
        let mut rest = parts.into_iter().peekable();
        while let Some(letters) = rest.peek().and_then(|part| letters_of(part)) {
            prefix.extend(letters);
            rest.next();
        }
        Self {
            prefix,
            rest: rest
                .filter(|part| !matches!(part.kind(), HirKind::Empty))
                .collect(),
        }
    }

    /// The class that the whole branch is, or the class of its only letter.
    fn class(&self) -> Option<ClassUnicode> {
        let of = |letters: &[u8]| {
            let ranges = letters.iter().map(|letter| {
                let letter = char::from(*letter);
                ClassUnicodeRange::new(letter, letter)
            });
            Some(ClassUnicode::new(ranges))
        };
        match (self.prefix.as_slice(), self.rest.as_slice()) {
            ([Letter::Byte(byte)], []) if byte.is_ascii() => of(&[*byte]),
            ([Letter::Either(byte)], []) => of(&[*byte, byte.to_ascii_uppercase()]),
            ([], [only]) => unicode_class(only).cloned(),
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        self.prefix.is_empty() && self.rest.is_empty()
    }

    /// Its size as a branch: a loop, and nothing at all, need a step that leads there.
    fn size(&self) -> Size {
        let mut size = self
            .rest
            .iter()
            .map(|part| size(part))
            .fold(Size::both(self.prefix.len()), Size::and);
        if self.is_empty() {
            return Size::ONE;
        }
        let begins_with_loop = self.prefix.is_empty()
            && self.rest.first().is_some_and(
                |part| matches!(part.kind(), HirKind::Repetition(loops) if loops.max.is_none()),
            );
        if begins_with_loop {
            size.flattened = size.flattened.saturating_add(1);
        }
        size
    }
}

fn letters_of(hir: &Hir) -> Option<Vec<Letter>> {
    if let HirKind::Literal(literal) = hir.kind() {
        return Some(literal.0.iter().copied().map(Letter::Byte).collect());
    }
    let byte = either_case(unicode_class(hir)?)?;
    Some(vec![Letter::Either(byte)])
}

fn unicode_class(hir: &Hir) -> Option<&ClassUnicode> {
    if let HirKind::Class(Class::Unicode(class)) = hir.kind() {
        Some(class)
    } else {
        None
    }
}

/// The small letter of a class of a letter in both cases.
fn either_case(class: &ClassUnicode) -> Option<u8> {
    let [upper, lower] = class.ranges() else {
        return None;
    };
    let small = u8::try_from(lower.start()).ok()?;
    let same = upper.start() == upper.end()
        && lower.start() == lower.end()
        && small.is_ascii_lowercase()
        && upper.start() == char::from(small.to_ascii_uppercase());
    same.then_some(small)
}

/// Neighbours that begin alike share what they begin with; single letters and classes that are
/// neighbours then are one class.
fn alternation_size(branches: Vec<Branch<'_>>) -> Size {
    let mut total = Size::NOTHING;
    let mut choices = 0_usize;
    let mut letters = ClassUnicode::empty();
    let mut branches = branches.into_iter().peekable();
    while let Some(branch) = branches.next() {
        let first = branch.prefix.first().copied();
        let mut run = vec![branch];
        while let Some(next) =
            branches.next_if(|next| first.is_some() && next.prefix.first().copied() == first)
        {
            run.push(next);
        }
        if let [single] = run.as_slice()
            && let Some(class) = single.class()
        {
            letters.union(&class);
            continue;
        }
        total = total
            .and(flush(&mut letters, &mut choices))
            .and(run_size(run));
        choices += 1;
    }
    total = total.and(flush(&mut letters, &mut choices));
    total.choosing(choices.saturating_sub(1))
}

/// The class of the letters so far, which begins anew.
fn flush(letters: &mut ClassUnicode, choices: &mut usize) -> Size {
    if letters.ranges().is_empty() {
        return Size::NOTHING;
    }
    *choices += 1;
    class_size(&std::mem::replace(letters, ClassUnicode::empty()))
}

fn run_size(mut run: Vec<Branch<'_>>) -> Size {
    if let [single] = run.as_slice() {
        return single.size();
    }
    let shared = shared_length(&run);
    for branch in &mut run {
        branch.prefix.drain(..shared);
    }
    Size::both(shared).and(alternation_size(run))
}

fn shared_length(run: &[Branch<'_>]) -> usize {
    let Some((first, others)) = run.split_first() else {
        return 0;
    };
    let same = |other: &Branch<'_>| {
        let pairs = first.prefix.iter().zip(&other.prefix);
        pairs.take_while(|(left, right)| left == right).count()
    };
    others.iter().map(same).min().unwrap_or(0)
}

/// The instructions of a class: byte ranges of UTF-8, with shared beginnings and ends.
fn class_size(class: &ClassUnicode) -> Size {
    const LAST: u32 = 0x10_ffff;
    if either_case(class).is_some() {
        return Size::ONE;
    }
    let folds = folds_ascii(class);
    let mut first_steps = 0_usize;
    let mut heads: BTreeSet<Vec<(u8, u8)>> = BTreeSet::new();
    let mut tails: BTreeSet<Vec<(u8, u8)>> = BTreeSet::new();
    let mut rest = Size::NOTHING;
    for range in class.ranges() {
        let (low, high) = (u32::from(range.start()), u32::from(range.end()));
        let capitals = u32::from(b'A') <= low && high <= u32::from(b'Z');
        if folds && capitals {
            continue;
        }
        if low < 0x80 {
            first_steps += 1;
            rest = rest.and(Size::ONE);
        }
        if high < 0x80 {
            continue;
        }
        if low <= 0x80 && high == LAST {
            // Everything beyond ASCII: three first bytes and three that follow.
            first_steps += 3;
            rest = rest.and(Size::both(6));
            continue;
        }
        let start = range.start().max('\u{80}');
        for sequence in Utf8Sequences::new(start, range.end()) {
            note_sequence(sequence.as_slice(), &mut heads, &mut tails);
        }
    }
    first_steps += heads.iter().filter(|head| head.len() == 1).count();
    let instructions = rest.and(Size::both(heads.len() + tails.len()));
    instructions.choosing(first_steps.saturating_sub(1))
}

/// Ends that hold several bytes are shared by what leads there; other steps by what came before.
fn note_sequence(
    sequence: &[Utf8Range],
    heads: &mut BTreeSet<Vec<(u8, u8)>>,
    tails: &mut BTreeSet<Vec<(u8, u8)>>,
) {
    let steps: Vec<(u8, u8)> = sequence.iter().map(|step| (step.start, step.end)).collect();
    for (index, (low, high)) in steps.iter().enumerate() {
        let is_last = index + 1 == steps.len();
        if index > 0 && (is_last || low < high) {
            tails.extend(steps.get(index..).map(<[_]>::to_vec));
        } else {
            heads.extend(steps.get(..=index).map(<[_]>::to_vec));
        }
    }
}

/// Whether a class has the small form of each capital letter in it, and the other way round.
fn folds_ascii(class: &ClassUnicode) -> bool {
    let has = |letter: char| {
        let mut ranges = class.ranges().iter();
        ranges.any(|range| range.start() <= letter && letter <= range.end())
    };
    let mut any = false;
    let same = ('a'..='z').all(|small| {
        any |= has(small);
        has(small) == has(small.to_ascii_uppercase())
    });
    same && any
}
