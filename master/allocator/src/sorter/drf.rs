//! Weighted dominant resource fairness over the tree.
//!
//! Mirrors `src/master/allocator/mesos/sorter/drf`.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use smallvec::SmallVec;

use super::Totals;
use super::tree::{ClientId, Kind, Node, NodeId, ROOT, Tree};

/// Sorts every level by share, then count, then path.
pub(super) fn sort(tree: &mut Tree, totals: &Totals, weights: &BTreeMap<Arc<str>, f64>) {
    for id in tree.all() {
        let node = tree.node_mut(id);
        let weight = *node
            .weight
            .get_or_insert_with(|| weights.get(&node.path).copied().unwrap_or(1.0));
        node.share = totals.share(node.held.amounts()) / weight;
    }
    sort_children(tree, ROOT);
    for id in tree.all() {
        if tree.node(id).kind == Kind::Internal {
            sort_children(tree, id);
        }
    }
}

fn sort_children(tree: &mut Tree, parent: NodeId) {
    let awake = tree.node(parent).awake;
    let mut children = std::mem::take(&mut tree.node_mut(parent).children);
    if let Some(front) = children.get_mut(..awake) {
        front.sort_unstable_by(|left, right| compare(tree.node(*left), tree.node(*right)));
    }
    tree.node_mut(parent).children = children;
}

fn compare(left: &Node, right: &Node) -> Ordering {
    left.share
        .total_cmp(&right.share)
        .then(left.count.cmp(&right.count))
        .then_with(|| left.path.cmp(&right.path))
}

/// Moves a client and its ancestors to their places after an allocation.
///
/// The allocation must already be counted, in a tree that was sorted before it.
pub(super) fn reposition(tree: &mut Tree, totals: &Totals, client: ClientId) {
    let Some(mut current) = tree.node_of(client) else {
        return;
    };
    while current != ROOT {
        let node = tree.node(current);
        let (parent, kind) = (node.parent, node.kind);
        let share = totals.share(node.held.amounts()) / node.weight.unwrap_or(1.0);
        match kind {
            Kind::Inactive => tree.node_mut(current).share = share,
            Kind::Internal | Kind::Active => move_child(tree, parent, current, share),
        }
        current = parent;
    }
}

fn move_child(tree: &mut Tree, parent: NodeId, id: NodeId, share: f64) {
    let mut children = std::mem::take(&mut tree.node_mut(parent).children);
    let awake = tree.node(parent).awake.min(children.len());
    let (front, _) = children.split_at_mut(awake);
    if let Some(from) = position(tree, front, id) {
        tree.node_mut(id).share = share;
        let moved = tree.node(id);
        let less = |other: &NodeId| compare(tree.node(*other), moved) == Ordering::Less;
        let (before, rest) = front.split_at_mut(from);
        let to = before.partition_point(less);
        if to < from {
            if let Some(span) = front.get_mut(to..=from) {
                span.rotate_right(1);
            }
        } else if let Some((_, after)) = rest.split_first() {
            let passed = after.partition_point(less);
            if let Some(span) = rest.get_mut(..=passed) {
                span.rotate_left(1);
            }
        }
    }
    tree.node_mut(parent).children = children;
}

/// Where a child is: found by its old key, which still orders it but for the count.
fn position(tree: &Tree, front: &[NodeId], id: NodeId) -> Option<usize> {
    let node = tree.node(id);
    let old_count = node.count.saturating_sub(1);
    let found = front.binary_search_by(|other_id| {
        let other = tree.node(*other_id);
        let count = if *other_id == id {
            old_count
        } else {
            other.count
        };
        other
            .share
            .total_cmp(&node.share)
            .then(count.cmp(&old_count))
            .then_with(|| other.path.cmp(&node.path))
    });
    match found {
        Ok(index) if front.get(index) == Some(&id) => Some(index),
        Ok(_) | Err(_) => front.iter().position(|other| *other == id),
    }
}

/// Walks the active clients of a sorted tree, first to last.
#[derive(Debug)]
pub struct Cursor(SmallVec<[(NodeId, usize); 4]>);

impl Cursor {
    pub(super) fn new() -> Self {
        Self(SmallVec::from_slice(&[(ROOT, 0)]))
    }

    pub(super) fn next(&mut self, tree: &Tree) -> Option<ClientId> {
        while let Some((id, position)) = self.0.last_mut() {
            let node = tree.node(*id);
            let child = node.children.get(*position).copied();
            let Some(child) = child.filter(|_| *position < node.awake) else {
                self.0.pop();
                continue;
            };
            *position += 1;
            let node = tree.node(child);
            match node.kind {
                Kind::Active => return node.client,
                Kind::Internal => self.0.push((child, 0)),
                Kind::Inactive => {}
            }
        }
        None
    }
}
