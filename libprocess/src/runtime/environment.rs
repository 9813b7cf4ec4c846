//! The address of a runtime as the environment of a framework or an executor tells it.
//!
//! # Wire
//! An agent sets the variables for its executors; people set them for frameworks.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::str::FromStr;

use super::RuntimeBuilder;

/// A variable that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Failed to parse {name} '{value}'")]
pub struct EnvironmentError {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub value: String,
}

impl RuntimeBuilder {
    /// Takes the address from `LIBPROCESS_IP`, `LIBPROCESS_PORT`, `LIBPROCESS_ADVERTISE_IP` and
    /// `LIBPROCESS_ADVERTISE_PORT`, as far as they are there.
    ///
    /// `LIBPROCESS_TRANSPORT` chooses the [`Transport`](super::Transport), and `LIBPROCESS_POLLING` is the span of
    /// [`Polling`](crate::Polling), such as `50us`; `0ns` switches it off.
    ///
    /// # Errors
    /// [`EnvironmentError`] names the variable that is no address or port.
    ///
    /// # Examples
    /// ```
    /// use libprocess::Runtime;
    ///
    /// let variables = [("LIBPROCESS_IP".to_owned(), "127.0.0.1".to_owned())].into();
    /// let runtime = Runtime::builder().environment(&variables)?.start()?;
    /// assert!(runtime.address().ip.is_loopback());
    /// # runtime.shutdown();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn environment(
        mut self,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, EnvironmentError> {
        if let Some(ip) = parse::<IpAddr>(variables, "LIBPROCESS_IP")? {
            self = self.ip(ip);
        }
        if let Some(port) = parse(variables, "LIBPROCESS_PORT")? {
            self = self.port(port);
        }
        if let Some(ip) = parse::<IpAddr>(variables, "LIBPROCESS_ADVERTISE_IP")? {
            self = self.advertise_ip(ip);
        }
        if let Some(port) = parse(variables, "LIBPROCESS_ADVERTISE_PORT")? {
            self = self.advertise_port(port);
        }
        if let Some(transport) = parse(variables, "LIBPROCESS_TRANSPORT")? {
            self = self.transport(transport);
        }
        if let Some(polling) = parse(variables, "LIBPROCESS_POLLING")? {
            self = self.polling(polling);
        }
        Ok(self)
    }
}

fn parse<T: FromStr>(
    variables: &BTreeMap<String, String>,
    name: &'static str,
) -> Result<Option<T>, EnvironmentError> {
    let Some(value) = variables.get(name) else {
        return Ok(None);
    };
    value
        .parse()
        .map(Some)
        .map_err(|_malformed| EnvironmentError {
            name,
            value: value.clone(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_variable_is_named() {
        for name in ["LIBPROCESS_PORT", "LIBPROCESS_POLLING"] {
            let variables = [(name.to_owned(), "many".to_owned())].into();

            let error = RuntimeBuilder::default()
                .environment(&variables)
                .unwrap_err();

            assert_eq!(error.to_string(), format!("Failed to parse {name} 'many'"));
        }
    }
}
