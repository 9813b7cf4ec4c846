//! Writes the compiled descriptors of all `.proto` files to standard output.
//!
//! The output is a serialized `google.protobuf.FileDescriptorSet`, imports included.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    io::stdout().lock().write_all(mesos_proto::DESCRIPTOR_SET)
}
