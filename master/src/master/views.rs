//! Snapshots and facts for the HTTP handlers.

use std::sync::Arc;

use libprocess::Time;
use mesos_common::authorization::Approvers;
use mesos_common::files::Files;
use mesos_common::ids::FrameworkId;
use mesos_proto::v1;

use super::MasterProcess;
use crate::http::frameworks::{InverseOffersOf, OffersOf};
use crate::http::stream::EventStream;
use crate::state::agents::AgentsView;
use crate::state::framework::Framework;
use crate::state::frameworks::FrameworksView;

impl MasterProcess {
    /// The files that operators may browse.
    pub(crate) fn files(&self) -> &Files {
        &self.files
    }

    /// Counts a question that gets the answer of another.
    pub(crate) fn count_shared_read(&self) {
        self.metrics.counters().http_cache_hits.increment();
    }

    /// What this master says about itself.
    pub(crate) fn info(&self) -> &v1::MasterInfo {
        &self.info
    }

    /// Who leads.
    pub(crate) fn leader(&self) -> Option<&v1::MasterInfo> {
        self.leader.as_ref()
    }

    /// When this master started.
    pub(crate) fn start_time(&self) -> Time {
        self.start_time
    }

    /// The name of the cluster.
    pub(crate) fn cluster(&self) -> Option<&str> {
        self.flags.cluster.as_deref()
    }

    /// Where the web interface lies.
    pub(crate) fn webui_dir(&self) -> &str {
        &self.flags.webui_dir
    }

    /// All flags with their values as texts.
    pub(crate) fn flag_texts(&self) -> Vec<(String, String)> {
        crate::http::flag_texts(&self.flags)
    }

    /// A registered framework.
    pub(crate) fn framework(&self, id: &FrameworkId) -> Option<&Arc<Framework>> {
        self.frameworks.get(id)
    }

    /// Whether a role may be used.
    pub(crate) fn is_known_role(&self, role: &str) -> bool {
        self.roles.is_whitelisted(role)
    }

    /// Whether a role has a quota, a default one that was set included.
    pub(crate) fn has_quota(&self, role: &str) -> bool {
        self.roles.quota(role).is_some()
    }

    /// Every operation on every agent.
    pub(crate) fn all_operations(&self, approvers: &Approvers) -> Vec<v1::Operation> {
        let may_see = |operation: &v1::Operation| {
            let consumed = mesos_common::resources::consumed_by(operation.info()).to_proto();
            let mut consumed = consumed.iter();
            consumed.all(|resource| approvers.may_see(resource))
        };
        self.agents
            .iter()
            .flat_map(|agent| {
                agent
                    .all_operations()
                    .map(|one| one.info().clone())
                    .collect::<Vec<_>>()
            })
            .filter(|operation| approvers.is_without_rules() || may_see(operation))
            .collect()
    }

    /// Adds an operator's stream.
    pub(crate) fn add_subscriber(&mut self, stream: EventStream, approvers: Approvers) {
        self.subscribers.add(stream, approvers, &self.metrics);
    }

    /// Forgets an operator's stream.
    pub(crate) fn remove_subscriber(&mut self, stream_id: &str) {
        self.subscribers.remove(stream_id, &self.metrics);
    }

    /// Sends a heartbeat to one operator; false when the stream is gone.
    pub(crate) fn send_operator_heartbeat(&self, stream_id: &str) -> bool {
        let heartbeat = v1::master::Event {
            r#type: Some(v1::master::event::Type::Heartbeat.into()),
            ..Default::default()
        };
        self.subscribers
            .get(stream_id)
            .is_some_and(|stream| stream.send(&heartbeat).is_ok())
    }

    /// A snapshot of agents.
    pub(crate) fn agents_view(&self, approvers: &Approvers) -> AgentsView {
        self.agents.view(approvers.clone())
    }

    /// A snapshot of frameworks.
    pub(crate) fn frameworks_view(&self, approvers: &Approvers) -> FrameworksView {
        self.frameworks.view(approvers.clone())
    }

    /// A snapshot of inverse offers.
    pub(crate) fn inverse_offers_view(&self) -> InverseOffersOf {
        let mut offers = InverseOffersOf::new();
        for framework in self.frameworks.iter() {
            let of_framework = framework.inverse_offers().iter();
            let of_framework = of_framework.filter_map(|id| self.offers.inverse(id));
            let messages: Vec<_> = of_framework
                .map(|offer| Arc::clone(&offer.message))
                .collect();
            offers.insert(framework.id().clone(), messages);
        }
        offers
    }

    /// A snapshot of offers.
    pub(crate) fn offers_view(&self) -> OffersOf {
        let mut offers = OffersOf::new();
        for offer_id in self.offers.ids() {
            if let Some(offer) = self.offers.get(&offer_id) {
                offers
                    .entry(offer.framework_id.clone())
                    .or_default()
                    .push(Arc::clone(&offer.message));
            }
        }
        offers
    }
}
