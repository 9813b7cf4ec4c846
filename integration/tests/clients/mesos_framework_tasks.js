// Runs three tasks with the npm package mesos-framework, then kills them;
// prints one last line of JSON with what happened.
//
// usage: mesos_framework_tasks.js HOST PORT
"use strict";

const { Scheduler, Mesos } = require("mesos-framework");
const mesos = Mesos.getMesos();

const INSTANCES = 3;
const states = {};
const errors = [];
let subscribed = null;
let heartbeats = 0;
let killed = 0;

const scheduler = new Scheduler({
    masterUrl: process.argv[2],
    port: process.argv[3],
    frameworkName: "npm",
    frameworkFailoverTimeout: 60,
    masterConnectionTimeout: 60,
    restartStates: [],
    logging: { level: "error" },
    tasks: {
        sleeper: {
            priority: 1,
            instances: INSTANCES,
            commandInfo: new mesos.CommandInfo(
                null,
                new mesos.Environment([new mesos.Environment.Variable("FROM", "npm")]),
                true,
                "sleep 1000",
                null,
                null
            ),
            resources: { cpus: 0.1, mem: 16, ports: 1, disk: 0 },
        },
    },
});

function finish(inTime) {
    console.log(JSON.stringify({ inTime, subscribed, heartbeats, states, errors }));
    scheduler.teardown();
    setTimeout(() => process.exit(0), 500);
}

const late = setTimeout(() => finish(false), 150000);

scheduler.on("ready", () => scheduler.subscribe());
scheduler.on("subscribed", (event) => { subscribed = event; });
scheduler.on("heartbeat", () => { heartbeats += 1; });
scheduler.on("error", (error) => { errors.push(error.message); });
scheduler.on("update", (update) => {
    const status = update.status;
    const task = status.task_id.value;
    (states[task] = states[task] || []).push(status.state);
    if (status.state === "TASK_RUNNING") {
        scheduler.kill(task, status.agent_id.value);
    }
    if (status.state === "TASK_KILLED") {
        killed += 1;
    }
    if (killed === INSTANCES) {
        clearTimeout(late);
        finish(true);
    }
});
