//! The actor: timers, metrics, questions and the debug page.

use super::*;
use crate::allocator::{AllocatorHandle, AllocatorObserver};
use libprocess::{Clock, Runtime};
use std::sync::mpsc::{Receiver, Sender, channel};

struct Recorder(Sender<(FrameworkId, Vec<Offer>)>);

impl AllocatorObserver for Recorder {
    fn offers(&self, framework_id: FrameworkId, offers: Vec<Offer>) {
        let _ = self.0.send((framework_id, offers));
    }

    fn inverse_offers(&self, _: FrameworkId, _: Vec<InverseOffer>) {}
}

struct Actor {
    runtime: Runtime,
    allocator: AllocatorHandle,
    offers: Receiver<(FrameworkId, Vec<Offer>)>,
}

impl Actor {
    fn start() -> Self {
        Self::with(AllocatorOptions::default())
    }

    fn with(options: AllocatorOptions) -> Self {
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .clock(Clock::paused())
            .start()
            .expect("a runtime");
        let allocator = AllocatorHandle::start(&runtime);
        let (sender, offers) = channel();
        allocator.initialize(options, Recorder(sender));
        runtime.clock().settle();
        Self {
            runtime,
            allocator,
            offers,
        }
    }

    fn settle(&self) {
        self.runtime.clock().settle();
    }

    fn advance(&self, span: Duration) {
        self.runtime.clock().advance(span);
        self.settle();
    }

    fn add_agent(&self, name: &str, resources: &str) {
        self.allocator
            .add_agent(new_agent(name, &parse(resources), &[]));
        self.settle();
    }

    fn add(&self, name: &str, roles: &[&str]) {
        self.allocator.add_framework(
            id(name),
            Arc::new(framework_info(name, roles, &[])),
            BTreeMap::new(),
            Activity::Active,
            FrameworkOptions::default(),
        );
        self.settle();
    }

    fn offers(&self) -> Vec<(String, String)> {
        self.settle();
        let batches = self.offers.try_iter();
        batches
            .flat_map(|(framework, offers)| {
                offers
                    .into_iter()
                    .map(move |offer| (framework.to_string(), offer.agent_id.to_string()))
            })
            .collect()
    }

    fn decline(&self, framework: &str, agent: &str, resources: &Resources, seconds: f64) {
        self.allocator.recover_resources(
            id(framework),
            agent_id(agent),
            resources.clone(),
            Some(filters_of(seconds)),
            Ownership::Offered,
        );
        self.settle();
    }

    fn metrics(&self) -> BTreeMap<String, f64> {
        let snapshot = self.runtime.metrics().snapshot(None);
        self.runtime.block_on(snapshot).ready().expect("a snapshot")
    }

    #[track_caller]
    fn assert_metrics(&self, expected: &[(&str, f64)]) {
        let metrics = self.metrics();
        for (key, value) in expected {
            let key = format!("allocator/mesos/{key}");
            assert_eq!(metrics.get(&key), Some(value), "{key}");
        }
    }

    #[track_caller]
    fn assert_absent(&self, keys: &[&str]) {
        let metrics = self.metrics();
        for key in keys {
            let key = format!("allocator/mesos/{key}");
            assert_eq!(metrics.get(&key), None, "{key}");
        }
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

#[test]
fn offers_follow_events_and_the_interval() {
    let actor = Actor::start();
    actor.add_agent("a1", "cpus:2;mem:1024");
    actor.add("f1", &["role1"]);
    let one = || vec![("f1".to_owned(), "a1".to_owned())];
    assert_eq!(actor.offers(), one());

    actor.decline(
        "f1",
        "a1",
        &allocated(&parse("cpus:2;mem:1024"), "role1"),
        0.0,
    );
    assert_eq!(actor.offers(), []);
    actor.advance(INTERVAL);
    assert_eq!(actor.offers(), one());

    actor.decline(
        "f1",
        "a1",
        &allocated(&parse("cpus:2;mem:1024"), "role1"),
        2.0,
    );
    actor.advance(INTERVAL);
    assert_eq!(actor.offers(), []);
    actor.advance(INTERVAL);
    actor.advance(INTERVAL);
    assert_eq!(actor.offers(), one());
}

/// Mirrors: HierarchicalAllocatorTest.ResourceMetrics
/// Mirrors: HierarchicalAllocatorTest.ResourceMetricsUninitialized
#[test]
fn resources_are_published() {
    let actor = Actor::start();
    let assert = |total: [f64; 3], held: [f64; 3]| {
        for (index, name) in ["cpus", "mem", "disk"].iter().enumerate() {
            actor.assert_metrics(&[
                (&format!("resources/{name}/total"), total[index]),
                (
                    &format!("resources/{name}/offered_or_allocated"),
                    held[index],
                ),
            ]);
        }
    };
    assert([0.0; 3], [0.0; 3]);
    actor.add_agent("a1", "cpus:2;mem:1024;disk:0");
    assert([2.0, 1024.0, 0.0], [0.0; 3]);
    actor.add("f1", &["role1"]);
    assert([2.0, 1024.0, 0.0], [2.0, 1024.0, 0.0]);

    actor.allocator.remove_agent(agent_id("a1"));
    actor.settle();

    assert([0.0; 3], [0.0; 3]);
}

#[test]
fn resources_are_published_before_there_are_options() {
    let runtime = Runtime::builder()
        .ip([127, 0, 0, 1].into())
        .clock(Clock::paused())
        .start()
        .expect("a runtime");
    let _allocator = AllocatorHandle::start(&runtime);
    runtime.clock().settle();

    let snapshot = runtime.metrics().snapshot(None);
    let metrics = runtime.block_on(snapshot).ready().expect("a snapshot");

    assert_eq!(
        metrics.get("allocator/mesos/resources/cpus/total"),
        Some(&0.0)
    );
    runtime.shutdown();
}

/// Mirrors: HierarchicalAllocatorTest.QuotaMetrics
#[test]
fn quotas_are_published_while_they_are_set() {
    let actor = Actor::start();
    let set = |guarantees: &str, limits: &str| {
        actor
            .allocator
            .update_quota("role".to_owned(), quota(guarantees, limits));
        actor.settle();
    };
    let key = |name: &str| format!("quota/roles/role/resources/{name}");
    actor.assert_absent(&[&key("cpus/guarantee"), &key("mem/limit")]);

    set("cpus:1", "mem:1024");
    actor.assert_metrics(&[(&key("cpus/guarantee"), 1.0), (&key("mem/limit"), 1024.0)]);
    actor.assert_absent(&[&key("cpus/limit"), &key("mem/guarantee")]);

    set("cpus:2", "mem:1024");
    actor.assert_metrics(&[(&key("cpus/guarantee"), 2.0)]);

    set("", "");
    actor.assert_absent(&[
        &key("cpus/guarantee"),
        &key("mem/limit"),
        &key("cpus/offered_or_allocated"),
    ]);
}

#[test]
fn consumed_quota_is_published_by_role_and_for_the_whole() {
    let actor = Actor::start();
    actor.add_agent("a1", "cpus(a/b):2;mem:1024");
    for role in ["a/b", "a", ""] {
        actor.assert_metrics(&[(&format!("quota/roles/{role}/resources/cpus/consumed"), 2.0)]);
    }
    actor.add("f1", &["a/b"]);
    let used = allocated(&parse("mem:24"), "a/b");

    actor
        .allocator
        .transition_offered_to_allocated(agent_id("a1"), used.clone());
    actor.settle();
    actor.assert_metrics(&[("quota/roles/a/resources/mem/consumed", 24.0)]);

    actor
        .allocator
        .recover_resources(id("f1"), agent_id("a1"), used, None, Ownership::Allocated);
    actor.allocator.remove_agent(agent_id("a1"));
    actor.settle();
    actor.assert_absent(&[
        "quota/roles/a/resources/mem/consumed",
        "quota/roles/a/resources/cpus/consumed",
        "quota/roles//resources/cpus/consumed",
    ]);
}

/// Mirrors: HierarchicalAllocatorTest.AllocationRunsMetric
#[test]
fn runs_are_counted() {
    let actor = Actor::start();
    actor.assert_metrics(&[("allocation_runs", 0.0)]);

    actor.add_agent("a1", "cpus:2;mem:1024");
    actor.add("f1", &["role"]);

    actor.assert_metrics(&[("allocation_runs", 2.0)]);
    actor.assert_metrics(&[("event_queue_dispatches", 0.0)]);
}

/// Mirrors: HierarchicalAllocatorTest.AllocationRunTimerMetrics
/// Mirrors: HierarchicalAllocatorTest.AllocationRunLatencyMetrics
#[test]
fn runs_are_timed() {
    let actor = Actor::start();
    let timers = ["allocation_run_ms", "allocation_run_latency_ms"];
    let parts = [
        "", "/count", "/min", "/max", "/p50", "/p95", "/p99", "/p999", "/p9999",
    ];
    let keys: Vec<String> = timers
        .iter()
        .flat_map(|timer| parts.iter().map(move |part| format!("{timer}{part}")))
        .collect();
    actor.assert_absent(&keys.iter().map(String::as_str).collect::<Vec<_>>());

    actor.add_agent("a1", "cpus:2;mem:1024");
    actor.advance(Duration::from_millis(1));
    actor.add("f1", &["role"]);

    let metrics = actor.metrics();
    for key in keys {
        assert!(
            metrics.contains_key(&format!("allocator/mesos/{key}")),
            "{key}"
        );
    }
}

/// Mirrors: HierarchicalAllocatorTest.ActiveOfferFiltersMetrics
#[test]
fn active_filters_are_published_by_role() {
    let actor = Actor::start();
    let whole = parse("cpus:2;mem:1024");
    let key = |role: &str| format!("offer_filters/roles/{role}/active");
    actor.add_agent("a1", "cpus:2;mem:1024");
    actor.add("f1", &["roleA"]);
    actor.decline("f1", "a1", &allocated(&whole, "roleA"), 100.0);
    actor.assert_metrics(&[(&key("roleA"), 1.0)]);

    actor.add("f2", &["roleB"]);
    actor.decline("f2", "a1", &allocated(&whole, "roleB"), 100.0);
    actor.add("f3", &["roleA"]);
    actor.decline("f3", "a1", &allocated(&whole, "roleA"), 100.0);

    actor.assert_metrics(&[(&key("roleA"), 2.0), (&key("roleB"), 1.0)]);
}

/// Mirrors: `HierarchicalAllocator_BENCHMARK_Test.Metrics`
#[test]
fn a_snapshot_of_many_roles_has_all_their_keys() {
    let actor = Actor::start();
    for n in 0..100 {
        actor
            .allocator
            .update_quota(format!("role{n}"), quota("cpus:1", "cpus:1"));
        actor.add(&format!("f{n}"), &[&format!("role{n}")]);
    }

    let metrics = actor.metrics();

    for n in 0..100 {
        for key in [
            format!("quota/roles/role{n}/resources/cpus/guarantee"),
            format!("quota/roles/role{n}/resources/cpus/offered_or_allocated"),
            format!("offer_filters/roles/role{n}/active"),
            format!("roles/role{n}/shares/dominant"),
        ] {
            assert!(
                metrics.contains_key(&format!("allocator/mesos/{key}")),
                "{key}"
            );
        }
    }
}

/// Mirrors: HierarchicalAllocatorTest.DominantShareMetrics
#[test]
fn dominant_shares_are_published_while_a_role_has_frameworks() {
    let actor = Actor::start();
    let key = |role: &str| format!("roles/{role}/shares/dominant");
    actor.add_agent("a1", "cpus:1;mem:1024");
    actor.add("f1", &["roleA"]);
    actor.assert_metrics(&[(&key("roleA"), 1.0)]);
    actor.decline(
        "f1",
        "a1",
        &allocated(&parse("cpus:1;mem:1024"), "roleA"),
        0.0,
    );
    actor.assert_metrics(&[(&key("roleA"), 0.0)]);

    actor.add("f2", &["roleB"]);
    actor.add_agent("a2", "cpus:1;mem:1024");
    let shares = actor.metrics();
    let total: f64 = ["roleA", "roleB"]
        .iter()
        .map(|role| shares[&format!("allocator/mesos/{}", key(role))])
        .sum();
    assert!((total - 1.0).abs() < 1e-9);

    actor.allocator.remove_framework(id("f2"));
    actor.settle();
    actor.assert_absent(&[&key("roleB")]);
}

/// Mirrors: HierarchicalAllocatorTest.DominantShareMetricsWithFairnessExclusion
#[test]
fn dominant_shares_leave_excluded_resources_out() {
    let actor = Actor::with(AllocatorOptions {
        fairness_exclude_resource_names: names(&["gpus"]),
        ..AllocatorOptions::default()
    });
    let join = |name: &str, role: &str| {
        actor.allocator.add_framework(
            id(name),
            Arc::new(framework_info(name, &[role], &[Capability::GpuResources])),
            BTreeMap::new(),
            Activity::Active,
            FrameworkOptions::default(),
        );
        actor.settle();
    };
    actor.add_agent("a1", "cpus:1;mem:1024;gpus:1");
    join("f1", "roleA");
    actor.assert_metrics(&[("roles/roleA/shares/dominant", 1.0)]);
    join("f2", "roleB");
    actor.add_agent("a2", "cpus:3;mem:1024");

    actor.assert_metrics(&[
        ("roles/roleA/shares/dominant", 0.5),
        ("roles/roleB/shares/dominant", 0.75),
    ]);
}

#[test]
fn suppressed_roles_are_published_and_kept_for_a_while() {
    let actor = Actor::with(AllocatorOptions {
        max_completed_frameworks: 1,
        ..AllocatorOptions::default()
    });
    let key = |name: &str| format!("master/frameworks/{name}/{name}/roles/role1/suppressed");
    actor.add("f1", &["role1"]);
    assert_eq!(actor.metrics().get(&key("f1")), Some(&0.0));

    actor.allocator.suppress_offers(id("f1"), BTreeSet::new());
    actor.settle();
    assert_eq!(actor.metrics().get(&key("f1")), Some(&1.0));

    actor.allocator.remove_framework(id("f1"));
    actor.settle();
    assert_eq!(actor.metrics().get(&key("f1")), Some(&1.0));
    actor.add("f2", &["role1"]);
    actor.allocator.remove_framework(id("f2"));
    actor.settle();
    assert_eq!(actor.metrics().get(&key("f1")), None);
    assert_eq!(actor.metrics().get(&key("f2")), Some(&0.0));
}

#[test]
fn questions_are_answered_by_the_actor() {
    let actor = Actor::start();
    actor.add_agent("a1", "cpus:2;mem:1024");
    actor.add("f1", &["role1"]);

    let answers = actor
        .allocator
        .explain(crate::Question::Agent(agent_id("a1")));
    let answers = actor.runtime.block_on(answers).ready().expect("answers");

    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].reason, crate::Reason::NothingAvailable);
    let missing = actor.allocator.update_available(agent_id("a9"), Vec::new());
    assert!(
        actor
            .runtime
            .block_on(missing)
            .ready()
            .expect("an outcome")
            .is_err()
    );
    let statuses = actor.allocator.inverse_offer_statuses();
    assert!(
        actor
            .runtime
            .block_on(statuses)
            .ready()
            .expect("statuses")
            .is_empty()
    );
}

impl Actor {
    fn constraints_page(&self, viewer: crate::FrameworkViewer) -> (u16, String) {
        use libprocess::http::client::{ClientRequest, request};
        self.allocator.serve_debug(None, viewer);
        self.settle();
        let url = format!("http://{}", self.runtime.address());
        let page = ClientRequest::get("/allocator/offer_constraints_debug");
        self.runtime.block_on(async {
            let response = request(&url, page).await.expect("an answer");
            let status = response.status;
            let body = response.bytes().await.expect("a body");
            (status, String::from_utf8(body.to_vec()).expect("text"))
        })
    }
}

#[test]
fn excluded_agents_are_shown_to_those_who_may_see_the_framework() {
    let actor = Actor::start();
    actor.add_agent("a1", "cpus:1");
    actor.add_agent("a2", "cpus:1");
    for (name, host) in [("f1", "a2"), ("f2", "a1")] {
        actor.allocator.add_framework(
            id(name),
            Arc::new(framework_info(name, &["role1", "role2"], &[])),
            BTreeMap::new(),
            Activity::Active,
            FrameworkOptions {
                suppressed_roles: names(&["role2"]),
                ..capabilities::hostname_is("role1", host)
            },
        );
    }

    let answer = actor.constraints_page(Box::new(|_| {
        let filter: crate::FrameworkFilter = Box::new(|info| info.name() == "f1");
        libprocess::Future::ready(Ok(filter))
    }));

    let expected = r#"{"frameworks":{"f1":{"suppressed_roles":["role2"],"excluded_by_attribute_constraints":{"role1":["a1"],"role2":[]}}}}"#;
    assert_eq!(answer, (200, expected.to_owned()));
}

#[test]
fn without_an_answer_about_permissions_nothing_is_shown() {
    let actor = Actor::start();

    let answer = actor.constraints_page(Box::new(|_| {
        libprocess::Future::ready(Err("no authorizer".to_owned()))
    }));

    assert_eq!(
        answer,
        (
            500,
            "Failed to authorize VIEW_FRAMEWORK: no authorizer".to_owned()
        )
    );
}
