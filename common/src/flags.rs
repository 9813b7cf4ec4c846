//! Command-line flags as Mesos understands them.
//!
//! Mirrors `3rdparty/stout/include/stout/flags`.
//!
//! A program's flags are one struct, made by [`flag_struct!`](crate::flag_struct), and a table with
//! one [`Row`] for each of its fields, made by [`flag!`](crate::flag).
//! [`load`] fills the struct from the command line and the environment, once, at start.
//!
//! # Wire
//! Forms, precedence, texts of errors and the layout of `--help` are promises of Mesos.
//! One form is ours: `--name value`, see `docs/decisions/0011-flag-value-as-next-argument.md`.

use std::collections::BTreeMap;

pub use serde_json::Value as JsonValue;

mod help;
mod logging;
mod message;
mod source;
mod table;
mod value;

pub use help::{Description, describe, usage};
pub use logging::{HasLogging, LoggingFlags, logging_rows};
pub use message::JsonMessage;
pub use source::Source;
pub use table::{Access, Build, Effect, Preset, Row, Rule, is_boolean, type_name_of};
pub use value::{
    FlagType, FlagValue, JsonObject, LoadContext, SecureValue, ValueError, format_list, format_set,
};

/// A struct of flags with its table. Made by [`flag_struct!`](crate::flag_struct).
pub trait FlagSet: Sized + 'static {
    /// The rows by subject.
    const GROUPS: &'static [&'static [Row<Self>]];

    /// A struct whose fields are empty: no default is applied yet.
    fn blank() -> Self;

    /// Which flags were given, and by which names.
    fn loaded(&self) -> &LoadedNames;

    /// Whether `--help` was given.
    fn help(&self) -> bool;

    /// As [`FlagSet::loaded`], to be filled by the loader.
    fn loaded_mut(&mut self) -> &mut LoadedNames;

    /// All rows in the order of their names.
    #[must_use]
    fn rows() -> Vec<&'static Row<Self>> {
        let mut rows: Vec<_> = Self::GROUPS.iter().copied().flatten().collect();
        rows.sort_by_key(|row| row.name());
        rows
    }

    /// A struct where each flag has its default.
    ///
    /// # Panics
    /// When a default of the table is no valid value: the table is wrong.
    #[must_use]
    fn defaults() -> Self {
        let mut flags = Self::blank();
        for row in Self::rows() {
            row.apply_default(&mut flags);
        }
        flags
    }

    /// Every flag that has a value, as text, under the name by which it was loaded.
    ///
    /// # Wire
    /// The object `flags` of `/flags` and `/state`. Flags that a default build of Mesos does not
    /// have are left out unless they were given.
    #[must_use]
    fn stringified(&self) -> BTreeMap<&'static str, String> {
        let mut texts = BTreeMap::new();
        for row in Self::rows() {
            let given = self.loaded().name_of(row.name());
            if row.build() == Build::Optional && given.is_none() {
                continue;
            }
            if let Some(text) = row.print(self) {
                texts.insert(given.unwrap_or_else(|| row.name()), text);
            }
        }
        texts
    }

    /// All flags in one line, as Mesos logs them at start.
    #[must_use]
    fn log_line(&self) -> String {
        let texts = self.stringified();
        let parts: Vec<_> = texts
            .iter()
            .map(|(name, text)| format!("--{name}=\"{text}\""))
            .collect();
        parts.join(" ")
    }

    /// The environment that hands these flags on to another program.
    #[must_use]
    fn environment(&self, prefix: &str) -> BTreeMap<String, String> {
        let texts = self.stringified().into_iter();
        texts
            .map(|(name, text)| (format!("{prefix}{}", name.to_uppercase()), text))
            .collect()
    }
}

/// The flags that were given, each with the name that was used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoadedNames(BTreeMap<&'static str, &'static str>);

impl LoadedNames {
    /// Whether the flag was given on the command line or by the environment.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The name that was used for a flag: its own or its old one.
    #[must_use]
    pub fn name_of(&self, name: &str) -> Option<&'static str> {
        self.0.get(name).copied()
    }

    fn insert(&mut self, name: &'static str, used: &'static str) {
        self.0.insert(name, used);
    }
}

/// Why flags cannot be loaded. The texts are those of Mesos.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No flag has this name.
    #[error("Failed to load unknown flag '{name}'{}", via(.given))]
    Unknown {
        /// The name without `no-`.
        name: String,
        /// The name as given, when it differs.
        given: Option<String>,
    },
    /// A flag was given twice, or by its name and its old name.
    #[error("Flag '{name}' is already loaded via name '{used}'")]
    Duplicate {
        /// The name of the second appearance.
        name: String,
        /// The name of the first one.
        used: &'static str,
    },
    /// `--no-name` for a flag that takes a value.
    #[error("Failed to load non-boolean flag '{name}' via '{given}'")]
    NegatedValue {
        /// The name without `no-`.
        name: String,
        /// The name as given.
        given: String,
    },
    /// A flag that takes a value came without one.
    #[error("Failed to load non-boolean flag '{name}': Missing value")]
    MissingValue {
        /// The name as given.
        name: String,
    },
    /// `--no-name=value`.
    #[error("Failed to load boolean flag '{name}' via '{given}' with value '{value}'")]
    NegatedBoolean {
        /// The name without `no-`.
        name: String,
        /// The name as given.
        given: String,
        /// The value that was given with it.
        value: String,
    },
    /// The value cannot be read as the flag's type.
    #[error("Failed to load flag '{name}': Failed to load value '{value}': {why}")]
    Value {
        /// The name as given.
        name: String,
        /// The value as given.
        value: String,
        /// What is wrong with it; part of the message, as in Mesos.
        why: ValueError,
    },
    /// The flag is not built yet, and going on without it would not be what was meant.
    #[error("Flag '{name}' is not built yet")]
    NotBuilt {
        /// The flag.
        name: &'static str,
    },
    /// A required flag is missing.
    #[error("Flag '{name}' is required, but it was not provided")]
    Required {
        /// The flag.
        name: &'static str,
    },
    /// The value is of the right type but not allowed.
    #[error("{text}")]
    Rule {
        /// The flag whose rule was broken.
        name: &'static str,
        /// The text of the rule.
        text: String,
    },
}

fn via(given: &Option<String>) -> String {
    given
        .as_ref()
        .map(|given| format!(" via '{given}'"))
        .unwrap_or_default()
}

/// Something that the operator should know about the flags given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A flag was given by its old name.
    Deprecated {
        /// The old name.
        name: String,
    },
    /// The flag is accepted, but nothing uses it yet.
    NoEffect {
        /// The flag.
        name: &'static str,
    },
    /// A JSON value was given as a bare path.
    BarePath {
        /// The path.
        path: String,
    },
    /// A word on the command line belongs to no flag.
    Ignored {
        /// The word.
        argument: String,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Deprecated { name } => write!(f, "Loaded deprecated flag '{name}'"),
            Self::NoEffect { name } => write!(f, "Flag '{name}' is accepted but has no effect yet"),
            Self::BarePath { path } => {
                write!(
                    f,
                    "Reading a flag from the bare path '{path}' is deprecated: write 'file://{path}'"
                )
            }
            Self::Ignored { argument } => write!(f, "Ignoring argument '{argument}'"),
        }
    }
}

/// What became of loading: the flags so far, and whether it went well.
///
/// C++ programs look at `--help` and `--version` before they look at the error, so both are here.
#[derive(Debug)]
pub struct Loading<F> {
    /// The flags; on failure those that were loaded before it.
    pub flags: F,
    /// What the operator should know.
    pub warnings: Vec<Warning>,
    /// The words that belong to no flag, and all that follows `--`.
    pub rest: Vec<String>,
    /// The first error.
    pub error: Option<LoadError>,
}

impl<F> Loading<F> {
    /// The flags, when all of them are right.
    ///
    /// # Errors
    /// The first [`LoadError`].
    pub fn into_result(self) -> Result<F, LoadError> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.flags),
        }
    }
}

/// Loads flags from a command line and an environment.
///
/// Values are loaded in the order of names, then rules are checked in the order of names; the first
/// error wins, as in Mesos.
#[must_use]
pub fn load<F: FlagSet>(source: &Source) -> Loading<F> {
    let mut loading = Loading {
        flags: F::defaults(),
        warnings: Vec::new(),
        rest: Vec::new(),
        error: None,
    };
    let (given, rest) = source.collect::<F>();
    loading.rest = rest;
    loading.error = load_values(&mut loading.flags, given, &mut loading.warnings)
        .and_then(|()| check_rules(&loading.flags))
        .err();
    loading
}

fn load_values<F: FlagSet>(
    flags: &mut F,
    given: source::Given,
    warnings: &mut Vec<Warning>,
) -> Result<(), LoadError> {
    for (given, values) in given {
        let name = given.strip_prefix("no-").unwrap_or(&given);
        let Some(row) = source::find::<F>(name) else {
            let via = (name != given).then(|| given.clone());
            return Err(LoadError::Unknown {
                name: name.to_owned(),
                given: via,
            });
        };
        for value in values {
            if let Some(used) = flags.loaded().name_of(row.name()) {
                return Err(LoadError::Duplicate {
                    name: name.to_owned(),
                    used,
                });
            }
            let text = effective_text(row, &given, value)?;
            let mut context = LoadContext::default();
            row.load(flags, &text, &mut context)
                .map_err(|why| LoadError::Value {
                    name: name.to_owned(),
                    value: text.clone(),
                    why,
                })?;
            warnings.append(&mut context.warnings);
            let used = row.old_name().filter(|old| *old == name);
            flags
                .loaded_mut()
                .insert(row.name(), used.unwrap_or_else(|| row.name()));
            if used.is_some() {
                warnings.push(Warning::Deprecated {
                    name: name.to_owned(),
                });
            }
            match row.effect() {
                Effect::Works => {}
                Effect::NotYet => warnings.push(Warning::NoEffect { name: row.name() }),
                Effect::Refused => return Err(LoadError::NotBuilt { name: row.name() }),
            }
        }
    }
    Ok(())
}

/// The text to parse, once `--name`, `--no-name` and `--name=` are told apart.
fn effective_text<F>(
    row: &Row<F>,
    given: &str,
    value: Option<String>,
) -> Result<String, LoadError> {
    let negated = given.starts_with("no-");
    let name = given.strip_prefix("no-").unwrap_or(given).to_owned();
    match (row.is_boolean(), negated, value) {
        (false, true, _) => Err(LoadError::NegatedValue {
            name,
            given: given.to_owned(),
        }),
        (false, false, None) => Err(LoadError::MissingValue { name }),
        (false, false, Some(value)) => Ok(value),
        (true, false, Some(value)) if !value.is_empty() => Ok(value),
        (true, true, Some(value)) if !value.is_empty() => Err(LoadError::NegatedBoolean {
            name,
            given: given.to_owned(),
            value,
        }),
        (true, negated, _) => Ok(if negated { "false" } else { "true" }.to_owned()),
    }
}

fn check_rules<F: FlagSet>(flags: &F) -> Result<(), LoadError> {
    for row in F::rows() {
        if row.preset() == Preset::Required && !flags.loaded().contains(row.name()) {
            return Err(LoadError::Required { name: row.name() });
        }
        row.check(flags).map_err(|text| LoadError::Rule {
            name: row.name(),
            text,
        })?;
    }
    Ok(())
}

/// Declares a struct of flags.
///
/// ```text
/// flag_struct! {
///     /// Flags of the program.
///     pub struct Flags {
///         port: u16,
///         work_dir: Option<String>,
///     }
///     groups: [NETWORK, STORAGE]
/// }
/// ```
/// Besides the named fields the struct gets `help`, `logging` and `loaded`.
#[macro_export]
macro_rules! flag_struct {
    (
        $(#[$doc:meta])*
        $vis:vis struct $name:ident { $( $field:ident : $type:ty ),* $(,)? }
        groups: [ $( $group:expr ),* $(,)? ]
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $(
                #[doc = concat!("Value of `--", stringify!($field), "`.")]
                pub $field: $type,
            )*
            /// Value of `--help`.
            pub help: bool,
            /// The logging flags.
            pub logging: $crate::flags::LoggingFlags,
            /// Which flags were given.
            pub loaded: $crate::flags::LoadedNames,
        }

        impl $crate::flags::FlagSet for $name {
            const GROUPS: &'static [&'static [$crate::flags::Row<Self>]] = &[
                &[$crate::flag!($name.help = "false", "Prints this help message")],
                $( $group, )*
            ];

            fn blank() -> Self {
                Self {
                    $( $field: $crate::flags::FlagValue::blank(), )*
                    help: false,
                    logging: $crate::flags::LoggingFlags::default(),
                    loaded: $crate::flags::LoadedNames::default(),
                }
            }

            fn loaded(&self) -> &$crate::flags::LoadedNames {
                &self.loaded
            }

            fn help(&self) -> bool {
                self.help
            }

            fn loaded_mut(&mut self) -> &mut $crate::flags::LoadedNames {
                &mut self.loaded
            }
        }

        impl $crate::flags::HasLogging for $name {
            fn logging(&self) -> &$crate::flags::LoggingFlags {
                &self.logging
            }

            fn logging_mut(&mut self) -> &mut $crate::flags::LoggingFlags {
                &mut self.logging
            }
        }

        impl Default for $name {
            fn default() -> Self {
                <Self as $crate::flags::FlagSet>::defaults()
            }
        }
    };
}

#[cfg(test)]
mod tests;
