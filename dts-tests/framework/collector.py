# SPDX-License-Identifier: BSD-3-Clause
"""A collector process, with or without keys, in a namespace or not."""
import json
import os
import signal
import subprocess
import time
from pathlib import Path

from framework.suite import PATIENCE


class Collector:
    def __init__(self, programs, directory, listen, publish=None, namespace=None, env=None, name="c",
                 wrap=(), **conf):
        self.programs, self.dir, self.namespace = programs, directory, namespace
        self.listen, self.publish, self.env, self.wrap = listen, publish, env or {}, wrap
        self.db = directory / f"{name}.db"
        self.conf = {"kind": "collector", "v": 1, "db": str(self.db), "listen": listen,
                     "publish": publish, "checkpoint_s": 1, **conf}
        self.path, self.log = directory / f"{name}.json", directory / f"{name}.log"
        self.process = None

    def write(self, **changes):
        self.conf.update(changes)
        self.path.write_text(json.dumps(self.conf))

    def start(self):
        self.write()
        cmd = [*self.wrap, self.programs.path("teiten-collector"), "-c", str(self.path)]
        if self.namespace:
            cmd = ["ip", "netns", "exec", self.namespace, *cmd]
        with open(self.log, "a") as err:
            self.process = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                            stderr=err, text=True, env={**os.environ, **self.env})
        end = time.monotonic() + 20 * PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            if self.listens():
                return self
            time.sleep(0.02)
        raise AssertionError(f"the collector does not listen: {self.said()}")

    def listens(self):
        if self.listen.startswith("ipc://"):
            return Path(self.listen[6:]).exists()
        port = int(self.listen.rsplit(":", 1)[1])
        table = Path(f"/proc/{self.process.pid}/net/tcp").read_text()
        table += Path(f"/proc/{self.process.pid}/net/tcp6").read_text()
        return any(f":{port:04X} " in line and " 0A " in line for line in table.splitlines())

    def reload(self, how="SIGHUP", **changes):
        """Changes the configuration and tells the collector, or lets it find out ("a changed file")."""
        self.write(**changes)
        if how == "SIGHUP":
            self.process.send_signal(signal.SIGHUP)
            time.sleep(0.5)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process and self.process.stdout:
            self.process.stdout.close()

    def end(self):
        """SIGTERM; the collector must end well."""
        self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=30 * PATIENCE)
        assert self.process.returncode == 0, self.said()
        return json.loads(out.strip().splitlines()[-1])

    def said(self):
        return self.log.read_text() if self.log.exists() else ""

    def __enter__(self):
        return self.start()

    def __exit__(self, *exc):
        self.kill()

    def totals(self):
        """(batches with rows, observations, packets) in the database."""
        row = self.programs.sql(self.db, "select count(*) as n, sum(packets) as p from observation")[0]
        batches = self.programs.sql(self.db, "select count(*) as n from batch where rows > 0")[0]["n"]
        return int(batches), int(row["n"]), int(float(row["p"] or 0))

    def wait_for(self, batches, seconds=30):
        end = time.monotonic() + seconds * PATIENCE
        while time.monotonic() < end:
            if self.totals()[0] >= batches:
                return
            time.sleep(0.2)
        raise AssertionError(f"{self.totals()[0]} of {batches} batches after {seconds} s: {self.said()}")
