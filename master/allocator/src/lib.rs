//! The hierarchical allocator: weighted dominant resource fairness over roles.
//!
//! [`AllocatorHandle`] talks to the actor; [`State`] is the same allocator as a plain value.

pub mod allocator;
pub mod amounts;
pub mod event;
pub mod hierarchical;
pub mod metrics;
pub mod offer_constraints;
pub mod rng;
pub mod sorter;

pub use allocator::{
    Activity, AllocatorHandle, AllocatorObserver, AllocatorOptions, FrameworkFilter,
    FrameworkMetrics, FrameworkOptions, FrameworkViewer, GpuFiltering, InverseOffer, NewAgent,
    Offer, Ownership, Quota, UpdateAvailableError,
};
pub use event::{Command, Event, Recorded};
pub use hierarchical::HierarchicalAllocatorProcess;
pub use hierarchical::explain::{Explanation, Question, Reason};
pub use hierarchical::filters::FilterTicket;
pub use hierarchical::replay::replay;
pub use hierarchical::state::State;
pub use offer_constraints::{OfferConstraintsError, OfferConstraintsFilter, RegexLimits};
pub use sorter::{SorterKind, UnsupportedSorters};
