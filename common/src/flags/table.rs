//! One row of a flag table.

use crate::flags::{FlagValue, LoadContext, ValueError};

/// What a flag is before anybody gives it.
#[derive(Clone, Copy, Debug)]
pub enum Preset {
    /// It must be given.
    Required,
    /// It stays without a value.
    Unset,
    /// It has this value.
    Text(&'static str),
    /// Its value depends on the machine.
    Computed(fn() -> String),
}

impl PartialEq for Preset {
    /// Computed values are never equal: comparing functions means nothing.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Required, Self::Required) | (Self::Unset, Self::Unset) => true,
            (Self::Text(one), Self::Text(other)) => one == other,
            (
                Self::Required | Self::Unset | Self::Text(_) | Self::Computed(_),
                Self::Required | Self::Unset | Self::Text(_) | Self::Computed(_),
            ) => false,
        }
    }
}

/// Whether a flag does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The program follows it.
    Works,
    /// It is accepted, and warned about: nothing uses it yet.
    NotYet,
    /// It is refused: going on without it would not be what the operator meant.
    Refused,
}

/// Which builds of C++ Mesos know a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// A default build with TLS on Linux.
    Standard,
    /// Only builds that switch an optional part on.
    Optional,
}

/// A rule that a value must keep; the error is the text that the operator sees.
pub type Rule<F> = fn(&F) -> Result<(), String>;

/// The functions that join a row to its field. They come from [`flag!`](crate::flag).
#[derive(Debug)]
pub struct Access<F> {
    /// Reads a text into the field.
    pub load: fn(&mut F, &str, &mut LoadContext) -> Result<(), ValueError>,
    /// Prints the field, when it has a value.
    pub print: fn(&F) -> Option<String>,
    /// The name of the field's type in Mesos' documentation.
    pub type_name: fn() -> String,
    /// Whether the field is a boolean.
    pub boolean: bool,
}

/// Whether a field is a boolean. Only [`flag!`](crate::flag) needs it.
#[must_use]
pub const fn is_boolean<F, T: FlagValue>(_field: fn(&F) -> &T) -> bool {
    T::BOOLEAN
}

/// The function that names the type of a field. Only [`flag!`](crate::flag) needs it.
#[must_use]
pub const fn type_name_of<F, T: FlagValue>(_field: fn(&F) -> &T) -> fn() -> String {
    T::type_name
}

/// One flag: name, old name, help, default, type, rule, state.
#[derive(Debug)]
pub struct Row<F> {
    name: &'static str,
    alias: Option<&'static str>,
    help: &'static str,
    preset: Preset,
    effect: Effect,
    build: Build,
    rule: Option<Rule<F>>,
    access: Access<F>,
}

impl<F> Row<F> {
    /// A row without old name and rule. Write [`flag!`](crate::flag) instead.
    #[must_use]
    pub const fn new(
        name: &'static str,
        preset: Preset,
        help: &'static str,
        access: Access<F>,
    ) -> Self {
        let (effect, build) = (Effect::Works, Build::Standard);
        Self {
            name,
            alias: None,
            help,
            preset,
            effect,
            build,
            rule: None,
            access,
        }
    }

    /// Sets the old name, which is accepted with a warning.
    #[must_use]
    pub const fn alias(mut self, name: &'static str) -> Self {
        self.alias = Some(name);
        self
    }

    /// Sets the rule that the value must keep; it is checked even when the flag was not given.
    #[must_use]
    pub const fn rule(mut self, rule: Rule<F>) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Marks the flag as accepted without effect.
    #[must_use]
    pub const fn not_yet(mut self) -> Self {
        self.effect = Effect::NotYet;
        self
    }

    /// Marks the flag as refused until it is built.
    #[must_use]
    pub const fn refused(mut self) -> Self {
        self.effect = Effect::Refused;
        self
    }

    /// Marks the flag as unknown to a default build of C++ Mesos.
    #[must_use]
    pub const fn optional_build(mut self) -> Self {
        self.build = Build::Optional;
        self
    }

    /// The flag's name without dashes.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The flag's old name, where it has one.
    #[must_use]
    pub const fn old_name(&self) -> Option<&'static str> {
        self.alias
    }

    /// What the flag is for, without its default.
    #[must_use]
    pub const fn help(&self) -> &'static str {
        self.help
    }

    /// What the flag is before anybody gives it.
    #[must_use]
    pub const fn preset(&self) -> Preset {
        self.preset
    }

    /// Whether the flag does something.
    #[must_use]
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// Which builds of C++ Mesos know the flag.
    #[must_use]
    pub const fn build(&self) -> Build {
        self.build
    }

    /// Whether the flag is a boolean, so that `--name` and `--no-name` mean something.
    #[must_use]
    pub const fn is_boolean(&self) -> bool {
        self.access.boolean
    }

    /// The type as Mesos' documentation names it: `Duration`, `Option<string>`.
    #[must_use]
    pub fn type_name(&self) -> String {
        (self.access.type_name)()
    }

    /// The value as text; nothing when it is unset.
    #[must_use]
    pub fn print(&self, flags: &F) -> Option<String> {
        (self.access.print)(flags)
    }

    /// Reads a text into the field.
    ///
    /// # Errors
    /// [`ValueError`] when the text is no value of the flag's type.
    pub fn load(
        &self,
        flags: &mut F,
        text: &str,
        context: &mut LoadContext,
    ) -> Result<(), ValueError> {
        (self.access.load)(flags, text, context)
    }

    /// Checks the rule, where there is one.
    ///
    /// # Errors
    /// The text that the operator sees.
    pub fn check(&self, flags: &F) -> Result<(), String> {
        self.rule.map_or(Ok(()), |rule| rule(flags))
    }

    /// Sets the field to its default.
    pub(super) fn apply_default(&self, flags: &mut F) {
        let text = match self.preset {
            Preset::Required | Preset::Unset => return,
            Preset::Text(text) => text.to_owned(),
            Preset::Computed(compute) => compute(),
        };
        let mut context = LoadContext::default();
        self.load(flags, &text, &mut context)
            .expect("defaults of a flag table are valid values");
    }
}

/// Declares one row of a flag table.
///
/// `flag!(Flags.name, "help")` has no default, `flag!(Flags.name = "text", "help")` has one,
/// `flag!(Flags.name = compute(f), "help")` asks a function, `flag!(Flags.name = required, "help")`
/// must be given.
#[macro_export]
macro_rules! flag {
    ($flags:ident . $field:ident, $help:expr) => {
        $crate::flag!(@row $flags, $field, $crate::flags::Preset::Unset, $help)
    };
    ($flags:ident . $field:ident = required, $help:expr) => {
        $crate::flag!(@row $flags, $field, $crate::flags::Preset::Required, $help)
    };
    ($flags:ident . $field:ident = compute($compute:expr), $help:expr) => {
        $crate::flag!(@row $flags, $field, $crate::flags::Preset::Computed($compute), $help)
    };
    ($flags:ident . $field:ident = $default:literal, $help:expr) => {
        $crate::flag!(@row $flags, $field, $crate::flags::Preset::Text($default), $help)
    };
    (@row $flags:ident, $field:ident, $preset:expr, $help:expr) => {
        $crate::flags::Row::<$flags>::new(
            stringify!($field),
            $preset,
            $help,
            $crate::flags::Access {
                load: |flags, text, context| {
                    $crate::flags::FlagValue::load(&mut flags.$field, text, context)
                },
                print: |flags| $crate::flags::FlagValue::print(&flags.$field),
                type_name: $crate::flags::type_name_of(|flags: &$flags| &flags.$field),
                boolean: $crate::flags::is_boolean(|flags: &$flags| &flags.$field),
            },
        )
    };
}
