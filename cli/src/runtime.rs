//! What the environment says about a runtime, and the runtime of programs that are neither master nor agent:
//! frameworks and executors.

use std::net::IpAddr;

use anyhow::{Context, Result};
use libprocess::tls::Tls;
use libprocess::{Runtime, RuntimeBuilder};

/// Starts a runtime as the `LIBPROCESS_` variables say: `IP`, `PORT`, `ADVERTISE_IP` and
/// `ADVERTISE_PORT`, and those of TLS.
///
/// A framework or executor needs few threads.
pub(crate) fn from_environment() -> Result<Runtime> {
    let mut builder = Runtime::builder().arbiters(1);
    if let Some(ip) = variable::<IpAddr>("LIBPROCESS_IP")? {
        builder = builder.ip(ip);
    }
    if let Some(port) = variable("LIBPROCESS_PORT")? {
        builder = builder.port(port);
    }
    if let Some(ip) = variable::<IpAddr>("LIBPROCESS_ADVERTISE_IP")? {
        builder = builder.advertise_ip(ip);
    }
    if let Some(port) = variable("LIBPROCESS_ADVERTISE_PORT")? {
        builder = builder.advertise_port(port);
    }
    with_tls(builder)?.start().context("start the runtime")
}

/// Adds TLS when the `LIBPROCESS_SSL_` variables enable it.
pub(crate) fn with_tls(builder: RuntimeBuilder) -> Result<RuntimeBuilder> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(match Tls::from_variables(variables)? {
        Some(tls) => builder.tls(tls),
        None => builder,
    })
}

fn variable<T: std::str::FromStr>(name: &str) -> Result<Option<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .map(Some)
            .with_context(|| format!("Failed to parse {name} '{text}'")),
        Err(_unset) => Ok(None),
    }
}
