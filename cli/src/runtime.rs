//! What the environment says about a runtime, and the runtime of programs that are neither master nor agent:
//! frameworks and executors.

use anyhow::{Context, Result};
use libprocess::tls::Tls;
use libprocess::{Runtime, RuntimeBuilder, Transport};

use crate::logging;

/// Starts a runtime as the `LIBPROCESS_` variables say, those of TLS too.
///
/// A framework or executor needs few threads.
pub(crate) fn from_environment() -> Result<Runtime> {
    equip(small()?)?.start().context("start the runtime")
}

/// Starts the runtime of an executor, of which an agent has many: as [`from_environment`], with one thread for
/// everything, and without traces.
pub(crate) fn for_executor() -> Result<Runtime> {
    let builder = small()?.connection_arbiters(0);
    with_tls(builder)?.start().context("start the runtime")
}

fn small() -> Result<RuntimeBuilder> {
    let variables = variables().collect();
    let builder = Runtime::builder().arbiters(1).transport(Transport::Auto);
    Ok(builder.environment(&variables)?)
}

/// Adds what only the environment says: TLS, where traces go, and how long readers poll.
pub(crate) fn equip(builder: RuntimeBuilder) -> Result<RuntimeBuilder> {
    let builder = with_polling(with_tls(builder)?)?;
    Ok(match logging::traces() {
        Some(traces) => builder.propagator(traces.propagator()),
        None => builder,
    })
}

/// Which wire messages take: that of `LIBPROCESS_TRANSPORT`, else gRPC with whoever takes it.
pub(crate) fn transport() -> Result<Transport> {
    match std::env::var("LIBPROCESS_TRANSPORT") {
        Ok(text) => Ok(text.parse()?),
        Err(_unset) => Ok(Transport::Auto),
    }
}

/// Adds TLS when the `LIBPROCESS_SSL_` variables enable it.
fn with_tls(builder: RuntimeBuilder) -> Result<RuntimeBuilder> {
    Ok(match Tls::from_variables(variables())? {
        Some(tls) => builder.tls(tls),
        None => builder,
    })
}

/// Takes the span of polls that `LIBPROCESS_POLLING` says.
fn with_polling(builder: RuntimeBuilder) -> Result<RuntimeBuilder> {
    Ok(match std::env::var("LIBPROCESS_POLLING") {
        Ok(text) => builder.polling(text.parse().context("read LIBPROCESS_POLLING")?),
        Err(_unset) => builder,
    })
}

/// The environment, as far as it is text.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}
