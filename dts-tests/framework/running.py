# SPDX-License-Identifier: BSD-3-Clause
"""A running probe and collector for the live suites, and a listener to what they publish."""
import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import zmq
from framework.site import wait_for
from framework.topology import Veth
from scapy.all import ARP, IP, TCP, UDP, Ether, IPv6

MACS = dict(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")


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


class Listener(threading.Thread):
    """Collects every message of a PUB endpoint."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.SUBSCRIBE, b"")
        self.socket.setsockopt(zmq.RCVTIMEO, 200)
        self.socket.connect(endpoint)
        self.messages, self.stop = [], False
        self.start()

    def run(self):
        while not self.stop:
            try:
                topic, body = self.socket.recv_multipart()
                self.messages.append((topic.decode(), json.loads(body)))
            except zmq.Again:
                pass
        self.socket.close(0)

    def of(self, prefix):
        return [m for t, m in list(self.messages) if t.startswith(prefix)]

    def wait(self, prefix, accept=lambda m: True, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for m in self.of(prefix):
                if accept(m):
                    return m
            time.sleep(0.05)
        raise AssertionError(f"no {prefix} message in {seconds} s; topics seen: "
                             f"{Counter(t for t, _ in self.messages)}")


class Site:
    """A collector and a probe on veth pairs, with epochs of two seconds.

    `conf` replaces parts of the probe's configuration; `wrap` goes before the probe's command.
    """

    def __init__(self, programs, directory, name="live", sensors=None, epoch_s=2, links=1, conf=None,
                 wrap=()):
        self.programs, self.dir, self.name = programs, directory, name
        self.links, self.conf, self.wrap = links, conf or {}, wrap
        self.sensors = sensors or [sensor("isp", "198.51.100.0/24"), sensor("six", "2001:db8:5::/48"),
                                   sensor("quiet", "198.18.7.0/24")]
        self.epoch_s = epoch_s
        self.db = directory / f"{name}.db"
        self.link = f"ipc://{directory}/{name}.link"
        self.pub = f"ipc://{directory}/{name}.pub"

    def write_sensors(self):
        (self.dir / "sensors.json").write_text(
            json.dumps({"kind": "sensors", "v": 1, "sensors": self.sensors}))

    def __enter__(self):
        self.write_sensors()
        self.veth = Veth(self.name, self.links).__enter__()
        conf = self.dir / f"{self.name}.json"
        conf.write_text(json.dumps({
            "kind": "probe", "v": 1, "probe": self.name, "epoch_s": self.epoch_s,
            "sensors": "sensors.json",
            "uplinks": [{"id": f"up{i}", "device": d} for i, d in enumerate(self.veth.devices)],
            "lcores": {"main": 0, "workers": self.veth.lcores},
            "flow": {"ipv4": 4096, "ipv6": 1024},
            "publish": {"endpoint": self.pub}, "collector": {"endpoint": self.link},
            **(self.conf(self.veth) if callable(self.conf) else self.conf)}))
        self.err = open(self.dir / f"{self.name}.err", "w+")
        tmp = self.dir / "tmp"
        tmp.mkdir(exist_ok=True)
        env = {k: v for k, v in os.environ.items() if k != "XDG_RUNTIME_DIR"} | {"TMPDIR": str(tmp)}
        self.collector = subprocess.Popen(
            [self.programs.path("teiten-collector"), "--db", str(self.db), "--listen", self.link,
             "--publish", f"{self.pub}-c"], stderr=self.err, stdout=subprocess.PIPE, text=True, env=env)
        self.probe = self.veth.popen(*self.wrap, self.programs.path("teiten-probe"), "-c", conf,
                                     stderr=self.err, stdout=subprocess.PIPE, env=env)
        self.listener = Listener(self.pub)
        self.listener.wait("health.", seconds=30)
        return self

    def end(self):
        """SIGTERM to both, in order; the probe must say everything was delivered."""
        for p in (self.probe, self.collector):
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
            assert p.wait(30) == 0, self.said()

    @property
    def pid(self):
        """The probe's own, which `ip netns exec` and a wrap become by exec."""
        return self.probe.pid

    def probe_signal(self, signum):
        os.kill(self.pid, signum)

    def health(self, accept, seconds=30):
        """The first health message that is accepted."""
        return self.listener.wait("health.", accept, seconds)

    def totals(self, uplink="up0"):
        """Sums of an uplink's numbers over all health messages so far."""
        sums = Counter()
        for h in self.listener.of("health."):
            for u in h["uplinks"]:
                if u["id"] == uplink:
                    sums.update({k: v for k, v in u.items() if isinstance(v, int)})
        return sums

    def wait_total(self, n, what="packets", uplink="up0", seconds=30):
        end = time.monotonic() + seconds
        while self.totals(uplink)[what] < n and time.monotonic() < end:
            time.sleep(0.1)
        return self.totals(uplink)

    def wait_fate(self, n, fate="observed", uplink="up0", seconds=60):
        """Waits until all n packets of a fate are in health messages, and asserts that no more are."""
        total = self.wait_total(n, fate, uplink, seconds)
        assert total[fate] == n, (total, self.said())

    def wait_said(self, text, seconds=30):
        wait_for(lambda: text in self.said(), seconds, lambda: f"not said: {text}: {self.said()}")

    def wait_queue(self, n, uplink, seconds=60):
        """Waits until the queues of an uplink have received n packets (captures of any time too)."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            got = sum(q["packets"] for h in self.listener.of("health.") for u in h["uplinks"]
                      if u["id"] == uplink for q in u["queues"])
            if got >= n:
                return
            time.sleep(0.1)
        raise AssertionError(f"{uplink}: {got} packets of {n} in {seconds} s")

    def said(self):
        return Path(self.err.name).read_text()

    def __exit__(self, *exc):
        self.listener.stop = True
        for p in (self.probe, self.collector):
            if p.poll() is None:
                p.kill()
                p.wait()
        self.veth.__exit__()


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
