//! Messages: the struct, its getters, and the implementation of `Fields`.

use std::fmt::Write;

use super::fields::Member;
use super::{Context, print_comment, print_docs};
use crate::model::Message;

pub(super) fn print(context: &Context<'_>, name: &str, message: &Message) -> String {
    let mut out = String::new();
    let members: Vec<Member<'_>> = message
        .fields
        .iter()
        .map(|field| Member::new(context, name, field))
        .collect();
    print_struct(&mut out, message, &members);
    let rust = &message.place.name;
    let _ = writeln!(out, "impl {rust} {{");
    for member in &members {
        member.print_getter(&mut out);
    }
    let _ = writeln!(out, "}}\nimpl rt::Fields for {rust} {{");
    let _ = write!(out, "const EMPTY: Self = Self {{ ");
    for member in &members {
        let _ = write!(out, "{}: {}, ", member.name(), member.empty());
    }
    out.push_str("unknown: rt::UnknownFields::EMPTY };\n");
    let _ = writeln!(
        out,
        "fn default_instance() -> &'static Self {{ \
         static EMPTY: {rust} = <{rust} as rt::Fields>::EMPTY; &EMPTY }}"
    );
    print_binary(&mut out, &members);
    if context.is_bulky(name) {
        print_bulk(&mut out, &members);
    }
    print_required(&mut out, &members);
    print_json(&mut out, &members);
    let _ = writeln!(
        out,
        "}}\nrt::wire_message!({rust}, \"{}\");",
        message.place.wire_name
    );
    print_alias(&mut out, message);
    out
}

fn print_struct(out: &mut String, message: &Message, members: &[Member<'_>]) {
    print_docs(out, &message.place);
    out.push_str("#[derive(Clone, PartialEq, Debug)]\n");
    let _ = writeln!(out, "pub struct {} {{", message.place.name);
    for member in members {
        print_comment(out, member.comment());
        let _ = writeln!(out, "pub {}: {},", member.name(), member.rust_type());
    }
    out.push_str("/// Fields that this schema does not know.\n#[doc(hidden)]\n");
    out.push_str("pub unknown: rt::UnknownFields,\n}\n");
}

fn print_binary(out: &mut String, members: &[Member<'_>]) {
    let mut ordered: Vec<&Member<'_>> = members.iter().collect();
    ordered.sort_by_key(|member| member.number());
    out.push_str("fn put_fields(&self, out: &mut Vec<u8>) {\n");
    for member in &ordered {
        let _ = writeln!(out, "{};", member.put());
    }
    out.push_str("out.extend_from_slice(self.unknown.as_bytes());\n}\n");
    out.push_str(
        "fn merge_one(&mut self, key: rt::Key, input: &mut rt::Reader<'_>) \
         -> Result<(), rt::MalformedMessage> {\nmatch key.tag {\n",
    );
    for member in &ordered {
        let _ = writeln!(out, "{} => {},", member.number(), member.merge());
    }
    out.push_str("_ => input.unknown(key, &mut self.unknown),\n}\n}\n");
}

fn print_bulk(out: &mut String, members: &[Member<'_>]) {
    let parts: Vec<String> = members.iter().filter_map(Member::bulk).collect();
    let _ = writeln!(out, "fn bulk(&self) -> usize {{ {} }}", parts.join(" + "));
}

fn print_required(out: &mut String, members: &[Member<'_>]) {
    out.push_str("fn find_missing(&self, missing: &mut rt::Missing) {\n");
    for member in members {
        out.push_str(&member.need());
    }
    let mut ordered: Vec<&Member<'_>> = members.iter().collect();
    ordered.sort_by_key(|member| member.number());
    for member in ordered {
        out.push_str(&member.look_within());
    }
    out.push_str("}\n");
}

fn print_json(out: &mut String, members: &[Member<'_>]) {
    out.push_str("fn write_members(&self, out: &mut rt::JsonWriter) {\n");
    for member in members {
        let _ = writeln!(out, "{}", member.write_json());
    }
    out.push_str(
        "}\nfn read_member(&mut self, name: &str, input: &mut rt::JsonParser<'_>) \
         -> Result<(), rt::SyntaxFault> {\nmatch name {\n",
    );
    for member in members {
        out.push_str(&member.read_json());
    }
    out.push_str("_ => input.skip(),\n}\n}\n");
}

/// The name that the wire uses, where Rust says agent.
fn print_alias(out: &mut String, message: &Message) {
    let old = heck::ToUpperCamelCase::to_upper_camel_case(message.place.proto_name.as_str());
    if old != message.place.name && old != "Self" {
        let _ = writeln!(
            out,
            "/// The name on the wire of [`{new}`].\npub type {old} = {new};",
            new = message.place.name
        );
    }
}
