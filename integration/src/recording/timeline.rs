//! The files of a recording as one sequence.

use serde_json::Value;

use super::RecordingError;
use crate::golden::{Golden, GoldenError};
use crate::replay::wire::{self, Frame};

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Step {
    /// A note of whoever made the recording.
    Note(String),
    /// The read endpoints were fetched; the name of the folder.
    Snapshot(String),
    /// An operator's call with its answer.
    Operator(Value),
    /// An agent sent a message to the master.
    AgentSends(Frame),
    /// The master sent a message to an agent.
    AgentGets(Frame),
    /// A framework called, or something came on its stream.
    Scheduler {
        /// Which framework.
        name: String,
        /// The line of its file.
        line: Value,
    },
    /// Something came on the operator's event stream.
    Watcher(Value),
}

/// A step and when it happened.
#[derive(Debug, Clone)]
pub struct Moment {
    /// Seconds since the first message of the recording.
    pub time: f64,
    /// What happened.
    pub step: Step,
}

/// Puts the files of `golden` in order, as a master on `master` saw it.
///
/// # Errors
/// [`RecordingError`] when a file is missing or does not parse.
pub fn read(golden: &Golden, master: u64) -> Result<Vec<Moment>, RecordingError> {
    let mut moments = Vec::new();
    for (time, line) in lines(golden, "calls.jsonl")? {
        moments.push(Moment {
            time,
            step: operator_step(line),
        });
    }
    let frames = wire::frames(golden)?;
    let mut sent = sent_calls(&frames);
    let files: Vec<String> = golden.paths("events-").map(str::to_owned).collect();
    for file in files {
        let name = file
            .trim_start_matches("events-")
            .trim_end_matches(".jsonl")
            .to_owned();
        for (time, line) in lines(golden, &file)? {
            let name = name.clone();
            let time = call_time(&line, &mut sent).unwrap_or(time);
            moments.push(Moment {
                time,
                step: Step::Scheduler { name, line },
            });
        }
    }
    for (time, line) in lines(golden, "operator-events.jsonl")? {
        moments.push(Moment {
            time,
            step: Step::Watcher(line),
        });
    }
    for frame in frames {
        let time = frame.time;
        if let Some(step) = wire_step(frame, master) {
            moments.push(Moment { time, step });
        }
    }
    moments.sort_by(|one, two| one.time.total_cmp(&two.time));
    Ok(moments)
}

/// Lists the calls of frameworks on the wire: their files say only when the answer came.
fn sent_calls(frames: &[Frame]) -> Vec<(f64, Value)> {
    let calls = frames
        .iter()
        .filter(|frame| frame.path() == "/api/v1/scheduler");
    calls
        .filter_map(|frame| Some((frame.time, serde_json::from_slice(&frame.body).ok()?)))
        .collect()
}

fn call_time(line: &Value, sent: &mut Vec<(f64, Value)>) -> Option<f64> {
    let call = line.get("call")?;
    let index = sent.iter().position(|(_, sent)| sent == call)?;
    Some(sent.remove(index).0)
}

fn operator_step(line: Value) -> Step {
    let Some(note) = line.get("note").and_then(Value::as_str) else {
        return Step::Operator(line);
    };
    match note.strip_prefix("snapshot ") {
        Some(folder) => Step::Snapshot(folder.to_owned()),
        None => Step::Note(note.to_owned()),
    }
}

fn wire_step(frame: Frame, master: u64) -> Option<Step> {
    let (_, name) = frame.legacy()?;
    // The player answers pings by itself: how many there are depends on its pace.
    if name.ends_with("PingSlaveMessage") || name.ends_with("PongSlaveMessage") {
        return None;
    }
    let from = frame.header("Libprocess-From")?;
    if frame.to_port == master {
        return Some(Step::AgentSends(frame));
    }
    let from_master = from.ends_with(&format!(":{master}"));
    from_master.then_some(Step::AgentGets(frame))
}

/// Reads the lines of a file with their times.
fn lines(golden: &Golden, file: &str) -> Result<Vec<(f64, Value)>, RecordingError> {
    let mut last = f64::MIN;
    let mut lines = Vec::new();
    for text in golden.text(file)?.lines() {
        let line: Value = serde_json::from_str(text).map_err(|error| GoldenError::Malformed {
            file: file.to_owned(),
            detail: error.to_string(),
        })?;
        let time = line.get("t").and_then(Value::as_f64).unwrap_or_default();
        // A stream that its client closed has no sensible time.
        let time = if time < -1.0 { last } else { time };
        last = last.max(time);
        lines.push((time, line));
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::{Step, read};
    use crate::golden::Golden;

    #[test]
    fn every_line_of_the_calls_is_a_moment() {
        let golden = Golden::open("roles-quota").unwrap();

        let moments = read(&golden, 15120).unwrap();

        let calls = moments.iter().filter(|moment| {
            matches!(
                moment.step,
                Step::Note(_) | Step::Operator(_) | Step::Snapshot(_)
            )
        });
        assert_eq!(calls.count(), 162);
    }
}
