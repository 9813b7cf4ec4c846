//! Who is a member, read anew after each change.

use std::collections::BTreeSet;

use libprocess::Context;
use zookeeper_client::{Error, EventType, OneshotWatcher};

use super::{Cancelled, GroupError, GroupProcess, Load, Owned, Phase};
use crate::zookeeper::membership::Membership;
use crate::zookeeper::session::{Failure, failure_of};

impl GroupProcess {
    /// Reads the members and waits for the next change.
    pub(super) fn load_members(&mut self, ctx: &mut Context<Self>) {
        let (Phase::Ready { session } | Phase::Busy { session }) = &self.phase else {
            return;
        };
        let session = session.clone();
        self.loads += 1;
        let load = Load {
            epoch: self.epoch,
            number: self.loads,
        };
        ctx.perform(
            async move { session.members().await },
            move |group, loaded, ctx| {
                if group.is_current(load) {
                    group.on_members_loaded(load, loaded, ctx);
                }
            },
        );
    }

    fn is_current(&self, load: Load) -> bool {
        self.epoch == load.epoch && self.loads == load.number
    }

    fn on_members_loaded(
        &mut self,
        load: Load,
        loaded: Result<(Vec<Membership>, OneshotWatcher), Error>,
        ctx: &mut Context<Self>,
    ) {
        match loaded {
            Ok((members, watcher)) => {
                self.retry = None;
                self.set_members(members.into_iter().collect());
                ctx.perform(watcher.changed(), move |group, event, ctx| {
                    if group.is_current(load) && event.event_type != EventType::Session {
                        group.load_members(ctx);
                    }
                });
            }
            Err(error) if failure_of(&error) == Failure::Retryable => {
                self.later(ctx, Self::load_members);
            }
            Err(error) => {
                let path = &self.options.url.path;
                let operation = format!(
                    "Non-retryable error attempting to get children of '{path}' in ZooKeeper"
                );
                self.abort(GroupError::new(operation, &error));
            }
        }
    }

    pub(super) fn set_members(&mut self, members: BTreeSet<Membership>) {
        let (gone, kept) =
            std::mem::take(&mut self.owned)
                .into_iter()
                .partition(|owned: &Owned| {
                    self.members.is_some() && !members.contains(&owned.membership)
                });
        self.owned = kept;
        for owned in gone {
            owned.cancelled.set(Cancelled::Lost);
        }
        let (due, waiting): (Vec<_>, Vec<_>) = std::mem::take(&mut self.watches)
            .into_iter()
            .partition(|watch| watch.expected != members);
        self.watches = waiting;
        for watch in due {
            watch.promise.set(Ok(members.clone()));
        }
        self.members = Some(members);
    }
}
