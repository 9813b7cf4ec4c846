//! The modules of Mesos that are a part of this program, and their parameters.
//!
//! Mirrors `src/module/manager.cpp`.
//! Shared objects of C++ cannot be loaded into this program.
//! `--modules` still gives the parameters of those modules that Mesos itself ships and that are built in here.
//!
//! # Wire
//! JSON of the message `Modules`, as a flag or as the files of a directory.

use std::{collections::BTreeMap, fs, io, path::PathBuf};

use mesos_proto::{Dialect, Json, JsonError, module::Modules, v1};
use thiserror::Error;

use crate::flags::Flags;

/// The estimator that always has the same amount to give.
pub const FIXED_RESOURCE_ESTIMATOR: &str = "org_apache_mesos_FixedResourceEstimator";
/// The controller that watches the load of the machine.
pub const LOAD_QOS_CONTROLLER: &str = "org_apache_mesos_LoadQoSController";

/// The logger that limits the size of containers' output.
pub const LOGROTATE_CONTAINER_LOGGER: &str = "org_apache_mesos_LogrotateContainerLogger";

const BUILT_IN: [&str; 3] = [
    FIXED_RESOURCE_ESTIMATOR,
    LOAD_QOS_CONTROLLER,
    LOGROTATE_CONTAINER_LOGGER,
];

/// A module cannot be used as asked.
#[derive(Debug, Error)]
pub enum ModuleError {
    /// No flag has introduced it.
    #[error("Module '{0}' unknown")]
    Unknown(String),
    /// It is a shared object.
    #[error(
        "Error loading modules: module '{module}' of library '{library}' is a shared object of C++, which this agent cannot load"
    )]
    Foreign {
        /// The module.
        module: String,
        /// Its file or name.
        library: String,
    },
    /// It is introduced twice.
    #[error("Error loading modules: module '{0}' is given more than once")]
    Twice(String),
    /// A parameter is missing or unreadable.
    #[error("Failed to create module '{module}': {problem}")]
    Parameter {
        /// The module.
        module: &'static str,
        /// Which parameter, and what is wrong with it.
        problem: String,
    },
    /// `--modules_dir` cannot be read.
    #[error("--modules_dir: failed to read '{}'", path.display())]
    Read {
        /// The directory or the file in it.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A file in `--modules_dir` holds something else.
    #[error("--modules_dir: failed to parse '{}'", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Where it is wrong.
        #[source]
        source: JsonError,
    },
}

/// The parameters of one module by name; the last of equal names counts.
pub type Parameters = BTreeMap<String, String>;

/// The modules that the flags introduce.
#[derive(Debug, Default)]
pub struct BuiltInModules {
    parameters: BTreeMap<String, Parameters>,
}

impl BuiltInModules {
    /// Reads `--modules` or every file of `--modules_dir`.
    ///
    /// # Errors
    /// [`ModuleError`] names the module or the file.
    pub fn from_flags(flags: &Flags) -> Result<Self, ModuleError> {
        let mut modules = Self::default();
        if let Some(given) = &flags.modules {
            modules.add(given.message())?;
        }
        if let Some(directory) = &flags.modules_dir {
            for path in files(PathBuf::from(directory))? {
                modules.add(&read(path)?)?;
            }
        }
        Ok(modules)
    }

    fn add(&mut self, given: &Modules) -> Result<(), ModuleError> {
        for library in &given.libraries {
            for module in &library.modules {
                let name = module.name();
                if !BUILT_IN.contains(&name) {
                    return Err(ModuleError::Foreign {
                        module: name.to_owned(),
                        library: library
                            .file
                            .as_deref()
                            .unwrap_or_else(|| library.name())
                            .to_owned(),
                    });
                }
                let parameters = parameters(&module.parameters);
                if self
                    .parameters
                    .insert(name.to_owned(), parameters)
                    .is_some()
                {
                    return Err(ModuleError::Twice(name.to_owned()));
                }
            }
        }
        Ok(())
    }

    /// The parameters of a module.
    ///
    /// # Errors
    /// [`ModuleError::Unknown`] when no flag has introduced it.
    pub fn parameters(&self, name: &str) -> Result<&Parameters, ModuleError> {
        self.parameters
            .get(name)
            .ok_or_else(|| ModuleError::Unknown(name.to_owned()))
    }
}

fn parameters(given: &[v1::Parameter]) -> Parameters {
    given
        .iter()
        .map(|parameter| (parameter.key().to_owned(), parameter.value().to_owned()))
        .collect()
}

/// The files of a directory in the order of their names.
fn files(directory: PathBuf) -> Result<Vec<PathBuf>, ModuleError> {
    let failed = |source| ModuleError::Read {
        path: directory.clone(),
        source,
    };
    let entries = fs::read_dir(&directory).map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()
        .map_err(failed)?;
    paths.sort();
    Ok(paths)
}

fn read(path: PathBuf) -> Result<Modules, ModuleError> {
    match fs::read(&path) {
        Err(source) => Err(ModuleError::Read { path, source }),
        Ok(text) => Modules::read_json(Dialect::V1, &text)
            .map_err(|source| ModuleError::Parse { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use mesos_common::flags::FlagSet;

    use super::*;

    fn modules(json: &str) -> Result<BuiltInModules, ModuleError> {
        let given = Modules::read_json(Dialect::V1, json.as_bytes()).expect("valid JSON");
        let mut modules = BuiltInModules::default();
        modules.add(&given).map(|()| modules)
    }

    fn library(module: &str) -> String {
        format!(
            r#"{{"file": "/lib/libx.so", "modules": [{{"name": "{module}",
                "parameters": [{{"key": "resources", "value": "cpus:2"}}]}}]}}"#
        )
    }

    #[test]
    fn built_in_modules_get_their_parameters() {
        let json = format!(
            r#"{{"libraries": [{}]}}"#,
            library(FIXED_RESOURCE_ESTIMATOR)
        );

        let modules = modules(&json).expect("built in");

        let parameters = modules.parameters(FIXED_RESOURCE_ESTIMATOR).expect("known");
        assert_eq!(parameters["resources"], "cpus:2");
        assert_eq!(
            modules
                .parameters("other")
                .expect_err("unknown")
                .to_string(),
            "Module 'other' unknown"
        );
    }

    #[test]
    fn shared_objects_are_refused_by_name() {
        let json = format!(r#"{{"libraries": [{}]}}"#, library("com_example_Hook"));

        let error = modules(&json).expect_err("foreign").to_string();

        assert!(error.contains("module 'com_example_Hook'"), "{error}");
        assert!(error.contains("library '/lib/libx.so'"), "{error}");
    }

    #[test]
    fn a_module_is_introduced_once() {
        let one = library(LOAD_QOS_CONTROLLER);
        let json = format!(r#"{{"libraries": [{one}, {one}]}}"#);

        let error = modules(&json).expect_err("twice").to_string();

        assert!(error.ends_with("is given more than once"), "{error}");
    }

    #[test]
    fn the_files_of_a_directory_introduce_modules() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let json = format!(
            r#"{{"libraries": [{}]}}"#,
            library(FIXED_RESOURCE_ESTIMATOR)
        );
        fs::write(directory.path().join("a.json"), json).expect("written");
        let mut flags = Flags::defaults();
        flags.modules_dir = Some(directory.path().display().to_string());

        let modules = BuiltInModules::from_flags(&flags).expect("readable");

        assert!(modules.parameters(FIXED_RESOURCE_ESTIMATOR).is_ok());
        fs::write(directory.path().join("b.json"), "{").expect("written");
        let error = BuiltInModules::from_flags(&flags).expect_err("no JSON");
        assert!(error.to_string().contains("b.json"), "{error}");
    }
}
