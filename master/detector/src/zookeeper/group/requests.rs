//! What is asked of a group and waits for a connection.

use std::collections::VecDeque;

use libprocess::Promise;

use super::{GroupError, JoinRequest, Joined, Membership};

pub(super) struct Join {
    pub(super) request: JoinRequest,
    pub(super) promise: Promise<Result<Joined, GroupError>>,
}

pub(super) struct Cancel {
    pub(super) membership: Membership,
    pub(super) promise: Promise<Result<bool, GroupError>>,
}

pub(super) struct Data {
    pub(super) membership: Membership,
    pub(super) promise: Promise<Result<Option<Vec<u8>>, GroupError>>,
}

pub(super) enum Request {
    Join(Join),
    Cancel(Cancel),
    Data(Data),
}

impl Request {
    pub(super) fn fail(self, error: &GroupError) {
        match self {
            Self::Join(join) => join.promise.set(Err(error.clone())),
            Self::Cancel(cancel) => cancel.promise.set(Err(error.clone())),
            Self::Data(data) => data.promise.set(Err(error.clone())),
        }
    }
}

/// Joins come before cancels, cancels before reads; each kind in the order it was asked.
#[derive(Default)]
pub(super) struct Pending {
    joins: VecDeque<Join>,
    cancels: VecDeque<Cancel>,
    datas: VecDeque<Data>,
}

impl Pending {
    pub(super) fn push(&mut self, request: Request) {
        match request {
            Request::Join(join) => self.joins.push_back(join),
            Request::Cancel(cancel) => self.cancels.push_back(cancel),
            Request::Data(data) => self.datas.push_back(data),
        }
    }

    /// For a request that was tried and has to be tried again.
    pub(super) fn push_front(&mut self, request: Request) {
        match request {
            Request::Join(join) => self.joins.push_front(join),
            Request::Cancel(cancel) => self.cancels.push_front(cancel),
            Request::Data(data) => self.datas.push_front(data),
        }
    }

    pub(super) fn pop(&mut self) -> Option<Request> {
        self.joins
            .pop_front()
            .map(Request::Join)
            .or_else(|| self.cancels.pop_front().map(Request::Cancel))
            .or_else(|| self.datas.pop_front().map(Request::Data))
    }
}
