//! Health and reflection, as every gRPC server has them.

use std::sync::Arc;

use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, HealthService};
use tonic_reflection::server::Builder;

use super::{Serve, Services};
use crate::transport::link;

/// What every runtime serves. It is made at the first call for it: descriptors take a while to index.
pub(super) struct BuiltIn {
    services: Services,
}

impl BuiltIn {
    pub(super) async fn new(services: &Services) -> Self {
        let mut built = Services::new().with(health(services).await);
        let reflection = || {
            let mut builder = Builder::configure()
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
                .with_service_name("grpc.health.v1.Health");
            for set in &services.descriptors {
                builder = builder.register_encoded_file_descriptor_set(set);
            }
            for name in services.names() {
                builder = builder.with_service_name(name);
            }
            if !services.descriptors.is_empty() {
                builder = builder.with_service_name(link::SERVICE);
            }
            builder
        };
        match reflection().build_v1() {
            Ok(service) => built = built.with(service),
            Err(error) => tracing::error!(%error, "failed to read the descriptors of services"),
        }
        // Older tools ask by the older name.
        if let Ok(service) = reflection().build_v1alpha() {
            built = built.with(service);
        }
        Self { services: built }
    }

    pub(super) fn get(&self, service: &str) -> Option<&Serve> {
        self.services.served.get(service)
    }
}

async fn health(
    services: &Services,
) -> tonic_health::pb::health_server::HealthServer<HealthService> {
    // The empty name, for all of the server, is serving from the start.
    let reporter = HealthReporter::new();
    for name in services.names() {
        reporter
            .set_service_status(name, ServingStatus::Serving)
            .await;
    }
    tonic_health::pb::health_server::HealthServer::from_arc(Arc::new(
        HealthService::from_health_reporter(reporter),
    ))
}
