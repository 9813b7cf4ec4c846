"""Runs 20 tasks with pymesos and kills one more; prints one line of JSON with what happened.

usage: pymesos_twenty.py MASTER
"""
import json
import sys
import threading

from pymesos import MesosSchedulerDriver, Scheduler

WANTED = 20
CPUS = 0.1
MEM = 16


class Twenty(Scheduler):
    def __init__(self):
        self.launched = 0
        self.states = {}
        self.kill_sent = False
        self.done = threading.Event()
        self.errors = []

    def resourceOffers(self, driver, offers):
        for offer in offers:
            free = {r['name']: r['scalar']['value'] for r in offer['resources'] if 'scalar' in r}
            count = int(min(free.get('cpus', 0) / CPUS, free.get('mem', 0) / MEM) + 1e-6)
            tasks = []
            while self.launched <= WANTED and len(tasks) < count:
                tasks.append(self.task(offer))
            if tasks:
                driver.launchTasks(offer['id'], tasks, {'refuse_seconds': 0})
            else:
                driver.declineOffer(offer['id'], {'refuse_seconds': 3600})

    def task(self, offer):
        number = self.launched
        self.launched += 1
        command = 'sleep 1000' if number == WANTED else 'echo task %d' % number
        return {
            'task_id': {'value': 'task-%d' % number},
            'agent_id': offer['agent_id'],
            'name': 'task %d' % number,
            'command': {'shell': True, 'value': command},
            'resources': [
                {'name': 'cpus', 'type': 'SCALAR', 'scalar': {'value': CPUS}},
                {'name': 'mem', 'type': 'SCALAR', 'scalar': {'value': MEM}},
            ],
        }

    def statusUpdate(self, driver, update):
        task = update['task_id']['value']
        self.states.setdefault(task, []).append(update['state'])
        if task == 'task-%d' % WANTED and update['state'] == 'TASK_RUNNING' and not self.kill_sent:
            self.kill_sent = True
            driver.killTask(update['task_id'])
        ended = [s for s in self.states.values() if s[-1] in ('TASK_FINISHED', 'TASK_KILLED')]
        failed = [s for s in self.states.values() if s[-1] in ('TASK_FAILED', 'TASK_LOST', 'TASK_ERROR')]
        if len(ended) + len(failed) > WANTED:
            self.done.set()

    def error(self, driver, message):
        self.errors.append(message)
        self.done.set()


def main():
    scheduler = Twenty()
    framework = {'user': 'root', 'name': 'pymesos', 'hostname': 'localhost'}
    driver = MesosSchedulerDriver(scheduler, framework, sys.argv[1])
    driver.start()
    in_time = scheduler.done.wait(120)
    version = driver.version
    driver.stop()
    driver.join()
    print(json.dumps({
        'in_time': in_time,
        'version': version,
        'errors': scheduler.errors,
        'states': scheduler.states,
    }))


main()
