//! What a replica stored before it was killed.
//!
//! The writer is this program itself, started again with a folder to write to.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use mesos_log::{LevelDbStorage, Storage};
use mesos_proto::internal::log::{Action, action};

/// Where the writer writes; without it the test that is the writer does nothing.
const FOLDER: &str = "LOG_WRITER_FOLDER";

fn append(position: u64, size: usize) -> Action {
    Action {
        position: Some(position),
        promised: Some(1),
        performed: Some(1),
        learned: Some(true),
        r#type: Some(action::Type::Append.into()),
        append: Some(
            action::Append {
                bytes: Some(vec![7; size].into()),
                ..Default::default()
            }
            .into(),
        ),
        ..Action::default()
    }
}

fn truncation(position: u64, to: u64) -> Action {
    Action {
        r#type: Some(action::Type::Truncate.into()),
        append: None,
        truncate: Some(action::Truncate {
            to: Some(to),
            ..Default::default()
        }),
        ..append(position, 0)
    }
}

/// Writes until it is killed, and says after each write which position is stored.
#[test]
fn writer() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let mut storage = LevelDbStorage::open(Path::new(&folder)).expect("opens");
    let mut position = storage.restore().expect("scans").end + 1;
    let mut output = std::io::stdout();
    loop {
        let action = if position.is_multiple_of(64) {
            truncation(position, position - 32)
        } else {
            append(
                position,
                usize::try_from(position % 97).expect("small") * 700,
            )
        };
        storage.persist_action(&action).expect("stores");
        writeln!(output, "stored {position}").expect("somebody reads");
        position += 1;
    }
}

struct Writer {
    process: Child,
    lines: BufReader<ChildStdout>,
}

impl Writer {
    fn start(folder: &Path) -> Self {
        let program = std::env::current_exe().expect("a program");
        let mut process = Command::new(program)
            .args(["--exact", "writer", "--nocapture"])
            .env(FOLDER, folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let lines = BufReader::new(process.stdout.take().expect("an output"));
        Self { process, lines }
    }

    /// Reads until `count` positions are stored, kills, and reads what else was said.
    fn kill_after(mut self, count: usize) -> u64 {
        let (mut last, mut seen) = (0, 0);
        let mut line = String::new();
        loop {
            line.clear();
            if self.lines.read_line(&mut line).expect("reads") == 0 {
                break;
            }
            let Some(position) = line.trim().strip_prefix("stored ") else {
                continue;
            };
            // The last line may be cut off.
            if line.ends_with('\n') {
                last = position.parse().expect("a number");
                seen += 1;
            }
            if seen == count {
                self.process.kill().expect("dies");
            }
        }
        self.process.wait().expect("is dead");
        last
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_writer_is_killed_again_and_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut random = fastrand::Rng::with_seed(7);

    for _ in 0..12 {
        let last = Writer::start(folder.path()).kill_after(random.usize(1..200));

        let mut storage = LevelDbStorage::open(folder.path()).expect("opens after the kill");
        let scan = storage.restore().expect("scans");
        assert!(last > 0 && scan.end >= last, "{} of {last}", scan.end);
        for position in scan.begin..=last {
            assert!(
                scan.learned.contains(position),
                "{position} of {last} is lost"
            );
            let action = storage.read(position).expect("reads");
            assert_eq!(action.position(), position);
        }
    }
}
