//! Directories are removed at their time, on a paused clock.

use libprocess::{Clock, Outcome};

use super::*;

struct Fixture {
    runtime: Runtime,
    collector: GarbageCollector,
    directory: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let runtime = Runtime::builder()
            .clock(Clock::paused())
            .start()
            .expect("runtime");
        let collector = GarbageCollector::spawn(&runtime);
        Self {
            runtime,
            collector,
            directory: tempfile::tempdir().expect("temporary directory"),
        }
    }

    fn make(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.join("inner")).expect("created");
        path
    }

    fn wait<T: Send + 'static>(&self, future: Future<T>) -> Outcome<T> {
        self.runtime.block_on(future)
    }

    fn advance(&self, seconds: u64) {
        self.runtime.clock().settle();
        self.runtime.clock().advance(Duration::from_secs(seconds));
        self.runtime.clock().settle();
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

/// Mirrors: GarbageCollectorTest.Schedule
#[test]
fn directories_go_each_at_its_time() {
    let fixture = Fixture::new();
    let (early, late) = (fixture.make("early"), fixture.make("late"));
    let gone_early = fixture
        .collector
        .schedule(Duration::from_secs(10), early.clone());
    let gone_late = fixture
        .collector
        .schedule(Duration::from_secs(15), late.clone());

    fixture.advance(10);
    assert_eq!(fixture.wait(gone_early).ready(), Some(Ok(())));
    assert!(!early.is_dir() && late.is_dir());
    fixture.advance(5);

    assert_eq!(fixture.wait(gone_late).ready(), Some(Ok(())));
    assert!(!late.is_dir());
}

/// Mirrors: GarbageCollectorTest.Unschedule
#[test]
fn unscheduled_directory_stays() {
    let fixture = Fixture::new();
    let path = fixture.make("kept");
    drop(
        fixture
            .collector
            .schedule(Duration::from_secs(10), path.clone()),
    );

    let kept = fixture.wait(fixture.collector.unschedule(path.clone()));
    let unknown = fixture.wait(fixture.collector.unschedule(path.join("other")));
    fixture.advance(10);

    assert_eq!(kept.ready(), Some(Unscheduled::Kept));
    assert_eq!(unknown.ready(), Some(Unscheduled::NotScheduled));
    assert!(path.is_dir());
}

/// Mirrors: GarbageCollectorTest.Prune
#[test]
fn prune_takes_what_would_go_within_the_time() {
    let fixture = Fixture::new();
    let (near, far) = (fixture.make("near"), fixture.make("far"));
    let gone = fixture
        .collector
        .schedule(Duration::from_secs(10), near.clone());
    drop(
        fixture
            .collector
            .schedule(Duration::from_secs(20), far.clone()),
    );

    fixture.collector.prune(Duration::from_secs(15));

    assert_eq!(fixture.wait(gone).ready(), Some(Ok(())));
    assert!(!near.is_dir() && far.is_dir());
}

#[test]
fn full_disk_leaves_no_age() {
    let week = Duration::from_secs(7 * 24 * 3600);

    assert_eq!(max_allowed_age(week, 0.1, 0.95), Duration::ZERO);
    assert_eq!(max_allowed_age(week, 0.1, 0.4), week.mul_f64(0.5));
    assert_eq!(max_allowed_age(week, 0.0, 0.0), week);
}

fn mount(source: &Path, target: &Path) {
    fs::create_dir_all(target).expect("created");
    let none: Option<&str> = None;
    nix::mount::mount(
        Some(source),
        target,
        none,
        nix::mount::MsFlags::MS_BIND,
        none,
    )
    .expect("mounted");
}

#[test]
fn needs_root_what_is_mounted_in_a_directory_survives_it() {
    let fixture = Fixture::new();
    let (volume, sandbox) = (fixture.make("volume"), fixture.make("sandbox"));
    fs::write(volume.join("inner/file"), "content").expect("written");
    mount(&volume, &sandbox.join("dangling"));
    mount(&volume.join("inner"), &sandbox.join("dangling/again"));

    let done = fixture.collector.schedule(Duration::ZERO, sandbox.clone());
    fixture.advance(1);

    assert!(matches!(fixture.wait(done), Outcome::Ready(Ok(()))));
    assert!(!sandbox.is_dir());
    let kept = fs::read_to_string(volume.join("inner/file"));
    assert_eq!(kept.expect("kept"), "content");
}
