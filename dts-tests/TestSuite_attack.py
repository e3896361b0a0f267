# SPDX-License-Identifier: BSD-3-Clause
"""What an outsider can do: fill the table, overload the epochs, aim at the hash.

Attacks are replayed, and received by a running probe as fast as its worker takes them."""
import json
import os
import struct
import subprocess

import pytest
from framework.performance import attacked, repeated
from framework.programs import counts
from framework.peers import crc32c
from framework.suite import TestSuite
from scapy.utils import RawPcapNgReader

SENSORS = {"kind": "sensors", "v": 1, "sensors": [
    {"id": "low", "match": {"prefixes": ["198.18.0.0/17"]}},
    {"id": "high", "match": {"prefixes": ["198.18.128.0/17"]}}]}
PROGRAM_MB = 128  # of a probe, beside tables and packet buffers; these take more in small pages
ATTACKS = {  # options, packets
    "spoofed": (["--packets", 30000], 30000),
    "overload": (["--sources", 250], 30000),
    "collide": (["--packets", 30000], 30000),
}


def by_service(rows):
    return {(r["proto"], r["port"]): (r["packets"], r["bytes"]) for r in rows}


def plain_frames(capture):
    """(second, frame) of those with neither tags nor labels."""
    for frame, meta in RawPcapNgReader(str(capture)):
        if frame[12:14] == b"\x08\x00":
            yield (meta.tshigh << 32 | meta.tslow) // meta.tsresol, frame


class TestAttack(TestSuite):
    def attack(self, name):
        """Generates one; returns capture, books and sensors file."""
        sensors = self.dir / "s.json"
        sensors.write_text(json.dumps(SENSORS))
        options, packets = ATTACKS[name]
        capture, truth = self.dir / f"{name}.pcapng", self.dir / f"{name}.json"
        self.teiten.gen("--attack", name, *options, "--seconds", 120, "--sensors", sensors,
                        "--truth", truth, capture)
        books = json.loads(truth.read_text())
        assert books["packets"] == packets
        return capture, books, sensors

    def conf(self, name, **flow):
        path = self.dir / f"{name}.probe.json"
        path.write_text(json.dumps({"kind": "probe", "v": 1, "probe": "t", "uplinks": [],
                                    "flow": {"ipv6": 64, **flow}}))
        return path

    @pytest.mark.parametrize("name", ATTACKS)
    def test_tables_with_room_observe_every_source(self, name):
        """
        Steps: replay each attack through tables that hold all of its flows.
        Verify: nothing is spilled; packets, bytes and sources of every service, and of every source,
                are the generator's books.
        """
        capture, truth, sensors = self.attack(name)
        db = self.dir / f"{name}.room.db"
        last = self.teiten.replay(db, capture, s=sensors, c=self.conf(name, ipv4=60000)).last
        assert (last["observed"], last["spilled"]) == (truth["packets"], 0)
        ports = self.teiten.top(db, "port")
        assert ports["sources_lower_bound"] is False
        assert by_service(ports["rows"]) == by_service(truth["services"])
        want = {r["source"]: (r["packets"], r["bytes"]) for r in truth["sources"]}
        got = counts(self.teiten.top(db, "source"), "source")
        assert {k: v[:2] for k, v in got.items()} == want

    @pytest.mark.sanitized
    @pytest.mark.parametrize("name", ATTACKS)
    def test_full_tables_lose_no_packet(self, name):
        """
        Steps: replay each attack through tables of 100 flows and 256 spilled rows, told to spill.
        Verify: every packet is observed or spilled; packets and bytes by class and sensor are the
                books'; so they are by service where the spill table holds all services; sources are
                said to be a lower bound, and are one.
        """
        capture, truth, sensors = self.attack(name)
        db = self.dir / f"{name}.full.db"
        conf = self.conf(name, ipv4=100, spill=256, overflow="spill")
        last = self.teiten.replay(db, capture, s=sensors, c=conf).last
        assert last["spilled"] > truth["packets"] / 2
        assert last["observed"] + last["spilled"] == last["packets"] == truth["packets"]
        assert last["bytes"] == truth["bytes"]
        classes = self.teiten.top(db, "class")
        assert classes["sources_lower_bound"] is True
        row = counts(classes, "class")["scan"]
        assert row[:2] == (truth["packets"], truth["bytes"])
        assert 0 < row[2] <= truth["classes"][0]["sources"]
        by_sensor = counts(self.teiten.top(db, "sensor"), "sensor")
        assert {k: v[:2] for k, v in by_sensor.items()} == \
            {r["sensor"]: (r["packets"], r["bytes"]) for r in truth["sensors"]}
        if len(truth["services"]) * 2 * 2 <= 256:
            assert by_service(self.teiten.top(db, "port")["rows"]) == by_service(truth["services"])

    def test_overload_brings_every_source_every_second(self):
        """
        Steps: count the overload's sources second by second.
        Verify: nearly 250 in each, the same ones throughout, each to one port.
        """
        seconds, flows = {}, set()
        for ts, frame in plain_frames(self.attack("overload")[0]):
            seconds.setdefault(ts, set()).add(frame[26:30])
            flows.add((frame[26:30], frame[36:38]))
        assert len(seconds) == 120 and len(set.union(*seconds.values())) == len(flows) == 250
        assert min(len(s) for s in seconds.values()) > 200  # a few have tags or labels

    def test_collisions_are_of_one_crc32(self):
        """
        Steps: build each packet's flow key as the table does, from the capture's bytes; its CRC32 by
               an implementation of this test's own.
        Verify: one value for all; every key another.
        """
        keys, values = set(), set()
        frames = list(plain_frames(self.attack("collide")[0]))
        for n, (ts, frame) in enumerate(frames):
            sensor = frame[32] >> 7  # 198.18.0.0/17, 198.18.128.0/17
            port = struct.unpack_from(">H", frame, 36)[0]
            key = frame[26:30] + struct.pack("<IHHBBH", ts // 60, sensor, port, 0, 6, 0)
            keys.add(key)
            if n % 10 == 0:
                values.add(crc32c(key))
        assert len(values) == 1 and len(keys) == len(frames) > 20000

    def test_memory_is_what_was_configured(self):
        """
        Steps: replay 20,000 and 400,000 spoofed sources through the same small tables; the largest
               resident set of all processes of each.
        Verify: it does not grow with the sources (the capture itself is mapped, so its size is
                allowed for).
        """
        conf = self.conf("memory", ipv4=4096, spill=256, overflow="spill")
        sensors = self.dir / "s.json"
        sensors.write_text(json.dumps(SENSORS))
        peaks = []
        for n in (20000, 400000):
            capture = self.dir / f"m{n}.pcap"
            self.teiten.gen("--attack", "spoofed", "--packets", n, "--seconds", 120, "--sensors", sensors,
                            capture)
            p = subprocess.Popen([self.teiten.path("teiten"), "replay", "-c", conf, "-s", sensors, "--db",
                                  self.dir / f"m{n}.db", capture], stdout=subprocess.PIPE)
            last = json.loads(p.stdout.read().splitlines()[-1])
            _, status, usage = os.wait4(p.pid, 0)
            p.returncode = os.waitstatus_to_exitcode(status)
            assert p.returncode == 0 and last["observed"] + last["spilled"] == n
            peaks.append(usage.ru_maxrss - capture.stat().st_size // 1024)
        assert peaks[1] < peaks[0] + 16 * 1024, peaks

    @pytest.mark.parametrize("name,rows", [("overload", 60000), ("overload", 6000), ("collide", 60000)])
    def test_a_running_probe_accounts_for_every_packet(self, name, rows):
        """
        Steps: let a probe poll a device that yields an attack's 30,000 flows over and over, in epochs of
               a second, with tables that hold all of them, or a fifth; a collector and a subscriber
               behind it.
        Verify: packets received are those stored, by class, and those counted as lost; the probe's
                memory does not grow; tables hold every flow in every epoch, and sources are exact; or
                are full, the rest is spilled, and all results say that sources are a lower bound.
        """
        sensors = self.dir / "s.json"
        sensors.write_text(json.dumps({**SENSORS, "sensors": SENSORS["sensors"][:1]}))
        capture, flows = self.dir / f"{name}.pcap", 30000
        self.teiten.gen("--attack", name, "--packets", flows, "--sources", flows, "--seconds", 1, "--epoch", 1,
                        "--sensors", sensors, capture)
        for _ in range(5):  # a disk that the spool waits for holds an epoch's end up: not what is looked at
            got = attacked(self.teiten, self.dir, {"id": "up0", "device": repeated(capture), "buffers": flows + 5000},
                           (0, 1), 2, flow={"ipv4": rows, "ipv6": 64, "spill": 256}, sensors=str(sensors))
            if not got["overruns"]:
                break
        assert got["mpps"] > 0 and got["packets"] == got["observed"] + got["spilled"]
        assert got["memory_mb"] <= got["need_mb"] + PROGRAM_MB
        row, spills = counts(got["top"], "class")["scan"], rows < flows
        assert (got["spilled"] > 0) == got["top"]["sources_lower_bound"] == spills
        assert got["lower_bound"] == {spills}
        if spills:
            assert max(got["used"]) == rows
        else:
            assert set(got["used"][1:-1]) == {flows}
            assert row[2] == pytest.approx(flows, rel=0.05)
