//! A weighted shuffle of the active clients.
//!
//! Mirrors `src/master/allocator/mesos/sorter/random`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::tree::{ClientId, Kind, NodeId, ROOT, Tree};
use crate::rng::Rng;

/// Computes the chance of every active client; it is kept in the node's share.
///
/// A node's chance is its parent's times its part of the weights of its active siblings.
pub(super) fn weigh(tree: &mut Tree, weights: &BTreeMap<Arc<str>, f64>) {
    for id in tree.all() {
        let node = tree.node_mut(id);
        node.weight
            .get_or_insert_with(|| weights.get(&node.path).copied().unwrap_or(1.0));
        node.share = 0.0;
    }
    spread(tree, ROOT, 1.0);
}

fn spread(tree: &mut Tree, parent: NodeId, chance: f64) {
    let children: Vec<NodeId> = tree
        .node(parent)
        .children
        .iter()
        .copied()
        .filter(|child| has_active_leaf(tree, *child))
        .collect();
    let weight = |tree: &Tree, child: NodeId| tree.node(child).weight.unwrap_or(1.0);
    let sum: f64 = children.iter().map(|child| weight(tree, *child)).sum();
    for child in children {
        let own = chance * weight(tree, child) / sum;
        tree.node_mut(child).share = own;
        if tree.node(child).kind == Kind::Internal {
            spread(tree, child, own);
        }
    }
}

fn has_active_leaf(tree: &Tree, id: NodeId) -> bool {
    match tree.node(id).kind {
        Kind::Active => true,
        Kind::Inactive => false,
        Kind::Internal => tree
            .node(id)
            .children
            .iter()
            .any(|child| has_active_leaf(tree, *child)),
    }
}

/// Draws an order in which a client with more weight tends to be earlier.
pub(super) fn shuffle(tree: &Tree, rng: &mut Rng) -> Vec<ClientId> {
    let mut keyed: Vec<(f64, ClientId)> = tree
        .all()
        .map(|id| tree.node(id))
        .filter(|node| node.kind == Kind::Active)
        .filter_map(|node| Some((-rng.unit().powf(1.0 / node.share), node.client?)))
        .collect();
    keyed.sort_by(|left, right| left.0.total_cmp(&right.0));
    keyed.into_iter().map(|(_, client)| client).collect()
}
