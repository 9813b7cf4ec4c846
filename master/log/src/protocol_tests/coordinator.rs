//! Coordinators that fill what others left, race, or are given up.

use super::*;
use crate::consensus::fill;

const LEARNED: &str = "mesos.internal.log.LearnedMessage";

fn append_action(position: u64, proposal: u64, text: &str) -> Action {
    Action {
        position: Some(position),
        promised: Some(proposal),
        performed: Some(proposal),
        r#type: Some(action::Type::Append.into()),
        append: Some(
            action::Append {
                bytes: Some(text.to_owned().into()),
                ..Default::default()
            }
            .into(),
        ),
        ..Action::default()
    }
}

/// The appended text of each position, as one replica knows it.
fn texts(runtime: &Runtime, replica: &Replica, from: u64, to: u64) -> Vec<(u64, String)> {
    let read = wait(runtime, replica.read(from, to)).expect("reads");
    let text = |action: &Action| String::from_utf8_lossy(action.append().bytes()).into_owned();
    read.iter()
        .map(|action| (action.position(), text(action)))
        .collect()
}

fn numbers(from: u64, to: u64) -> Vec<(u64, String)> {
    (from..=to)
        .map(|position| (position, position.to_string()))
        .collect()
}

/// Appends "1", "2", ... up to the position `last`.
fn append_numbers(runtime: &Runtime, coordinator: &Coordinator, last: u64) {
    for position in 1..=last {
        let appended = wait(runtime, coordinator.append(position.to_string().into()));
        assert_eq!(appended, Ok(Some(position)));
    }
}

/// Two voting replicas with an elected coordinator at the first.
struct Pair {
    runtime: Runtime,
    one: Replica,
    two: Replica,
    first: Coordinator,
}

impl Pair {
    fn start() -> Self {
        Self::start_in(runtime())
    }

    fn start_in(runtime: Runtime) -> Self {
        let (one, two) = (
            replica(&runtime, Status::Voting),
            replica(&runtime, Status::Voting),
        );
        let network = network(&runtime, &[&one, &two]);
        let first = coordinator(&runtime, &one, &network);
        assert_eq!(wait(&runtime, first.elect()), Ok(Some(0)));
        Self {
            runtime,
            one,
            two,
            first,
        }
    }

    /// A coordinator at a third replica that sees the second one alone; its first election fails,
    /// as its own replica has promised nothing yet.
    fn elect_at_third(&self) -> (Replica, Result<crate::Elected, CoordinatorError>) {
        let third = replica(&self.runtime, Status::Voting);
        let network = network(&self.runtime, &[&self.two, &third]);
        let second = coordinator(&self.runtime, &third, &network);
        assert_eq!(wait(&self.runtime, second.elect()), Ok(None));
        let elected = wait(&self.runtime, second.elect());
        (third, elected)
    }
}

/// Mirrors: CoordinatorTest.ElectWithClockPaused
#[test]
fn an_election_needs_no_timer() {
    let pair = Pair::start_in(paused_runtime());

    pair.runtime.shutdown();
}

/// Mirrors: CoordinatorTest.AppendReadError
#[test]
fn what_lies_past_the_end_cannot_be_read() {
    let pair = Pair::start();
    append_numbers(&pair.runtime, &pair.first, 1);

    let read = wait(&pair.runtime, pair.one.read(2, 2));

    let error = read.expect_err("nothing is there").to_string();
    assert_eq!(error, "Bad read range (past end of log)");
    pair.runtime.shutdown();
}

/// Mirrors: CoordinatorTest.AppendDiscarded
#[test]
fn a_write_that_is_given_up_ends_the_leadership() {
    let pair = Pair::start();
    pair.two.terminate();
    pair.runtime
        .block_on(pair.runtime.wait(pair.two.upid()))
        .ready()
        .expect("it ends");

    let first = pair.first.append("hello world".into());
    assert!(first.is_pending());
    first.discard();
    let outcome = pair.runtime.block_on(first);
    let second = wait(&pair.runtime, pair.first.append("hello moto".into()));

    assert!(
        matches!(outcome, libprocess::Outcome::Discarded),
        "{outcome:?}"
    );
    assert_eq!(second, Ok(None));
    pair.runtime.shutdown();
}

/// Waits until a replica is asked to write; it does not hear that.
fn await_write_request(runtime: &Runtime, to: &Replica, ask: impl FnOnce()) {
    let request = Pattern::message()
        .named("mesos.internal.log.WriteRequest")
        .to(to.upid());
    let lost = runtime.drop_one(request);
    ask();
    runtime.block_on(lost).ready().expect("it is asked");
}

/// A coordinator that was elected by two replicas, and writes with the second one deaf.
fn write_without_quorum(pair: &Pair) -> (Network, Future<Result<Option<u64>, CoordinatorError>>) {
    let network = network(&pair.runtime, &[&pair.one]);
    network.add(pair.two.upid().clone());
    let first = coordinator(&pair.runtime, &pair.one, &network);
    // The first election tells it what was promised.
    while wait(&pair.runtime, first.elect()) == Ok(None) {}
    let mut written = None;
    await_write_request(&pair.runtime, &pair.two, || {
        written = Some(first.append("late".into()));
    });
    (network, written.expect("it was asked"))
}

/// C++ asks nobody later, so that such a write hangs until the registrar gives up.
#[test]
fn a_write_without_a_quorum_is_done_when_a_replica_joins() {
    let pair = Pair::start();
    let (network, written) = write_without_quorum(&pair);

    let third = replica(&pair.runtime, Status::Voting);
    network.add(third.upid().clone());
    let position = wait(&pair.runtime, written).expect("written").expect("led");

    let late = [(position, "late".to_owned())];
    assert_eq!(texts(&pair.runtime, &third, position, position), late);
    pair.runtime.shutdown();
}

/// A replica that comes back keeps its id, and what it was asked may have been lost with it.
#[test]
fn a_write_that_a_replica_lost_is_done_when_it_joins_again() {
    let pair = Pair::start();
    let (network, written) = write_without_quorum(&pair);

    network.add(pair.two.upid().clone());
    let position = wait(&pair.runtime, written).expect("written").expect("led");

    let late = [(position, "late".to_owned())];
    assert_eq!(texts(&pair.runtime, &pair.two, position, position), late);
    pair.runtime.shutdown();
}

/// Whoever joins, answers of one replica are one voice.
#[test]
fn a_replica_that_is_asked_again_and_again_makes_no_quorum() {
    let pair = Pair::start_in(paused_runtime());
    let (network, written) = write_without_quorum(&pair);

    for _ in 0..3 {
        await_write_request(&pair.runtime, &pair.two, || {
            network.add(pair.one.upid().clone());
        });
    }
    pair.runtime.clock().settle();

    assert!(written.is_pending());
    pair.runtime.shutdown();
}

/// Mirrors: CoordinatorTest.Fill
#[test]
fn an_empty_replica_is_filled_with_what_the_other_learned() {
    let pair = Pair::start();
    let appended = wait(&pair.runtime, pair.first.append("hello world".into()));

    let (third, elected) = pair.elect_at_third();

    assert_eq!((appended, elected), (Ok(Some(1)), Ok(Some(1))));
    let hello = (1, "hello world".to_owned());
    assert_eq!(texts(&pair.runtime, &third, 1, 1), [hello]);
    pair.runtime.shutdown();
}

/// Mirrors: CoordinatorTest.NotLearnedFill
#[test]
fn an_empty_replica_is_filled_with_what_the_other_only_accepted() {
    let pair = Pair::start();
    let pattern = Pattern::message().named(LEARNED).to(pair.two.upid());
    let deaf = pair.runtime.drop_all(pattern);
    wait(&pair.runtime, pair.first.append("hello world".into())).expect("appends");
    assert!(deaf.count() > 0);
    assert!(wait(&pair.runtime, pair.two.is_missing(1)));

    let (third, elected) = pair.elect_at_third();

    assert_eq!(elected, Ok(Some(1)));
    let hello = (1, "hello world".to_owned());
    assert_eq!(texts(&pair.runtime, &third, 1, 1), [hello]);
    pair.runtime.shutdown();
}

/// Mirrors: CoordinatorTest.MultipleAppends
#[test]
fn ten_appends_take_the_next_ten_positions() {
    let pair = Pair::start();

    append_numbers(&pair.runtime, &pair.first, 10);

    assert_eq!(texts(&pair.runtime, &pair.one, 1, 10), numbers(1, 10));
    pair.runtime.shutdown();
}

/// Mirrors: CoordinatorTest.TruncateNotLearnedFill
#[test]
fn a_truncation_that_was_only_accepted_truncates_whoever_is_filled() {
    let pair = Pair::start();
    let pattern = Pattern::message().named(LEARNED).to(pair.two.upid());
    let _deaf = pair.runtime.drop_all(pattern);
    append_numbers(&pair.runtime, &pair.first, 10);
    let truncated = wait(&pair.runtime, pair.first.truncate(7));

    let (third, elected) = pair.elect_at_third();

    assert_eq!((truncated, elected), (Ok(Some(11)), Ok(Some(11))));
    let refused = wait(&pair.runtime, third.read(6, 10)).expect_err("it is gone");
    assert_eq!(refused.to_string(), "Bad read range (truncated position)");
    assert_eq!(texts(&pair.runtime, &third, 7, 10), numbers(7, 10));
    pair.runtime.shutdown();
}

/// Mirrors: CoordinatorTest.RacingElect
#[test]
fn of_two_that_race_at_most_one_writes_a_position() {
    let runtime = runtime();
    let (one, two) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    let network = network(&runtime, &[&one, &two]);
    let (first, second) = (
        coordinator(&runtime, &one, &network),
        coordinator(&runtime, &two, &network),
    );

    for round in 0..20 {
        let elections = (first.elect(), second.elect());
        let elected = (
            wait(&runtime, elections.0).expect("an answer"),
            wait(&runtime, elections.1).expect("an answer"),
        );
        let writes = (
            first.append(format!("first {round}").into()),
            second.append(format!("second {round}").into()),
        );
        let written = (
            wait(&runtime, writes.0).expect("an answer"),
            wait(&runtime, writes.1).expect("an answer"),
        );

        assert!(written.0.is_none() || elected.0.is_some());
        assert!(written.1.is_none() || elected.1.is_some());
        for (position, text, replica) in [(written.0, "first", &one), (written.1, "second", &two)] {
            if let Some(position) = position {
                let wanted = (position, format!("{text} {round}"));
                assert_eq!(texts(&runtime, replica, position, position), [wanted]);
            }
        }
        assert!(
            written.0.is_none() || written.0 != written.1,
            "both wrote {written:?}"
        );
    }
    runtime.shutdown();
}

/// Mirrors: CoordinatorTest.FillNoQuorum
#[test]
fn a_fill_without_a_quorum_waits() {
    let runtime = paused_runtime();
    let alone = replica(&runtime, Status::Voting);
    let network = network(&runtime, &[&alone]);
    network.add(silent_member(&runtime));

    let filled = fill(&runtime, &network, 2, 1, 5);
    runtime.clock().settle();

    assert!(filled.is_pending());
    let stored = action_at(&runtime, &alone, 5);
    assert_eq!((stored.promised(), stored.performed), (1, None));
    runtime.shutdown();
}

/// Mirrors: CoordinatorTest.FillInconsistent
#[test]
fn of_two_values_that_were_never_agreed_the_later_proposal_wins() {
    let runtime = runtime();
    let (one, two) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Voting),
    );
    for (replica, proposal, text) in [(&one, 1, "early"), (&two, 2, "late")] {
        let alone = network(&runtime, &[replica]);
        let value = append_action(1, proposal, text);
        wait(&runtime, write(&runtime, &alone, 1, proposal, &value)).expect("it accepts");
    }
    let both = network(&runtime, &[&one, &two]);

    let filled = wait(&runtime, fill(&runtime, &both, 2, 3, 1)).expect("fills");

    assert_eq!(filled.append().bytes(), &Bytes::from_static(b"late"));
    assert_eq!((filled.promised(), filled.performed()), (3, 3));
    runtime.shutdown();
}

/// Mirrors: CoordinatorTest.LearnedOnOneReplica_NotLearnedOnAnother
#[expect(clippy::doc_markdown, reason = "the name of a test of Mesos")]
#[test]
fn what_one_replica_learned_settles_the_position_for_the_other() {
    let pair = Pair::start();
    let pattern = Pattern::message().named(LEARNED).to(pair.two.upid());
    let deaf = pair.runtime.drop_all(pattern);
    wait(&pair.runtime, pair.first.append("agreed".into())).expect("appends");
    drop(deaf);
    let both = network(&pair.runtime, &[&pair.one, &pair.two]);

    let filled = wait(&pair.runtime, fill(&pair.runtime, &both, 2, 9, 1)).expect("fills");

    assert_eq!(filled.append().bytes(), &Bytes::from_static(b"agreed"));
    assert!(!wait(&pair.runtime, pair.two.is_missing(1)));
    pair.runtime.shutdown();
}

/// Mirrors: CoordinatorTest.LearnedOnOneReplica_NotLearnedOnAnother_AnotherFailsAndRecovers
#[expect(clippy::doc_markdown, reason = "the name of a test of Mesos")]
#[test]
fn a_replica_that_accepted_and_died_learns_after_its_restart() {
    let runtime = runtime();
    let storage = MemoryStorage::default();
    let one = replica(&runtime, Status::Voting);
    let before = replica_in(&runtime, &storage);
    assert!(wait(&runtime, before.update(Status::Voting)));
    let pair = network(&runtime, &[&one, &before]);
    let first = coordinator(&runtime, &one, &pair);
    wait(&runtime, first.elect()).expect("elected");
    let pattern = Pattern::message().named(LEARNED).to(before.upid());
    let deaf = runtime.drop_all(pattern);
    wait(&runtime, first.append("agreed".into())).expect("appends");
    drop(deaf);
    before.terminate();

    let after = replica_in(&runtime, &storage);
    let missing = wait(&runtime, after.is_missing(1));
    let both = network(&runtime, &[&one, &after]);
    let second = coordinator(&runtime, &after, &both);
    let elected = wait(&runtime, second.elect());

    assert!(missing);
    assert_eq!(elected, Ok(Some(1)));
    assert_eq!(texts(&runtime, &after, 1, 1), [(1, "agreed".to_owned())]);
    runtime.shutdown();
}

/// Mirrors: CoordinatorTest.RecoveryRace
#[test]
fn nobody_is_elected_until_a_quorum_votes_and_the_third_may_come_later() {
    let runtime = runtime();
    let (one, two, three) = (
        replica(&runtime, Status::Voting),
        replica(&runtime, Status::Starting),
        replica(&runtime, Status::Starting),
    );
    let network = network(&runtime, &[&one, &two, &three]);
    let early = coordinator(&runtime, &one, &network);

    let too_early = wait(&runtime, early.elect());
    assert!(wait(&runtime, two.update(Status::Voting)));
    let leader = coordinator(&runtime, &one, &network);
    let elected = wait(&runtime, leader.elect());
    let recovered = recover(&runtime, 2, &three, &network, Initialization::Automatic);
    wait(&runtime, recovered).expect("recovers");
    let appended = wait(&runtime, leader.append("hello world".into()));

    assert_eq!((too_early, elected), (Ok(None), Ok(Some(0))));
    assert_eq!(wait(&runtime, three.status()), Status::Voting);
    assert_eq!(appended, Ok(Some(1)));
    runtime.shutdown();
}
