//! Scheduler libraries: the v1 API and the legacy driver.
