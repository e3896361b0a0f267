# SPDX-License-Identifier: BSD-3-Clause
"""A running probe and collector on a link: streams, reload, the end of an epoch, the end of a probe."""
import json
import os
import signal
import subprocess
from collections import Counter

import pytest
from framework.capture import pcap
from framework.programs import ROOT, counts
from framework.site import Running, leftovers, nothing_left, sensor, traffic, wait_for
from framework.suite import TestSuite

pytestmark = [pytest.mark.netns,
              pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]


def scans(messages):
    return sum(m["classes"].get("scan", {}).get("packets", 0) for m in messages)


class TestLive(TestSuite):
    def test_a_live_link_end_to_end(self):
        """
        Steps: run collector and probe on a veth pair, send 900 packets of known make, SIGTERM.
        Verify: the database has exactly them; stats, live and health say the same; every packet has
                one fate; silent sensors are told too; nothing is left in the file system.
        """
        before = leftovers(self.dir / "tmp")
        frames = traffic(900)
        with Running(self.teiten, self.dir, name="live") as site:
            site.veth.send(pcap(self.dir / "t.pcap", frames))
            site.wait_fate(len(frames), "packets")
            for kind in ("live", "stats"):
                wait_for(lambda: scans(site.listener.of(f"{kind}.live.isp.")) >= 900, 30, kind)
            site.listener.wait("stats.live.quiet.")
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
        assert scans(stats) == scans(live) == 900
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
        nothing_left(self.dir / "tmp", before)

    def test_reload_without_a_pause(self):
        """
        Steps: while packets flow add a sensor and SIGHUP; then write a broken file and SIGHUP.
        Verify: the new sensor's packets are observed from then on; the broken file gives one line and
                the set in force stays.
        """
        with Running(self.teiten, self.dir, name="reload") as site:
            frames = traffic(30, dst="198.18.9.1")
            site.veth.send(pcap(self.dir / "a.pcap", frames))
            site.wait_fate(len(frames), "packets")
            site.sensors.append(sensor("added", "198.18.9.0/24"))
            site.write_sensors()
            site.probe.send_signal(signal.SIGHUP)
            site.listener.wait("stats.reload.added.")
            site.veth.send(pcap(self.dir / "b.pcap", frames))
            site.listener.wait("stats.reload.added.", lambda m: m["classes"].get("scan", {}).get("packets"))
            (self.dir / "sensors.json").write_text('{"kind":"sensors","v":1,"sensors":[{"id":"Bad!"}]}')
            site.probe.send_signal(signal.SIGHUP)
            site.wait_said("not reloaded: ")
            site.veth.send(pcap(self.dir / "c.pcap", frames))
            site.wait_fate(3 * len(frames), "packets")
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
        with Running(self.teiten, self.dir, name="sub") as site:
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
        with Running(self.teiten, one, name="one") as a, Running(self.teiten, two, name="two") as b:
            a.veth.send(pcap(self.dir / "a.pcap", traffic(60)))
            b.veth.send(pcap(self.dir / "b.pcap", traffic(90)))
            a.wait_fate(61)
            b.wait_fate(91)
            a.end()
            b.end()
        for site, n in ((a, 61), (b, 91)):
            assert sum(r["packets"] for r in self.teiten.top(site.db, "sensor")["rows"]) == n
