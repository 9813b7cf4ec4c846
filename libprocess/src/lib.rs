//! Actors with PIDs, the legacy message wire, HTTP, clock and metrics.
