//! Prints Rust: one file per package, and `modules.rs` that includes them.

mod enums;
mod fields;
mod message;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::layout::Layout;
use crate::model::{Field, Kind, Place, Schema};

/// The messages that a whole registry goes through, from the state storage to the disk.
const BULKY: [&str; 9] = [
    "mesos.internal.state.Entry",
    "mesos.internal.state.Operation",
    "mesos.internal.state.Operation.Snapshot",
    "mesos.internal.log.Action",
    "mesos.internal.log.Action.Append",
    "mesos.internal.log.PromiseResponse",
    "mesos.internal.log.WriteRequest",
    "mesos.internal.log.LearnedMessage",
    "mesos.internal.log.Record",
];

/// Rust code of one module, and of those within it.
#[derive(Default)]
struct Module {
    code: String,
    inner: BTreeMap<String, Module>,
}

/// What all printing needs to know.
pub(crate) struct Context<'a> {
    schema: &'a Schema,
    layout: Layout,
    /// Messages that hold required fields, themselves or further down.
    demanding: BTreeSet<&'a str>,
}

/// Names of files and their content.
#[must_use]
pub fn emit(schema: &Schema) -> Vec<(String, String)> {
    let context = Context::new(schema);
    let mut root = Module::default();
    for (name, message) in &schema.messages {
        if !is_unused(name) {
            let code = message::print(&context, name, message);
            root.at(&message.place.path).code.push_str(&code);
        }
    }
    for entry in schema.enums.values() {
        root.at(&entry.place.path)
            .code
            .push_str(&enums::print(entry));
    }
    let mut files = Vec::new();
    let mut modules = String::new();
    for (name, module) in &root.inner {
        module.print_package(name, &[], &mut modules, &mut files);
    }
    modules.push_str(&catalog(&context));
    files.push(("modules.rs".to_owned(), modules));
    files
}

/// A macro that hands the names and types of all messages to another macro.
fn catalog(context: &Context<'_>) -> String {
    let mut out = String::from(
        "/// Calls the macro `$callback` with `(wire name, v1 name, type),` for every message.\n\
         ///\n/// For a message without a v1 name both names are the same.\n\
         #[macro_export]\n\
         macro_rules! for_each_message { ($callback:ident) => { $callback! {\n",
    );
    for (name, message) in &context.schema.messages {
        if !is_unused(name) {
            let path = context.rust_path(name).replacen("crate", "$crate", 1);
            let _ = writeln!(out, "({:?}, {name:?}, {path}),", message.place.wire_name);
        }
    }
    out.push_str("} } }\n");
    out
}

/// Well-known types that no Mesos message uses.
fn is_unused(name: &str) -> bool {
    const USED: [&str; 3] = ["Duration", "Timestamp", "BoolValue"];
    name.strip_prefix("google.protobuf.")
        .is_some_and(|name| !USED.contains(&name))
}

impl Module {
    fn at(&mut self, path: &[String]) -> &mut Self {
        path.iter().fold(self, |module, name| {
            module.inner.entry(name.clone()).or_default()
        })
    }

    /// Prints a module that has types of its own into a file; an empty one becomes a bare module.
    fn print_package(
        &self,
        name: &str,
        outer: &[&str],
        modules: &mut String,
        files: &mut Vec<(String, String)>,
    ) {
        let path: Vec<&str> = outer.iter().copied().chain([name]).collect();
        let _ = writeln!(modules, "/// Messages of the package `{}`.", path.join("."));
        let _ = writeln!(modules, "pub mod {name} {{");
        if self.code.is_empty() {
            for (name, module) in &self.inner {
                module.print_package(name, &path, modules, files);
            }
        } else {
            let file = format!("{}.rs", path.join("."));
            let mut code = String::new();
            self.print_body(&mut code, &path, modules, files);
            let _ = writeln!(
                modules,
                "include!(concat!(env!(\"OUT_DIR\"), \"/{file}\"));"
            );
            files.push((file, code));
        }
        modules.push_str("}\n");
    }

    fn print_body(
        &self,
        code: &mut String,
        path: &[&str],
        modules: &mut String,
        files: &mut Vec<(String, String)>,
    ) {
        if !self.code.is_empty() {
            code.push_str("use crate::rt;\n");
        }
        code.push_str(&self.code);
        for (name, module) in &self.inner {
            if is_package(path, name) {
                module.print_package(name, path, modules, files);
            } else {
                let _ = writeln!(
                    code,
                    "/// Types within `{}`.\npub mod {name} {{",
                    path.join(".")
                );
                let inner: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
                module.print_body(code, &inner, modules, files);
                code.push_str("}\n");
            }
        }
    }
}

/// Whether a module stands for a package and not for a message.
fn is_package(path: &[&str], name: &str) -> bool {
    const PACKAGES: [&str; 8] = [
        "agent",
        "allocator",
        "executor",
        "maintenance",
        "master",
        "quota",
        "resource_provider",
        "scheduler",
    ];
    const INTERNAL: [&str; 3] = ["agent", "log", "state"];
    match path {
        ["v1"] => PACKAGES.contains(&name),
        ["internal"] => INTERNAL.contains(&name),
        _ => false,
    }
}

impl<'a> Context<'a> {
    fn new(schema: &'a Schema) -> Self {
        Self {
            schema,
            layout: Layout::of(schema),
            demanding: demanding(schema),
        }
    }

    /// Path of the Rust type of a message or enum.
    fn rust_path(&self, name: &str) -> String {
        let name = self.schema.canonical(name);
        let message = self.schema.messages.get(name).map(|message| &message.place);
        let place = message.or_else(|| self.schema.enums.get(name).map(|entry| &entry.place));
        place.map_or_else(String::new, |place| {
            format!("crate::{}::{}", place.path.join("::"), place.name)
        })
    }

    fn is_boxed(&self, outer: &str, field: &Field) -> bool {
        match &field.kind {
            Kind::Message(inner) => {
                field.label.is_singular() && self.layout.is_boxed(self.schema, outer, inner)
            }
            Kind::Scalar(_) | Kind::String | Kind::Bytes | Kind::Enum { .. } => false,
        }
    }

    /// Whether a message may hold megabytes, which are then written with room made at once.
    fn is_bulky(&self, name: &str) -> bool {
        BULKY.contains(&self.schema.canonical(name))
    }

    fn is_demanding(&self, name: &str) -> bool {
        self.demanding.contains(self.schema.canonical(name))
    }
}

fn demanding(schema: &Schema) -> BTreeSet<&str> {
    use crate::model::Label;

    let mut found = BTreeSet::new();
    loop {
        let before = found.len();
        for (name, message) in &schema.messages {
            let demands = message.fields.iter().any(|field| {
                field.label == Label::Required
                    || matches!(&field.kind, Kind::Message(inner)
                        if found.contains(schema.canonical(inner)))
            });
            if demands {
                found.insert(name.as_str());
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Prints a comment of the `.proto` file as documentation, with the names on the wire.
fn print_docs(out: &mut String, place: &Place) {
    let full = format!("`{}`", place.wire_name);
    print_comment(out, &place.comment);
    if !place.comment.trim().is_empty() {
        out.push_str("///\n");
    }
    let _ = writeln!(out, "/// On the wire: {full}.");
    let old = place.wire_name.rsplit('.').next().unwrap_or_default();
    if old != place.name {
        let _ = writeln!(out, "#[doc(alias = \"{old}\")]");
    }
}

fn print_comment(out: &mut String, comment: &str) {
    for line in comment.trim().lines() {
        let _ = writeln!(out, "/// {}", line.trim());
    }
}
