# SPDX-License-Identifier: BSD-3-Clause
"""A probe and a collector on veth pairs, what they are given, and a listener to what they publish."""
import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import zmq
from framework.capture import MACS
from framework.suite import PATIENCE
from framework.topology import Veth
from scapy.all import ARP, IP, TCP, UDP, Ether, IPv6

START_S = 30


def sensor(name, *prefixes, **kw):
    return {"id": name, "country": "JP", "network": name, "groups": ["g"], "since": "2020-01-01",
            "match": {"uplink": "up0", "prefixes": list(prefixes)}, **kw}


def traffic(n, dst="198.51.100.9"):
    frames = [bytes(Ether(**MACS) / IP(src=f"203.0.0.{i % 50}", dst=dst) /
                    TCP(sport=2000 + i % 7, dport=(23, 80, 8728)[i % 3], flags="S")) for i in range(n)]
    frames += [bytes(Ether(**MACS) / IP(src="203.0.1.1", dst="192.0.2.250") / UDP(sport=1, dport=2)),
               bytes(Ether(**MACS) / ARP()), bytes(Ether(**MACS) / IPv6())[:30],
               bytes(Ether(**MACS) / IPv6(src="2001:db8::7", dst="2001:db8:5::1") / TCP(sport=7, dport=23, flags="S"))]
    return frames


def wait_for(true, seconds, what):
    end = time.monotonic() + PATIENCE * seconds
    while not true():
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.02)


class Listener(threading.Thread):
    """Collects every message of a PUB endpoint."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.setsockopt(zmq.RCVTIMEO, 200)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 10)  # to miss nothing of a publisher that is yet to come
        self.socket.connect(endpoint)
        self.messages, self.ending = [], False
        self.start()

    def run(self):
        while True:
            try:
                topic, body = self.socket.recv_multipart()
                self.messages.append((topic.decode(), json.loads(body)))
            except zmq.Again:
                if self.ending:
                    break
        self.socket.close(0)

    def end(self):
        """Takes what has arrived, then listens no more."""
        self.ending = True
        self.join()

    def of(self, prefix):
        return [m for t, m in list(self.messages) if t.startswith(prefix)]

    def wait(self, prefix, accept=lambda m: True, seconds=20):
        end = time.monotonic() + PATIENCE * seconds
        while time.monotonic() < end:
            for m in self.of(prefix):
                if accept(m):
                    return m
            time.sleep(0.05)
        raise AssertionError(f"no {prefix} message in {seconds} s; topics seen: "
                             f"{Counter(t for t, _ in self.messages)}")


class Site:
    """A probe and a collector that survive each other; `with` makes the wire and starts nothing.

    `sensors` are the rules, or a file of them. `conf` replaces parts of the probe's configuration (a
    function of the wire, or the parts); `wrap` goes before the probe's command.
    """

    def __init__(self, programs, directory, sensors, name="site", epoch_s=1, links=1, conf=None, wrap=(),
                 collector_programs=None):
        self.programs, self.dir, self.name = programs, Path(directory), name
        self.collector_programs = collector_programs or programs
        self.sensors, self.epoch_s, self.links, self.conf, self.wrap = sensors, epoch_s, links, conf or {}, wrap
        self.db, self.spool = self.dir / f"{name}.db", self.dir / f"{name}.spool"
        self.link, self.pub = f"ipc://{self.dir}/{name}.link", f"ipc://{self.dir}/{name}.pub"
        self.collector = self.probe = None

    def __enter__(self):
        self.veth = Veth(self.name, self.links).__enter__()
        self.err = open(self.dir / f"{self.name}.said", "a+")
        self.listener = Listener(self.pub)
        tmp = self.dir / "tmp"
        tmp.mkdir(exist_ok=True)
        self.env = {k: v for k, v in os.environ.items() if k != "XDG_RUNTIME_DIR"} | {"TMPDIR": str(tmp)}
        if isinstance(self.sensors, list):
            self.write_sensors()
        self.write("collector.json", {"kind": "collector", "v": 1, "db": str(self.db), "listen": self.link,
                                      "publish": f"{self.pub}-c", "checkpoint_s": 1})
        self.write("probe.json", {
            "kind": "probe", "v": 1, "probe": self.name, "epoch_s": self.epoch_s,
            "sensors": "sensors.json" if isinstance(self.sensors, list) else str(self.sensors),
            # rings for a second in which this machine has other things to do
            "uplinks": [{"id": f"up{i}", "device": f"{d},framecnt=8192"} for i, d in enumerate(self.veth.devices)],
            "lcores": {"main": 0, "workers": self.veth.lcores}, "flow": {"ipv4": 65536, "ipv6": 8192},
            "publish": {"endpoint": self.pub},
            "collector": {"endpoint": self.link, "spool": str(self.spool)},
            **(self.conf(self.veth) if callable(self.conf) else self.conf)})
        return self

    def write(self, name, doc):
        (self.dir / name).write_text(json.dumps(doc))

    def write_sensors(self):
        self.write("sensors.json", {"kind": "sensors", "v": 1, "sensors": self.sensors})

    # -- start, kill, end

    def start_collector(self, crash=None):
        self.collector = subprocess.Popen(
            [self.collector_programs.path("teiten-collector"), "-c", self.dir / "collector.json"],
            env=self.with_crash(crash), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.err)

    def start_probe(self, crash=None):
        """Returns when the probe sees the wire."""
        before = len(self.said())
        self.probe = self.veth.popen(*self.wrap, self.programs.path("teiten-probe"), "-c", self.dir / "probe.json",
                                     stdout=subprocess.DEVNULL, stderr=self.err, env=self.with_crash(crash))
        wait_for(lambda: self.probe.poll() is not None or ": running:" in self.said()[before:], START_S,
                 lambda: self.said()[before:])

    def with_crash(self, crash):
        """The programs' environment, with the point where one shall die."""
        return {**self.env, **({"TEITEN_CRASH": crash} if crash else {})}

    def kill(self, *which):
        for p in which:
            p.send_signal(signal.SIGKILL)
        for p in which:
            p.wait()

    def end(self):
        """SIGTERM to both, the probe first; both must say that all is well. What a disk was too slow for
        stays in the spool, and comes with the next start."""
        told = self.terminate(self.probe)
        while "are not acknowledged" in told and self.collector.poll() is None:
            seen = len(self.listener.of("health."))
            self.start_probe()
            wait_for(lambda: any(h["spool"]["batches"] == 0 for h in self.listener.of("health.")[seen:]), 60, self.said)
            told = self.terminate(self.probe)
        self.terminate(self.collector)

    def terminate(self, process):
        """SIGTERM; what was said from then on."""
        before = len(self.said())
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60 * PATIENCE) == 0, self.said()[-3000:]
        return self.said()[before:]

    @property
    def pid(self):
        """The probe's own, which `ip netns exec` and a wrap become by exec."""
        return self.probe.pid

    def worker(self):
        """Where /proc tells of the probe's first worker."""
        return next(t for t in sorted(Path(f"/proc/{self.pid}/task").iterdir())
                    if "worker" in (t / "comm").read_text())

    def probe_signal(self, signum):
        os.kill(self.pid, signum)

    def send(self, capture, pause_us=200):
        """Starts sending a capture beside."""
        return subprocess.Popen(self.veth.sender(capture, pause_us))

    # -- what they say

    def said(self):
        return Path(self.err.name).read_text()

    def health(self, *path):
        """A number of the probe's last health message; -1 before the first."""
        value = next(iter(self.listener.of("health.")[-1:]), None)
        for key in path:
            value = value[key] if value else None
        return -1 if value is None else value

    def totals(self, uplink="up0"):
        """Sums of an uplink's numbers over all health messages so far."""
        sums = Counter()
        for h in self.listener.of("health."):
            for u in h["uplinks"]:
                if u["id"] == uplink:
                    sums.update({k: v for k, v in u.items() if isinstance(v, int)})
        return sums

    def wait_total(self, n, what="packets", uplink="up0", seconds=30):
        end = time.monotonic() + PATIENCE * seconds
        while self.totals(uplink)[what] < n and time.monotonic() < end:
            time.sleep(0.1)
        return self.totals(uplink)

    def wait_fate(self, n, fate="observed", uplink="up0", seconds=60):
        """Waits until all n packets of a fate are in health messages, and asserts that no more are."""
        total = self.wait_total(n, fate, uplink, seconds)
        assert total[fate] == n, (total, self.said(), [
            (h["boot"], h["seq"], h["start"], [u[fate] for u in h["uplinks"]]) for h in self.listener.of("health.")])

    def wait_said(self, text, seconds=30):
        wait_for(lambda: text in self.said(), seconds, lambda: f"not said: {text}: {self.said()}")

    def __exit__(self, *exc):
        for p in (self.probe, self.collector):
            if p and p.poll() is None:
                p.kill()
                p.wait()
        self.listener.end()
        self.err.close()
        self.veth.__exit__()


class Running(Site):
    """A site whose programs run: `with` starts both and waits until the probe tells of itself."""

    SENSORS = (("isp", "198.51.100.0/24"), ("six", "2001:db8:5::/48"), ("quiet", "198.18.7.0/24"))

    def __init__(self, programs, directory, sensors=None, **kw):
        super().__init__(programs, directory, sensors or [sensor(*s) for s in self.SENSORS], **kw)

    def __enter__(self):
        super().__enter__()
        try:
            self.start_collector()
            self.start_probe()
            self.listener.wait("health.", seconds=START_S)
        except BaseException:
            self.__exit__()
            raise
        return self


def leftovers(tmp):
    """What DPDK or a program could leave behind in the usual places."""
    found = {str(p) for p in tmp.rglob("*")}
    for place in ("/run/dpdk", "/tmp/dpdk", "/dev/hugepages"):
        try:
            found |= {f"{place}/{n}" for n in os.listdir(place)}
        except FileNotFoundError:
            pass
    return found


def in_use(path):
    """Whether a running program has a socket below the path, or memory of it: another's, not left behind."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(path in (process / f).read_text() for f in ("net/unix", "maps")):
                return True
        except OSError:
            pass  # it ended meanwhile
    return False


def nothing_left(tmp, before):
    """Asserts that a run left nothing; what other probes of this machine make and remove is theirs."""
    def new():
        return {p for p in leftovers(tmp) - before if not in_use(p)}
    wait_for(lambda: not new(), 20, lambda: f"left behind: {new()}")
