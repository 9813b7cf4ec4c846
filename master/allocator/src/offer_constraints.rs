//! Keeps agents out of a framework's offers by their attributes.
//!
//! Mirrors `src/master/allocator/mesos/offer_constraints_filter.cpp`.
//!
//! # Wire
//! The texts of the errors reach clients and are promises, but for the words of the regex engine.

use std::collections::HashMap;

use mesos_proto::v1;
use mesos_proto::v1::scheduler::attribute_constraint as proto;
use mesos_proto::v1::scheduler::attribute_constraint::selector::PseudoattributeType;
use mesos_proto::v1::value::Type as ValueType;
use regex::Regex;

mod re2;

use re2::compile;

/// How large a regular expression may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegexLimits {
    /// Memory for the compiled expression, in bytes, as RE2 counts it.
    pub max_memory_bytes: usize,
    /// Instructions of the compiled expression, as RE2 counts them.
    pub max_program_size: usize,
}

impl Default for RegexLimits {
    fn default() -> Self {
        Self {
            max_memory_bytes: 4096,
            max_program_size: 100,
        }
    }
}

/// Why constraints cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferConstraintsError {
    /// A role that would be excluded everywhere.
    #[error(
        "'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role {role}"
    )]
    NoGroups {
        /// The role.
        role: String,
    },
    /// A group that would always hold.
    #[error(
        "'OfferConstraints::RoleConstraints::groups' for role {role}contains an empty RoleConstraints::Group"
    )]
    EmptyGroup {
        /// The role.
        role: String,
    },
    /// A constraint that means nothing.
    #[error("A role {role} has an invalid 'AttributeConstraint': {error}")]
    Constraint {
        /// The role.
        role: String,
        /// What is wrong with it.
        error: ConstraintError,
    },
}

/// Why one constraint cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// A pseudo attribute without meaning.
    #[error("Unknown pseudoattribute type")]
    PseudoAttribute,
    /// No attribute is named.
    #[error(
        "Exactly one of 'AttributeConstraint::Selector::name' or 'AttributeConstraint::Selector::pseudoattribute_type' must be set"
    )]
    Selector,
    /// No predicate, or one without meaning.
    #[error("Unknown predicate type")]
    Predicate,
    /// The expression is wrong or needs too much memory.
    #[error("Failed to construct regex from pattern '{pattern}': {reason}")]
    Regex {
        /// The expression.
        pattern: String,
        /// What the engine says.
        reason: String,
    },
    /// The expression has too many instructions.
    #[error(
        "Regex '{pattern}' is too complex: program size of {size} is larger than maximum of {maximum} allowed"
    )]
    TooComplex {
        /// The expression.
        pattern: String,
        /// Its size.
        size: usize,
        /// What is allowed.
        maximum: usize,
    },
}

/// Tells which agents are excluded for a role; the default excludes none.
#[derive(Clone, Debug, Default)]
pub struct OfferConstraintsFilter {
    roles: HashMap<String, Vec<Vec<Constraint>>>,
}

#[derive(Clone, Debug)]
struct Constraint {
    selector: Selector,
    predicate: Predicate,
}

#[derive(Clone, Debug)]
enum Selector {
    Attribute(String),
    Hostname,
    Region,
    Zone,
}

#[derive(Clone, Debug)]
enum Predicate {
    Exists,
    NotExists,
    Equals(String),
    NotEquals(String),
    Matches(Regex),
    NotMatches(Regex),
}

impl OfferConstraintsFilter {
    /// Reads and compiles constraints.
    ///
    /// # Errors
    /// The first constraint that cannot be used.
    pub fn create(
        limits: RegexLimits,
        constraints: &v1::scheduler::OfferConstraints,
    ) -> Result<Self, OfferConstraintsError> {
        let mut roles = HashMap::new();
        for (role, constraints) in &constraints.role_constraints {
            if constraints.groups.is_empty() {
                return Err(OfferConstraintsError::NoGroups { role: role.clone() });
            }
            let mut groups = Vec::with_capacity(constraints.groups.len());
            for group in &constraints.groups {
                if group.attribute_constraints.is_empty() {
                    return Err(OfferConstraintsError::EmptyGroup { role: role.clone() });
                }
                let group: Result<Vec<_>, _> = group
                    .attribute_constraints
                    .iter()
                    .map(|constraint| Constraint::create(limits, constraint))
                    .collect();
                groups.push(group.map_err(|error| OfferConstraintsError::Constraint {
                    role: role.clone(),
                    error,
                })?);
            }
            roles.insert(role.clone(), groups);
        }
        Ok(Self { roles })
    }

    /// Whether the agent must not be offered for the role.
    #[must_use]
    #[doc(alias = "isAgentExcluded")]
    pub fn excludes(&self, role: &str, agent: &v1::AgentInfo) -> bool {
        if self.roles.is_empty() {
            return false;
        }
        self.roles.get(role).is_some_and(|groups| {
            !groups
                .iter()
                .any(|group| group.iter().all(|constraint| constraint.holds(agent)))
        })
    }
}

impl Constraint {
    fn create(
        limits: RegexLimits,
        proto: &v1::scheduler::AttributeConstraint,
    ) -> Result<Self, ConstraintError> {
        Ok(Self {
            selector: Selector::create(proto.selector())?,
            predicate: Predicate::create(limits, proto.predicate())?,
        })
    }

    fn holds(&self, agent: &v1::AgentInfo) -> bool {
        let domain = || agent.domain().fault_domain();
        let has_domain = agent.domain.is_some() && agent.domain().fault_domain.is_some();
        match &self.selector {
            Selector::Attribute(name) => {
                let named = agent
                    .attributes
                    .iter()
                    .find(|attribute| attribute.name() == name);
                match named {
                    None => self.predicate.holds_for(None),
                    Some(attribute) if attribute.r#type() == ValueType::Text => {
                        self.predicate.holds_for(Some(attribute.text().value()))
                    }
                    Some(_) => self.predicate.holds_for_other_types(),
                }
            }
            Selector::Hostname => self.predicate.holds_for(Some(agent.hostname())),
            Selector::Region if has_domain => {
                self.predicate.holds_for(Some(domain().region().name()))
            }
            Selector::Zone if has_domain => self.predicate.holds_for(Some(domain().zone().name())),
            Selector::Region | Selector::Zone => self.predicate.holds_for(None),
        }
    }
}

impl Selector {
    fn create(proto: &proto::Selector) -> Result<Self, ConstraintError> {
        if proto.pseudoattribute_type.is_some() {
            return match proto.pseudoattribute_type() {
                PseudoattributeType::Hostname => Ok(Self::Hostname),
                PseudoattributeType::Region => Ok(Self::Region),
                PseudoattributeType::Zone => Ok(Self::Zone),
                PseudoattributeType::Unknown => Err(ConstraintError::PseudoAttribute),
            };
        }
        proto
            .attribute_name
            .clone()
            .map(Self::Attribute)
            .ok_or(ConstraintError::Selector)
    }
}

impl Predicate {
    fn create(limits: RegexLimits, proto: &proto::Predicate) -> Result<Self, ConstraintError> {
        if proto.exists.is_some() {
            return Ok(Self::Exists);
        }
        if proto.not_exists.is_some() {
            return Ok(Self::NotExists);
        }
        if proto.text_equals.is_some() {
            return Ok(Self::Equals(proto.text_equals().value().to_owned()));
        }
        if proto.text_not_equals.is_some() {
            return Ok(Self::NotEquals(proto.text_not_equals().value().to_owned()));
        }
        if proto.text_matches.is_some() {
            return compile(limits, proto.text_matches().regex()).map(Self::Matches);
        }
        if proto.text_not_matches.is_some() {
            return compile(limits, proto.text_not_matches().regex()).map(Self::NotMatches);
        }
        Err(ConstraintError::Predicate)
    }

    /// Whether it holds for a text, or for an attribute that is absent.
    fn holds_for(&self, text: Option<&str>) -> bool {
        match (self, text) {
            (Self::Exists, text) => text.is_some(),
            (Self::NotExists, text) => text.is_none(),
            (Self::Equals(_) | Self::Matches(_), None) => false,
            (Self::NotEquals(_) | Self::NotMatches(_), None) => true,
            (Self::Equals(value), Some(text)) => value == text,
            (Self::NotEquals(value), Some(text)) => value != text,
            (Self::Matches(regex), Some(text)) => regex.is_match(text),
            (Self::NotMatches(regex), Some(text)) => !regex.is_match(text),
        }
    }

    /// Whether it holds for an attribute that is there and is no text.
    const fn holds_for_other_types(&self) -> bool {
        match self {
            Self::NotExists => false,
            Self::Exists
            | Self::Equals(_)
            | Self::NotEquals(_)
            | Self::Matches(_)
            | Self::NotMatches(_) => true,
        }
    }
}

#[cfg(test)]
mod tests;
