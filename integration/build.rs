//! Compiles the `.proto` files of `proto/` into a descriptor set for the harness.
//!
//! The harness reads messages by reflection, so that it checks the generated code from outside.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use prost_reflect::DescriptorPool;

/// Folders of `proto/` that hold Rust, not `.proto` files.
const RUST: [&str; 5] = ["src", "codec", "codegen", "fuzz", "tests"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../proto");
    let mut files = Vec::new();
    for entry in fs::read_dir(&root)? {
        let path = entry?.path();
        let is_rust = path
            .file_name()
            .is_some_and(|name| RUST.iter().any(|rust| name == *rust));
        if path.is_dir() && !is_rust {
            println!("cargo::rerun-if-changed={}", path.display());
            collect(&path, &mut files)?;
        }
    }
    files.sort();
    let pool = if files.is_empty() {
        DescriptorPool::new()
    } else {
        DescriptorPool::from_file_descriptor_set(protox::compile(&files, [&root])?)?
    };
    fs::write(
        Path::new(&env::var("OUT_DIR")?).join("descriptors.bin"),
        pool.encode_to_vec(),
    )?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|ending| ending == "proto") {
            files.push(path);
        }
    }
    Ok(())
}
