//! The endpoints that every runtime has, and who gets into them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use libprocess::http::authentication::basic::BasicAuthenticator;
use libprocess::http::client::{self, ClientRequest};
use libprocess::http::{Authentication, Authenticator, Help, Principal, Request, Response};
use libprocess::metrics::RateLimit;
use libprocess::{Clock, Context, Future, Process, ProcessId, Promise, Runtime, RuntimeBuilder};
use serde_json::Value;

fn builder() -> RuntimeBuilder {
    Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(1)
        .metrics_rate_limit(None)
}

struct Answer {
    status: u16,
    headers: http::HeaderMap,
    body: String,
}

fn fetch(runtime: &Runtime, request: ClientRequest) -> Answer {
    let url = format!("http://{}", runtime.address());
    runtime.block_on(async {
        let response = client::request(&url, request).await.expect("a response");
        let (status, headers) = (response.status, response.headers.clone());
        let body = response.bytes().await.expect("a body");
        Answer {
            status,
            headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    })
}

fn get(runtime: &Runtime, path: &str) -> (u16, String) {
    let Answer { status, body, .. } = fetch(runtime, ClientRequest::get(path));
    (status, body)
}

fn json(runtime: &Runtime, path: &str) -> Value {
    let (status, body) = get(runtime, path);
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

/// Mirrors: MetricsTest.THREADSAFE_Snapshot
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn a_snapshot_is_a_flat_object_of_doubles() {
    let runtime = builder().start().expect("a runtime");
    runtime.metrics().counter("test/counter").add(2);
    runtime
        .metrics()
        .pull_gauge("test/stuck", || Promise::new().1);

    let (status, body) = get(&runtime, "/metrics/snapshot?timeout=50ms");

    assert_eq!(status, 200);
    assert!(body.contains("\"test/counter\":2.0"), "{body}");
    assert!(body.contains("\"system/cpus_total\":"), "{body}");
    assert!(!body.contains("test/stuck"), "{body}");
    let wrapped = get(&runtime, "/metrics/snapshot?timeout=50ms&jsonp=f").1;
    assert!(
        wrapped.starts_with("f({") && wrapped.ends_with("})"),
        "{wrapped}"
    );
    assert_eq!(
        get(&runtime, "/metrics/snapshot?timeout=soon"),
        (
            400,
            "Invalid timeout 'soon': Failed to convert '' to number.\n".to_owned()
        )
    );
    runtime.shutdown();
}

#[test]
fn snapshots_beyond_the_rate_are_delayed_and_not_refused() {
    let clock = Clock::paused();
    let runtime = builder()
        .clock(clock.clone())
        .metrics_rate_limit(Some(RateLimit::default()))
        .start()
        .expect("a runtime");
    let url = format!("http://{}", runtime.address());
    let late = Arc::new(Mutex::new(None));

    runtime.block_on(async {
        let first = client::request(&url, ClientRequest::get("/metrics/snapshot")).await;
        assert_eq!(first.expect("a response").status, 200);
        let mut second = Box::pin(client::request(
            &url,
            ClientRequest::get("/metrics/snapshot"),
        ));
        let waited = tokio::time::timeout(Duration::from_millis(100), &mut second).await;
        assert!(waited.is_err(), "the second waits for its turn");
        clock.advance(Duration::from_millis(500));
        *late.lock().expect("a lock") = Some(second.await.expect("a response").status);
    });

    assert_eq!(*late.lock().expect("a lock"), Some(200));
    runtime.shutdown();
}

#[test]
fn prometheus_reads_the_same_values() {
    let runtime = builder().start().expect("a runtime");
    runtime.metrics().counter("master/tasks_lost").add(2);

    let answer = fetch(&runtime, ClientRequest::get("/metrics"));

    assert_eq!(answer.status, 200);
    assert!(
        answer.body.contains("\nmaster_tasks_lost 2\n"),
        "{}",
        answer.body
    );
    assert_eq!(
        answer.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    runtime.shutdown();
}

/// Mirrors: ProcessTest.ProcessesEndpointNoHang
#[test]
fn every_actor_is_listed_and_one_that_ends_does_not_hold_up_the_list() {
    struct Busy;
    impl Process for Busy {
        fn id(&self) -> ProcessId {
            ProcessId::generated("busy")
        }
    }
    let runtime = Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .arbiters(2)
        .start()
        .expect("a runtime");
    runtime.spawn(Busy);
    // One that ends while it is asked must not keep the answer.
    runtime.spawn(Busy).terminate();

    let list = json(&runtime, "/__processes__");

    let ids: Vec<&str> = list
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| entry["id"].as_str().expect("an id"))
        .collect();
    for id in [
        "busy(1)",
        "help",
        "metrics",
        "logging",
        "profiler",
        "system",
        "__processes__",
    ] {
        assert!(ids.contains(&id), "{id} in {ids:?}");
    }
    runtime.shutdown();
}

/// Mirrors: HTTPTest.EndpointsHelp
/// Mirrors: HTTPTest.EndpointsHelpRemoval
#[test]
fn help_lists_actors_routes_and_pages_until_the_actor_ends() {
    struct Helpful;
    impl Process for Helpful {
        fn id(&self) -> ProcessId {
            ProcessId::generated("helpful")
        }
        fn initialize(&mut self, ctx: &mut Context<Self>) {
            ctx.route("/way/out", Help::new("Leads out.", &[]), |_, _, _| {
                Response::ok().into()
            });
        }
    }
    let runtime = builder().start().expect("a runtime");
    let pid = runtime.spawn(Helpful);
    runtime.block_on(pid.call(|_, _| ()));
    let curl = |path: &str| {
        let answer = fetch(
            &runtime,
            ClientRequest::get(path).with_header("user-agent", "curl/8"),
        );
        (answer.status, answer.body)
    };

    assert!(curl("/help").1.contains("> [/helpful(1)][helpful(1)]\n"));
    assert_eq!(
        curl("/help/helpful(1)").1,
        "## `/helpful(1)` ##\n> [/helpful(1)/way/out][helpful(1)/way/out]\n\n[helpful(1)/way/out]: helpful(1)/way/out\n"
    );
    assert!(curl("/help/helpful(1)/way/out").1.starts_with(
        "### USAGE ###\n>        /helpful(1)/way/out\n\n### TL;DR; ###\nLeads out.\n"
    ));
    assert_eq!(
        curl("/help/helpful(1)/x"),
        (400, "No help available for '/helpful(1)/x'.\n".to_owned())
    );
    assert_eq!(curl("/help/nobody").0, 404);
    assert_eq!(curl("/help/help").0, 404);
    let all = json(&runtime, "/help?format=json");
    assert!(
        all["processes"]
            .as_array()
            .is_some_and(|list| list.iter().any(|p| p["id"] == "helpful(1)"))
    );
    let page = fetch(&runtime, ClientRequest::get("/help"));
    assert_eq!(page.headers["content-type"], "text/html");

    pid.terminate();
    runtime.block_on(runtime.wait(pid.upid()));
    assert_eq!(
        curl("/help/helpful(1)"),
        (400, "No help available for '/helpful(1)'.\n".to_owned())
    );
    runtime.shutdown();
}

#[test]
fn the_log_level_is_raised_for_a_while() {
    let clock = Clock::paused();
    let runtime = builder().clock(clock.clone()).start().expect("a runtime");
    let levels = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&levels);
    runtime.on_log_level(move |level| seen.lock().expect("a lock").push(level));
    let toggle = |query: &str| get(&runtime, &format!("/logging/toggle{query}"));

    assert_eq!(toggle(""), (200, "0\n".to_owned()));
    assert_eq!(toggle("?level=3&duration=10secs"), (200, String::new()));
    assert_eq!(toggle(""), (200, "3\n".to_owned()));
    clock.advance(Duration::from_secs(10));
    clock.settle();
    assert_eq!(toggle(""), (200, "0\n".to_owned()));
    assert_eq!(*levels.lock().expect("a lock"), [3, 0]);

    for (query, text) in [
        ("?level=1", "Expecting 'duration=value' in query.\n"),
        ("?duration=1secs", "Expecting 'level=value' in query.\n"),
        (
            "?level=x&duration=1secs",
            "Failed to convert 'x' to number.\n",
        ),
        ("?level=-1&duration=1secs", "Invalid level '-1'.\n"),
        ("?level=1&duration=1", "Invalid duration '1'.\n"),
    ] {
        assert_eq!(toggle(query), (400, text.to_owned()));
    }
    runtime.shutdown();
}

/// Mirrors: `SystemTest.DISABLED_Metrics`
/// Mirrors: ProfilerTest.StartAndStop
#[test]
fn system_and_profiler_answer_as_in_mesos() {
    let runtime = builder().start().expect("a runtime");

    let stats = json(&runtime, "/system/stats.json");
    for key in [
        "avg_load_1min",
        "avg_load_5min",
        "avg_load_15min",
        "cpus_total",
        "mem_total_bytes",
        "mem_free_bytes",
    ] {
        assert!(stats[key].is_number(), "{key} in {stats}");
    }
    let snapshot = json(&runtime, "/metrics/snapshot");
    for key in [
        "system/load_1min",
        "system/load_5min",
        "system/load_15min",
        "system/cpus_total",
        "system/mem_total_bytes",
        "system/mem_free_bytes",
    ] {
        assert!(snapshot[key].is_number(), "{key} in {snapshot}");
    }
    for path in ["/profiler/start", "/profiler/stop"] {
        let disabled = "Perftools is disabled. To enable perftools, configure libprocess with --enable-perftools.\n";
        assert_eq!(get(&runtime, path), (400, disabled.to_owned()));
    }
    assert_eq!(get(&runtime, "/memory-profiler/state").0, 404);
    runtime.shutdown();
}

#[test]
fn the_memory_profiler_says_that_there_is_no_jemalloc() {
    let runtime = builder().memory_profiler().start().expect("a runtime");

    for path in ["start?duration=5mins", "stop", "statistics"] {
        let (status, text) = get(&runtime, &format!("/memory-profiler/{path}"));
        assert_eq!(status, 400);
        let begin = "\nThe current binary doesn't seem to be linked against jemalloc,\n";
        assert!(text.starts_with(begin), "{text}");
        assert!(text.ends_with("configuration option.\n"), "{text}");
    }
    let refused = get(&runtime, "/memory-profiler/download/raw");
    let text = "Cannot access raw profile: Not yet generated.\n";
    assert_eq!(refused, (400, text.to_owned()));
    assert_eq!(
        json(&runtime, "/memory-profiler/state"),
        serde_json::json!({ "memory_profiler": {
            "current_run": { "id": null },
            "jemalloc_detected": false,
            "tmp_dir": "Not yet generated",
        }})
    );
    runtime.shutdown();
}

/// Mirrors: Metrics_BENCHMARK_Test.Scalability
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn many_counters_are_added_shown_and_removed() {
    let runtime = builder().start().expect("a runtime");
    for count in [1, 100, 10_000] {
        let name = |number| {
            format!(
                "metrics/keys/can/be/somewhat/long/so/we/use/a/fairly/long/key/here/to/test/a/more/pathological/case/{number}"
            )
        };
        for number in 0..count {
            runtime.metrics().counter(&name(number)).increment();
        }

        let snapshot = json(&runtime, "/metrics/snapshot");

        for number in 0..count {
            assert_eq!(snapshot[name(number)], 1.0);
            assert!(runtime.metrics().remove(&name(number)));
        }
    }
    let snapshot = json(&runtime, "/metrics/snapshot");
    let left = snapshot.as_object().expect("an object");
    assert!(left.keys().all(|key| !key.starts_with("metrics/keys")));
    runtime.shutdown();
}

/// Lets in whom the test tells it to.
struct Scripted {
    findings: Mutex<Vec<Future<Authentication>>>,
    asked: Mutex<Option<Promise<()>>>,
}

impl Authenticator for Scripted {
    fn scheme(&self) -> &str {
        "Scripted"
    }

    fn authenticate(&self, _: &Request) -> Future<Authentication> {
        if let Some(asked) = self.asked.lock().expect("a lock").take() {
            asked.set(());
        }
        self.findings.lock().expect("a lock").remove(0)
    }
}

/// Says who is asking.
struct Guarded(Arc<Mutex<Vec<String>>>);

impl Process for Guarded {
    fn id(&self) -> ProcessId {
        ProcessId::fixed("guarded")
    }

    fn initialize(&mut self, ctx: &mut Context<Self>) {
        ctx.route_in_realm("/who", "realm", Help::none(), |guarded, request, _| {
            let who = request
                .principal
                .map_or_else(|| "nobody".to_owned(), |who| who.to_string());
            guarded
                .0
                .lock()
                .expect("a lock")
                .push(format!("{}:{who}", request.query.get("n").unwrap_or("")));
            Response::ok_text(who).into()
        });
        ctx.route("/open", Help::none(), |guarded, request, _| {
            guarded
                .0
                .lock()
                .expect("a lock")
                .push(format!("{}:open", request.query.get("n").unwrap_or("")));
            Response::ok().into()
        });
    }
}

/// A server, what its handlers were asked, and the moment when the authenticator is first asked.
fn guarded_and_told(
    findings: Vec<Future<Authentication>>,
) -> (Runtime, Arc<Mutex<Vec<String>>>, Future<()>) {
    let runtime = builder().start().expect("a runtime");
    let log = Arc::default();
    runtime.spawn(Guarded(Arc::clone(&log)));
    let (promise, asked) = Promise::new();
    if !findings.is_empty() {
        runtime.set_authenticator(
            "realm",
            Arc::new(Scripted {
                findings: Mutex::new(findings),
                asked: Mutex::new(Some(promise)),
            }),
        );
    }
    (runtime, log, asked)
}

fn guarded(findings: Vec<Future<Authentication>>) -> (Runtime, Arc<Mutex<Vec<String>>>) {
    let (runtime, log, _) = guarded_and_told(findings);
    (runtime, log)
}

fn ready(found: Authentication) -> Vec<Future<Authentication>> {
    vec![Future::ready(found)]
}

/// Mirrors: HttpAuthenticationTest.NoAuthenticator
#[test]
fn a_realm_without_authenticator_lets_everybody_in() {
    let (runtime, _) = guarded(vec![]);

    assert_eq!(get(&runtime, "/guarded/who"), (200, "nobody".to_owned()));
    runtime.shutdown();
}

/// Mirrors: HttpAuthenticationTest.Unauthorized
/// Mirrors: HttpAuthenticationTest.Forbidden
/// Mirrors: HttpAuthenticationTest.Authenticated
/// Mirrors: HttpAuthenticationTest.InvalidPrincipal
#[test]
fn what_the_authenticator_finds_decides() {
    let unauthorized = Authentication::Unauthorized(Response::unauthorized("Basic realm=\"r\""));
    let (runtime, _) = guarded(ready(unauthorized));
    let answer = fetch(&runtime, ClientRequest::get("/guarded/who"));
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (401, "401 Unauthorized.")
    );
    assert_eq!(answer.headers["www-authenticate"], "Basic realm=\"r\"");
    runtime.shutdown();

    let (runtime, _) = guarded(ready(Authentication::Forbidden(Response::default_text(
        403,
    ))));
    assert_eq!(
        get(&runtime, "/guarded/who"),
        (403, "403 Forbidden.".to_owned())
    );
    runtime.shutdown();

    let (runtime, _) = guarded(ready(Authentication::Principal(Principal::named(
        "principal",
    ))));
    assert_eq!(get(&runtime, "/guarded/who"), (200, "principal".to_owned()));
    runtime.shutdown();

    let (runtime, _) = guarded(ready(Authentication::Principal(Principal::default())));
    assert_eq!(
        get(&runtime, "/guarded/who"),
        (500, "In the principal returned by an HTTP authenticator, at least one of 'value' and 'claims' must be set".to_owned())
    );
    runtime.shutdown();

    let (runtime, _) = guarded(vec![Future::failed("no oracle")]);
    assert_eq!(get(&runtime, "/guarded/who"), (500, "no oracle".to_owned()));
    runtime.shutdown();
}

/// Mirrors: HttpAuthenticationTest.Pipelining
#[test]
fn handlers_keep_the_order_of_their_requests_across_slow_authentication() {
    let (one, first) = Promise::new();
    let (two, second) = Promise::new();
    let (runtime, log, asked) = guarded_and_told(vec![first, second]);
    let url = format!("http://{}", runtime.address())
        .parse()
        .expect("a URL");

    runtime.block_on(async {
        let connection = client::Connection::connect(&url).await.expect("connected");
        let responses: Vec<_> = ["/guarded/who?n=1", "/guarded/who?n=2", "/guarded/open?n=3"]
            .map(|path| connection.send(ClientRequest::get(path)))
            .into_iter()
            .collect();
        assert!(asked.await.is_ready());
        two.set(Authentication::Principal(Principal::named("b")));
        runtime.clock().settle();
        assert!(
            log.lock().expect("a lock").is_empty(),
            "all wait for the first"
        );
        one.set(Authentication::Principal(Principal::named("a")));
        for response in responses {
            assert_eq!(response.await.expect("a response").status, 200);
        }
    });

    assert_eq!(*log.lock().expect("a lock"), ["1:a", "2:b", "3:open"]);
    runtime.shutdown();
}

#[test]
fn an_authorization_callback_guards_exactly_its_route() {
    let (runtime, _) = guarded(vec![]);
    runtime.set_authorization("/guarded/open", Some(Arc::new(|_, _| Future::ready(false))));

    assert_eq!(
        get(&runtime, "/guarded/open"),
        (403, "403 Forbidden.".to_owned())
    );
    assert_eq!(get(&runtime, "/guarded/who").0, 200);
    runtime.set_authorization("/guarded/open", None);
    assert_eq!(get(&runtime, "/guarded/open").0, 200);
    runtime.shutdown();
}

/// Mirrors: MetricsTest.THREADSAFE_SnapshotAuthenticationEnabled
/// Mirrors: ProfilerTest.StartAndStopAuthenticationEnabled
#[test]
#[expect(clippy::doc_markdown, reason = "the name is that of the mirrored test")]
fn built_in_endpoints_are_in_the_realms_they_were_given() {
    let runtime = builder()
        .realms("read", "write")
        .start()
        .expect("a runtime");
    for (realm, user) in [("read", "reader"), ("write", "writer")] {
        let table = HashMap::from([(user.to_owned(), "secret".to_owned())]);
        runtime.set_authenticator(realm, Arc::new(BasicAuthenticator::new(realm, table)));
    }
    let with = |path: &str, credentials: &str| {
        let header = format!("Basic {credentials}");
        fetch(
            &runtime,
            ClientRequest::get(path).with_header("authorization", header),
        )
        .status
    };

    for path in ["/metrics/snapshot", "/logging/toggle", "/profiler/start"] {
        assert_eq!(get(&runtime, path).0, 401, "{path}");
    }
    assert_eq!(get(&runtime, "/system/stats.json").0, 200);
    assert_eq!(with("/metrics/snapshot", "cmVhZGVyOnNlY3JldA=="), 200);
    assert_eq!(with("/logging/toggle", "cmVhZGVyOnNlY3JldA=="), 401);
    assert_eq!(with("/logging/toggle", "d3JpdGVyOnNlY3JldA=="), 200);
    runtime.shutdown();
}
