//! Every way in which agents and frameworks can be told where the master is.

use std::fs;
use std::process::Stdio;

use mesos_integration::binary;
use mesos_integration::cluster::free_address;

use super::*;

/// Runs one command as a framework of its own; what it printed, when it did not end well.
fn execute(master: &str, name: &str) -> Result<(), String> {
    let output = binary::command(&uuid::Uuid::new_v4().to_string())
        .expect("the binary is built")
        .args(["execute", &format!("--master={master}")])
        .args([&format!("--name={name}"), "--command=true"])
        .arg("--resources=cpus:0.1;mem:32")
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    if output.status.success() && text.contains("TASK_FINISHED") {
        Ok(())
    } else {
        Err(text)
    }
}

/// Servers that nobody runs, around the one that answers.
fn among_dead_servers(group: &MasterGroup) -> String {
    let dead = [free_address(), free_address()].map(|address| address.expect("a port"));
    let alive = group.zookeeper.address();
    format!("zk://{},{alive},{}/mesos", dead[0], dead[1])
}

/// Mirrors: MasterContenderDetectorTest.File
#[test]
fn agents_and_frameworks_find_the_leader_in_every_way_that_there_is() {
    let mut group = MasterGroup::start().expect("three masters start");
    let leader = group.leader().expect("a leader");
    let leader = group.address(leader).expect("its address");
    let file = |name: &str, content: &str| {
        let path = group.folder().join(name);
        fs::write(&path, content).expect("writes");
        format!("file://{}", path.display())
    };
    let masters = [
        group.url(),
        among_dead_servers(&group),
        leader.to_string(),
        file("pid", &format!("master@{leader}")),
        file("url", &format!("{}\n", group.url())),
    ];

    for (count, master) in masters.iter().enumerate() {
        group.add_agent_of(master).expect("the agent starts");
        group
            .wait(&format!("the agent of {master}"), |_| {
                let agents = metric(leader, "master/slaves_active")?;
                (agents > count as f64 + 0.5).then_some(())
            })
            .expect("it registers");
        let executed = execute(master, &format!("of-{count}"));
        assert_eq!(executed, Ok(()), "{master}\n{}", group.logs());
    }
}
