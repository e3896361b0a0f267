# SPDX-License-Identifier: BSD-3-Clause
"""A running probe and collector on a link: streams, reload, the end of an epoch, the end of a probe."""
import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import zmq
from framework.capture import pcap
from framework.programs import ROOT, counts
from framework.suite import TestSuite
from framework.topology import Veth
from scapy.all import ARP, IP, TCP, UDP, Ether, IPv6

pytestmark = [pytest.mark.netns,
              pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]
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
    """A collector and a probe on a veth pair, with epochs of two seconds."""

    def __init__(self, programs, directory, name="live", sensors=None, epoch_s=2):
        self.programs, self.dir, self.name = programs, directory, name
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
        self.veth = Veth(self.name).__enter__()
        conf = self.dir / f"{self.name}.json"
        conf.write_text(json.dumps({
            "kind": "probe", "v": 1, "probe": self.name, "epoch_s": self.epoch_s,
            "sensors": "sensors.json",
            "uplinks": [{"id": "up0", "device": self.veth.device}],
            "lcores": {"main": 0, "workers": self.veth.lcores},
            "flow": {"ipv4": 4096, "ipv6": 1024},
            "publish": {"endpoint": self.pub}, "collector": {"endpoint": self.link}}))
        self.err = open(self.dir / f"{self.name}.err", "w+")
        tmp = self.dir / "tmp"
        tmp.mkdir(exist_ok=True)
        env = {k: v for k, v in os.environ.items() if k != "XDG_RUNTIME_DIR"} | {"TMPDIR": str(tmp)}
        self.collector = subprocess.Popen(
            [self.programs.path("teiten-collector"), "--db", str(self.db), "--listen", self.link,
             "--publish", f"{self.pub}-c"], stderr=self.err, stdout=subprocess.PIPE, text=True, env=env)
        self.probe = self.veth.popen(self.programs.path("teiten-probe"), "-c", conf, stderr=self.err,
                                     stdout=subprocess.PIPE, env=env)
        self.listener = Listener(self.pub)
        self.listener.wait("health.", seconds=30)
        return self

    def end(self):
        """SIGTERM to both, in order; the probe must say everything was delivered."""
        for p in (self.probe, self.collector):
            if p.poll() is None:
                p.send_signal(signal.SIGTERM)
            assert p.wait(30) == 0, self.said()

    def said(self):
        return Path(self.err.name).read_text()

    def __exit__(self, *exc):
        self.listener.stop = True
        for p in (self.probe, self.collector):
            if p.poll() is None:
                p.kill()
                p.wait()
        self.veth.__exit__()


class TestLive(TestSuite):
    def test_a_live_link_end_to_end(self):
        """
        Steps: run collector and probe on a veth pair, send 900 packets of known make, SIGTERM.
        Verify: the database has exactly them; stats, live and health say the same; every packet has
                one fate; silent sensors are told too; nothing is left in the file system.
        """
        before = leftovers(self.dir / "tmp")
        frames = traffic(900)
        with Site(self.teiten, self.dir) as site:
            site.veth.send(pcap(self.dir / "t.pcap", frames))
            site.listener.wait("live.live.isp.", lambda m: m["classes"].get("scan", {}).get("packets"))
            time.sleep(3 * site.epoch_s)
            site.end()
            health, stats = site.listener.of("health."), site.listener.of("stats.live.isp.")
            live, quiet = site.listener.of("live.live.isp."), site.listener.of("stats.live.quiet.")
        total = Counter()
        for h in health:
            for up in h["uplinks"]:
                assert up["packets"] == sum(up[f] for f in ("observed", "spilled", "malformed", "non_ip", "unassigned"))
                total.update({k: v for k, v in up.items() if isinstance(v, int)})
        assert total["packets"] == len(frames)
        assert (total["observed"], total["malformed"], total["non_ip"], total["unassigned"]) == (901, 1, 1, 1)
        assert sum(m["classes"].get("scan", {}).get("packets", 0) for m in stats) == 900
        assert sum(m["classes"].get("scan", {}).get("packets", 0) for m in live) == 900
        assert quiet and all(m["state"] in ("up", "silent") for m in quiet)
        busy = [m for m in stats if m["classes"].get("scan", {}).get("packets")]
        assert {p["port"] for m in busy for p in m["ports"]} == {23, 80, 8728}
        assert all({"v", "probe", "boot", "seq", "sensor", "start", "end", "state", "completeness", "rir",
                    "sources_lower_bound", "classes", "ports", "ports_other", "regions",
                    "regions_other"} <= set(m) for m in stats)
        for series in (health, stats, live):
            numbers = [m["seq"] for m in series]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        rows = counts(self.teiten.top(site.db, "port"), "proto", "port")
        sources = {p: {i % 50 for i in range(900) if i % 3 == r} for r, p in enumerate((23, 80, 8728))}
        assert {k: (v[0], v[2]) for k, v in rows.items()} == \
            {("tcp", p): (300 + (p == 23), len(s) + (p == 23)) for p, s in sources.items()}
        classes = counts(self.teiten.top(site.db, "class"), "class")
        assert classes["malformed"][0] == classes["non_ip"][0] == 1
        assert leftovers(self.dir / "tmp") == before

    def test_reload_without_a_pause(self):
        """
        Steps: while packets flow add a sensor and SIGHUP; then write a broken file and SIGHUP.
        Verify: the new sensor's packets are observed from then on; the broken file gives one line and
                the set in force stays.
        """
        with Site(self.teiten, self.dir, name="reload") as site:
            frames = traffic(30, dst="198.18.9.1")
            site.veth.send(pcap(self.dir / "a.pcap", frames))
            time.sleep(0.5)
            site.sensors.append(sensor("added", "198.18.9.0/24"))
            site.write_sensors()
            site.probe.send_signal(signal.SIGHUP)
            site.listener.wait("stats.reload.added.")
            site.veth.send(pcap(self.dir / "b.pcap", frames))
            site.listener.wait("stats.reload.added.", lambda m: m["classes"].get("scan", {}).get("packets"))
            (self.dir / "sensors.json").write_text('{"kind":"sensors","v":1,"sensors":[{"id":"Bad!"}]}')
            site.probe.send_signal(signal.SIGHUP)
            time.sleep(1)
            site.veth.send(pcap(self.dir / "c.pcap", frames))
            time.sleep(site.epoch_s)
            site.end()
            said = [line for line in site.said().splitlines() if "sensors.json" in line and "$" in line]
        assert len(said) == 1
        rows = {r["sensor"]: r["packets"] for r in self.teiten.top(site.db, "sensor")["rows"]}
        assert rows["added"] == 60

    def test_the_subscriber_of_the_docs(self):
        """
        Steps: run docs/subscriber.py against a probe.
        Verify: it prints messages.
        """
        with Site(self.teiten, self.dir, name="sub") as site:
            p = subprocess.Popen(["/usr/bin/python3", "-u", str(ROOT / "docs/subscriber.py"), site.pub, "stats."],
                                 stdout=subprocess.PIPE, text=True)
            try:
                lines = [p.stdout.readline() for _ in range(3)]
            finally:
                p.kill()
                p.wait()
            assert all("stats.sub." in line for line in lines), lines
            own = self.teiten.popen("teiten", "sub", site.pub, "health.")
            line = own.stdout.readline()
            own.terminate()
            own.communicate(timeout=10)
            assert json.loads(line)["probe"] == "sub"
            status = self.teiten.run("teiten", "status", site.pub)
            assert "up0" in status.out
            site.end()

    def test_two_probes_at_once(self):
        """
        Steps: two probes with a collector each, at the same time.
        Verify: both observe their own traffic only.
        """
        one, two = self.dir / "1", self.dir / "2"
        one.mkdir()
        two.mkdir()
        with Site(self.teiten, one, name="one") as a, Site(self.teiten, two, name="two") as b:
            a.veth.send(pcap(self.dir / "a.pcap", traffic(60)))
            b.veth.send(pcap(self.dir / "b.pcap", traffic(90)))
            time.sleep(2 * a.epoch_s)
            a.end()
            b.end()
        for site, n in ((a, 61), (b, 91)):
            assert sum(r["packets"] for r in self.teiten.top(site.db, "sensor")["rows"]) == n


def leftovers(tmp):
    """What DPDK or a program could leave behind in the usual places."""
    found = {str(p) for p in tmp.rglob("*")}
    for place in ("/run/dpdk", "/tmp/dpdk", "/dev/hugepages"):
        try:
            found |= {f"{place}/{n}" for n in os.listdir(place)}
        except FileNotFoundError:
            pass
    return found
