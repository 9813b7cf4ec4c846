//! How names of the `.proto` files become names in Rust.

use heck::{ToSnakeCase, ToUpperCamelCase};

/// Says agent where the old wire says slave.
#[must_use]
pub fn modern(name: &str) -> String {
    name.replace("slave", "agent")
        .replace("Slave", "Agent")
        .replace("SLAVE", "AGENT")
}

/// Name of a struct, an enum or a variant.
#[must_use]
pub fn type_name(name: &str) -> String {
    let name = modern(name).to_upper_camel_case();
    if name == "Self" {
        "Self_".to_owned()
    } else {
        name
    }
}

/// Name of a field, raw when it is a keyword.
#[must_use]
pub fn field_name(name: &str) -> String {
    let name = modern(name).to_snake_case();
    if is_keyword(&name) {
        format!("r#{name}")
    } else {
        name
    }
}

/// Name of a module.
#[must_use]
pub fn module_name(name: &str) -> String {
    field_name(name)
}

fn is_keyword(name: &str) -> bool {
    const KEYWORDS: [&str; 42] = [
        "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "do",
        "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in",
        "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
        "return", "static", "struct", "trait", "true", "type", "use", "where", "yield",
    ];
    KEYWORDS.contains(&name)
}

/// Modules of a package; `file` is the path of the `.proto` file.
///
/// `mesos.v1.x` becomes `v1::x`, `mesos.x` becomes `x`, and what stands in `mesos` itself goes by
/// the name of its file.
#[must_use]
pub fn package_path(package: &str, file: &str) -> Vec<String> {
    let rest = package
        .strip_prefix("mesos")
        .map_or(package, |rest| rest.trim_start_matches('.'));
    if rest.is_empty() {
        let stem = file
            .rsplit('/')
            .next()
            .and_then(|name| name.split('.').next());
        return vec![module_name(stem.unwrap_or("mesos"))];
    }
    rest.split('.').map(module_name).collect()
}

/// Modules of the v0 message of a pair that could not become one type.
#[must_use]
pub fn v0_path(package: &str) -> Vec<String> {
    let rest = package
        .strip_prefix("mesos")
        .unwrap_or(package)
        .trim_start_matches('.');
    let below = rest
        .split('.')
        .filter(|part| !part.is_empty())
        .map(module_name);
    std::iter::once("v0".to_owned()).chain(below).collect()
}
