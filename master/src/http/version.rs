//! Flags, and the files of the web interface.

use std::path::Path;

use libprocess::Context;
use libprocess::http::{Request, Response};
use mesos_common::authorization::Action;
use mesos_common::flags::FlagSet as _;
use mesos_proto_codec::Dialect;
use mesos_proto_codec::json::JsonWriter;

use super::authorize::forbidden;
use super::redirect::check_method;
use crate::master::MasterProcess;

impl MasterProcess {
    /// Answers `/flags`.
    pub(crate) fn flags(&self, request: &Request) -> Response {
        if let Some(response) = check_method(request, &["GET"]) {
            return response;
        }
        let approvers = self.approvers(request.principal.as_ref());
        if !approvers.approve_any(Action::ViewFlags) {
            return forbidden();
        }
        let mut writer = JsonWriter::new(Dialect::V0);
        writer.object(|w| w.field_with("flags", |w| self.write_flags(w)));
        Response::ok_json(writer.into_vec(), request.query.get("jsonp"))
    }

    /// The flags as an object of texts.
    pub(crate) fn write_flags(&self, writer: &mut JsonWriter) {
        let flags = self.flag_texts();
        writer.object(|w| {
            for (name, value) in &flags {
                w.field(name, value);
            }
        });
    }

    /// Serves the web interface when its directory is there.
    pub(crate) fn install_assets(&self, ctx: &mut Context<Self>) {
        let root = Path::new(self.webui_dir());
        if root.join("index.html").try_exists().unwrap_or(false) {
            ctx.provide("", root.join("index.html"));
            for name in ["app", "assets"] {
                ctx.provide(name, root.join(name));
            }
        }
    }
}

/// The texts of all flags that have a value.
pub(crate) fn stringified(flags: &crate::flags::Flags) -> Vec<(String, String)> {
    flags
        .stringified()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
