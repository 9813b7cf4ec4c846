//! Black-box tests, recordings and the parity counter.
