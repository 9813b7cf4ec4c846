//! Contenders and detectors of the leading master.
