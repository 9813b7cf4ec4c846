//! What a replica decides from the answers of its peers.

use super::*;

fn answer(status: metadata::Status) -> RecoverResponse {
    RecoverResponse {
        status: Some(status.into()),
        begin: Some(1),
        end: Some(9),
        ..RecoverResponse::default()
    }
}

/// Quorum 2 of 3, all three asked.
#[track_caller]
fn decides(
    own: metadata::Status,
    initialization: Initialization,
    others: [metadata::Status; 3],
    expected: Decision,
) {
    let mut tally = RecoverTally::new(2, own, initialization);
    tally.expect(3);

    let decision = others
        .into_iter()
        .find_map(|status| tally.count(&answer(status)));

    assert_eq!(decision, Some(expected));
}

use Initialization::{Automatic, Manual};
use metadata::Status::{Empty, Recovering, Starting, Voting};

#[test]
fn a_quorum_of_voters_is_caught_up_with() {
    let caught_up = Decision::CatchUp { begin: 1, end: 9 };

    decides(Empty, Automatic, [Empty, Voting, Voting], caught_up);
    decides(Starting, Automatic, [Starting, Voting, Voting], caught_up);
    decides(Recovering, Manual, [Recovering, Voting, Voting], caught_up);
}

/// Mirrors: RecoverTest.AutoInitialization
#[test]
fn an_empty_cluster_starts_and_then_votes() {
    decides(Empty, Automatic, [Empty, Starting, Empty], Decision::Start);
    decides(
        Starting,
        Automatic,
        [Starting, Voting, Starting],
        Decision::Vote,
    );
}

#[test]
fn an_empty_cluster_does_nothing_when_an_operator_initializes_it() {
    decides(Empty, Manual, [Empty, Empty, Empty], Decision::Again);
}

#[test]
fn one_voter_and_one_stranger_decide_nothing() {
    decides(Empty, Automatic, [Empty, Voting, Empty], Decision::Again);
    decides(
        Recovering,
        Automatic,
        [Recovering, Starting, Voting],
        Decision::Again,
    );
}

#[test]
fn a_single_replica_starts_and_votes_alone() {
    let mut empty = RecoverTally::new(1, Empty, Automatic);
    let mut starting = RecoverTally::new(1, Starting, Automatic);
    empty.expect(1);
    starting.expect(1);

    assert_eq!(empty.count(&answer(Empty)), Some(Decision::Start));
    assert_eq!(starting.count(&answer(Starting)), Some(Decision::Vote));
}
