//! A fetcher, its cache, and sandboxes.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use libprocess::{Future, Runtime};
use mesos_containerizer::{
    ContainerId,
    fetcher::{FetchError, Fetcher, FetcherOptions},
    launch_info::ContainerConfig,
};
use mesos_proto::v1::{CommandInfo, command_info::Uri};

/// The program that the tests run.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mesos-fetcher");

/// A command that tells its argument by the name of a file.
pub(crate) const SCRIPT: &str = "#!/bin/sh\ntouch command$1\n";

/// A fetcher and where it works.
pub(crate) struct Scene {
    pub(crate) runtime: Runtime,
    pub(crate) fetcher: Fetcher,
    pub(crate) directory: tempfile::TempDir,
}

impl Scene {
    pub(crate) fn start() -> Self {
        Self::start_with(|_, _| {})
    }

    /// Starts with other options; the first argument is the directory of the scene.
    pub(crate) fn start_with(change: impl FnOnce(&Path, &mut FetcherOptions)) -> Self {
        let directory = tempfile::tempdir().expect("temporary directory");
        // Other users come here too.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("opened");
        let launcher_dir = directory.path().join("libexec");
        fs::create_dir(&launcher_dir).expect("created");
        std::os::unix::fs::symlink(PROGRAM, launcher_dir.join("mesos-fetcher")).expect("linked");
        let mut options = FetcherOptions {
            launcher_dir,
            cache_dir: directory.path().join("cache"),
            cache_size: 1_000_000,
            frameworks_home: None,
            hadoop_home: None,
            stall_timeout: Duration::from_secs(60),
        };
        change(directory.path(), &mut options);
        let runtime = Runtime::builder()
            .ip([127, 0, 0, 1].into())
            .start()
            .expect("runtime");
        let fetcher = Fetcher::spawn(&runtime, options);
        Self {
            runtime,
            fetcher,
            directory,
        }
    }

    /// Puts a script in front of the program; it has to run the program itself.
    pub(crate) fn wrap_program(&self, script: &str) {
        let path = self.directory.path().join("libexec/mesos-fetcher");
        fs::remove_file(&path).expect("removed");
        executable(&path, &format!("#!/bin/sh\n{script}\nexec {PROGRAM}\n"));
    }

    /// The sandbox of a container.
    pub(crate) fn sandbox(&self, id: &str) -> PathBuf {
        let path = self.directory.path().join("sandboxes").join(id);
        fs::create_dir_all(&path).expect("created");
        path
    }

    /// Begins to fetch what a command names.
    pub(crate) fn begin(&self, id: &str, command: CommandInfo) -> Future<Result<(), FetchError>> {
        self.begin_as(None, id, command)
    }

    /// As [`Scene::begin`], for a container of that user.
    pub(crate) fn begin_as(
        &self,
        user: Option<&str>,
        id: &str,
        command: CommandInfo,
    ) -> Future<Result<(), FetchError>> {
        let config = ContainerConfig {
            directory: Some(self.sandbox(id).display().to_string()),
            command_info: Some(command.into()),
            user: user.map(ToOwned::to_owned),
            ..Default::default()
        };
        self.fetcher.fetch(&ContainerId::root_from(id), &config)
    }

    /// Waits for the end of a fetch.
    pub(crate) fn wait(&self, fetch: Future<Result<(), FetchError>>) -> Result<(), FetchError> {
        let outcome = self.runtime.block_on(fetch.into_future());
        outcome.ready().expect("an answer")
    }

    /// Fetches into the sandbox of a container.
    pub(crate) fn fetch(&self, id: &str, uris: Vec<Uri>) -> Result<(), FetchError> {
        self.wait(self.begin(id, command(uris)))
    }

    /// Makes a file that can be fetched.
    pub(crate) fn source(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let directory = self.directory.path().join("from");
        fs::create_dir_all(&directory).expect("created");
        let path = directory.join(name);
        fs::write(&path, text).expect("written");
        path
    }

    /// Makes an archive of one file and returns its path.
    pub(crate) fn archive(&self, name: &str, member: &Path) -> PathBuf {
        let archive = self.directory.path().join("from").join(name);
        let (folder, file) = (member.parent(), member.file_name());
        let status = Command::new("tar")
            .arg("-caf")
            .arg(&archive)
            .arg("-C")
            .arg(folder.expect("a folder"))
            .arg(file.expect("a name"))
            .status();
        assert!(status.expect("tar").success());
        archive
    }

    /// Reads a fetched file.
    pub(crate) fn read(&self, id: &str, name: &str) -> String {
        let path = self.sandbox(id).join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Runs what a container has fetched and tells whether it did its work.
    #[track_caller]
    pub(crate) fn run(&self, id: &str, program: &str) {
        let sandbox = self.sandbox(id);
        let status = Command::new(sandbox.join(program))
            .arg(id)
            .current_dir(&sandbox)
            .status();
        assert!(status.expect("it runs").success());
        assert!(sandbox.join(format!("command{id}")).is_file());
    }

    /// A metric of the fetcher.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let snapshot = self.runtime.metrics().snapshot(None);
        let values = self.runtime.block_on(snapshot.into_future());
        let values = values.ready().expect("metrics");
        let name = format!("containerizer/fetcher/{name}");
        values.get(&name).copied().expect("the metric")
    }

    /// Compares the numbers of fetches that succeeded and failed.
    #[track_caller]
    pub(crate) fn assert_counts(&self, succeeded: f64, failed: f64) {
        let counts = ["task_fetches_succeeded", "task_fetches_failed"];
        let [good, bad] = counts.map(|name| self.metric(name));
        assert!((good - succeeded).abs() < 1e-9, "{good} succeeded");
        assert!((bad - failed).abs() < 1e-9, "{bad} failed");
    }

    /// How many files the cache holds.
    pub(crate) fn cached_files(&self) -> usize {
        let cache = self.directory.path().join("cache");
        fs::read_dir(cache).map_or(0, Iterator::count)
    }

    /// The bytes that the cache holds.
    #[track_caller]
    pub(crate) fn assert_cached_bytes(&self, bytes: usize) {
        let used = self.metric("cache_size_used_bytes");
        let wanted = f64::from(u32::try_from(bytes).expect("few"));
        assert!((used - wanted).abs() < 1e-9, "{used} bytes");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.runtime.shutdown();
    }
}

/// A command that has artifacts and nothing else.
pub(crate) fn command(uris: Vec<Uri>) -> CommandInfo {
    CommandInfo {
        uris,
        ..Default::default()
    }
}

/// An artifact that is copied as it is.
pub(crate) fn uri(value: impl Into<String>) -> Uri {
    Uri {
        value: Some(value.into()),
        extract: Some(false),
        ..Default::default()
    }
}

/// An artifact on this machine.
pub(crate) fn file(path: &Path) -> Uri {
    uri(format!("file://{}", path.display()))
}

/// An archive on this machine that is opened.
pub(crate) fn extracted(path: &Path) -> Uri {
    Uri {
        extract: Some(true),
        ..file(path)
    }
}

/// Writes a file that can be run.
pub(crate) fn executable(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
}

/// Whether everybody may run a file.
pub(crate) fn is_executable(path: &Path) -> bool {
    let found = fs::metadata(path).expect("a file");
    found.permissions().mode() & 0o111 == 0o111
}
