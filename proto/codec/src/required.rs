//! The search for required fields that are unset.

use crate::{Dialect, Fields};

/// Collects the paths of missing required fields while it walks through a message.
///
/// A message lists its own missing fields first, in the order of declaration, then those of its
/// sub-messages by field number: the order of the C++ implementation.
#[derive(Debug)]
pub struct Missing {
    dialect: Dialect,
    path: String,
    found: Vec<String>,
}

impl Missing {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            path: String::new(),
            found: Vec::new(),
        }
    }

    pub(crate) fn into_found(self) -> Vec<String> {
        self.found
    }

    fn spelling<'a>(&self, names: (&'a str, &'a str)) -> &'a str {
        match self.dialect {
            Dialect::V0 => names.1,
            Dialect::V1 => names.0,
        }
    }

    /// Notes a required field, named as v1 and v0 spell it, when it is unset.
    pub fn need<T>(&mut self, names: (&str, &str), field: &Option<T>) {
        if field.is_none() {
            let name = self.spelling(names);
            let path = if self.path.is_empty() {
                name.to_owned()
            } else {
                format!("{}.{name}", self.path)
            };
            self.found.push(path);
        }
    }

    /// Looks into an optional sub-message.
    pub fn within<T: Fields>(&mut self, names: (&str, &str), field: Option<&T>) {
        if let Some(message) = field {
            self.step(names, None, |missing| message.find_missing(missing));
        }
    }

    /// Looks into every element of a repeated sub-message.
    pub fn within_each<'a, T: Fields>(
        &mut self,
        names: (&str, &str),
        elements: impl IntoIterator<Item = &'a T>,
    ) {
        for (index, message) in elements.into_iter().enumerate() {
            self.step(names, Some(index), |missing| message.find_missing(missing));
        }
    }

    fn step(&mut self, names: (&str, &str), index: Option<usize>, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        let name = self.spelling(names);
        self.path.push_str(name);
        if let Some(index) = index {
            self.path.push_str(&format!("[{index}]"));
        }
        look(self);
        self.path.truncate(length);
    }
}
