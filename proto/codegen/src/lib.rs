//! Generator of message types, binary codec, JSON mapping and required check from descriptors.
//!
//! `proto/build.rs` calls [`generate`]. The steps are: compile the `.proto` files with protox,
//! build a [`model`] of messages and enums, find the v0/v1 pairs and prove them equal
//! ([`pairing`]), then print Rust ([`emit`]), one file per package.
//!
//! One Rust type stands for both messages of a pair. It carries the v1 names, and where v0 spells a
//! name differently the JSON mapping and the required check know both spellings.

pub mod emit;
pub mod layout;
pub mod model;
pub mod names;
pub mod pairing;

use std::path::{Path, PathBuf};
use std::{fs, io};

use prost::Message;
use prost_types::FileDescriptorSet;

/// Why the generator gave up; each of these fails the build.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// A file could not be read or written.
    #[error("failed to access {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// A `.proto` file is at fault.
    #[error("failed to compile the .proto files")]
    Compile(#[from] Box<protox::Error>),
    /// The descriptors hold something this generator does not know.
    #[error("{what} is not supported")]
    Unsupported {
        /// Full name and feature.
        what: String,
    },
    /// A v0 message and its v1 twin differ in a way that is not listed.
    #[error("v0 and v1 differ:\n{}", differences.join("\n"))]
    Pairs {
        /// One line per difference.
        differences: Vec<String>,
    },
}

/// Compiles every `.proto` file below `root` and writes Rust into `out`.
///
/// Besides one file per package, `out` receives `modules.rs`, which includes them all, and
/// `descriptors.bin`, the compiled `FileDescriptorSet`.
///
/// # Errors
/// See [`GenerateError`].
pub fn generate(root: &Path, out: &Path) -> Result<Vec<PathBuf>, GenerateError> {
    let files = proto_files(root)?;
    let set = compile(root, &files)?;
    write(
        &out.join("descriptors.bin"),
        &without_comments(&set).encode_to_vec(),
    )?;
    let schema = pairing::pair(model::Schema::from_descriptors(&set)?)?;
    for (name, text) in emit::emit(&schema) {
        write(&out.join(name), text.as_bytes())?;
    }
    Ok(files)
}

/// Compiles `.proto` files, imports and comments included.
///
/// # Errors
/// [`GenerateError::Compile`] when a file is at fault.
pub fn compile(root: &Path, files: &[PathBuf]) -> Result<FileDescriptorSet, GenerateError> {
    let mut compiler = protox::Compiler::new([root]).map_err(Box::new)?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(files).map_err(Box::new)?;
    Ok(compiler.file_descriptor_set())
}

fn without_comments(set: &FileDescriptorSet) -> FileDescriptorSet {
    let mut set = set.clone();
    set.file
        .iter_mut()
        .for_each(|file| file.source_code_info = None);
    set
}

/// All `.proto` files below `root`, sorted.
fn proto_files(root: &Path) -> Result<Vec<PathBuf>, GenerateError> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let fail = |source| GenerateError::Io {
            path: folder.clone(),
            source,
        };
        for entry in fs::read_dir(&folder).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            let path = entry.path();
            if entry.file_type().map_err(fail)?.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "proto")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn write(path: &Path, content: &[u8]) -> Result<(), GenerateError> {
    fs::write(path, content).map_err(|source| GenerateError::Io {
        path: path.to_owned(),
        source,
    })
}
