# SPDX-License-Identifier: BSD-3-Clause
"""Clocks that are set, that sleep, and that are wrong: nothing twice, nothing under a time that was not."""
import json
import os
import signal
import struct
import time
from collections import Counter

import pytest
from framework.capture import pcap
from framework.collector import Collector
from framework.faults import record
from framework.peers import Feed
from framework.site import Running, traffic, wait_for
from framework.suite import TestSuite

needs_root = [pytest.mark.netns,
              pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]


class Clock:
    """A clock of one program (docs/testing.md); starts right."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(8))

    def set(self, seconds):
        with open(self.path, "r+b") as f:
            f.write(struct.pack("=q", int(seconds * 1e9)))


def seconds(text):
    import calendar
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


class TestClock(TestSuite):
    pytestmark = [*needs_root, pytest.mark.sanitized]

    def site(self):
        self.clock = Clock(self.dir / "clock")
        return Running(self.teiten, self.dir, name="clock", wrap=("env", f"TEITEN_CLOCK={self.clock.path}"))

    def send(self, site, times=1):
        frames = traffic(200)
        for _ in range(times):
            site.veth.send(pcap(self.dir / "t.pcap", frames))
        return times * 201  # observed ones

    def end(self, site, sent):
        """Ends both once health told of all that was sent: a clock set back goes at half its pace."""
        site.wait_fate(sent, seconds=180)
        site.end()

    def told(self, site, sent):
        """Healths of the probe; every packet was counted exactly once, there and in the database."""
        health = site.listener.of("health.")
        assert sum(u["observed"] for h in health for u in h["uplinks"]) == sent
        rows = self.teiten.top(site.db, "sensor", class_="all")["rows"]
        assert sum(r["packets"] for r in rows) == sent
        twice = Counter((h["boot"], h["start"]) for h in health)
        return health, [s for s, n in twice.items() if n > 1]

    def uptime(self, site):
        return [(int(r["start"]), int(r["end"])) for r in self.teiten.sql(
            site.db, "select distinct start, \"end\" from uptime where state < 2 order by start")]

    def test_set_forward(self):
        """
        Steps: packets; the clock is set forward by 30 s; packets.
        Verify: each is counted once; epochs go on in order; the time between is told by nobody, so it
                is no up time; health shows the step.
        """
        with self.site() as site:
            sent = self.send(site)
            time.sleep(1)
            self.clock.set(30)
            at = time.time()
            time.sleep(2.5)
            sent += self.send(site)
            self.end(site, sent)
            health, twice = self.told(site, sent)
        starts = [seconds(h["start"]) for h in health]
        assert starts == sorted(starts) and not twice
        assert not [s for s in starts if at + 4 < s < at + 26], (at, starts)
        assert max(starts) > at + 30
        for start, end in self.uptime(site):
            assert end <= at + 4 or start >= at + 26, (at, self.uptime(site))
        assert max(h["clock_skew_ms"] for h in health) > 29000
        record("clock set forward by 30 s", 1, "nothing twice; the time between is no data")

    def test_set_back_a_little(self):
        """
        Steps: the clock is set back by 3 s (as a leap second, three times over), between packets.
        Verify: every epoch is told once and in order; each packet is counted once.
        """
        with self.site() as site:
            sent = self.send(site)
            time.sleep(1)
            self.clock.set(-3)
            for _ in range(4):
                time.sleep(1)
                sent += self.send(site)
            time.sleep(4)
            self.end(site, sent)
            health, twice = self.told(site, sent)
        starts = [seconds(h["start"]) for h in health]
        assert starts == sorted(starts) and not twice, starts
        gaps = {b - a for a, b in zip(starts, starts[1:])}
        # a machine so busy that the probe itself stood still says so
        assert gaps == {site.epoch_s} or "the clock went on by" in site.said(), starts
        assert min(h["clock_skew_ms"] for h in health) < -2000
        record("clock set back by 3 s", 1, "every epoch once and in order")

    def test_set_back_by_an_hour(self):
        """
        Steps: the clock is set back by an hour while packets come.
        Verify: the probe says so and goes on at once; each packet is counted once, under the clock that
                was in force; health goes on within seconds.
        """
        with self.site() as site:
            sent = self.send(site)
            time.sleep(1)
            self.clock.set(-3600)
            at = time.time()
            time.sleep(2.5)
            sent += self.send(site)
            wait_for(lambda: len([h for h in site.listener.of("health.") if seconds(h["start"]) < at - 3000]) > 1,
                     20, "no health under the clock that is in force")
            self.end(site, sent)
            _, _ = self.told(site, sent)
        assert "the clock jumped by -36" in site.said()
        record("clock set back by an hour", 1, "followed at once; every packet once")

    def test_a_machine_that_slept(self):
        """
        Steps: packets; the probe stands still for 7 s (SIGSTOP), epochs of 1 s; packets.
        Verify: what it did not live through is not told as up; each packet is counted once.
        """
        with self.site() as site:
            sent = self.send(site)
            time.sleep(2)
            site.probe.send_signal(signal.SIGSTOP)
            at = time.time()
            time.sleep(7)
            site.probe.send_signal(signal.SIGCONT)
            time.sleep(1.5)
            sent += self.send(site)
            self.end(site, sent)
            health, twice = self.told(site, sent)
        starts = [seconds(h["start"]) for h in health]
        assert starts == sorted(starts) and not twice
        assert not [s for s in starts if at + 1 < s < at + 5], (at, starts)
        record("machine asleep for 7 s", 1, "not told as up; nothing twice")


class TestClockForLong(TestClock):
    """The same clock, set often; the short cases are not run again."""
    pytestmark = [*needs_root, pytest.mark.soak]
    test_set_forward = test_set_back_a_little = test_set_back_by_an_hour = test_a_machine_that_slept = None

    def test_set_at_random(self):
        """
        Steps: the clock is set 40 times, by up to a minute forward or back, while packets come.
        Verify: every packet is counted once, in health and in the database.
        """
        import random
        rng, off, sent = random.Random(7), 0, 0
        with self.site() as site:
            for _ in range(40):
                sent += self.send(site)
                off += rng.choice((-1, 1)) * rng.random() ** 2 * 60
                self.clock.set(off)
                time.sleep(rng.random() * 3)
            self.end(site, sent)
            self.told(site, sent)
        record("clock set at random", 40, "every packet counted once")


class TestWrongClock(TestSuite):
    def test_a_probe_whose_clock_is_wrong(self):
        """
        Steps: probes whose clocks are an hour ahead, an hour behind and right deliver; then batches of
               the day after tomorrow, by hand.
        Verify: the collector's health shows how far each is; nothing is stored under a time that is yet
                to come, and what waits does not hold up what follows; told once a minute.
        """
        import zmq
        now = int(time.time()) // 60 * 60
        with Collector(self.teiten, self.dir, f"ipc://{self.dir}/link", publish=f"ipc://{self.dir}/pub",
                       ) as collector:
            context = zmq.Context()
            sub = context.socket(zmq.SUB)
            sub.linger, sub.rcvtimeo = 0, 5000
            sub.subscribe(b"health.")
            sub.connect(collector.publish)
            time.sleep(0.5)
            skews = {}
            try:
                for name, off in (("ahead", 3600), ("behind", -3600), ("right", 0)):
                    clock = Clock(self.dir / name)
                    clock.set(off)
                    os.environ["TEITEN_CLOCK"] = str(clock.path)
                    try:
                        # the last of its epochs is its present
                        feed = Feed(self.teiten, collector.listen, probe=name, batches=5, rows=10, flush_s=3,
                                    epoch=now + off - 4 * 60, spool=self.dir / f"{name}.spool", rate=5,
                                    resend_ms=300)
                    finally:
                        del os.environ["TEITEN_CLOCK"]
                    status = feed.wait(30)
                    assert status == (1 if name == "ahead" else 0), feed.err
                    if name == "ahead":
                        assert feed.result["waiting"] == 5 and feed.result["lost_batches"] == 0
                    else:
                        messages = [json.loads(sub.recv_multipart()[1]) for _ in range(5)]
                        skews[name] = messages[-1]["collector"]["clock_skew_ms"]
                assert abs(skews["behind"] - 3600_000) < 2000 and abs(skews["right"]) < 1000, skews
            finally:
                sub.close()
                context.term()
            collector.end()
        assert collector.totals()[0] == 10
        latest = int(self.teiten.sql(collector.db, "select max(epoch_max) as e from batch")[0]["e"])
        assert latest <= now + 60
        assert collector.said().count("s ahead of ours") == 1
        assert collector.said().count("s behind ours") == 1
        record("probe's clock wrong by an hour", 2, "shown; nothing stored under a time to come")
