//! What a replica promises and accepts, and what it is silent about.

use mesos_proto::internal::log::{action::Truncate, promise_response, write_response};

use super::*;

fn voting(promised: u64) -> ReplicaState {
    ReplicaState::recovered(&Scan {
        status: metadata::Status::Voting,
        promised,
        ..Scan::default()
    })
}

fn promise(proposal: u64, position: Option<u64>) -> PromiseRequest {
    PromiseRequest {
        proposal: Some(proposal),
        position,
        ..PromiseRequest::default()
    }
}

fn nop(proposal: u64, position: u64) -> WriteRequest {
    WriteRequest {
        proposal: Some(proposal),
        position: Some(position),
        r#type: Some(action::Type::Nop.into()),
        nop: Some(action::Nop::default()),
        ..WriteRequest::default()
    }
}

fn stored(promised: u64, position: u64) -> Action {
    Action {
        position: Some(position),
        promised: Some(promised),
        performed: Some(promised),
        r#type: Some(action::Type::Nop.into()),
        nop: Some(action::Nop::default()),
        ..Action::default()
    }
}

fn learned(position: u64) -> Action {
    Action {
        learned: Some(true),
        ..stored(1, position)
    }
}

fn truncation(position: u64, to: u64) -> Action {
    Action {
        r#type: Some(action::Type::Truncate.into()),
        nop: None,
        truncate: Some(Truncate {
            to: Some(to),
            ..Truncate::default()
        }),
        ..learned(position)
    }
}

fn found(action: Action) -> Found {
    Found::Action(Box::new(action))
}

fn holes(state: &ReplicaState) -> Vec<std::ops::RangeInclusive<u64>> {
    state.holes.iter().cloned().collect()
}

#[test]
fn a_new_log_has_the_single_hole_zero() {
    let state = ReplicaState::recovered(&Scan::default());

    assert_eq!(holes(&state), vec![0..=0]);
    assert_eq!((state.beginning(), state.ending()), (0, 0));
}

/// Mirrors: ReplicaTest.NonVoting
#[test]
fn a_replica_that_does_not_vote_ignores_promises_and_writes() {
    let state = ReplicaState::recovered(&Scan::default());

    let promised = state.promise(&promise(1, None), &Found::Nothing);
    let written = state.write(&nop(1, 1), &Found::Nothing);

    assert_eq!(
        promised,
        Verdict::answer(promise_answer(promise_response::Type::Ignored, 1))
    );
    assert_eq!(
        written,
        Verdict::answer(write_answer(write_response::Type::Ignored, 1, 1))
    );
}

/// Mirrors: ReplicaTest.Promise
#[test]
fn only_a_higher_proposal_gets_the_implicit_promise() {
    let state = voting(2);

    let lower = state.promise(&promise(2, None), &Found::Nothing);
    let higher = state.promise(&promise(3, None), &Found::Nothing);

    assert_eq!(
        lower
            .answer
            .map(|answer| (answer.okay(), answer.proposal())),
        Some((false, 2))
    );
    assert_eq!(
        higher.change,
        Some(Change::Metadata(Metadata {
            status: Some(metadata::Status::Voting.into()),
            promised: Some(3),
            ..Metadata::default()
        }))
    );
    assert_eq!(
        higher
            .answer
            .map(|answer| (answer.okay(), answer.proposal(), answer.position)),
        Some((true, 3, Some(0)))
    );
}

#[test]
fn an_explicit_promise_returns_the_action_as_it_was_before() {
    let state = voting(1);

    let verdict = state.promise(&promise(5, Some(3)), &found(stored(2, 3)));

    assert_eq!(
        verdict.answer.map(|answer| answer.action().promised()),
        Some(2)
    );
    assert!(matches!(
        verdict.change,
        Some(Change::Action(action)) if action.promised() == 5 && action.performed() == 2
    ));
}

#[test]
fn an_explicit_promise_for_a_learned_position_is_still_refused_to_a_lower_proposal() {
    let state = voting(1);
    let known = Action {
        promised: Some(7),
        ..learned(3)
    };

    let verdict = state.promise(&promise(7, Some(3)), &found(known));

    assert_eq!(verdict.change, None);
    assert_eq!(
        verdict
            .answer
            .map(|answer| (answer.okay(), answer.proposal())),
        Some((false, 7))
    );
}

#[test]
fn a_truncated_position_is_promised_as_a_learned_tombstone() {
    let state = voting(4);

    let verdict = state.promise(&promise(1, Some(0)), &Found::Truncated);
    let action = verdict.answer.map(|answer| answer.action().clone());

    assert_eq!(verdict.change, None);
    assert_eq!(
        action.map(|action| (
            action.learned(),
            action.nop().tombstone(),
            action.promised()
        )),
        Some((true, true, 4))
    );
}

#[test]
fn a_write_under_the_promised_proposal_itself_is_accepted() {
    let state = voting(4);

    let equal = state.write(&nop(4, 1), &Found::Nothing);
    let lower = state.write(&nop(3, 1), &Found::Nothing);

    assert_eq!(equal.answer.map(|answer| answer.okay()), Some(true));
    assert!(matches!(
        equal.change,
        Some(Change::Action(action)) if action.promised() == 4 && action.performed() == 4
    ));
    assert_eq!(
        lower
            .answer
            .map(|answer| (answer.okay(), answer.proposal())),
        Some((false, 4))
    );
}

#[test]
fn a_write_to_a_learned_position_is_met_with_silence() {
    let state = voting(1);

    let verdict = state.write(&nop(9, 3), &found(learned(3)));

    assert_eq!(verdict, Verdict::silent());
}

#[test]
fn a_write_without_the_value_of_its_type_is_met_with_silence() {
    let state = voting(1);
    let request = WriteRequest {
        r#type: Some(action::Type::Append.into()),
        ..nop(2, 1)
    };

    assert_eq!(state.write(&request, &Found::Nothing), Verdict::silent());
}

#[test]
fn a_write_beyond_the_end_opens_holes() {
    let mut state = voting(1);

    state.stored(&Change::Action(Box::new(stored(1, 4))));

    assert_eq!(holes(&state), vec![0..=3]);
    assert_eq!(state.ending(), 4);
    assert!(state.is_missing(4) && state.is_missing(5) && !state.is_blank(4));
}

#[test]
fn a_learned_truncation_moves_the_beginning() {
    let mut state = voting(1);
    state.stored(&Change::Action(Box::new(stored(1, 4))));

    state.stored(&Change::Action(Box::new(truncation(5, 3))));

    assert_eq!(state.beginning(), 3);
    assert!(!state.is_missing(2) && state.is_missing(3) && !state.is_missing(5));
}

#[test]
fn what_is_missing_reaches_beyond_the_end() {
    let mut state = voting(1);
    state.stored(&Change::Action(Box::new(learned(0))));
    state.stored(&Change::Action(Box::new(learned(2))));

    let missing = state.missing(0, 4);

    assert_eq!(
        missing.iter().cloned().collect::<Vec<_>>(),
        vec![1..=1, 3..=4]
    );
}

#[test]
fn only_a_voter_says_where_its_log_begins_and_ends() {
    let voter = voting(1).recover();
    let empty = ReplicaState::recovered(&Scan::default()).recover();

    assert_eq!((voter.begin, voter.end), (Some(0), Some(0)));
    assert_eq!((empty.begin, empty.end), (None, None));
}

/// Mirrors: ReplicaTest.Restore
#[test]
fn a_scan_of_the_storage_gives_the_state_that_was_stored() {
    let mut state = voting(3);
    let mut scan = Scan {
        status: metadata::Status::Voting,
        promised: 3,
        ..Scan::default()
    };
    let actions = [stored(1, 2), learned(3), truncation(6, 2)];

    for action in actions {
        state.stored(&Change::Action(Box::new(action.clone())));
        scan.add(&action);
    }

    assert_eq!(ReplicaState::recovered(&scan), state);
}
