//! A number that its owner sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A gauge; clones are the same gauge.
#[derive(Clone, Debug, Default)]
pub struct PushGauge {
    bits: Arc<AtomicU64>,
}

impl PushGauge {
    /// Sets the value.
    pub fn set(&self, value: f64) {
        self.bits.store(value.to_bits(), Ordering::Relaxed);
    }

    /// Adds to the value; a negative number subtracts.
    pub fn add(&self, change: f64) {
        let update = |bits| Some((f64::from_bits(bits) + change).to_bits());
        // The closure always gives a value, so the update happens.
        let _ = self
            .bits
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }

    /// The present value.
    #[must_use]
    pub fn value(&self) -> f64 {
        f64::from_bits(self.bits.load(Ordering::Relaxed))
    }
}
