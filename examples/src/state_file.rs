//! What a framework must not forget, as lines of a file.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

/// Names with values, each change of which is in the file before it is made known.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    lines: BTreeMap<String, String>,
}

impl StateFile {
    /// Reads the file, if it is there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let lines = lines.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Self {
            path,
            lines: lines.collect(),
        })
    }

    /// The value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.lines.get(name).map(String::as_str)
    }

    /// All names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.lines.iter();
        lines.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Sets a value. The file is replaced at once, so that a death in between leaves the old one.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn set(&mut self, name: &str, value: &str) -> io::Result<()> {
        self.lines.insert(name.to_owned(), value.to_owned());
        let lines = self.iter().map(|(name, value)| format!("{name} {value}\n"));
        let new = self.path.with_extension("new");
        std::fs::write(&new, lines.collect::<String>())?;
        std::fs::rename(&new, &self.path)
    }

    /// Removes the file.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(self) -> io::Result<()> {
        std::fs::remove_file(self.path)
    }
}
