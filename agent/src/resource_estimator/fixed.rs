//! Always has the same amount to give, less what of it is allocated.
//!
//! Mirrors `src/slave/resource_estimators/fixed.cpp`.

use std::fmt;

use libprocess::Future;
use mesos_common::resources::{Resources, parse_protos};
use mesos_proto::v1;

use super::{ResourceEstimator, UsageSource};
use crate::modules::{FIXED_RESOURCE_ESTIMATOR, ModuleError, Parameters};

/// The estimator of a fixed amount, the parameter `resources`.
pub struct FixedResourceEstimator {
    total: Resources,
    usage: UsageSource,
}

impl fmt::Debug for FixedResourceEstimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FixedResourceEstimator")
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

impl FixedResourceEstimator {
    /// Reads the parameter `resources`, as in `cpus:2;mem:512`.
    ///
    /// # Errors
    /// [`ModuleError::Parameter`] when it is missing or no list of resources.
    pub fn from_parameters(
        parameters: &Parameters,
        usage: UsageSource,
    ) -> Result<Self, ModuleError> {
        let wrong = |problem: String| ModuleError::Parameter {
            module: FIXED_RESOURCE_ESTIMATOR,
            problem,
        };
        let text = parameters
            .get("resources")
            .ok_or_else(|| wrong("parameter 'resources' is missing".to_owned()))?;
        let mut resources = parse_protos(text, "*")
            .map_err(|error| wrong(format!("parameter 'resources': {error}")))?;
        for resource in &mut resources {
            resource.revocable = Some(v1::resource::RevocableInfo::default());
        }
        Ok(Self {
            total: Resources::from_proto(&resources),
            usage,
        })
    }
}

impl ResourceEstimator for FixedResourceEstimator {
    fn oversubscribable(&self) -> Future<Resources> {
        let total = self.total.clone();
        (self.usage)().map(move |usage| &total - &allocated_revocable(&usage))
    }
}

/// What of the executors' resources is revocable, to whomever it is allocated.
fn allocated_revocable(usage: &v1::ResourceUsage) -> Resources {
    let mut allocated = Resources::new();
    for executor in &usage.executors {
        allocated += &Resources::from_proto(&executor.allocated).revocable();
    }
    allocated.unallocate();
    allocated
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn revocable(text: &str, role: Option<&str>) -> Vec<v1::Resource> {
        let mut resources = parse_protos(text, "*").expect("valid");
        for resource in &mut resources {
            resource.revocable = Some(v1::resource::RevocableInfo::default());
            resource.allocation_info = role.map(|role| v1::resource::AllocationInfo {
                role: Some(role.to_owned()),
                ..Default::default()
            });
        }
        resources
    }

    fn parameters(text: &str) -> Parameters {
        [("resources".to_owned(), text.to_owned())].into()
    }

    /// Mirrors: OversubscriptionTest.FixedResourceEstimator
    #[test]
    fn allocated_revocable_resources_are_not_there_a_second_time() {
        let usage = v1::ResourceUsage {
            executors: vec![v1::resource_usage::Executor {
                allocated: [
                    parse_protos("cpus:1;mem:32", "*").expect("valid"),
                    revocable("cpus:1", Some("web")),
                ]
                .concat(),
                ..Default::default()
            }],
            ..Default::default()
        };
        let usage: UsageSource = Arc::new(move || Future::ready(usage.clone()));

        let estimator =
            FixedResourceEstimator::from_parameters(&parameters("cpus:2"), usage).expect("valid");

        let estimate = estimator.oversubscribable().now().expect("ready");
        assert_eq!(
            estimate.ready().expect("no failure"),
            Resources::from_proto(&revocable("cpus:1", None))
        );
    }

    #[test]
    fn a_parameter_that_is_wrong_is_named() {
        let usage: UsageSource = Arc::new(|| Future::ready(v1::ResourceUsage::default()));

        let missing = FixedResourceEstimator::from_parameters(&Parameters::new(), usage.clone());
        let unreadable = FixedResourceEstimator::from_parameters(&parameters("cpus"), usage);

        assert!(
            missing
                .expect_err("missing")
                .to_string()
                .contains("'resources' is missing")
        );
        assert!(
            unreadable
                .expect_err("unreadable")
                .to_string()
                .contains("'resources'")
        );
    }
}
