"""An executor on pymesos: each task greets the framework, and ends.

It is started by an agent.
"""
import threading
import time

from pymesos import Executor, MesosExecutorDriver, encode_data


class Greeting(Executor):
    def launchTask(self, driver, task):
        def run():
            self.report(driver, task, 'TASK_RUNNING')
            driver.sendFrameworkMessage(encode_data(b'hello from ' + task['task_id']['value'].encode()))
            self.report(driver, task, 'TASK_FINISHED')
        threading.Thread(target=run).start()

    def report(self, driver, task, state):
        driver.sendStatusUpdate({
            'task_id': task['task_id'],
            'state': state,
            'timestamp': time.time(),
        })

    def shutdown(self, driver):
        driver.stop()


if __name__ == '__main__':
    driver = MesosExecutorDriver(Greeting(), use_addict=False)
    driver.run()
