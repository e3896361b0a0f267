# SPDX-License-Identifier: BSD-3-Clause
"""Clocks that are set, that sleep, and that are wrong: nothing twice, nothing under a time that was not."""
import json
import os
import re
import signal
import struct
import threading
import time
from collections import Counter

import pytest
from framework.capture import MACS, pcap
from framework.collector import Collector
from framework.faults import record
from framework.peers import Feed
from framework.site import Running, Site, sensor, traffic, wait_for
from framework.suite import TestSuite
from scapy.all import IP, TCP, Ether

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

    def site(self, **kw):
        self.clock = Clock(self.dir / "clock")
        return Running(self.teiten, self.dir, name="clock", **kw, wrap=("env", f"TEITEN_CLOCK={self.clock.path}"))

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

    def test_twice_in_an_epoch(self):
        """
        Steps: the clock is set forward by 5 s and by 6 s more within one epoch of 20 s; packets after it.
        Verify: both steps are in the database and beside answers; the epoch is told once, and each packet.
        """
        with self.site(epoch_s=20) as site:
            began = int(time.time()) // 20 * 20 + 20
            wait_for(lambda: time.time() > began + 0.5, 30, site.said)
            for offset in (5, 11):
                self.clock.set(offset)
                time.sleep(1)
            sent = self.send(site)
            self.end(site, sent)
            health, twice = self.told(site, sent)
        assert not twice and began in [seconds(h["start"]) for h in health]
        told = [(int(r["before"]), int(r["after"])) for r in self.teiten.sql(
            site.db, "SELECT before, after FROM clock_step ORDER BY before")]
        # a machine so busy that the probe itself stood still for seconds tells of that too
        assert len(told) == 2 or "the clock went on by" in site.said(), told
        for by in (5, 6):
            assert any(abs(after - before - by) <= 1 and began <= before and after < began + 20
                       for before, after in told), (began, told)
        assert len(self.teiten.top(site.db, "port", class_="all")["clock_steps"]) == len(told)
        record("clock set forward twice in an epoch", 2, "both told; nothing twice")

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


# Steps of a clock in seconds, one after the other. Further than a minute back begins a boot.
STEPS = {
    "seconds": (-2, 5, -4),
    "minutes": (-90, 240, -180, -61),
    "hours": (-3600, -7200, 3 * 3600, -3600, 3600),
    "days": (-86400, -5 * 86400, 2 * 86400, 4 * 86400),
}


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
class TestSteps(TestSuite):
    """Clocks that are set again and again, while packets come and between; packets of every moment have a
    port of their own, so that the database can be held against when each was sent."""

    # a collector that is set back by hours takes again what is of a time to come for it when it asks after
    # a minute: that takes its time
    @pytest.mark.parametrize("steps, whose", [
        *((s, "probe") for s in STEPS), ("seconds", "both"), ("minutes", "both"),
        *(pytest.param(s, "both", marks=pytest.mark.soak) for s in ("hours", "days"))])
    def test_every_packet_once_under_a_time_that_was(self, steps, whose):
        """
        Steps: the clock of the probe, or of probe and collector, is set back and forward by seconds,
               minutes, hours and days; packets before, at each step (the clock is set while they come) and
               after it.
        Verify: every packet is stored once, under the time that its clock had then; epochs ascend in every
                boot, as told and as stored, none twice; each step further back than a minute ends a boot and
                begins another, and every step of some seconds is in the database and in health; a sensor
                that hears nothing is not up by packets of another time.
        """
        self.clock, self.sent, self.offset = Clock(self.dir / "clock"), [], 0
        with Site(self.teiten, self.dir, [sensor("isp", "198.51.100.0/24", silent_after_s=2)], name="steps",
                  wrap=("env", f"TEITEN_CLOCK={self.clock.path}")) as site:
            if whose == "both":
                site.env["TEITEN_CLOCK"] = str(self.clock.path)
            site.start_collector()
            site.start_probe()
            site.listener.wait("health.")
            self.send(site)
            backs = 0
            for by in STEPS[steps]:
                running = self.send(site, wait=False)
                time.sleep(0.3)
                backs += by < -60
                self.set(site, by, backs)
                self.sent[-1]["offsets"].append(self.offset)
                assert running.wait(60) == 0
                self.sent[-1]["to"] = time.time()
                self.send(site)
            site.wait_fate(sum(x["n"] for x in self.sent), seconds=60)
            # a collector set back takes what was sent before only when that time has come again
            wait_for(lambda: site.health("spool", "batches") <= 1, 120, site.said)
            site.end()
            health = site.listener.of("health.")
        self.check_packets(site)
        self.check_boots(site, health, backs)
        record(f"clock of {whose} set by {', '.join(f'{s:+,}' for s in STEPS[steps])} s", len(STEPS[steps]),
               f"{len(self.sent)} bursts each once, under its clock's time; {backs + 1} boots, epochs ascend in each")

    def send(self, site, wait=True):
        """300 packets in half a second, with a port of their own."""
        port = 1000 + len(self.sent)
        frames = [bytes(Ether(**MACS) / IP(src=f"203.0.113.{i % 50}", dst="198.51.100.9") /
                        TCP(sport=4000, dport=port, flags="S")) for i in range(50)] * 6
        one = {"port": port, "n": len(frames), "offsets": [self.offset], "from": time.time()}
        self.sent.append(one)
        running = site.send(pcap(self.dir / f"{port}.pcap", frames), pause_us=1500)
        if wait:
            assert running.wait(60) == 0
            one["to"] = time.time()
        return running

    def set(self, site, by, backs):
        """Sets the clock, and returns once the probe goes by it: small steps back it makes up for."""
        seen = len(site.listener.of("health."))
        self.offset += by
        self.clock.set(self.offset)
        if by < -60:
            wait_for(lambda: site.said().count("the clock jumped by -") == backs, 20, site.said)
        elif by < 0:
            wait_for(lambda: any(h["clock_skew_ms"] < 500 * by for h in site.listener.of("health.")[seen:]), 20,
                     site.said)
        else:
            wait_for(lambda: site.listener.of("health.")[-1:] and
                     seconds(site.listener.of("health.")[-1]["start"]) > time.time() + self.offset - 4, 20, site.said)

    def check_packets(self, site):
        rows = self.teiten.sql(site.db, "SELECT port, epoch, first, last, packets FROM observation")
        slack = 1.5 + site.epoch_s
        for i, x in enumerate(self.sent):
            mine = [r for r in rows if int(r["port"]) == x["port"]]
            assert sum(int(r["packets"]) for r in mine) == x["n"], (x, mine)
            offsets = [*x["offsets"], *[o for y in self.sent[max(0, i - 2):i] for o in y["offsets"]
                                        if abs(o - x["offsets"][0]) < 60]]
            for r in mine:
                off = [seconds(r[k]) - w for k, w in (("first", x["from"]), ("last", x["to"]))]
                assert any(o - slack < off[0] and off[1] < o + slack for o in offsets) or \
                    min(offsets) - slack < off[0] and off[1] < max(offsets) + slack and \
                    max(offsets) - min(offsets) < 60, (x, r, off)

    def check_boots(self, site, health, backs):
        boots = list(dict.fromkeys(h["boot"] for h in health))
        assert len(boots) == 1 + backs, boots
        for b in boots:
            starts = [seconds(h["start"]) for h in health if h["boot"] == b]
            assert starts == sorted(set(starts)), (b, starts)
            seqs = [h["seq"] for h in health if h["boot"] == b]  # the first boot began before anybody listened
            assert seqs == list(range(seqs[0], seqs[0] + len(seqs))) and (b == boots[0] or seqs[0] == 1), (b, seqs)
        stored = self.teiten.sql(site.db, "SELECT boot.boot AS boot, seq, epoch_min AS e FROM batch JOIN boot ON "
                                          "boot.id = batch.boot WHERE rows > 0 ORDER BY boot.id, seq")
        assert set(r["boot"] for r in stored) <= set(boots)
        for b in boots:
            epochs = [int(r["e"]) for r in stored if r["boot"] == b]
            assert epochs == sorted(epochs), (b, epochs)
        up = self.teiten.sql(site.db, "SELECT boot, start, \"end\" FROM uptime ORDER BY boot, start")
        assert all(a["boot"] != b["boot"] or int(a["end"]) <= int(b["start"]) for a, b in zip(up, up[1:]))
        told = self.teiten.sql(site.db, "SELECT boot.boot AS boot, before, after, next FROM clock_step JOIN boot "
                                        "ON boot.id = clock_step.boot ORDER BY boot.id")
        chain = [(r["boot"], r["next"]) for r in told if r["next"]]
        assert chain == list(zip(boots, boots[1:])), (chain, boots)
        steps = sorted(int(r["after"]) - int(r["before"]) for r in told)
        for by in self.steps_of(site):
            assert any(abs(s - by) <= 3 for s in steps), (by, steps)
            assert any(abs(h["clock_skew_ms"] - 1000 * by) < 3000 for h in health), by
        shown = self.teiten.top(site.db, "port", class_="all")
        assert len(shown.get("clock_steps", [])) + shown.get("clock_steps_other", 0) == len(told), (shown, told)
        assert {(x["boot"], x["next"]) for x in shown.get("clock_steps", [])} == {
            (r["boot"], r["next"] or None) for r in told}
        table = self.teiten.run("teiten", "top", "--db", site.db, "--by", "port").out
        assert not backs or f"The clock of {site.name} was set back by " in table, table
        hidden = self.teiten.top(site.db, "port", class_="all", recipient="isac").get("clock_steps", [])
        names = {(a["boot"], b["boot"]) for a, b in zip(shown.get("clock_steps", []), hidden)}
        assert len(hidden) == len(shown.get("clock_steps", [])), hidden
        assert len(names) == len({a for a, _ in names}) == len({b for _, b in names}), names
        assert all(re.fullmatch(r"b-\w{10}", x["boot"]) and re.fullmatch(r"p-\w{10}", x["probe"]) for x in hidden), hidden
        last = [s for h in health[-1:] for s in h["sensors"]]
        assert all(s["state"] in ("up", "silent") for s in last)

    def steps_of(self, site):
        """Steps that are told of one by one: what it made up for is part of the next."""
        offsets = [x["offsets"][0] for x in self.sent]
        return [b - a for a, b in zip(offsets, offsets[1:]) if abs(b - a) > 60]

    def test_a_probe_that_ran_ahead_and_was_set_right(self):
        """
        Steps: the probe's clock is set forward by two hours and an hour later (by its clock) right again;
               packets at each time; the collector's clock is right, and then two hours on.
        Verify: nothing is stored under a time to come; what is of the time ahead waits in the spool, and does
                not hold up what follows; it is stored once, when that time has come; a sensor that then
                hears nothing is silent, not up by packets of the time ahead.
        """
        self.clock, self.sent, self.offset = Clock(self.dir / "clock"), [], 0
        theirs = Clock(self.dir / "theirs")
        with Site(self.teiten, self.dir, [sensor("isp", "198.51.100.0/24", silent_after_s=2)], name="ahead",
                  wrap=("env", f"TEITEN_CLOCK={self.clock.path}")) as site:
            site.env["TEITEN_CLOCK"] = str(theirs.path)
            site.start_collector()
            site.start_probe()
            site.listener.wait("health.")
            self.send(site)
            self.set(site, 7200, 0)
            self.send(site)
            site.wait_fate(600)
            self.set(site, -7200, 1)
            self.send(site)
            site.wait_fate(900)
            count = "SELECT ifnull(sum(packets), 0) AS n, max(epoch) AS e FROM observation"
            wait_for(lambda: int(self.teiten.sql(site.db, count)[0]["n"]) == 600, 60, site.said)
            assert int(self.teiten.sql(site.db, count)[0]["e"]) < time.time() + 5
            wait_for(lambda: site.health("sensors")[0]["state"] == "silent", 30, site.said)
            assert site.health("spool", "batches") > 0
            theirs.set(7200)
            wait_for(lambda: site.health("spool", "batches") <= 1, 90, site.said)
            site.end()
            health = site.listener.of("health.")
        assert "s from now: expected a probe's clock that is right" in site.said()
        self.check_packets(site)
        self.check_boots(site, health, 1)
        record("probe's clock two hours ahead, then right", 2,
               "what was ahead waited and was stored once, when its time had come; the rest at once")

    def begin_with_own_clock(self, site):
        """Starts both, the collector alone by the clock that is set here, and sends."""
        site.env["TEITEN_CLOCK"] = str(self.clock.path)
        site.start_collector()
        del site.env["TEITEN_CLOCK"]
        site.start_probe()
        site.listener.wait("health.")
        self.send(site)
        site.wait_fate(300)

    def test_a_collector_whose_clock_is_set_back(self):
        """
        Steps: the collector's clock is set back by an hour while a probe delivers, and is set right.
        Verify: batches wait, as of a time to come; then all are stored once, under the probe's time.
        """
        self.clock, self.sent, self.offset = Clock(self.dir / "clock"), [], 0
        with Site(self.teiten, self.dir, [sensor("isp", "198.51.100.0/24")], name="theirs") as site:
            self.begin_with_own_clock(site)
            wait_for(lambda: site.health("spool", "batches") <= 1, 30, site.said)
            self.clock.set(-3600)
            self.send(site)
            wait_for(lambda: site.health("spool", "batches") > 3, 30, site.said)
            self.clock.set(0)
            wait_for(lambda: site.health("spool", "batches") <= 1, 60, site.said)
            site.end()
        self.check_packets(site)
        record("collector's clock set back by an hour, then right", 1,
               "batches waited, then were stored once, under the probe's time")


    def test_a_collector_whose_clock_runs_ahead(self):
        """
        Steps: a collector with packets in its database starts again with a clock a thousand days ahead,
               and once more when it has settled the day.
        Verify: raw batches are kept, though `raw_days` is 200: sources are still told.
        """
        self.clock, self.sent, self.offset = Clock(self.dir / "clock"), [], 0
        with Site(self.teiten, self.dir, [sensor("isp", "198.51.100.0/24")], name="ahead") as site:
            self.begin_with_own_clock(site)
            site.end()
            rows = self.teiten.top(site.db, "source")["rows"]
            assert rows
            self.clock.set(1000 * 86400)
            site.env["TEITEN_CLOCK"] = str(self.clock.path)
            site.start_collector()
            days = "SELECT count(*) AS n FROM survey"  # raw batches expire where that is done
            wait_for(lambda: self.teiten.sql(site.db, days) != [{"n": "0"}], 90, site.said)
            site.end()
            site.start_collector()
            time.sleep(3)  # what is too old goes at the start, then once a minute
            site.end()
            assert self.teiten.top(site.db, "source")["rows"] == rows
        record("collector's clock a thousand days ahead", 1, "raw batches are kept")


LEAP = 1483228800  # 2017-01-01T00:00:00Z, which followed 2016-12-31T23:59:60Z
AROUND_S = 7       # of the leap, packets are sent


def repeated(clock, base):
    """As the kernel does it (STA_INS): 23:59:59 comes twice."""
    return base if clock < LEAP else base - 1


def smeared(clock, base):
    """A second longer, made up for bit by bit around the leap: real smears take a day, this one ten seconds."""
    return base - min(max((clock - LEAP + 5) / 10, 0), 1)


def left_out(clock, base):
    """A second less (STA_DEL): 23:59:58 is followed by 00:00:00. None has come yet."""
    return base if clock < LEAP - 1 else base + 1


class Ticking(threading.Thread):
    """Keeps a clock of one program by a rule of what it says and is off, around the leap; `offs` are its settings."""

    def __init__(self, clock, rule):
        super().__init__(daemon=True)
        self.clock, self.rule, self.ending = clock, rule, threading.Event()
        self.offs = []
        self.come(3600)
        self.tick()

    def come(self, seconds):
        """So many seconds before the leap."""
        self.base = LEAP - seconds - time.time()

    def tick(self):
        base = self.base
        off = self.rule(time.time() + base, base)
        if not self.offs or off != self.offs[-1]:
            self.offs.append(off)
            self.clock.set(off)

    def now(self):
        return time.time() + self.offs[-1]

    def run(self):
        while not self.ending.wait(0.002):
            self.tick()


@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
class TestLeap(TestSuite):
    """The end of 2016 as clocks that know of leap seconds told it, with packets all the while."""

    @pytest.mark.parametrize("rule", [repeated, smeared, pytest.param(left_out, marks=pytest.mark.soak)],
                             ids=lambda r: r.__name__)
    def test_every_packet_once_through_a_leap_second(self, rule):
        """
        Steps: the clocks of probe and collector come to the leap second, while packets are sent, a port each
               half a second; epochs of a second.
        Verify: every packet is stored once, under a time that the clock said then, and no packet under a day
                that it was not; one boot, its epochs ascend without a gap, none twice, as told and as stored;
                the leap is no step and no loss: completeness is 1, nothing is told beside it; health shows
                the second.
        """
        clock, sent = Clock(self.dir / "clock"), []
        ticking = Ticking(clock, rule)
        with Site(self.teiten, self.dir, [sensor("isp", "198.51.100.0/24", since="2016-01-01")], name="leap",
                  wrap=("env", f"TEITEN_CLOCK={clock.path}")) as site:
            ticking.start()
            site.env["TEITEN_CLOCK"] = str(clock.path)
            site.start_collector()
            site.start_probe()
            site.listener.wait("health.")
            ticking.come(AROUND_S + 2)
            site.listener.wait("health.", lambda h: seconds(h["start"]) >= LEAP - AROUND_S - 2)
            while ticking.now() < LEAP + AROUND_S:
                sent.append(self.burst(site, 1000 + len(sent), ticking))
            ticking.ending.set()
            n = sum(x["n"] for x in sent)
            site.wait_fate(n)
            wait_for(lambda: site.health("spool", "batches") <= 1, 30, site.said)
            site.end()
            ticking.join()
            health = [h for h in site.listener.of("health.") if seconds(h["start"]) >= LEAP - AROUND_S]
        self.check_packets(site, sent)
        self.check_days(site, sent)
        self.check_epochs(site, health, sent)
        skew = [h["clock_skew_ms"] for h in health]
        if rule is repeated:
            assert -1300 < min(skew) < -700 and max(skew) < 500, skew
        elif rule is smeared:
            assert -500 < min(skew) and max(skew) < 500, skew
        record(f"leap second, {rule.__name__.replace('_', ' ')}", 1,
               f"{n:,} packets around it, each once under a time that was; epochs ascend without a gap")

    def burst(self, site, port, ticking):
        frames = [bytes(Ether(**MACS) / IP(src=f"203.0.113.{i}", dst="198.51.100.9") /
                        TCP(sport=4000, dport=port, flags="S")) for i in range(100)]
        x = {"port": port, "n": len(frames), "from": ticking.now()}
        assert site.send(pcap(self.dir / "burst.pcap", frames), pause_us=1500).wait(60) == 0
        return {**x, "to": ticking.now()}

    def check_packets(self, site, sent):
        """Of each burst all packets, between what the clock said before and after; the leap itself is a second."""
        rows = self.teiten.sql(site.db, "SELECT port, epoch, first, last, packets FROM observation")
        for x in sent:
            mine = [r for r in rows if int(r["port"]) == x["port"]]
            assert sum(int(r["packets"]) for r in mine) == x["n"], (x, mine)
            for r in mine:
                assert x["from"] - 1.2 <= seconds(r["first"]) + 1 and seconds(r["last"]) <= x["to"] + 1.2, (x, r)
                assert int(r["epoch"]) <= seconds(r["first"]) <= seconds(r["last"]) <= int(r["epoch"]) + 1, r

    def check_days(self, site, sent):
        """The day before and the day after have the packets that were sent on them for sure."""
        days = self.teiten.series(site.db, step="day", class_="all", from_="2016-12-31", to="2017-01-02")
        before, after = (p["packets"] for p in days["rows"][0]["points"])
        assert before + after == sum(x["n"] for x in sent)
        assert before >= sum(x["n"] for x in sent if x["to"] < LEAP - 1.2)
        assert after >= sum(x["n"] for x in sent if x["from"] > LEAP + 1.2)

    def check_epochs(self, site, health, sent):
        assert len({h["boot"] for h in health}) == 1
        starts = [seconds(h["start"]) for h in health]
        still = "the clock went on by" in site.said()  # a machine so busy that the probe itself stood still
        assert starts == sorted(set(starts)) and (still or starts == list(range(starts[0], starts[-1] + 1))), starts
        stored = self.teiten.sql(site.db, "SELECT epoch_min AS e FROM batch WHERE rows > 0 ORDER BY boot, seq")
        assert [int(r["e"]) for r in stored] == sorted(int(r["e"]) for r in stored)
        up = [(int(r["start"]), int(r["end"])) for r in
              self.teiten.sql(site.db, 'SELECT start, "end" FROM uptime ORDER BY start')]
        assert all(a[1] <= b[0] for a, b in zip(up, up[1:])), up
        top = self.teiten.top(site.db, "port", class_="all", from_=rfc(int(sent[0]["to"]) + 1),
                              to=rfc(int(sent[-1]["from"])))
        assert still or (top["completeness"] == 1 and "clock_steps" not in top), top


def rfc(t):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))


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
            sub.linger, sub.rcvtimeo = 0, 30000
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
                        feed = Feed(self.teiten, collector.listen, probe=name, batches=5, rows=10, flush_s=3 if off > 0 else 60,
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
