//! The offers that a call names.

use std::collections::HashSet;

use mesos_common::ids::{FrameworkId, OfferId};

use super::{Check, ensure};
use crate::state::offers::Offers;

/// The offers of an `ACCEPT`: all valid, of one framework, one agent and one role.
///
/// # Errors
/// The first broken rule.
pub fn validate(offer_ids: &[OfferId], framework_id: &FrameworkId, offers: &Offers) -> Check {
    ensure(!offer_ids.is_empty(), || "No offers specified".into())?;
    let mut seen = HashSet::new();
    for id in offer_ids {
        ensure(seen.insert(id), || {
            format!("Duplicate offer {id} in offer list").into()
        })?;
    }
    let mut found = Vec::with_capacity(offer_ids.len());
    for id in offer_ids {
        let offer = offers.get(id);
        ensure(offer.is_some(), || {
            format!("Offer {id} is no longer valid").into()
        })?;
        found.extend(offer);
    }
    for offer in &found {
        ensure(&offer.framework_id == framework_id, || {
            format!(
                "Offer {} has invalid framework {} while framework {framework_id} is expected",
                offer.id, offer.framework_id
            )
            .into()
        })?;
    }
    let Some(first) = found.first() else {
        return Ok(());
    };
    for offer in &found {
        ensure(offer.role == first.role, || {
            format!(
                "Aggregated offers must be allocated to the same role. Offer {} uses role '{} but \
                 another is using role '{}",
                offer.id, offer.role, first.role
            )
            .into()
        })?;
    }
    for offer in &found {
        ensure(offer.agent_id == first.agent_id, || {
            format!(
                "Aggregated offers must belong to one single agent. Offer {} uses agent {} and \
                 agent {}",
                offer.id, offer.agent_id, first.agent_id
            )
            .into()
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mesos_common::ids::AgentId;
    use mesos_common::resources::Resources;

    use super::*;
    use crate::state::offers::Offer;

    fn offers(list: &[(&str, &str, &str, &str)]) -> Offers {
        let mut offers = Offers::default();
        for (id, framework, agent, role) in list {
            let offer = Offer {
                id: OfferId::from(*id),
                framework_id: FrameworkId::from(*framework),
                agent_id: AgentId::from(*agent),
                role: Arc::from(*role),
                resources: Resources::new(),
                message: Arc::default(),
            };
            offers.add(Arc::new(offer), None);
        }
        offers
    }

    #[track_caller]
    fn refused(ids: &[&str], offers: &Offers, text: &str) {
        let ids: Vec<OfferId> = ids.iter().map(|id| OfferId::from(*id)).collect();
        let error = validate(&ids, &FrameworkId::from("f"), offers).expect_err("a broken rule");
        assert_eq!(error.text(), text);
    }

    #[test]
    fn offers_must_exist_and_fit_together() {
        let offers = offers(&[
            ("o1", "f", "s1", "a"),
            ("o2", "f", "s2", "a"),
            ("o3", "f", "s1", "b"),
            ("o4", "g", "s1", "a"),
        ]);

        refused(&[], &offers, "No offers specified");
        refused(&["o9"], &offers, "Offer o9 is no longer valid");
        refused(
            &["o4"],
            &offers,
            "Offer o4 has invalid framework g while framework f is expected",
        );
        refused(
            &["o1", "o3"],
            &offers,
            "Aggregated offers must be allocated to the same role. Offer o3 uses role 'b but \
             another is using role 'a",
        );
        refused(
            &["o1", "o2"],
            &offers,
            "Aggregated offers must belong to one single agent. Offer o2 uses agent s2 and agent s1",
        );
    }

    #[test]
    fn duplicate_offer_is_refused() {
        let offers = offers(&[("o1", "f", "s1", "a")]);

        refused(&["o1", "o1"], &offers, "Duplicate offer o1 in offer list");
    }
}
