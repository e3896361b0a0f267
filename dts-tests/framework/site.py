# SPDX-License-Identifier: BSD-3-Clause
"""A probe and a collector on a veth pair, whose programs the cases start, kill and start again."""
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from framework.programs import ROOT, Programs
from framework.topology import Veth

START_S = 30


def crash_points(*folders):
    """Names of the points of death that the sources of some folders have."""
    found = set()
    for folder in folders:
        for path in sorted((ROOT / folder).glob("*.c")):
            found |= set(re.findall(r'TT_CRASH_POINT\("([a-z.]+)"\)', path.read_text()))
    assert found, folders
    return sorted(found)


def crash_build():
    """Programs that have points of death; None where they were not built (`make debug`)."""
    build = ROOT / "build-debug"
    return Programs(build) if (build / "app/teiten-collector").exists() else None


class Site:
    """One probe and one collector that survive each other. `with` starts nothing."""

    def __init__(self, programs, directory, sensors, epoch_s=1, collector=None, probe=None,
                 collector_programs=None, flow=None):
        self.programs, self.dir, self.epoch_s = programs, Path(directory), epoch_s
        self.flow = flow or {"ipv4": 65536, "ipv6": 8192}
        self.collector_programs = collector_programs or programs
        self.db, self.link = self.dir / "site.db", f"ipc://{self.dir}/link"
        self.spool = self.dir / "spool.db"
        self.sensors, self.collector_conf, self.probe_conf = sensors, collector or {}, probe or {}
        self.collector = self.probe = self.listener = self.last_health = None

    def __enter__(self):
        self.veth = Veth(f"k{id(self) % 100000}").__enter__()
        self.err = open(self.dir / "said", "a+")
        self.env = {k: v for k, v in os.environ.items() if k != "XDG_RUNTIME_DIR"}
        self.env["TMPDIR"] = str(self.dir)
        self.write("collector.json", {"kind": "collector", "v": 1, "db": str(self.db),
                                      "listen": self.link, "checkpoint_s": 1, **self.collector_conf})
        self.write("probe.json", {
            "kind": "probe", "v": 1, "probe": "site", "epoch_s": self.epoch_s, "sensors": str(self.sensors),
            # a ring for a second in which this machine has other things to do
            "uplinks": [{"id": "up0", "device": f"{self.veth.device},framecnt=8192"}],
            "lcores": {"main": 0, "workers": self.veth.lcores}, "flow": self.flow,
            "publish": {"endpoint": f"ipc://{self.dir}/pub"},
            "collector": {"endpoint": self.link, "spool": str(self.spool), **self.probe_conf}})
        return self

    def write(self, name, doc):
        (self.dir / name).write_text(json.dumps(doc))

    def start_collector(self, crash=None):
        env = {**self.env, **({"TEITEN_CRASH": crash} if crash else {})}
        self.collector = subprocess.Popen(
            [self.collector_programs.path("teiten-collector"), "-c", self.dir / "collector.json"], env=env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.err)

    def start_probe(self, crash=None):
        """Returns when the probe sees the wire."""
        env = {**self.env, **({"TEITEN_CRASH": crash} if crash else {})}
        before = len(self.said())
        self.probe = self.veth.popen(self.programs.path("teiten-probe"), "-c", self.dir / "probe.json",
                                     stdout=subprocess.DEVNULL, stderr=self.err, env=env)
        wait_for(lambda: self.probe.poll() is not None or ": running:" in self.said()[before:], START_S,
                 lambda: self.said()[before:])

    def send(self, capture, pause_us=200):
        """Starts sending a capture beside."""
        import framework.topology as topology
        return subprocess.Popen(["ip", "netns", "exec", self.veth.tester, "/usr/bin/python3",
                                 topology.__file__, str(capture), self.veth.peer, str(pause_us)])

    def health(self, *path):
        """A number of the probe's last health message; -1 before the first."""
        import zmq
        if not self.listener:
            self.listener = zmq.Context.instance().socket(zmq.SUB)
            self.listener.setsockopt(zmq.SUBSCRIBE, b"health.")
            self.listener.connect(f"ipc://{self.dir}/pub")
        while self.listener.poll(0):
            self.last_health = json.loads(self.listener.recv_multipart()[1])
        value = self.last_health
        for key in path:
            value = value[key] if value else None
        return -1 if value is None else value

    def kill(self, *which):
        for p in which:
            p.send_signal(signal.SIGKILL)
        for p in which:
            p.wait()

    def end(self):
        """SIGTERM to both, the probe first; both must say that all is well."""
        for p in (self.probe, self.collector):
            p.send_signal(signal.SIGTERM)
            assert p.wait(60) == 0, self.said()[-3000:]

    def said(self):
        return (self.dir / "said").read_text()

    def __exit__(self, *exc):
        for p in (self.probe, self.collector):
            if p and p.poll() is None:
                p.kill()
                p.wait()
        self.err.close()
        if self.listener:
            self.listener.close(0)
        self.veth.__exit__()


def wait_for(true, seconds, what):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.02)
