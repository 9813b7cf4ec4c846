//! Enums.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::print_docs;
use crate::model::{Enum, EnumValue};
use crate::names::type_name;

fn variant(value: &EnumValue) -> String {
    type_name(if value.name.is_empty() {
        &value.name_v0
    } else {
        &value.name
    })
}

pub(super) fn print(entry: &Enum) -> String {
    let mut out = String::new();
    let name = &entry.place.name;
    print_docs(&mut out, &entry.place);
    out.push_str("#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]\n");
    let _ = writeln!(out, "#[repr(i32)]\npub enum {name} {{");
    let mut numbers = BTreeSet::new();
    let (mut aliases, mut arms, mut table) = (String::new(), String::new(), String::new());
    let mut first = None;
    for value in &entry.values {
        let variant = variant(value);
        let number = value.number;
        let _ = write!(
            table,
            "(Self::{variant}, {:?}, {:?}), ",
            value.name, value.name_v0
        );
        if numbers.insert(number) {
            let _ = writeln!(out, "/// `{}`.\n{variant} = {number},", value.name_v0);
            let _ = write!(arms, "{number} => Some(Self::{variant}), ");
            first.get_or_insert(variant);
        } else if let Some(original) = entry.values.iter().find(|other| other.number == number) {
            let original = self::variant(original);
            let _ = writeln!(
                aliases,
                "/// Another name of [`Self::{original}`].\n\
                 #[allow(non_upper_case_globals)]\n\
                 pub const {variant}: Self = Self::{original};"
            );
        }
    }
    let _ = writeln!(out, "}}\nimpl {name} {{\n{aliases}}}");
    let _ = writeln!(
        out,
        "impl rt::WireEnum for {name} {{\n\
         const FULL_NAME: &'static str = \"{full}\";\n\
         const NAMES: &'static [(Self, &'static str, &'static str)] = &[{table}];\n\
         #[inline] fn from_number(number: i32) -> Option<Self> {{ match number {{ {arms} _ => None }} }}\n\
         #[inline] fn number(self) -> i32 {{ self as i32 }}\n}}\n\
         rt::wire_enum!({name}, {name}::{first});",
        full = entry.place.wire_name,
        first = first.unwrap_or_default(),
    );
    out
}
