//! Log files: one for each level, with a symbolic link to the newest.
//!
//! # Wire
//! `<program>.INFO` links to `<program>.<host>.<user>.log.INFO.<date>-<time>.<pid>`.
//! The file of a level holds the lines of that level and above, and is made with its first line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use libprocess::{Clock, Time};
use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use super::LoggingError;
use super::line::Date;

/// The levels that have files, the lowest first.
const LEVELS: [&str; 3] = ["INFO", "WARNING", "ERROR"];

/// The log files of one program. Clones write to the same files.
#[derive(Clone, Debug)]
pub(super) struct LogFiles {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    directory: PathBuf,
    program: String,
    clock: Clock,
    files: Mutex<[Option<File>; LEVELS.len()]>,
}

impl LogFiles {
    /// Makes the directory; the files come with their first lines.
    pub(super) fn open(directory: &Path, program: &str) -> Result<Self, LoggingError> {
        fs::create_dir_all(directory).map_err(|source| LoggingError::Directory {
            path: directory.display().to_string(),
            source,
        })?;
        let shared = Shared {
            directory: directory.to_owned(),
            program: program.to_owned(),
            clock: Clock::real(),
            files: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }
}

impl<'a> MakeWriter<'a> for LogFiles {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter {
            shared: &self.shared,
            levels: 1,
        }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> LineWriter<'a> {
        let levels = if *metadata.level() == Level::ERROR {
            3
        } else if *metadata.level() == Level::WARN {
            2
        } else {
            1
        };
        LineWriter {
            shared: &self.shared,
            levels,
        }
    }
}

/// Writes one line to the files of its level and below.
#[derive(Debug)]
pub(super) struct LineWriter<'a> {
    shared: &'a Shared,
    /// How many of the files get the line.
    levels: usize,
}

impl Write for LineWriter<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut files = self
            .shared
            .files
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (file, level) in files.iter_mut().zip(LEVELS).take(self.levels) {
            let file = match file {
                Some(file) => file,
                None => file.insert(self.shared.create(level)?),
            };
            file.write_all(line)?;
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn create(&self, level: &str) -> io::Result<File> {
        let host = host_name();
        let now = self.clock.now();
        let name = format!(
            "{}.{host}.{}.log.{level}.{}.{}",
            self.program,
            user_name(),
            stamp(now),
            std::process::id()
        );
        let path = self.directory.join(&name);
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        let date = Date::of(now);
        write!(
            file,
            "Log file created at: {}/{:02}/{:02} {:02}:{:02}:{:02}\n\
             Running on machine: {host}\n\
             Log line format: [IWEF]mmdd hh:mm:ss.uuuuuu threadid file:line] msg\n",
            date.year, date.month, date.day, date.hour, date.minute, date.second
        )?;
        self.point_to(&name, level)?;
        Ok(file)
    }

    /// Lets the link of a level point to a new file, as glog does, by a name inside the directory.
    fn point_to(&self, name: &str, level: &str) -> io::Result<()> {
        let link = self.directory.join(format!("{}.{level}", self.program));
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        symlink(name, link)
    }
}

fn stamp(time: Time) -> String {
    let date = Date::of(time);
    format!(
        "{}{:02}{:02}-{:02}{:02}{:02}",
        date.year, date.month, date.day, date.hour, date.minute, date.second
    )
}

fn host_name() -> String {
    match nix::unistd::gethostname() {
        Ok(name) => name.to_string_lossy().into_owned(),
        Err(_) => "(unknown)".to_owned(),
    }
}

fn user_name() -> String {
    std::env::var("USER").unwrap_or_else(|_unset| "invalid-user".to_owned())
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn each_file_holds_its_level_and_above() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let files = LogFiles::open(&directory.path().join("logs"), "mesos-test").expect("opened");
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(files);

        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!("first");
            tracing::warn!("second");
        });

        let read = |level: &str| {
            let link = directory.path().join(format!("logs/mesos-test.{level}"));
            fs::read_to_string(link).ok()
        };
        let info = read("INFO").expect("written");
        assert!(info.starts_with("Log file created at: "), "{info}");
        assert!(info.contains("first") && info.contains("second"), "{info}");
        let warning = read("WARNING").expect("written");
        assert!(
            !warning.contains("first") && warning.contains("second"),
            "{warning}"
        );
        assert_eq!(read("ERROR"), None);
    }

    #[test]
    fn the_link_points_to_the_newest_file() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let link = directory.path().join("mesos-test.INFO");
        symlink("old", &link).expect("linked");
        let files = LogFiles::open(directory.path(), "mesos-test").expect("opened");

        files.make_writer().write_all(b"line\n").expect("written");

        let target = fs::read_link(&link).expect("a link");
        let name = target.display().to_string();
        assert!(name.starts_with("mesos-test."), "{name}");
        assert!(name.contains(".log.INFO."), "{name}");
    }
}
