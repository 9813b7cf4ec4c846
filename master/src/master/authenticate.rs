//! Authentication of drivers and agents on the legacy wire.

use libprocess::{Context, Upid};
use mesos_proto::internal::{AuthenticateMessage, AuthenticationErrorMessage};

use super::MasterProcess;

impl MasterProcess {
    /// Answers that no authenticator is loaded, which clients understand.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "handlers own what they handle"
    )]
    pub(super) fn authenticate(
        &mut self,
        from: &Upid,
        message: AuthenticateMessage,
        ctx: &mut Context<Self>,
    ) {
        self.metrics.counters().messages_authenticate.increment();
        tracing::warn!(
            pid = message.pid(),
            "refusing authentication: no authenticator is loaded"
        );
        let answer = AuthenticationErrorMessage {
            error: Some("No authenticator loaded".to_owned()),
            ..Default::default()
        };
        ctx.send_protobuf(from, &answer);
    }
}
