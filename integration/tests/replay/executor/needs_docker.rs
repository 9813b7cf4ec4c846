//! The recorded agent against our Docker executor and a real engine.
//!
//! Left out: what needs a bridge or a web server inside the image, and the check that made the
//! recorded executor crash.

#![expect(
    clippy::indexing_slicing,
    reason = "helpers of tests fail by panicking"
)]

use std::thread;

use mesos_integration::docker_daemon::DockerDaemon;
use mesos_integration::golden::Golden;
use mesos_integration::replay::executor::{Player, Recorded, conversations};
use mesos_integration::replay::{Outcome, wire};
use serde_json::{Value, json};

use super::{Executor, Identity, differences};

/// Starts the executor of a task as an agent does.
fn start(docker: &DockerDaemon, task: &str, player: &Player) -> Executor {
    let identity = Identity {
        framework: "06974105-a4a6-4487-8698-bec7a689ce16-0000",
        executor: task,
        agent: "06974105-a4a6-4487-8698-bec7a689ce16-S0",
    };
    let folder = tempfile::tempdir().expect("a folder");
    let sandbox = format!("--sandbox_directory={}", folder.path().display());
    let socket = format!("--docker_socket={}", docker.socket().display());
    let arguments = [
        "docker-executor",
        &format!("--container=mesos-{task}"),
        "--docker=docker",
        &socket,
        &sandbox,
        "--mapped_directory=/mnt/mesos/sandbox",
        "--launcher_dir=/usr/libexec/mesos",
        "--stop_timeout=0ns",
        "--cgroups_enable_cfs",
    ];
    Executor::start_in(folder, &identity, player.address, &arguments)
}

fn play(docker: &DockerDaemon, task: &str, recorded: &Recorded) -> Outcome {
    let player = Player::listen().expect("a port is free");
    let _executor = start(docker, task, &player);

    // The first process of a container does not end by a signal that it does not handle.
    let is_ready = || {};
    player
        .play(recorded, is_ready)
        .expect("the conversation goes to its end")
}

#[test]
fn recorded_agent_finds_in_our_docker_executor_the_one_it_knew() {
    let golden = Golden::open("docker").unwrap();
    let frames = wire::frames(&golden).unwrap();
    let recorded = conversations(&frames).unwrap();
    let docker = DockerDaemon::start("local/busybox:1").unwrap();
    let tasks = [
        "d-exit0",
        "d-exit3",
        "d-sig",
        "d-args",
        "d-none",
        "d-badport",
        "d-limits",
        "d-long",
        "d-oom",
        "d-hc",
        "d-stubborn",
        "d-maxtime",
    ];

    let outcomes: Vec<_> = thread::scope(|scope| {
        let mut playing = Vec::new();
        for task in tasks {
            let (docker, recorded) = (&docker, &recorded[task]);
            playing.push((task, scope.spawn(move || play(docker, task, recorded))));
        }
        let ended = |(task, playing): (_, thread::ScopedJoinHandle<'_, Outcome>)| {
            (task, playing.join().unwrap())
        };
        playing.into_iter().map(ended).collect()
    });

    for (task, outcome) in outcomes {
        assert_eq!(differences(&outcome), [""; 0], "{task}");
        assert_eq!(outcome.count("TASK_STARTING"), 1, "{task}");
    }
}

/// Answers every connection, of both protocols.
const SERVER: &str = r#"perl -MSocket -e '
    $SIG{PIPE} = "IGNORE"; socket(S, PF_INET6, SOCK_STREAM, 0);
    bind(S, pack_sockaddr_in6(80, "\0" x 16)) or die; listen(S, 9); while (accept(C, S)) {
    sysread(C, $b, 4096);
    syswrite(C, "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"); close(C) }'"#;

/// Makes a certificate, and serves with it.
const TLS_SERVER: &str = "cd $MESOS_SANDBOX && openssl req -x509 -newkey ec \
    -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=test -keyout key -out cert && \
    openssl s_server -accept 443 -www -cert cert -key key";

/// A task on a network of its own, with this health check.
fn networked(id: &str, command: &str, check: &Value) -> Value {
    let mut health = json!({
        "delay_seconds": 0.0, "interval_seconds": 0.5, "grace_period_seconds": 120.0,
    });
    for (name, value) in check.as_object().into_iter().flatten() {
        health[name] = value.clone();
    }
    let amount = |name: &str, value: f64| json!({"name": name, "type": "SCALAR", "scalar": {"value": value}});
    json!({
        "name": id, "task_id": {"value": id}, "agent_id": {"value": "S0"},
        "resources": [amount("cpus", 0.1), amount("mem", 64.0)],
        "command": {"value": command},
        "container": {
            "type": "DOCKER", "docker": {"image": "local/server:1", "network": "USER"},
            "network_infos": [{"name": "apart"}],
        },
        "health_check": health,
    })
}

/// Runs tasks, each of which must be healthy after it runs.
#[track_caller]
fn assert_healthy(docker: &DockerDaemon, tasks: &[Value]) {
    let network = [
        "network",
        "create",
        "--ipv6",
        "--subnet=fd00:1::/64",
        "apart",
    ];
    docker.docker(&network).expect("the network is made");
    for task in tasks {
        let player = Player::listen().expect("a port is free");
        let id = task["name"].as_str().expect("a name");
        let _executor = start(docker, id, &player);

        let statuses = player.launch(task, 3).expect("three statuses come");

        let states: Vec<&Value> = statuses.iter().map(|status| &status["state"]).collect();
        assert_eq!(states, ["TASK_STARTING", "TASK_RUNNING", "TASK_RUNNING"]);
        let last = &statuses[2];
        assert_eq!(last["reason"], "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED");
        assert_eq!(last["healthy"], true, "{last}");
    }
}

/// Mirrors: DockerContainerizerHealthCheckTest.ROOT_DOCKER_USERNETWORK_NETNAMESPACE_HealthyTaskViaHTTP
/// Mirrors: DockerContainerizerHealthCheckTest.ROOT_DOCKER_USERNETWORK_NETNAMESPACE_HealthyTaskViaTCP
#[test]
#[expect(clippy::doc_markdown, reason = "the names of tests of Mesos")]
fn health_of_servers_is_asked_in_the_network_of_their_containers() {
    let modules = "usr/lib/x86_64-linux-gnu/perl-base";
    let docker = DockerDaemon::start_apart("local/server:1", &["usr/bin/perl", modules]).unwrap();

    let check = |kind: &str, protocol: &str| {
        let mut check = json!({"type": kind});
        check[kind.to_lowercase()] = json!({"port": 80, "protocol": protocol});
        networked(&format!("{kind}-{protocol}"), SERVER, &check)
    };

    let tasks = [
        check("HTTP", "IPv4"),
        check("HTTP", "IPv6"),
        check("TCP", "IPv4"),
        check("TCP", "IPv6"),
    ];
    assert_healthy(&docker, &tasks);
}

/// Mirrors: DockerContainerizerHealthCheckTest.ROOT_DOCKER_USERNETWORK_NETNAMESPACE_HealthyTaskViaHTTPS
#[test]
#[expect(clippy::doc_markdown, reason = "the name of a test of Mesos")]
fn needs_openssl_health_of_tls_servers_is_asked_in_the_network_of_their_containers() {
    let paths = ["usr/bin/openssl", "usr/lib/ssl/openssl.cnf"];
    let docker = DockerDaemon::start_apart("local/server:1", &paths).unwrap();

    let check = |protocol: &str| {
        let http = json!({"scheme": "https", "port": 443, "protocol": protocol});
        let check = json!({"type": "HTTP", "http": http});
        networked(&format!("HTTPS-{protocol}"), TLS_SERVER, &check)
    };

    assert_healthy(&docker, &[check("IPv4"), check("IPv6")]);
}
