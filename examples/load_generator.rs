//! How many calls does a master take? Several callers at once send one after the other.
//!
//! `load_generator <master> [seconds] [callers]`

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Result, bail};
use libprocess::Runtime;
use mesos_proto::v1::TaskId;
use mesos_scheduler::{Framework, FrameworkBuilder, FrameworkEvent, Options};

fn main() -> Result<()> {
    mesos_examples::run(generate)
}

async fn generate(runtime: &Runtime, options: Options) -> Result<()> {
    let number = |position, default| match mesos_examples::argument(position) {
        Ok(text) => text.parse(),
        Err(_absent) => Ok(default),
    };
    let (seconds, callers) = (number(2, 1)?, number(3, 4)?);
    let info = FrameworkBuilder::new("load generator").build();
    let (framework, mut events) = Framework::subscribe(runtime, options, info).await?;
    framework.suppress(Vec::new());

    let (calls, answers) = (Cell::new(0_u64), Cell::new(0_u64));
    let callers = (0..callers).map(|_| call_forever(&framework, &calls));
    let callers = futures::future::try_join_all(callers);
    let listening = async {
        while let Some(event) = events.next().await {
            if let FrameworkEvent::Error(error) = event {
                bail!("{error}");
            }
            // A task that nobody knows: the master answers each time.
            let is_answer = matches!(event, FrameworkEvent::Update(_));
            answers.set(answers.get() + u64::from(is_answer));
        }
        bail!("the library ended")
    };
    tokio::select! {
        ended = callers => drop(ended?),
        ended = listening => return ended,
        () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
    }
    let per_second = |count: &Cell<u64>| count.get() / seconds.max(1);
    println!(
        "{} calls per second, {} answers",
        per_second(&calls),
        per_second(&answers)
    );
    Ok(framework.teardown().await?)
}

async fn call_forever(framework: &Framework, calls: &Cell<u64>) -> Result<()> {
    loop {
        let unknown = TaskId {
            value: Some(format!("unknown-{}", calls.get())),
            ..Default::default()
        };
        let call = framework.calls().reconcile(vec![(unknown, None)]);
        framework.perform(call).await?;
        calls.set(calls.get() + 1);
    }
}
