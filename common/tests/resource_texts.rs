//! Generated texts through the body of the fuzz target: each is read well or refused.

use proptest::prelude::*;

#[expect(unreachable_pub, reason = "the fuzz crate exports it")]
#[path = "../fuzz/src/resource_texts.rs"]
mod resource_texts;

fn one_of(pieces: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    prop::sample::select(pieces)
}

/// Entries that are nearly right, some of them quite.
fn entries() -> impl Strategy<Value = String> {
    let name = one_of(&["cpus", "mem", "disk", "ports", "gpus", "", "a b", "cpus("]);
    let role = one_of(&[
        "",
        "(eng)",
        "(eng/web)",
        "(*)",
        "(..)",
        "(-)",
        "()",
        "(a)(b)",
        "(eng",
    ]);
    let value = one_of(&[
        "1",
        "0",
        "-1",
        "0.0005",
        "1e3",
        "1e400",
        "nan",
        "inf",
        "99999999999999999999",
        "1.2.3",
        "[1-2]",
        "[1-2,2-9]",
        "[5-1]",
        "[]",
        "[1-]",
        "[0-18446744073709551615]",
        "{a,b}",
        "{}",
        "{a,a}",
        "{a",
        "x",
        "",
    ]);
    (name, role, value).prop_map(|(name, role, value)| format!("{name}{role}:{value}"))
}

/// Objects that are nearly right, some of them quite.
fn objects() -> impl Strategy<Value = String> {
    let name = one_of(&["\"cpus\"", "\"disk\"", "\"ports\"", "\"\"", "7", "null"]);
    let value = one_of(&[
        "\"type\":\"SCALAR\",\"scalar\":{\"value\":4}",
        "\"type\":\"SCALAR\",\"scalar\":{\"value\":-4}",
        "\"type\":\"SCALAR\"",
        "\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":1,\"end\":9},{\"begin\":5,\"end\":6}]}",
        "\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":9,\"end\":1}]}",
        "\"type\":\"SET\",\"set\":{\"item\":[\"a\",\"b\",\"a\"]}",
        "\"type\":\"NOPE\"",
    ]);
    let more = one_of(&[
        "",
        ",\"role\":\"eng\"",
        ",\"role\":\"..\"",
        ",\"reservations\":[{\"type\":\"STATIC\",\"role\":\"eng\"}]",
        ",\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"eng\"}]",
        ",\"reservations\":[{\"type\":\"STATIC\",\"role\":\"eng\"},{\"type\":\"STATIC\",\"role\":\"eng/a\"}]",
        ",\"disk\":{\"source\":{\"type\":\"MOUNT\",\"mount\":{\"root\":\"/mnt\"}}}",
        ",\"disk\":{\"source\":{\"type\":\"PATH\"}}",
        ",\"disk\":{\"persistence\":{\"id\":\"x\"}}",
        ",\"shared\":{}",
        ",\"revocable\":{}",
        ",\"provider_id\":{\"value\":\"p\"}",
        ",\"unknown\":[{}]",
    ]);
    (name, value, more).prop_map(|(name, value, more)| format!("{{\"name\":{name},{value}{more}}}"))
}

/// Changes, drops or doubles one character.
fn damaged(text: &str, at: prop::sample::Index, with: Option<char>) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    if !letters.is_empty() {
        let at = at.index(letters.len());
        match with {
            Some(letter) => letters.insert(at, letter),
            None => drop(letters.remove(at)),
        }
    }
    letters.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn lists_of_entries_are_read_well_or_refused(
        entries in prop::collection::vec(entries(), 0..5),
    ) {
        resource_texts::parse_resources(&entries.join(";"));
    }

    #[test]
    fn arrays_of_objects_are_read_well_or_refused(
        objects in prop::collection::vec(objects(), 0..4),
    ) {
        resource_texts::parse_resources(&format!("[{}]", objects.join(",")));
    }

    #[test]
    fn damaged_texts_are_read_well_or_refused(
        entries in prop::collection::vec(entries(), 1..4),
        objects in prop::collection::vec(objects(), 1..3),
        at in any::<prop::sample::Index>(),
        with in any::<Option<char>>(),
    ) {
        resource_texts::parse_resources(&damaged(&entries.join(";"), at, with));
        let array = format!("[{}]", objects.join(","));
        resource_texts::parse_resources(&damaged(&array, at, with));
    }

    #[test]
    fn arbitrary_texts_are_read_well_or_refused(text in any::<String>()) {
        resource_texts::parse_resources(&text);
    }
}
