//! The hierarchical allocator: weighted dominant resource fairness over roles.
