//! An action in the text format of protobuf, as its C++ library prints it.

use std::fmt::Write as _;

use mesos_proto::internal::log::{Action, action};

/// One field a line; messages in braces, indented by two spaces.
pub(super) fn text_of(action: &Action) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            let _infallible = writeln!(text, "{name}: {value}");
        }
    };
    line("position", action.position.map(|value| value.to_string()));
    line("promised", action.promised.map(|value| value.to_string()));
    line("performed", action.performed.map(|value| value.to_string()));
    line("learned", action.learned.map(|value| value.to_string()));
    line("type", action.r#type.map(|_| name_of(action.r#type())));
    if let Some(nop) = &action.nop {
        let tombstone = nop.tombstone.map(|value| format!("tombstone: {value}"));
        message(&mut text, "nop", &[tombstone]);
    }
    if action.append.is_some() {
        let append = action.append();
        let quoted = |name: &str, bytes: Option<&[u8]>| {
            bytes.map(|bytes| format!("{name}: \"{}\"", escape(bytes)))
        };
        let bytes = quoted("bytes", append.bytes.as_deref());
        let checksum = quoted("cksum", append.cksum.as_deref());
        message(&mut text, "append", &[bytes, checksum]);
    }
    if let Some(truncate) = &action.truncate {
        let to = truncate.to.map(|value| format!("to: {value}"));
        message(&mut text, "truncate", &[to]);
    }
    text
}

fn name_of(kind: action::Type) -> String {
    match kind {
        action::Type::Nop => "NOP",
        action::Type::Append => "APPEND",
        action::Type::Truncate => "TRUNCATE",
    }
    .to_owned()
}

fn message(text: &mut String, name: &str, fields: &[Option<String>]) {
    let _infallible = writeln!(text, "{name} {{");
    for field in fields.iter().flatten() {
        let _infallible = writeln!(text, "  {field}");
    }
    text.push_str("}\n");
}

/// What cannot be printed becomes three octal digits.
fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b'"' => text.push_str("\\\""),
            b'\'' => text.push_str("\\'"),
            b'\\' => text.push_str("\\\\"),
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => {
                let _infallible = write!(text, "\\{byte:03o}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_append_is_printed_as_protobuf_does() {
        let action = Action {
            position: Some(3),
            promised: Some(1),
            performed: Some(1),
            learned: Some(true),
            r#type: Some(action::Type::Append.into()),
            append: Some(
                action::Append {
                    bytes: Some(b"a\n\"\x00\xff"[..].to_vec().into()),
                    ..Default::default()
                }
                .into(),
            ),
            ..Action::default()
        };

        assert_eq!(
            text_of(&action),
            "position: 3\npromised: 1\nperformed: 1\nlearned: true\ntype: APPEND\n\
             append {\n  bytes: \"a\\n\\\"\\000\\377\"\n}\n"
        );
    }

    #[test]
    fn an_empty_message_has_no_line_in_its_braces() {
        let action = Action {
            position: Some(0),
            promised: Some(2),
            r#type: Some(action::Type::Nop.into()),
            nop: Some(action::Nop::default()),
            ..Action::default()
        };

        assert_eq!(
            text_of(&action),
            "position: 0\npromised: 2\ntype: NOP\nnop {\n}\n"
        );
    }
}
