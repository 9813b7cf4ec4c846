"""Runs five tasks with mesoshttp and kills one of them; prints one line of JSON with what happened.

usage: mesoshttp_tasks.py MASTER
"""
import json
import sys
import threading

from mesoshttp.client import MesosClient

ENDS = 4
SLEEPER = 'task-%d' % ENDS
LAST = ('TASK_FINISHED', 'TASK_KILLED', 'TASK_FAILED', 'TASK_LOST', 'TASK_ERROR')


class Tasks(object):
    def __init__(self, client):
        self.client = client
        self.driver = None
        self.launched = False
        self.kill_sent = False
        self.states = {}
        self.errors = []
        self.heartbeats = 0
        self.done = threading.Event()

    def subscribed(self, driver):
        self.driver = driver

    def offers(self, offers):
        for offer in offers:
            if self.launched:
                offer.decline()
                continue
            self.launched = True
            offer.accept([self.task(offer.get_offer(), number) for number in range(ENDS + 1)])

    def task(self, offer, number):
        return {
            'task_id': {'value': 'task-%d' % number},
            'agent_id': offer['agent_id'],
            'name': 'task %d' % number,
            'command': {'value': 'sleep 1000' if number == ENDS else 'echo task %d' % number},
            'resources': [
                {'name': 'cpus', 'type': 'SCALAR', 'scalar': {'value': 0.1}},
                {'name': 'mem', 'type': 'SCALAR', 'scalar': {'value': 16}},
            ],
        }

    def update(self, update):
        status = update['status']
        task = status['task_id']['value']
        self.states.setdefault(task, []).append(status['state'])
        if task == SLEEPER and status['state'] == 'TASK_RUNNING' and not self.kill_sent:
            self.kill_sent = True
            self.driver.kill(status['agent_id']['value'], task)
        if sum(states[-1] in LAST for states in self.states.values()) > ENDS:
            self.done.set()

    def error(self, message):
        self.errors.append(message)
        self.done.set()

    def heartbeat(self, event):
        self.heartbeats += 1


def main():
    client = MesosClient(
        mesos_urls=['http://' + sys.argv[1]],
        frameworkName='mesoshttp',
        frameworkUser='root',
        max_reconnect=1,
    )
    tasks = Tasks(client)
    client.on(MesosClient.SUBSCRIBED, tasks.subscribed)
    client.on(MesosClient.OFFERS, tasks.offers)
    client.on(MesosClient.UPDATE, tasks.update)
    client.on(MesosClient.ERROR, tasks.error)
    client.on(MesosClient.HEARTBEAT, tasks.heartbeat)
    thread = threading.Thread(target=client.register, daemon=True)
    thread.start()
    in_time = tasks.done.wait(150)
    if tasks.driver:
        tasks.driver.tearDown()
    print(json.dumps({
        'in_time': in_time,
        'errors': tasks.errors,
        'heartbeats': tasks.heartbeats,
        'master': (client.get_master_info() or {}).get('version'),
        'states': tasks.states,
    }))


main()
