//! The queue of an actor, as those see it who put events in and the one who takes them out.

use std::sync::{Arc, mpsc};
use std::thread;

use libprocess::{Context, Pid, Process, ProcessId};

use crate::support::runtime;

/// Keeps the numbers it is given.
struct Keeper(Vec<u32>);

impl Process for Keeper {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("keeper")
    }
}

/// Keeps the actor busy until the sender is dropped, so that events wait in the queue.
fn occupy(keeper: &Pid<Keeper>) -> mpsc::Sender<()> {
    let (free, wait) = mpsc::channel::<()>();
    let (tell, busy) = mpsc::channel();
    keeper.dispatch(move |_, _| {
        tell.send(()).expect("the test waits");
        // Ends with an error, when the sender is dropped.
        let _ = wait.recv();
    });
    busy.recv().expect("the actor is busy");
    free
}

/// Mirrors: MpscLinkedQueueTest.EnqueueDequeue
/// Mirrors: MpscLinkedQueueTest.EnqueueDequeueMultiple
#[test]
fn what_is_put_in_comes_out_in_its_order() {
    let runtime = runtime();
    let keeper = runtime.spawn(Keeper(Vec::new()));
    let free = occupy(&keeper);
    for number in 0..20 {
        keeper.dispatch(move |keeper, _| keeper.0.push(number));
    }
    drop(free);

    let kept = runtime.block_on(keeper.call(|keeper, _| keeper.0.clone()));

    assert_eq!(kept.ready(), Some((0..20).collect()));
    runtime.shutdown();
}

/// Mirrors: MpscLinkedQueueTest.EnqueueDequeueMultithreaded
#[test]
fn many_threads_put_in_and_nothing_is_lost_or_doubled_or_swapped() {
    const EACH: u32 = 1000;
    let runtime = runtime();
    let keeper = Arc::new(runtime.spawn(Keeper(Vec::new())));
    let threads: Vec<_> = (0..5)
        .map(|thread| {
            let keeper = Arc::clone(&keeper);
            thread::spawn(move || {
                for number in thread * EACH..(thread + 1) * EACH {
                    keeper.dispatch(move |keeper, _| keeper.0.push(number));
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("a thread");
    }

    let kept = runtime.block_on(keeper.call(|keeper, _| keeper.0.clone()));

    let mut kept = kept.ready().expect("numbers");
    for thread in 0..5 {
        let of_thread = kept.iter().filter(|number| **number / EACH == thread);
        assert!(of_thread.is_sorted());
    }
    kept.sort_unstable();
    assert_eq!(kept, (0..5 * EACH).collect::<Vec<_>>());
    runtime.shutdown();
}

/// Mirrors: MpscLinkedQueueTest.Empty
/// Mirrors: MpscLinkedQueueTest.ForEach
#[test]
fn the_actor_sees_what_waits_without_taking_it() {
    let runtime = runtime();
    let keeper = runtime.spawn(Keeper(Vec::new()));
    let count = |keeper: &mut Keeper, ctx: &mut Context<Keeper>| {
        let waiting = ctx.queued_events().dispatches;
        keeper.0.push(u32::try_from(waiting).expect("few"));
    };
    let free = occupy(&keeper);
    keeper.dispatch(count);
    for number in 100..120 {
        keeper.dispatch(move |keeper, _| keeper.0.push(number));
    }
    drop(free);
    let kept = runtime.block_on(keeper.call(move |keeper, ctx| {
        count(keeper, ctx);
        keeper.0.clone()
    }));

    // Seen were the twenty and the call; they came out after that all the same, and nothing was left.
    let kept = kept.ready().expect("numbers");
    let (seen, rest) = kept.split_first().expect("a count");
    assert!((20..=21).contains(seen), "{seen}");
    assert_eq!(rest, (100..120).chain([0]).collect::<Vec<_>>());
    runtime.shutdown();
}
