//! A folder with certificates, and programs that are started in it.

use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mesos_integration::cluster::free_address;
use mesos_integration::eventually::eventually;
use mesos_integration::{binary, leftovers};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

/// Whether a program speaks TLS.
#[derive(Clone, Copy)]
pub(crate) enum Plain {
    Yes,
    No,
}

/// Programs on this machine, and the variables that they are started with.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    mark: String,
    variables: Vec<(String, String)>,
    running: Vec<Child>,
}

impl Place {
    pub(crate) fn new(more: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let write = |name: &str, text: String| {
            fs::write(folder.path().join(name), text).expect("a file");
        };
        let authority = authority();
        write("ca.pem", authority.pem());
        for (name, issuer) in [("own", &authority), ("stranger", &self::authority())] {
            let mut params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
            let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
            params.subject_alt_names.push(SanType::IpAddress(loopback));
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, issuer).expect("a certificate");
            write(&format!("{name}.pem"), certificate.pem());
            write(&format!("{name}.key"), key.serialize_pem());
        }
        let variables = variables(folder.path(), "own", more);
        Self {
            folder,
            mark: uuid::Uuid::new_v4().to_string(),
            variables,
            running: Vec::new(),
        }
    }

    fn program(&self, log: &str) -> Command {
        let path = self.folder.path().join(format!("{log}.log"));
        let mut options = File::options();
        let file = options.create(true).append(true).open(path).expect("a log");
        let copy = file.try_clone().expect("a log");
        let mut command = binary::command(&self.mark).expect("the binary is built");
        command
            .current_dir(self.folder.path())
            .env("LIBPROCESS_IP", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(copy);
        command
    }

    fn master(&self, address: SocketAddr) -> Command {
        let mut command = self.program("master");
        command.envs(self.variables.clone()).args([
            "master".to_owned(),
            "--ip=127.0.0.1".to_owned(),
            "--hostname=localhost".to_owned(),
            format!("--port={}", address.port()),
            format!("--work_dir={}", self.folder.path().join("master").display()),
            "--registry=in_memory".to_owned(),
        ]);
        command
    }

    pub(crate) fn start_master(&mut self) -> SocketAddr {
        let address = free_address().expect("a port");
        let child = self.master(address).spawn().expect("the binary runs");
        self.running.push(child);
        address
    }

    /// Runs a master that is expected to end, and gives its status and what it printed.
    pub(crate) fn run_master(&self) -> (Option<i32>, String) {
        let address = free_address().expect("a port");
        let status = self.master(address).status().expect("the binary runs");
        (status.code(), self.log("master"))
    }

    fn agent(&mut self, master: SocketAddr, variables: &[(String, String)], flags: &[&str]) {
        let address = free_address().expect("a port");
        let below = |part: &str| self.folder.path().join(part).display().to_string();
        let for_executors: serde_json::Map<String, serde_json::Value> = variables
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect();
        let mut command = self.program("agent");
        command.envs(variables.iter().cloned()).args([
            "agent".to_owned(),
            format!("--master={master}"),
            "--ip=127.0.0.1".to_owned(),
            "--hostname=localhost".to_owned(),
            format!("--port={}", address.port()),
            format!("--work_dir={}", below("work")),
            format!("--runtime_dir={}", below("run")),
            "--launcher=posix".to_owned(),
            "--isolation=posix/cpu,posix/mem".to_owned(),
            "--no-systemd_enable_support".to_owned(),
            "--resources=cpus:4;mem:1024;disk:1024".to_owned(),
            format!(
                "--executor_environment_variables={}",
                serde_json::Value::Object(for_executors)
            ),
        ]);
        command.args(flags);
        let child = command.spawn().expect("the binary runs");
        self.running.push(child);
    }

    /// Starts an agent whose executors have the same variables.
    pub(crate) fn start_agent(&mut self, master: SocketAddr, flags: &[&str]) {
        let variables = self.variables.clone();
        self.agent(master, &variables, flags);
    }

    /// Starts an agent that shows the certificate of another authority, and believes everybody.
    pub(crate) fn start_stranger(&mut self, master: SocketAddr) {
        let variables = variables(self.folder.path(), "stranger", &[]);
        self.agent(master, &variables, &[]);
    }

    /// Runs one command as a task and gives what the framework printed.
    pub(crate) fn execute(&self, master: SocketAddr, plain: Plain) -> String {
        self.run(master, plain, &["--name=one", "--command=echo hello"])
    }

    /// Runs a framework with these flags and gives what it printed.
    pub(crate) fn run(&self, master: SocketAddr, plain: Plain, flags: &[&str]) -> String {
        let mut command = self.program("execute");
        if let Plain::No = plain {
            command.envs(self.variables.clone());
        }
        command
            .args(["execute".to_owned(), format!("--master={master}")])
            .args(flags);
        let mut child = command.spawn().expect("the binary runs");
        let ended = eventually("the end of the framework", || {
            child.try_wait().ok().flatten()
        });
        if ended.is_err() {
            let _gone = child.kill();
            let _ended = child.wait();
        }
        self.log("execute")
    }

    /// Runs a command in a cluster of one program, and gives its status and what it printed.
    pub(crate) fn dev(&self, command: &str) -> (Option<i32>, String) {
        let address = free_address().expect("a port");
        let status = self
            .program("dev")
            .envs(self.variables.clone())
            .env("TMPDIR", self.folder.path())
            .args(["dev", &format!("--port={}", address.port())])
            .args(["--execute", command])
            .status()
            .expect("the binary runs");
        (status.code(), self.log("dev"))
    }

    /// Waits for a line in a log.
    pub(crate) fn wait_for(&self, log: &str, text: &str) -> String {
        let found = eventually(text, || {
            let log = self.log(log);
            log.lines()
                .find(|line| line.contains(text))
                .map(str::to_owned)
        });
        found.unwrap_or_else(|reason| panic!("{reason}\n{}", self.logs()))
    }

    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{name}.log"))).unwrap_or_default()
    }

    pub(crate) fn logs(&self) -> String {
        format!(
            "--- master ---\n{}\n--- agent ---\n{}",
            self.log("master"),
            self.log("agent")
        )
    }

    pub(crate) fn mark(&self) -> &str {
        &self.mark
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _gone = child.kill();
            let _ended = child.wait();
        }
        leftovers::kill_all(&self.mark, self.folder.path());
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
}

fn variables(folder: &Path, name: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let file = |name: String| folder.join(name).display().to_string();
    let mut variables = vec![
        ("ENABLED", "true".to_owned()),
        ("KEY_FILE", file(format!("{name}.key"))),
        ("CERT_FILE", file(format!("{name}.pem"))),
        ("CA_FILE", file("ca.pem".to_owned())),
    ];
    for (name, value) in more {
        variables.retain(|(known, _)| known != name);
        variables.push((name, (*value).to_owned()));
    }
    let full = |(name, value): (&str, String)| (format!("LIBPROCESS_SSL_{name}"), value);
    variables.into_iter().map(full).collect()
}
