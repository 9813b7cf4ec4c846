//! Sends the traces of messages to a collector that speaks OTLP.
//!
//! Off unless [`ENDPOINT`] or [`TRACES_ENDPOINT`] names a collector. The other standard variables are read as well:
//! `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER`, `OTEL_BSP_SCHEDULE_DELAY`,
//! `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_EXPORTER_OTLP_TIMEOUT`.
//! Protobuf over HTTP is spoken, without TLS: the collector is expected on this host or on a trusted network.
//!
//! # Owns
//! A thread that collects spans, and a runtime of its own for the connections: actors wait for neither.

mod exporter;

use std::fmt;
use std::sync::Arc;

use libprocess::trace::{Propagator, TARGET};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use thiserror::Error;
use tracing::level_filters::LevelFilter;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

use self::exporter::Client;

/// The variable that names the collector, such as `http://127.0.0.1:4318`; `/v1/traces` is appended.
pub const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The variable that names the whole URL for traces.
pub const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";

/// Why traces cannot be sent.
#[derive(Debug, Error)]
pub enum OtlpError {
    /// No runtime for the connections.
    #[error("failed to start the threads that send traces")]
    Runtime(#[source] std::io::Error),
    /// The variables make no sense.
    #[error("failed to set up the sending of traces")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
}

/// The way of spans to the collector. What has not been sent yet is sent when it is dropped.
#[derive(Clone)]
pub struct Otlp {
    provider: Arc<Provider>,
}

struct Provider(SdkTracerProvider);

impl Drop for Provider {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.0.shutdown();
    }
}

impl Otlp {
    /// Sets up the sending of traces if a variable asks for it; `service` is what the spans say that they are of,
    /// unless `OTEL_SERVICE_NAME` says otherwise.
    ///
    /// # Errors
    /// When the variables make no sense, or the operating system gives no threads.
    pub fn from_environment(service: &str) -> Result<Option<Self>, OtlpError> {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if is_set(ENDPOINT) || is_set(TRACES_ENDPOINT) {
            Self::new(service, None).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Sends traces to this URL, or to where the variables say.
    ///
    /// # Errors
    /// When the URL or the variables make no sense, or the operating system gives no threads.
    pub fn new(service: &str, url: Option<&str>) -> Result<Self, OtlpError> {
        let client = Client::new().map_err(OtlpError::Runtime)?;
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_protocol(Protocol::HttpBinary);
        if let Some(url) = url {
            exporter = exporter.with_endpoint(url);
        }
        let exporter = exporter.build().map_err(OtlpError::Exporter)?;
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(service.to_owned());
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        Ok(Self {
            provider: Arc::new(Provider(provider)),
        })
    }

    /// The part of a subscriber that takes the spans of messages, and all spans and events of level INFO within.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let wanted = Targets::new()
            .with_default(LevelFilter::INFO)
            .with_target(TARGET, LevelFilter::TRACE);
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.0.tracer("libprocess"))
            .with_filter(wanted)
    }

    /// What runtimes need to pass traces on to other machines.
    #[must_use]
    pub fn propagator(&self) -> Arc<dyn Propagator> {
        Arc::new(W3c(TraceContextPropagator::new()))
    }

    /// Sends what has been collected so far. Blocks.
    pub fn flush(&self) {
        if let Err(error) = self.provider.0.force_flush() {
            tracing::warn!(%error, "failed to send traces");
        }
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Otlp").finish_non_exhaustive()
    }
}

/// The `traceparent` of W3C.
struct W3c(TraceContextPropagator);

const TRACEPARENT: &str = "traceparent";

impl Propagator for W3c {
    fn inject(&self, span: &Span) -> Option<String> {
        let mut carrier = std::collections::HashMap::new();
        self.0.inject_context(&span.context(), &mut carrier);
        carrier.remove(TRACEPARENT)
    }

    fn extract(&self, span: &Span, traceparent: &str) {
        let carrier =
            std::collections::HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
        // A span that nobody records has no parent either.
        let _ = span.set_parent(self.0.extract(&carrier));
    }
}
