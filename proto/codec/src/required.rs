//! The search for required fields that are unset.

use crate::{Dialect, Fields};

/// Collects the paths of missing required fields while it walks through a message.
///
/// A message lists its own missing fields first, in the order of declaration, then those of its
/// sub-messages by field number: the order of the C++ implementation.
#[derive(Debug)]
pub struct Missing {
    dialect: Dialect,
    /// The way down to the present message: names of fields, and places in lists.
    path: Vec<(&'static str, Option<usize>)>,
    found: Vec<String>,
}

/// A field name as v1 and as v0 spell it.
type Names = (&'static str, &'static str);

impl Missing {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            path: Vec::new(),
            found: Vec::new(),
        }
    }

    pub(crate) fn into_found(self) -> Vec<String> {
        self.found
    }

    fn spelling(&self, names: Names) -> &'static str {
        match self.dialect {
            Dialect::V0 => names.1,
            Dialect::V1 => names.0,
        }
    }

    /// Notes a required field when it is unset.
    #[inline]
    pub fn need<T>(&mut self, names: Names, field: &Option<T>) {
        if field.is_none() {
            self.note(names);
        }
    }

    fn note(&mut self, names: Names) {
        let mut text = String::new();
        for (name, index) in &self.path {
            text.push_str(name);
            if let Some(index) = index {
                text.push_str(&format!("[{index}]"));
            }
            text.push('.');
        }
        text.push_str(self.spelling(names));
        self.found.push(text);
    }

    /// Looks into an optional sub-message.
    pub fn within<T: Fields>(&mut self, names: Names, field: Option<&T>) {
        if let Some(message) = field {
            self.step(names, None, message);
        }
    }

    /// Looks into every element of a repeated sub-message.
    pub fn within_each<'a, T: Fields>(
        &mut self,
        names: Names,
        elements: impl IntoIterator<Item = &'a T>,
    ) {
        for (index, message) in elements.into_iter().enumerate() {
            self.step(names, Some(index), message);
        }
    }

    /// Looks into every value of a map: on the wire it is a list of entries.
    pub fn within_values<'a, T: Fields>(
        &mut self,
        names: Names,
        values: impl IntoIterator<Item = &'a T>,
    ) {
        for (index, message) in values.into_iter().enumerate() {
            self.path.push((self.spelling(names), Some(index)));
            self.step(("value", "value"), None, message);
            self.path.pop();
        }
    }

    fn step<T: Fields>(&mut self, names: Names, index: Option<usize>, message: &T) {
        let name = self.spelling(names);
        self.path.push((name, index));
        message.find_missing(self);
        self.path.pop();
    }
}
