//! Ends everything revocable while the load of the machine is above a threshold.
//!
//! Mirrors `src/slave/qos_controllers/load.cpp`.

use std::fmt;

use libprocess::Future;
use mesos_common::resources::Resources;
use mesos_proto::{
    agent::{QoSCorrection, qo_s_correction},
    v1,
};

use super::QoSController;
use crate::{
    modules::{LOAD_QOS_CONTROLLER, ModuleError, Parameters},
    resource_estimator::UsageSource,
};

/// Load averages of the machine: the mean number of runnable processes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadAverages {
    /// Over five minutes.
    pub five: f64,
    /// Over fifteen minutes.
    pub fifteen: f64,
}

impl LoadAverages {
    /// Reads `/proc/loadavg`.
    ///
    /// # Errors
    /// A text when the system does not say.
    pub fn read() -> Result<Self, String> {
        use procfs::Current;
        procfs::LoadAverage::current()
            .map(|load| Self {
                five: load.five.into(),
                fifteen: load.fifteen.into(),
            })
            .map_err(|error| error.to_string())
    }
}

/// Which loads are too much; at least one is set.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Thresholds {
    five: Option<f64>,
    fifteen: Option<f64>,
}

impl Thresholds {
    fn are_exceeded(self, load: LoadAverages) -> bool {
        let above = |load: f64, threshold: Option<f64>| threshold.is_some_and(|limit| load > limit);
        above(load.five, self.five) || above(load.fifteen, self.fifteen)
    }
}

/// The controller with the parameters `load_threshold_5min` and `load_threshold_15min`.
pub struct LoadQoSController {
    thresholds: Thresholds,
    load: fn() -> Result<LoadAverages, String>,
    usage: UsageSource,
}

impl fmt::Debug for LoadQoSController {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoadQoSController")
            .field("thresholds", &self.thresholds)
            .finish_non_exhaustive()
    }
}

impl LoadQoSController {
    /// Reads the thresholds.
    ///
    /// # Errors
    /// [`ModuleError::Parameter`] when both are missing or one is no number.
    pub fn from_parameters(
        parameters: &Parameters,
        usage: UsageSource,
    ) -> Result<Self, ModuleError> {
        let wrong = |problem: String| ModuleError::Parameter {
            module: LOAD_QOS_CONTROLLER,
            problem,
        };
        let threshold = |key: &str| {
            parameters
                .get(key)
                .map(|text| {
                    text.parse::<f64>()
                        .map_err(|error| wrong(format!("parameter '{key}': {error}")))
                })
                .transpose()
        };
        let thresholds = Thresholds {
            five: threshold("load_threshold_5min")?,
            fifteen: threshold("load_threshold_15min")?,
        };
        if thresholds.five.is_none() && thresholds.fifteen.is_none() {
            return Err(wrong("no load thresholds are configured".to_owned()));
        }
        Ok(Self {
            thresholds,
            load: LoadAverages::read,
            usage,
        })
    }
}

impl QoSController for LoadQoSController {
    fn corrections(&self) -> Future<Vec<QoSCorrection>> {
        let (thresholds, load) = (self.thresholds, self.load);
        (self.usage)().map(move |usage| match load() {
            Ok(load) => decide(thresholds, load, &usage),
            Err(error) => {
                tracing::error!(error, "load of the machine is unknown");
                Vec::new()
            }
        })
    }
}

/// Every executor with something revocable has to go when the load is too high.
fn decide(
    thresholds: Thresholds,
    load: LoadAverages,
    usage: &v1::ResourceUsage,
) -> Vec<QoSCorrection> {
    if !thresholds.are_exceeded(load) {
        return Vec::new();
    }
    tracing::info!(?load, ?thresholds, "load exceeds the threshold");
    usage
        .executors
        .iter()
        .filter(|executor| {
            !Resources::from_proto(&executor.allocated)
                .revocable()
                .is_empty()
        })
        .map(|executor| kill(executor.executor_info()))
        .collect()
}

fn kill(executor: &v1::ExecutorInfo) -> QoSCorrection {
    QoSCorrection {
        r#type: Some(qo_s_correction::Type::Kill.into()),
        kill: Some(
            qo_s_correction::Kill {
                framework_id: executor.framework_id.clone(),
                executor_id: executor.executor_id.clone(),
                ..Default::default()
            }
            .into(),
        ),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mesos_common::resources::parse_protos;

    use super::*;

    fn revocable(text: &str) -> Vec<v1::Resource> {
        let mut resources = parse_protos(text, "*").expect("valid");
        for resource in &mut resources {
            resource.revocable = Some(v1::resource::RevocableInfo::default());
        }
        resources
    }

    fn executor(id: &str, allocated: Vec<v1::Resource>) -> v1::resource_usage::Executor {
        v1::resource_usage::Executor {
            executor_info: Some(
                v1::ExecutorInfo {
                    executor_id: Some(v1::ExecutorId {
                        value: Some(id.to_owned()),
                        ..Default::default()
                    }),
                    ..Default::default()
                }
                .into(),
            ),
            allocated,
            ..Default::default()
        }
    }

    fn ended(five: f64, fifteen: f64) -> Vec<String> {
        let thresholds = Thresholds {
            five: Some(5.0),
            fifteen: Some(10.0),
        };
        let usage = v1::ResourceUsage {
            executors: vec![
                executor("plain", parse_protos("cpus:1;mem:512", "*").expect("valid")),
                executor("revocable", revocable("cpus:1")),
            ],
            ..Default::default()
        };
        decide(thresholds, LoadAverages { five, fifteen }, &usage)
            .iter()
            .map(|correction| correction.kill().executor_id().value().to_owned())
            .collect()
    }

    /// Mirrors: OversubscriptionTest.LoadQoSController
    #[test]
    fn revocable_executors_end_while_either_load_is_above_its_threshold() {
        assert!(ended(4.9, 9.9).is_empty());
        assert!(ended(5.0, 10.0).is_empty());
        assert_eq!(ended(5.1, 0.0), ["revocable"]);
        assert_eq!(ended(0.0, 10.1), ["revocable"]);
    }

    #[test]
    fn a_machine_whose_load_is_unknown_is_left_alone() {
        let usage: UsageSource = Arc::new(|| {
            Future::ready(v1::ResourceUsage {
                executors: vec![executor("revocable", revocable("cpus:1"))],
                ..Default::default()
            })
        });
        let parameters = [("load_threshold_5min".to_owned(), "0".to_owned())].into();
        let mut controller = LoadQoSController::from_parameters(&parameters, usage).expect("valid");
        controller.load = || Err("no procfs".to_owned());

        let corrections = controller.corrections().now().expect("ready");

        assert_eq!(corrections.ready().expect("no failure"), []);
    }

    #[test]
    fn a_parameter_that_is_wrong_is_named() {
        let usage: UsageSource = Arc::new(|| Future::ready(v1::ResourceUsage::default()));
        let text = |parameters: Parameters| {
            LoadQoSController::from_parameters(&parameters, usage.clone())
                .expect_err("wrong")
                .to_string()
        };

        let unreadable = [("load_threshold_15min".to_owned(), "high".to_owned())].into();
        assert!(text(unreadable).contains("'load_threshold_15min'"));
        assert!(text(Parameters::new()).contains("no load thresholds"));
    }

    #[test]
    fn this_machine_says_its_load() {
        let load = LoadAverages::read().expect("procfs");

        assert!(load.five >= 0.0 && load.fifteen >= 0.0);
    }
}
