//! The `.proto` files against the recordings of genuine Mesos.

mod bodies;
