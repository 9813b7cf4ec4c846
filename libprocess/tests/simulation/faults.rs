//! Each kind of fault, seen from the actors.

use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use libprocess::http::client::{self, ClientRequest};
use libprocess::http::{Help, Response};
use libprocess::simulation::{Fault, Simulation, Weather};
use libprocess::{Context, Pid, Process, ProcessId, Runtime, Upid};

use crate::support::address;

#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Message(Bytes),
    Exited(Upid),
    Answer(String),
}

/// Tells what happens to it.
struct Probe(mpsc::Sender<Seen>);

impl Probe {
    fn tell(&self, seen: Seen) {
        self.0.send(seen).expect("the test looks on");
    }
}

impl Process for Probe {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("probe")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.install("note", |probe, _, body, _| probe.tell(Seen::Message(body)));
        ctx.route("/hello", Help::default(), |_, _, _| {
            Response::ok_text("hello from afar").into()
        });
    }

    fn exited(&mut self, pid: &Upid, _: &mut Context<Self>) {
        self.tell(Seen::Exited(pid.clone()));
    }
}

struct Pair {
    simulation: Simulation,
    here: Runtime,
    there: Runtime,
    ours: Pid<Probe>,
    theirs: Pid<Probe>,
    ours_seen: mpsc::Receiver<Seen>,
    theirs_seen: mpsc::Receiver<Seen>,
}

impl Pair {
    fn new() -> Self {
        let simulation = Simulation::new(3);
        let here = simulation.start(address(1)).expect("a host");
        let there = simulation.start(address(2)).expect("a host");
        let (tell, ours_seen) = mpsc::channel();
        let ours = here.spawn(Probe(tell));
        let (tell, theirs_seen) = mpsc::channel();
        let theirs = there.spawn(Probe(tell));
        Self {
            simulation,
            here,
            there,
            ours,
            theirs,
            ours_seen,
            theirs_seen,
        }
    }

    fn linked() -> Self {
        let pair = Self::new();
        let to = pair.theirs.upid().clone();
        pair.ours.dispatch(move |_, ctx| ctx.link(&to));
        pair.send("first");
        pair.pass(1);
        assert_eq!(pair.theirs_seen.try_recv(), Ok(message("first")));
        pair
    }

    fn send(&self, body: &'static str) {
        let to = self.theirs.upid().clone();
        self.ours
            .dispatch(move |_, ctx| ctx.send(&to, "note", Bytes::from_static(body.as_bytes())));
    }

    fn pass(&self, secs: u64) {
        self.simulation.advance(Duration::from_secs(secs));
    }

    fn shut_down(self) {
        self.here.shutdown();
        self.there.shutdown();
    }
}

fn message(body: &'static str) -> Seen {
    Seen::Message(Bytes::from_static(body.as_bytes()))
}

fn exited(pid: &Pid<Probe>) -> Seen {
    Seen::Exited(pid.upid().clone())
}

#[test]
fn a_message_arrives_after_its_delay_and_not_before() {
    let pair = Pair::linked();
    pair.simulation.inflict(Fault::Weather(Weather {
        min_delay: Duration::from_secs(5),
        max_delay: Duration::from_secs(5),
        loss_per_mille: 0,
    }));

    pair.send("slow");

    pair.pass(4);
    assert!(pair.theirs_seen.try_recv().is_err());
    pair.pass(1);
    assert_eq!(pair.theirs_seen.try_recv(), Ok(message("slow")));
    pair.shut_down();
}

#[test]
fn a_short_partition_delays_and_breaks_nothing() {
    let pair = Pair::linked();
    pair.simulation
        .inflict(Fault::Partition(address(1), address(2)));

    pair.send("patient");
    pair.pass(20);
    assert!(pair.theirs_seen.try_recv().is_err());
    pair.simulation.inflict(Fault::Heal(address(1), address(2)));
    pair.pass(20);

    assert_eq!(pair.theirs_seen.try_recv(), Ok(message("patient")));
    assert!(pair.ours_seen.try_recv().is_err());
    pair.shut_down();
}

#[test]
fn a_long_partition_breaks_what_is_used_and_not_what_is_idle() {
    let pair = Pair::linked();
    pair.simulation
        .inflict(Fault::Partition(address(1), address(2)));
    pair.pass(3600);
    assert!(pair.ours_seen.try_recv().is_err());

    pair.send("lost");
    pair.pass(60);

    assert_eq!(pair.ours_seen.try_recv(), Ok(exited(&pair.theirs)));
    pair.simulation.inflict(Fault::HealAll);
    pair.pass(60);
    assert!(pair.theirs_seen.try_recv().is_err());
    pair.shut_down();
}

#[test]
fn a_crashed_host_is_noticed_and_its_successor_is_reached() {
    let pair = Pair::linked();
    let to = pair.theirs.upid().clone();

    pair.simulation.crash(&pair.there);
    pair.pass(1);
    assert_eq!(pair.ours_seen.try_recv(), Ok(exited(&pair.theirs)));
    pair.ours.dispatch(move |_, ctx| ctx.link(&to));
    pair.pass(1);
    assert_eq!(pair.ours_seen.try_recv(), Ok(exited(&pair.theirs)));

    let successor = pair.simulation.start(address(2)).expect("a host");
    let (tell, seen) = mpsc::channel();
    successor.spawn(Probe(tell));
    pair.send("to the successor");
    pair.pass(1);
    assert_eq!(seen.try_recv(), Ok(message("to the successor")));
    successor.shutdown();
    pair.shut_down();
}

#[test]
fn faults_happen_when_the_script_says_so() {
    let pair = Pair::linked();
    pair.simulation.schedule(
        Duration::from_secs(10),
        Fault::Disconnect(address(1), address(2)),
    );

    pair.pass(9);
    assert!(pair.ours_seen.try_recv().is_err());
    pair.pass(1);

    assert_eq!(pair.ours_seen.try_recv(), Ok(exited(&pair.theirs)));
    pair.shut_down();
}

/// Mirrors: ProcessRemoteLinkTest.RemoteRelink
#[test]
fn relinks_in_foul_weather_lose_and_double_nothing_and_go_unnoticed() {
    let pair = Pair::linked();
    pair.simulation.inflict(Fault::Weather(Weather::FOUL));

    for number in 0..300_u32 {
        let to = pair.theirs.upid().clone();
        pair.ours.dispatch(move |_, ctx| {
            ctx.send(&to, "note", Bytes::from(number.to_string()));
            if number % 10 == 9 {
                ctx.relink(&to);
            }
        });
        pair.simulation.advance(Duration::from_millis(30));
    }
    pair.pass(60);

    let mut numbers: Vec<u32> = pair
        .theirs_seen
        .try_iter()
        .map(|seen| match seen {
            Seen::Message(body) => String::from_utf8_lossy(&body).parse().expect("a number"),
            other @ (Seen::Exited(_) | Seen::Answer(_)) => panic!("{other:?}"),
        })
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..300).collect::<Vec<_>>());
    assert!(pair.ours_seen.try_recv().is_err());
    pair.shut_down();
}

#[test]
fn requests_and_responses_cross_the_simulated_network() {
    let pair = Pair::new();
    let url = format!("http://{}/probe/hello", address(2));

    pair.ours.dispatch(move |_, ctx| {
        let asking = async move {
            let response = client::request(&url, ClientRequest::get("")).await?;
            response.bytes().await
        };
        ctx.perform(asking, |probe, body, _| {
            let body = body.map(|body| String::from_utf8_lossy(&body).into_owned());
            probe.tell(Seen::Answer(body.unwrap_or_else(|error| error.to_string())));
        });
    });
    pair.simulation.settle();
    assert!(pair.ours_seen.try_recv().is_err());
    pair.pass(1);

    assert_eq!(
        pair.ours_seen.try_recv(),
        Ok(Seen::Answer("hello from afar".to_owned()))
    );
    pair.shut_down();
}

#[test]
fn an_address_has_one_host_at_a_time() {
    let simulation = Simulation::new(0);
    let first = simulation.start(address(1)).expect("a host");

    assert!(simulation.start(address(1)).is_err());
    first.shutdown();

    simulation.start(address(1)).expect("a host").shutdown();
}
