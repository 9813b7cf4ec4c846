//! What is printed for one field.

use std::fmt::Write;

use super::Context;
use crate::model::{Field, Kind, Label, Spoken};
use crate::names::{field_name, type_name};

/// A field of a message that is being printed.
pub(super) struct Member<'a> {
    context: &'a Context<'a>,
    field: &'a Field,
    name: String,
    boxed: bool,
    siblings: Vec<String>,
}

impl<'a> Member<'a> {
    pub(super) fn new(context: &'a Context<'a>, message: &str, field: &'a Field) -> Self {
        let boxed = context.is_boxed(message, field);
        let fields = context
            .schema
            .messages
            .get(message)
            .map(|message| &message.fields);
        let siblings = fields.into_iter().flatten().filter(|other| {
            field.oneof.is_some() && other.oneof == field.oneof && other.number != field.number
        });
        let siblings = siblings.map(|other| field_name(&other.name)).collect();
        Self {
            context,
            field,
            name: field_name(&field.name),
            boxed,
            siblings,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn number(&self) -> u32 {
        self.field.number
    }

    pub(super) fn comment(&self) -> &str {
        &self.field.comment
    }

    /// Rust type of one value.
    fn value_type(&self) -> String {
        match &self.field.kind {
            Kind::Scalar(name) => (*name).to_owned(),
            Kind::String => "String".to_owned(),
            Kind::Bytes => "rt::Bytes".to_owned(),
            Kind::Enum { .. } => "i32".to_owned(),
            Kind::Message(name) => self.context.rust_path(name),
        }
    }

    pub(super) fn rust_type(&self) -> String {
        let value = self.value_type();
        match self.field.label {
            Label::Repeated | Label::Packed => format!("Vec<{value}>"),
            Label::Map => format!("rt::BTreeMap<String, {value}>"),
            Label::Optional | Label::Required | Label::Implicit if self.boxed => {
                format!("Option<Box<{value}>>")
            }
            Label::Optional | Label::Required | Label::Implicit => format!("Option<{value}>"),
        }
    }

    pub(super) fn empty(&self) -> &'static str {
        match self.field.label {
            Label::Repeated | Label::Packed => "Vec::new()",
            Label::Map => "rt::BTreeMap::new()",
            Label::Optional | Label::Required | Label::Implicit => "None",
        }
    }

    fn reference(&self) -> String {
        format!(
            "self.{}.{}()",
            self.name,
            if self.boxed { "as_deref" } else { "as_ref" }
        )
    }

    pub(super) fn put(&self) -> String {
        let (name, number) = (&self.name, self.field.number);
        match self.field.label {
            Label::Optional | Label::Required => {
                format!("rt::put_opt({number}, {}, out)", self.reference())
            }
            Label::Implicit => format!("rt::put_implicit({number}, {}, out)", self.reference()),
            Label::Repeated => format!("rt::put_repeated({number}, &self.{name}, out)"),
            Label::Packed => format!("rt::put_packed({number}, &self.{name}, out)"),
            Label::Map => format!("rt::put_map({number}, &self.{name}, out)"),
        }
    }

    /// What the field adds to the bulk of its message, if it can be megabytes.
    pub(super) fn bulk(&self) -> Option<String> {
        let bulky = match &self.field.kind {
            Kind::Bytes => true,
            Kind::Message(name) => self.context.is_bulky(name),
            Kind::Scalar(_) | Kind::String | Kind::Enum { .. } => false,
        };
        (bulky && self.field.label.is_singular())
            .then(|| format!("rt::bulk_of({})", self.reference()))
    }

    pub(super) fn merge(&self) -> String {
        let name = &self.name;
        let singular = self.field.label.is_singular();
        let (method, extra) = if self.field.label == Label::Map {
            ("map", String::new())
        } else if let Kind::Enum { name, closed: true } = &self.field.kind {
            let known = format!(
                ", |number| <{} as rt::WireEnum>::from_number(number).is_some()",
                self.context.rust_path(name)
            );
            (if singular { "opt_enum" } else { "enums" }, known)
        } else if !singular {
            ("repeated", String::new())
        } else if self.boxed {
            ("boxed", String::new())
        } else {
            ("opt", String::new())
        };
        let call = format!("input.{method}(key, &mut self.{name}{extra}, &mut self.unknown)");
        self.alone(call)
    }

    /// Lets a member of a oneof unset the others.
    fn alone(&self, call: String) -> String {
        if self.siblings.is_empty() {
            return call;
        }
        let mut unset = String::new();
        for sibling in &self.siblings {
            let _ = write!(unset, "self.{sibling} = None; ");
        }
        format!(
            "{{ {call}?; if self.{}.is_some() {{ {unset}}} Ok(()) }}",
            self.name
        )
    }

    fn names(&self) -> String {
        format!("({:?}, {:?})", self.field.name, self.field.name_v0)
    }

    pub(super) fn need(&self) -> String {
        if self.field.label == Label::Required {
            format!("missing.need({}, &self.{});\n", self.names(), self.name)
        } else {
            String::new()
        }
    }

    pub(super) fn look_within(&self) -> String {
        let Kind::Message(inner) = &self.field.kind else {
            return String::new();
        };
        if !self.context.is_demanding(inner) {
            return String::new();
        }
        let (names, name) = (self.names(), &self.name);
        match self.field.label {
            Label::Repeated | Label::Packed => {
                format!("missing.within_each({names}, &self.{name});\n")
            }
            Label::Map => format!("missing.within_values({names}, self.{name}.values());\n"),
            Label::Optional | Label::Required | Label::Implicit => {
                format!("missing.within({names}, {});\n", self.reference())
            }
        }
    }

    /// The quoted key of the JSON member, as an expression.
    fn key(&self) -> String {
        let quoted = |name: &str| format!("{:?}", format!("\"{name}\":"));
        let (v1, v0) = (&self.field.name, &self.field.name_v0);
        if v1 == v0 {
            quoted(v1)
        } else {
            format!("out.spell(({}, {}))", quoted(v1), quoted(v0))
        }
    }

    pub(super) fn write_json(&self) -> String {
        let (name, key) = (&self.name, self.key());
        let shown_default = self.field.default.is_some() && !self.field.deprecated;
        let call = match (self.field.label, &self.field.kind) {
            (Label::Map, _) => format!("out.map({key}, &self.{name});"),
            (Label::Repeated | Label::Packed, Kind::Enum { name: of, .. }) => {
                format!(
                    "out.enums::<{}>({key}, &self.{name});",
                    self.context.rust_path(of)
                )
            }
            (Label::Repeated | Label::Packed, _) => {
                format!("out.repeated({key}, &self.{name});")
            }
            (_, Kind::Enum { name: of, .. }) => {
                let value = if shown_default {
                    format!("Some(i32::from(self.{name}()))")
                } else {
                    format!("self.{name}")
                };
                format!(
                    "out.opt_enum::<{}>({key}, {value});",
                    self.context.rust_path(of)
                )
            }
            (Label::Implicit, _) => format!("out.implicit({key}, {});", self.reference()),
            (_, Kind::String) if shown_default => format!("out.opt({key}, Some(self.{name}()));"),
            (_, Kind::Scalar(_)) if shown_default => {
                format!("out.opt({key}, Some(&self.{name}()));")
            }
            _ => format!("out.opt({key}, {});", self.reference()),
        };
        match self.field.spoken {
            Spoken::Both => call,
            Spoken::V0 => format!("if out.shows_v0_fields() {{ {call} }}"),
        }
    }

    pub(super) fn read_json(&self) -> String {
        let arm = |name: &str, guard: &str| {
            format!("{name:?}{guard} => {},\n", self.alone(self.read_call(name)))
        };
        let (v1, v0) = (&self.field.name, &self.field.name_v0);
        if self.field.spoken == Spoken::V0 {
            arm(v0, " if input.is_v0()")
        } else if v1 == v0 {
            arm(v1, "")
        } else {
            arm(v1, " if !input.is_v0()") + &arm(v0, " if input.is_v0()")
        }
    }

    fn read_call(&self, spelled: &str) -> String {
        let name = &self.name;
        let method = match (self.field.label, &self.field.kind) {
            (Label::Map, _) => "map".to_owned(),
            (label, Kind::Enum { name: of, .. }) => {
                let method = match label {
                    Label::Repeated | Label::Packed | Label::Map => "enums",
                    Label::Required => "required_enum",
                    Label::Optional | Label::Implicit => "opt_enum",
                };
                format!("{method}::<{}>", self.context.rust_path(of))
            }
            (Label::Repeated | Label::Packed, _) => "repeated".to_owned(),
            _ if self.boxed => "boxed".to_owned(),
            _ => "opt".to_owned(),
        };
        format!("input.{method}({spelled:?}, &mut self.{name})")
    }

    pub(super) fn print_getter(&self, out: &mut String) {
        if !self.field.label.is_singular() {
            return;
        }
        let name = &self.name;
        let (result, body) = match &self.field.kind {
            Kind::Scalar(scalar) => {
                let default = self.scalar_default(scalar);
                (
                    (*scalar).to_owned(),
                    format!("self.{name}.unwrap_or({default})"),
                )
            }
            Kind::String => {
                let default = self.field.default.as_deref().unwrap_or_default();
                (
                    "&str".to_owned(),
                    format!("self.{name}.as_deref().unwrap_or({default:?})"),
                )
            }
            Kind::Bytes => (
                "&rt::Bytes".to_owned(),
                format!("self.{name}.as_ref().unwrap_or(rt::no_bytes())"),
            ),
            Kind::Enum { name: of, .. } => {
                let path = self.context.rust_path(of);
                let default = self.enum_default(of);
                let body = format!(
                    "self.{name}.and_then(<{path} as rt::WireEnum>::from_number)\
                     .unwrap_or({path}::{default})"
                );
                (path, body)
            }
            Kind::Message(_) => {
                let path = self.value_type();
                let body = format!(
                    "match {} {{ Some(value) => value, \
                     None => <{path} as rt::Fields>::default_instance() }}",
                    self.reference()
                );
                (format!("&{path}"), body)
            }
        };
        let _ = writeln!(
            out,
            "/// `{}`, or its default when unset.\n\
             #[inline] #[must_use] pub fn {name}(&self) -> {result} {{ {body} }}",
            self.field.name_v0
        );
    }

    fn scalar_default(&self, scalar: &str) -> String {
        match (scalar, self.field.default.as_deref()) {
            ("bool", default) => default.unwrap_or("false").to_owned(),
            ("f64" | "f32", default) => {
                let value: f64 = default
                    .and_then(|text| text.parse().ok())
                    .unwrap_or_default();
                format!("{value:?}")
            }
            (_, default) => default.unwrap_or("0").to_owned(),
        }
    }

    fn enum_default(&self, of: &str) -> String {
        let declared = self.field.default.as_deref();
        let entry = self
            .context
            .schema
            .enums
            .get(self.context.schema.canonical(of));
        let first = entry.and_then(|entry| entry.values.first());
        let first = first.map(|value| value.name.as_str()).unwrap_or_default();
        type_name(declared.unwrap_or(first))
    }
}
