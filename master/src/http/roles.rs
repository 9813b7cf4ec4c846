//! `/roles`.

use libprocess::http::{Request, Response};
use mesos_proto_codec::Dialect;
use mesos_proto_codec::json::JsonWriter;

use super::authorize::may_see_role;
use super::model;
use super::shared::Render;
use crate::master::{MasterProcess, RoleView};

impl MasterProcess {
    /// Answers `/roles`.
    #[expect(clippy::excessive_nesting, reason = "the nesting is the document's")]
    pub(crate) fn roles(&self, request: &Request) -> Render {
        let view = self.roles_view();
        let approvers = self.approvers(request.principal.as_ref());
        let jsonp = super::jsonp(request);
        Box::new(move || {
            let mut w = JsonWriter::new(Dialect::V0);
            w.object(|w| {
                w.field_with("roles", |w| {
                    w.array(|w| {
                        view.known()
                            .iter()
                            .filter(|name| may_see_role(&approvers, name))
                            .for_each(|name| role(w, &view.view(name)));
                    });
                });
            });
            Response::ok_json(w.into_vec(), jsonp.as_deref())
        })
    }
}

fn role(w: &mut JsonWriter, role: &RoleView) {
    w.object(|w| {
        w.field("name", &role.name);
        w.field("weight", &role.weight);
        w.field_with("quota", |w| {
            w.object(|w| {
                w.field("role", &role.name);
                w.field_with("guarantee", |w| {
                    model::quantities(w, &role.quota.guarantees);
                });
                w.field_with("limit", |w| model::limits(w, &role.quota.limits));
                w.field_with("consumed", |w| model::quantities(w, &role.consumed));
            });
        });
        let mut resources = role.allocated.clone();
        resources += &role.offered;
        w.field_with("resources", |w| model::quantities(w, &resources));
        w.field_with("allocated", |w| model::quantities(w, &role.allocated));
        w.field_with("offered", |w| model::quantities(w, &role.offered));
        w.field_with("reserved", |w| model::quantities(w, &role.reserved));
        w.field_with("frameworks", |w| {
            w.array(|w| role.frameworks.iter().for_each(|id| w.value(id.as_str())));
        });
    });
}
