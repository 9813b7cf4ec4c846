//! Who is linked to whom.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Notice;
use crate::address::Address;
use crate::pid::Upid;

/// The links of one runtime, seen from all sides.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// Target to the local actors linked to it.
    linkers: FxHashMap<Upid, FxHashSet<Upid>>,
    /// Local actor to its targets.
    targets: FxHashMap<Upid, FxHashSet<Upid>>,
    /// Address to the targets there.
    addresses: FxHashMap<Address, FxHashSet<Upid>>,
}

impl Links {
    pub(super) fn add(&mut self, linker: &Upid, target: &Upid) {
        self.linkers
            .entry(target.clone())
            .or_default()
            .insert(linker.clone());
        self.targets
            .entry(linker.clone())
            .or_default()
            .insert(target.clone());
        self.addresses
            .entry(target.address)
            .or_default()
            .insert(target.clone());
    }

    /// Forgets what an actor is linked to.
    pub(super) fn remove_linker(&mut self, linker: &Upid) {
        for target in self.targets.remove(linker).unwrap_or_default() {
            if let Some(linkers) = self.linkers.get_mut(&target) {
                linkers.remove(linker);
                if linkers.is_empty() {
                    self.linkers.remove(&target);
                    self.forget_address(&target);
                }
            }
        }
    }

    /// Takes the actors that are linked to a target.
    pub(super) fn take_target(&mut self, target: &Upid) -> FxHashSet<Upid> {
        let linkers = self.linkers.remove(target).unwrap_or_default();
        for linker in &linkers {
            if let Some(targets) = self.targets.get_mut(linker) {
                targets.remove(target);
                if targets.is_empty() {
                    self.targets.remove(linker);
                }
            }
        }
        self.forget_address(target);
        linkers
    }

    /// Whether anybody is linked to an actor at this address.
    pub(super) fn reach(&self, address: Address) -> bool {
        self.addresses.contains_key(&address)
    }

    /// Takes all links to actors at an address.
    pub(super) fn take_address(&mut self, address: Address) -> Vec<Notice> {
        let targets = self.addresses.remove(&address).unwrap_or_default();
        let mut notices = Vec::new();
        for target in targets {
            for linker in self.take_target(&target) {
                notices.push((linker, target.clone()));
            }
        }
        notices
    }

    fn forget_address(&mut self, target: &Upid) {
        if let Some(targets) = self.addresses.get_mut(&target.address) {
            targets.remove(target);
            if targets.is_empty() {
                self.addresses.remove(&target.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upid(text: &str) -> Upid {
        text.parse().expect("a pid")
    }

    #[test]
    fn an_address_gives_every_linker_of_every_target_once() {
        let (a, b) = (upid("a@127.0.0.1:1"), upid("b@127.0.0.1:1"));
        let (x, y) = (upid("x@127.0.0.1:2"), upid("y@127.0.0.1:2"));
        let mut links = Links::default();
        for (linker, target) in [(&a, &x), (&a, &x), (&a, &y), (&b, &x)] {
            links.add(linker, target);
        }

        let mut notices = links.take_address(x.address);
        notices.sort();

        assert_eq!(notices, [(a.clone(), x.clone()), (a, y), (b, x.clone())]);
        assert!(links.take_address(x.address).is_empty());
        assert!(links.targets.is_empty() && links.linkers.is_empty());
    }

    /// Mirrors: ProcessRemoteLinkTest.RemoteLinkLeak
    #[test]
    fn an_actor_that_ends_leaves_nothing_behind() {
        let (a, x) = (upid("a@127.0.0.1:1"), upid("x@127.0.0.1:2"));
        let mut links = Links::default();
        links.add(&a, &x);
        links.add(&a, &a);

        links.remove_linker(&a);

        assert!(links.take_target(&a).is_empty());
        assert!(links.linkers.is_empty() && links.targets.is_empty() && links.addresses.is_empty());
    }
}
