//! Compiles the `.proto` files into Rust, see `mesos_proto_codegen`.

use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    for folder in [
        "mesos",
        "csi",
        "grpc",
        "master",
        "messages",
        "resource_provider",
        "slave",
    ] {
        println!("cargo::rerun-if-changed={}", root.join(folder).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    let files = mesos_proto_codegen::generate(&root, Path::new(&out))?;
    if files.is_empty() {
        return Err("no .proto files were found".into());
    }
    Ok(())
}
