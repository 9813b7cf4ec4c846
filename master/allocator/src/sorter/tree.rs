//! The tree of paths that both sorters share.
//!
//! # Invariants
//! - Children that are inner nodes or active leaves come first, inactive leaves last.
//! - An inner node holds the sum of what its children hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::amounts::{AgentKey, Amounts, Ledger, Names, Weighed};

/// Numbers a client of a sorter; stays the same while the tree changes its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(usize);

/// The position of a node in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(usize);

pub(super) const ROOT: NodeId = NodeId(0);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Internal,
    Active,
    Inactive,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    /// The last component, or `.` for a client that is also an inner node.
    name: Arc<str>,
    pub(super) path: Arc<str>,
    pub(super) kind: Kind,
    pub(super) parent: NodeId,
    pub(super) children: Vec<NodeId>,
    by_name: BTreeMap<Arc<str>, NodeId>,
    /// How many children are not inactive; they are the first ones.
    pub(super) awake: usize,
    pub(super) held: Ledger,
    /// How often something was allocated at or below this node.
    pub(super) count: u64,
    /// The cached weight; `None` until it is looked up.
    pub(super) weight: Option<f64>,
    pub(super) share: f64,
    pub(super) client: Option<ClientId>,
}

impl Node {
    fn new(name: Arc<str>, path: Arc<str>, kind: Kind, parent: NodeId) -> Self {
        Self {
            name,
            path,
            kind,
            parent,
            children: Vec::new(),
            by_name: BTreeMap::new(),
            awake: 0,
            held: Ledger::default(),
            count: 0,
            weight: None,
            share: 0.0,
            client: None,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Option<Node>>,
    free_nodes: Vec<NodeId>,
    clients: Vec<Option<NodeId>>,
    free_clients: Vec<ClientId>,
    by_path: HashMap<Arc<str>, ClientId, rustc_hash::FxBuildHasher>,
}

impl Tree {
    pub(super) fn new() -> Self {
        let root = Node::new("".into(), "".into(), Kind::Internal, ROOT);
        Self {
            nodes: vec![Some(root)],
            free_nodes: Vec::new(),
            clients: Vec::new(),
            free_clients: Vec::new(),
            by_path: HashMap::default(),
        }
    }

    /// The node of an id that this tree handed out and did not remove.
    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.nodes
            .get(id.0)
            .and_then(Option::as_ref)
            .expect("ids name living nodes")
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> &mut Node {
        self.nodes
            .get_mut(id.0)
            .and_then(Option::as_mut)
            .expect("ids name living nodes")
    }

    pub(super) fn node_of(&self, client: ClientId) -> Option<NodeId> {
        self.clients.get(client.0).copied().flatten()
    }

    pub(super) fn client(&self, path: &str) -> Option<ClientId> {
        self.by_path.get(path).copied()
    }

    pub(super) fn client_path(&self, client: ClientId) -> Option<&Arc<str>> {
        let node = self.node(self.node_of(client)?);
        let named = if is_virtual(node) {
            self.node(node.parent)
        } else {
            node
        };
        Some(&named.path)
    }

    pub(super) fn count(&self) -> usize {
        self.by_path.len()
    }

    pub(super) fn held(&self, client: ClientId) -> Option<&Amounts> {
        self.node_of(client)
            .map(|node| self.node(node).held.amounts())
    }

    pub(super) fn root_held(&self) -> &Amounts {
        self.node(ROOT).held.amounts()
    }

    pub(super) fn client_weight(&self, client: ClientId) -> Option<f64> {
        self.node_of(client).and_then(|node| self.node(node).weight)
    }

    /// Ids of all nodes but the root.
    pub(super) fn all(&self) -> impl Iterator<Item = NodeId> + use<> {
        let living: Vec<NodeId> = self
            .nodes
            .iter()
            .enumerate()
            .skip(1)
            .filter(|(_, node)| node.is_some())
            .map(|(index, _)| NodeId(index))
            .collect();
        living.into_iter()
    }

    pub(super) fn add(&mut self, path: &Arc<str>) -> ClientId {
        if let Some(existing) = self.client(path) {
            return existing;
        }
        let mut current = ROOT;
        let mut created = false;
        for name in path.split('/') {
            if let Some(child) = self.node(current).by_name.get(name) {
                current = *child;
                created = false;
                continue;
            }
            if self.node(current).kind != Kind::Internal {
                current = self.open_leaf(current);
            }
            current = self.new_child(current, name.into(), Kind::Internal);
            created = true;
        }
        let leaf = if created {
            self.set_kind(current, Kind::Inactive);
            current
        } else {
            self.new_child(current, ".".into(), Kind::Inactive)
        };
        self.new_client(path, leaf)
    }

    fn new_client(&mut self, path: &Arc<str>, leaf: NodeId) -> ClientId {
        let client = self.free_clients.pop().unwrap_or_else(|| {
            self.clients.push(None);
            ClientId(self.clients.len() - 1)
        });
        if let Some(slot) = self.clients.get_mut(client.0) {
            *slot = Some(leaf);
        }
        self.node_mut(leaf).client = Some(client);
        self.by_path.insert(Arc::clone(path), client);
        client
    }

    /// Makes a leaf an inner node whose only child is the old leaf, named `.`.
    fn open_leaf(&mut self, leaf: NodeId) -> NodeId {
        let (name, parent, kind) = {
            let node = self.node(leaf);
            (Arc::clone(&node.name), node.parent, node.kind)
        };
        self.detach(leaf);
        let inner = self.new_child(parent, name, Kind::Internal);
        let (held, count) = {
            let node = self.node(leaf);
            (node.held.clone(), node.count)
        };
        let path = format!("{}/.", self.node(inner).path);
        let node = self.node_mut(inner);
        node.held = held;
        node.count = count;
        let node = self.node_mut(leaf);
        node.name = ".".into();
        node.path = path.into();
        node.parent = inner;
        node.kind = kind;
        node.weight = None;
        self.attach(leaf);
        inner
    }

    pub(super) fn remove(&mut self, names: &mut Names, client: ClientId) {
        let Some(leaf) = self.node_of(client) else {
            return;
        };
        let path = self.client_path(client).cloned();
        self.forget_held(names, leaf);
        if let Some(path) = path {
            self.by_path.remove(&path);
        }
        if let Some(slot) = self.clients.get_mut(client.0) {
            *slot = None;
        }
        self.free_clients.push(client);

        let mut current = leaf;
        while current != ROOT && self.node(current).children.is_empty() {
            let parent = self.node(current).parent;
            self.detach(current);
            self.free(current);
            current = parent;
        }
        self.close_leaf(current);
    }

    /// Takes what a leaf holds out of all its ancestors.
    fn forget_held(&mut self, names: &mut Names, leaf: NodeId) {
        let gone = self.node(leaf).held.clone();
        let mut current = leaf;
        while current != ROOT {
            current = self.node(current).parent;
            self.node_mut(current).held.subtract_ledger(names, &gone);
        }
    }

    /// Makes an inner node whose only child is its own client a leaf again.
    fn close_leaf(&mut self, inner: NodeId) {
        let [only] = self.node(inner).children.as_slice() else {
            return;
        };
        let only = *only;
        if inner == ROOT || !is_virtual(self.node(only)) {
            return;
        }
        let (kind, client, held, count) = {
            let leaf = self.node(only);
            (leaf.kind, leaf.client, leaf.held.clone(), leaf.count)
        };
        self.detach(only);
        self.free(only);
        let node = self.node_mut(inner);
        node.client = client;
        node.held = held;
        node.count = count;
        self.set_kind(inner, kind);
        if let Some(slot) = client.and_then(|client| self.clients.get_mut(client.0)) {
            *slot = Some(inner);
        }
    }

    /// Whether the client was not active before.
    pub(super) fn activate(&mut self, client: ClientId) -> bool {
        let Some(node) = self.node_of(client) else {
            return false;
        };
        let changed = self.node(node).kind == Kind::Inactive;
        if changed {
            self.set_kind(node, Kind::Active);
        }
        changed
    }

    pub(super) fn deactivate(&mut self, client: ClientId) {
        let Some(node) = self.node_of(client) else {
            return;
        };
        if self.node(node).kind == Kind::Active {
            self.set_kind(node, Kind::Inactive);
        }
    }

    pub(super) fn update_weight(&mut self, path: &str, weight: f64) {
        let mut current = ROOT;
        for name in path.split('/') {
            let Some(child) = self.node(current).by_name.get(name) else {
                return;
            };
            current = *child;
        }
        self.node_mut(current).weight = Some(weight);
    }

    pub(super) fn allocated(
        &mut self,
        names: &mut Names,
        client: ClientId,
        agent: AgentKey,
        weighed: &Weighed,
    ) {
        self.walk_up(client, |node| {
            node.count += 1;
            node.held.add(names, agent, &weighed.all, &weighed.shared);
        });
    }

    pub(super) fn add_held(
        &mut self,
        names: &mut Names,
        client: ClientId,
        agent: AgentKey,
        weighed: &Weighed,
    ) {
        self.walk_up(client, |node| {
            node.held.add(names, agent, &weighed.all, &weighed.shared);
        });
    }

    pub(super) fn subtract(
        &mut self,
        names: &mut Names,
        client: ClientId,
        agent: AgentKey,
        weighed: &Weighed,
    ) {
        self.walk_up(client, |node| {
            node.held
                .subtract(names, agent, &weighed.all, &weighed.shared);
        });
    }

    fn walk_up(&mut self, client: ClientId, mut change: impl FnMut(&mut Node)) {
        let Some(mut current) = self.node_of(client) else {
            return;
        };
        loop {
            let node = self.node_mut(current);
            change(node);
            if current == ROOT {
                return;
            }
            current = node.parent;
        }
    }

    fn new_child(&mut self, parent: NodeId, name: Arc<str>, kind: Kind) -> NodeId {
        let path: Arc<str> = match parent {
            ROOT => Arc::clone(&name),
            _ => format!("{}/{name}", self.node(parent).path).into(),
        };
        let node = Some(Node::new(name, path, kind, parent));
        let id = match self.free_nodes.pop() {
            Some(id) => id,
            None => {
                self.nodes.push(None);
                NodeId(self.nodes.len() - 1)
            }
        };
        if let Some(slot) = self.nodes.get_mut(id.0) {
            *slot = node;
        }
        self.attach(id);
        id
    }

    fn free(&mut self, id: NodeId) {
        if let Some(slot) = self.nodes.get_mut(id.0) {
            *slot = None;
        }
        self.free_nodes.push(id);
    }

    fn set_kind(&mut self, id: NodeId, kind: Kind) {
        self.detach(id);
        self.node_mut(id).kind = kind;
        self.attach(id);
    }

    /// Puts a node among its parent's children: inactive leaves last, others first.
    fn attach(&mut self, id: NodeId) {
        let node = self.node(id);
        let (name, kind, parent) = (Arc::clone(&node.name), node.kind, node.parent);
        let parent = self.node_mut(parent);
        match kind {
            Kind::Inactive => parent.children.push(id),
            Kind::Internal | Kind::Active => {
                parent.children.insert(0, id);
                parent.awake += 1;
            }
        }
        parent.by_name.insert(name, id);
    }

    fn detach(&mut self, id: NodeId) {
        let node = self.node(id);
        let (name, kind, parent) = (Arc::clone(&node.name), node.kind, node.parent);
        let parent = self.node_mut(parent);
        if let Some(position) = parent.children.iter().position(|child| *child == id) {
            parent.children.remove(position);
            match kind {
                Kind::Inactive => {}
                Kind::Internal | Kind::Active => parent.awake -= 1,
            }
        }
        parent.by_name.remove(&name);
    }
}

fn is_virtual(node: &Node) -> bool {
    node.name.as_ref() == "."
}
