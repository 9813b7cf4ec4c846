//! Whether readers wait awake for peers that are quick.

use std::sync::mpsc;
use std::time::Duration;

use libprocess::{Pid, Polling, Runtime};

use crate::support::{Probe, Seen, builder, link, next_body, runtime, send};

/// Longer than any test takes: whatever it waits for comes in time.
const AGES: Duration = Duration::from_secs(3600);

/// No wait is shorter.
const NOTHING: Duration = Duration::from_nanos(1);

const PINGS: u32 = 100;

/// A runtime that polls in one way, and an actor of another that is linked to a probe there.
struct Exchange {
    polling: Runtime,
    here: Runtime,
    ours: Pid<Probe>,
    seen: mpsc::Receiver<Seen>,
    theirs: Pid<Probe>,
}

impl Exchange {
    fn new(polling: Polling) -> Self {
        let polling = builder().polling(polling).start().expect("a runtime");
        let here = runtime();
        let (ours, seen) = Probe::spawn(&here);
        let (theirs, _) = Probe::spawn(&polling);
        link(&ours, theirs.upid());
        Self {
            polling,
            here,
            ours,
            seen,
            theirs,
        }
    }

    /// Sends a ping and waits for its answer.
    fn ping(&self) {
        send(&self.ours, self.theirs.upid(), "ping", "x");
        assert_eq!(next_body(&self.seen), "x");
    }

    fn count(&self, metric: &str) -> f64 {
        let values = self.polling.block_on(self.polling.metrics().snapshot(None));
        values.ready().expect("values")[metric]
    }

    fn end(self) {
        self.here.shutdown();
        self.polling.shutdown();
    }
}

#[test]
fn a_peer_that_sends_again_and_again_is_polled() {
    let exchange = Exchange::new(Polling {
        span: AGES,
        readers: 1,
    });

    // Only a wait counts, and a ping may be there before its reader is.
    for _ in 0..PINGS {
        for _ in 0..PINGS {
            exchange.ping();
        }
        if exchange.count("libprocess/polls") >= 1.0 {
            break;
        }
    }

    assert!(exchange.count("libprocess/polls") >= 1.0);
    assert!(exchange.count("libprocess/polls_in_vain") < 1.0);
    exchange.end();
}

#[test]
fn a_peer_that_is_slow_for_the_span_is_never_polled() {
    let exchange = Exchange::new(Polling {
        span: NOTHING,
        readers: 1,
    });

    for _ in 0..PINGS {
        exchange.ping();
    }

    assert!(exchange.count("libprocess/polls") < 1.0);
    exchange.end();
}

#[test]
fn nobody_polls_where_it_is_switched_off() {
    for polling in [
        Polling::OFF,
        Polling {
            span: AGES,
            readers: 0,
        },
    ] {
        let exchange = Exchange::new(polling);

        for _ in 0..PINGS {
            exchange.ping();
        }

        assert!(exchange.count("libprocess/polls") < 1.0);
        exchange.end();
    }
}

#[test]
fn a_peer_that_has_sent_once_is_not_polled_for_more() {
    let exchange = Exchange::new(Polling {
        span: AGES,
        readers: 1,
    });

    exchange.ping();

    assert!(exchange.count("libprocess/polls") < 1.0);
    exchange.end();
}
