//! Amounts by resource name, and limits by resource name.
//!
//! Mirrors `src/common/resource_quantities.cpp`.
//!
//! # Invariants
//! - Entries are sorted by name and names are unique.
//! - Quantities hold no entry of zero or less; limits may hold zero.

use std::fmt;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::sync::Arc;

use crate::resource::{Resource, ResourceValue};
use crate::resources::Resources;
use crate::resources::value_text::{TextValue, ValueTextError, parse_value, tokens};
use crate::scalar::Scalar;

type Entry = (Arc<str>, Scalar);

/// How much there is of each resource; a missing name means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceQuantities(Vec<Entry>);

/// How much of each resource is allowed; a missing name means no limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceLimits(Vec<Entry>);

/// Why a text is not a list of quantities or limits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityParseError {
    /// Not of the form `name:value`.
    #[error("Failed to parse '{piece}': missing or extra ':'")]
    Separator {
        /// The malformed entry.
        piece: String,
    },
    /// The value cannot be read.
    #[error("Failed to parse '{piece}' to {noun}: {source}")]
    Value {
        /// The value as written.
        piece: String,
        /// `quantity` or `limit`.
        noun: &'static str,
        /// What is wrong with it.
        source: ValueTextError,
    },
    /// The value is a set, a range or a text.
    #[error("Failed to parse '{piece}' to {noun}: only scalar values are allowed")]
    NotScalar {
        /// The value as written.
        piece: String,
        /// `quantity` or `limit`.
        noun: &'static str,
    },
    /// A limit was given twice.
    #[error("Failed to parse '{piece}' to limit: duplicate names are not allowed")]
    Duplicate {
        /// The second value.
        piece: String,
    },
}

fn position(entries: &[Entry], name: &str) -> Result<usize, usize> {
    entries.binary_search_by(|(entry, _)| entry.as_ref().cmp(name))
}

fn parse_entries<'a>(
    text: &'a str,
    noun: &'static str,
) -> impl Iterator<Item = Result<(&'a str, &'a str, Scalar), QuantityParseError>> {
    tokens(text, &[';']).map(move |entry| {
        let pair: Vec<&str> = tokens(entry, &[':']).collect();
        let [name, value] = pair.as_slice() else {
            return Err(QuantityParseError::Separator {
                piece: entry.to_owned(),
            });
        };
        let piece = || (*value).to_owned();
        match parse_value(value) {
            Ok(TextValue::Scalar(amount)) => Ok((name.trim(), *value, Scalar::from_f64(amount))),
            Ok(TextValue::Ranges(_) | TextValue::Set(_) | TextValue::Text(_)) => {
                Err(QuantityParseError::NotScalar {
                    piece: piece(),
                    noun,
                })
            }
            Err(source) => Err(QuantityParseError::Value {
                piece: piece(),
                noun,
                source,
            }),
        }
    })
}

impl ResourceQuantities {
    /// No quantities.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Reads `name:value;name:value`; entries of one name add up.
    ///
    /// # Errors
    /// Names the piece that cannot be read.
    pub fn parse(text: &str) -> Result<Self, QuantityParseError> {
        let mut result = Self::new();
        for entry in parse_entries(text, "quantity") {
            let (name, _, amount) = entry?;
            result.add_amount(name, amount);
        }
        Ok(result)
    }

    /// Sums scalars; ranges and sets are left out.
    #[must_use]
    pub fn from_scalars(resources: &Resources) -> Self {
        Self::from_iter_scalars(resources.iter())
    }

    /// Sums the scalars among the given resources.
    pub fn from_iter_scalars<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Self {
        let mut result = Self::new();
        for resource in resources {
            if let Some(amount) = resource.scalar() {
                result.add_shared(resource.shared_name(), amount);
            }
        }
        result
    }

    /// Sums scalars, and counts the numbers in ranges and the items in sets.
    #[must_use]
    pub fn from_resources(resources: &Resources) -> Self {
        let mut result = Self::new();
        for resource in resources.iter() {
            let amount = match resource.value() {
                ResourceValue::Scalar(amount) => *amount,
                ResourceValue::Ranges(ranges) => Scalar::from_units(ranges.count()),
                ResourceValue::Set(set) => {
                    Scalar::from_units(u64::try_from(set.len()).unwrap_or(u64::MAX))
                }
            };
            result.add_shared(resource.shared_name(), amount);
        }
        result
    }

    /// The amount under a name; zero when there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Scalar {
        match position(&self.0, name) {
            Ok(index) => self
                .0
                .get(index)
                .map_or(Scalar::ZERO, |(_, amount)| *amount),
            Err(_) => Scalar::ZERO,
        }
    }

    /// Adds to one name; zero and negative amounts are ignored.
    pub fn add_amount(&mut self, name: &str, amount: Scalar) {
        if amount <= Scalar::ZERO {
            return;
        }
        match position(&self.0, name) {
            Ok(index) => {
                if let Some((_, sum)) = self.0.get_mut(index) {
                    *sum += amount;
                }
            }
            Err(index) => self.0.insert(index, (name.into(), amount)),
        }
    }

    /// Adds to one name without copying the name.
    pub fn add_shared(&mut self, name: &Arc<str>, amount: Scalar) {
        if amount <= Scalar::ZERO {
            return;
        }
        match position(&self.0, name) {
            Ok(index) => {
                if let Some((_, sum)) = self.0.get_mut(index) {
                    *sum += amount;
                }
            }
            Err(index) => self.0.insert(index, (Arc::clone(name), amount)),
        }
    }

    /// Takes from one name; an entry that is used up disappears.
    pub fn subtract_amount(&mut self, name: &str, amount: Scalar) {
        let Ok(index) = position(&self.0, name) else {
            return;
        };
        let Some((_, left)) = self.0.get_mut(index) else {
            return;
        };
        if *left <= amount {
            self.0.remove(index);
        } else {
            *left -= amount;
        }
    }

    /// Whether every amount of `other` is covered.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|(name, amount)| self.get(name) >= amount)
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The entries, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, Scalar)> {
        self.0.iter().map(|(name, amount)| (name, *amount))
    }
}

impl ResourceLimits {
    /// No limits.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Reads `name:value;name:value`; a name may appear once.
    ///
    /// # Errors
    /// Names the piece that cannot be read.
    pub fn parse(text: &str) -> Result<Self, QuantityParseError> {
        let mut result = Self::new();
        for entry in parse_entries(text, "limit") {
            let (name, piece, amount) = entry?;
            if result.get(name).is_some() {
                return Err(QuantityParseError::Duplicate {
                    piece: piece.to_owned(),
                });
            }
            result.set(name, amount);
        }
        Ok(result)
    }

    /// The limit of a name, if there is one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Scalar> {
        let index = position(&self.0, name).ok()?;
        self.0.get(index).map(|(_, limit)| *limit)
    }

    /// Sets the limit of a name; negative ones count as zero.
    pub fn set(&mut self, name: &str, limit: Scalar) {
        let limit = limit.max(Scalar::ZERO);
        match position(&self.0, name) {
            Ok(index) => {
                if let Some((_, old)) = self.0.get_mut(index) {
                    *old = limit;
                }
            }
            Err(index) => self.0.insert(index, (name.into(), limit)),
        }
    }

    /// Whether the quantities stay within every limit.
    #[must_use]
    pub fn contains_quantities(&self, quantities: &ResourceQuantities) -> bool {
        self.iter()
            .all(|(name, limit)| quantities.get(name) <= limit)
    }

    /// Whether whatever `other` allows is allowed here too.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.iter()
            .all(|(name, limit)| other.get(name).is_some_and(|theirs| theirs <= limit))
    }

    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Arc<str>, Scalar)> {
        self.0.iter().map(|(name, limit)| (name, *limit))
    }

    /// Lowers one limit, at most to zero; names without limit are untouched.
    pub fn subtract_amount(&mut self, name: &str, amount: Scalar) {
        if let Some((_, limit)) = position(&self.0, name)
            .ok()
            .and_then(|index| self.0.get_mut(index))
        {
            *limit = (*limit - amount).max(Scalar::ZERO);
        }
    }
}

impl AddAssign<&Self> for ResourceQuantities {
    fn add_assign(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            self.add_shared(name, amount);
        }
    }
}

impl SubAssign<&Self> for ResourceQuantities {
    fn sub_assign(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            self.subtract_amount(name, amount);
        }
    }
}

impl Add<&ResourceQuantities> for &ResourceQuantities {
    type Output = ResourceQuantities;

    fn add(self, other: &ResourceQuantities) -> ResourceQuantities {
        let mut result = self.clone();
        result += other;
        result
    }
}

impl Sub<&ResourceQuantities> for &ResourceQuantities {
    type Output = ResourceQuantities;

    fn sub(self, other: &ResourceQuantities) -> ResourceQuantities {
        let mut result = self.clone();
        result -= other;
        result
    }
}

impl SubAssign<&ResourceQuantities> for ResourceLimits {
    fn sub_assign(&mut self, quantities: &ResourceQuantities) {
        for (name, amount) in quantities.iter() {
            self.subtract_amount(name, amount);
        }
    }
}

impl Sub<&ResourceQuantities> for &ResourceLimits {
    type Output = ResourceLimits;

    fn sub(self, quantities: &ResourceQuantities) -> ResourceLimits {
        let mut result = self.clone();
        result -= quantities;
        result
    }
}

fn write_entries(f: &mut fmt::Formatter<'_>, entries: &[Entry]) -> fmt::Result {
    if entries.is_empty() {
        return f.write_str("{}");
    }
    for (index, (name, amount)) in entries.iter().enumerate() {
        if index > 0 {
            f.write_str("; ")?;
        }
        write!(f, "{name}:{amount}")?;
    }
    Ok(())
}

impl fmt::Display for ResourceQuantities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_entries(f, &self.0)
    }
}

impl fmt::Display for ResourceLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_entries(f, &self.0)
    }
}

#[cfg(test)]
mod tests;
