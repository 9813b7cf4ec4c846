//! Carrying out what was asked of a group, one call at a time.

use libprocess::{Context, Promise};
use zookeeper_client::Error;

use super::requests::{Cancel, Data, Join, Request};
use super::{Cancelled, GroupError, GroupProcess, Joined, Owned, Phase};
use crate::zookeeper::membership::Membership;
use crate::zookeeper::session::{Failure, failure_of};

impl GroupProcess {
    /// Carries out the next request, when connected and none runs.
    pub(super) fn serve(&mut self, ctx: &mut Context<Self>) {
        let Phase::Ready { session } = &self.phase else {
            return;
        };
        let Some(request) = self.pending.pop() else {
            return;
        };
        let (session, epoch) = (session.clone(), self.epoch);
        self.phase = Phase::Busy {
            session: session.clone(),
        };
        match request {
            Request::Join(join) => {
                let call = async move {
                    let made = session
                        .join(&join.request.data, join.request.label.as_deref())
                        .await;
                    (join, made)
                };
                ctx.perform(call, move |group, (join, made), ctx| {
                    group.on_joined(epoch, join, made, ctx);
                });
            }
            Request::Cancel(cancel) => {
                let call = async move {
                    let removed = session.cancel(&cancel.membership).await;
                    (cancel, removed)
                };
                ctx.perform(call, move |group, (cancel, removed), ctx| {
                    group.on_cancelled(epoch, cancel, removed, ctx);
                });
            }
            Request::Data(data) => {
                let call = async move {
                    let read = session.data(&data.membership).await;
                    (data, read)
                };
                ctx.perform(call, move |group, (data, read), ctx| {
                    group.on_data(epoch, data, read, ctx);
                });
            }
        }
    }

    fn on_joined(
        &mut self,
        epoch: u64,
        join: Join,
        made: Result<Membership, Error>,
        ctx: &mut Context<Self>,
    ) {
        match made {
            Ok(membership) if epoch == self.epoch => {
                let (promise, cancelled) = Promise::new();
                self.owned.push(Owned {
                    membership: membership.clone(),
                    cancelled: promise,
                });
                // A watch that is set now must see the new member.
                self.members = None;
                join.promise.set(Ok(Joined {
                    membership,
                    cancelled,
                }));
                self.next(epoch, ctx);
            }
            // Made in a session that is over: the node is gone with it.
            Ok(_) => self.again(epoch, Request::Join(join), ctx),
            Err(error) if failure_of(&error) == Failure::Retryable => {
                self.again(epoch, Request::Join(join), ctx);
            }
            Err(error) => {
                let path = &self.options.url.path;
                let operation = format!("Failed to create ephemeral node at '{path}' in ZooKeeper");
                join.promise.set(Err(GroupError::new(operation, &error)));
                self.next(epoch, ctx);
            }
        }
    }

    fn on_cancelled(
        &mut self,
        epoch: u64,
        cancel: Cancel,
        removed: Result<bool, Error>,
        ctx: &mut Context<Self>,
    ) {
        match removed {
            Ok(removed) => {
                self.members = None;
                if let Some(at) = self
                    .owned
                    .iter()
                    .position(|owned| owned.membership == cancel.membership)
                {
                    self.owned
                        .swap_remove(at)
                        .cancelled
                        .set(Cancelled::Requested);
                }
                cancel.promise.set(Ok(removed));
                self.next(epoch, ctx);
            }
            Err(error) if failure_of(&error) == Failure::Retryable => {
                self.again(epoch, Request::Cancel(cancel), ctx);
            }
            Err(error) => {
                let node = cancel.membership.node();
                let operation = format!("Failed to remove ephemeral node '{node}' in ZooKeeper");
                cancel.promise.set(Err(GroupError::new(operation, &error)));
                self.next(epoch, ctx);
            }
        }
    }

    fn on_data(
        &mut self,
        epoch: u64,
        data: Data,
        read: Result<Option<Vec<u8>>, Error>,
        ctx: &mut Context<Self>,
    ) {
        match read {
            Ok(content) => {
                data.promise.set(Ok(content));
                self.next(epoch, ctx);
            }
            Err(error) if failure_of(&error) == Failure::Retryable => {
                self.again(epoch, Request::Data(data), ctx);
            }
            Err(error) => {
                let node = data.membership.node();
                let operation =
                    format!("Failed to get data for ephemeral node '{node}' in ZooKeeper");
                data.promise.set(Err(GroupError::new(operation, &error)));
                self.next(epoch, ctx);
            }
        }
    }

    /// Puts a request back and waits; after an expired session the new one takes it up.
    pub(super) fn again(&mut self, epoch: u64, request: Request, ctx: &mut Context<Self>) {
        self.pending.push_front(request);
        if epoch == self.epoch {
            self.later(ctx, move |group, ctx| group.next(epoch, ctx));
        } else {
            self.serve(ctx);
        }
    }

    pub(super) fn next(&mut self, epoch: u64, ctx: &mut Context<Self>) {
        if epoch != self.epoch {
            return;
        }
        if let Phase::Busy { session } = &self.phase {
            self.phase = Phase::Ready {
                session: session.clone(),
            };
        }
        self.serve(ctx);
        if self.members.is_none() {
            self.load_members(ctx);
        }
    }
}
