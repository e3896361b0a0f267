# SPDX-License-Identifier: BSD-3-Clause
"""Local days and quarters, sparse captures, epochs of any length."""
import datetime
import json
import zoneinfo

import pytest
from framework.capture import MACS, pcap
from framework.programs import counts, cpu_seconds
from framework.suite import TestSuite
from scapy.all import IP, TCP, Ether



def probe(i, port=23):
    return bytes(Ether(**MACS) / IP(src=f"203.0.{i >> 8 & 255}.{i & 255}", dst="198.51.100.9") /
                 TCP(sport=1024 + i % 60000, dport=port, flags="S"))


def local(zone, *when):
    return int(datetime.datetime(*when, tzinfo=zoneinfo.ZoneInfo(zone)).timestamp())


class TestTime(TestSuite):
    @pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Asia/Kathmandu", "Europe/Berlin",
                                      "America/Los_Angeles"])
    def test_a_second_either_side_of_a_local_quarter(self, zone):
        """
        Steps: packets one second before, at, and one second after the local start of three quarters.
        Verify: each lands in its quarter, month and day, by --period and by daily series.
        """
        starts = [local(zone, 2024, 4, 1), local(zone, 2024, 10, 1), local(zone, 2025, 1, 1)]
        times = [s + d for s in starts for d in (-1, 0, 1)]
        capture = pcap(self.dir / "q.pcap", [(probe(i), None, t * 10**9) for i, t in enumerate(times)])
        db = self.dir / "q.db"
        self.teiten.replay(db, capture, timezone=zone)

        def packets(period):
            top = self.teiten.top(db, "port", period=period)
            assert top["timezone"] == zone
            return sum(r["packets"] for r in top["rows"])

        assert [packets(p) for p in ("2024Q1", "2024Q2", "2024Q3", "2024Q4", "2025Q1")] == [1, 2, 1, 3, 2]
        assert [packets(p) for p in ("2024-03", "2024-04", "2024-09", "2024-10", "2024-12", "2025-01")] == \
            [1, 2, 1, 2, 1, 2]
        assert [packets(p) for p in ("2024-09-30..2024-10-01", "2024-10-01..2024-10-02", "2024")] == [1, 2, 7]
        series = self.teiten.series(db, step="day", from_="2024-09-29", to="2024-10-03")
        points = series["rows"][0]["points"]
        assert [p["packets"] for p in points] == [0, 1, 2, 0]
        starts_utc = [datetime.datetime.fromisoformat(p["start"].replace("Z", "+00:00")) for p in points]
        assert int(starts_utc[2].timestamp()) == starts[1]

    def test_days_of_23_and_25_hours(self):
        """
        Steps: a packet an hour over the days Berlin changes its clocks.
        Verify: the daily series counts 23 and 25.
        """
        zone = "Europe/Berlin"
        times = [t for day in ((2024, 3, 30), (2024, 10, 26)) for t in
                 range(local(zone, *day), local(zone, *day) + 72 * 3600, 3600)]
        capture = pcap(self.dir / "d.pcap", [(probe(i), None, t * 10**9) for i, t in enumerate(times)])
        db = self.dir / "d.db"
        self.teiten.replay(db, capture, timezone=zone)
        for first, last, want in (("2024-03-30", "2024-04-02", [24, 23, 24]),
                                  ("2024-10-26", "2024-10-29", [24, 25, 23])):
            points = self.teiten.series(db, step="day", from_=first, to=last)["rows"][0]["points"]
            assert [p["packets"] for p in points] == want

    def test_a_quarter_with_a_packet_in_every_epoch(self):
        """
        Steps: 91 days with a packet every eight seconds.
        Verify: seconds of processors, not minutes; every local day has its 10,800 packets.
        """
        start = local("Asia/Tokyo", 2024, 10, 1)
        n = 91 * 86400 // 8
        frames = [probe(i) for i in range(64)]
        capture = pcap(self.dir / "s.pcap", [(frames[i % 64], None, (start + i * 8) * 10**9) for i in range(n)])
        began = cpu_seconds()
        last = self.teiten.replay(self.dir / "s.db", capture, timezone="Asia/Tokyo").last
        took = cpu_seconds() - began
        assert last["packets"] == last["observed"] == n
        points = self.teiten.series(self.dir / "s.db", step="day", period="2024Q4")["rows"][0]["points"]
        assert [p["packets"] for p in points[:91]] == [10800] * 91
        assert all(p["packets"] is None for p in points[91:])
        assert took < 30

    @pytest.mark.sanitized
    def test_epoch_lengths_workers_and_table_sizes_change_nothing(self):
        """
        Steps: one capture at epochs of 1 s to 1 h, with one and two workers, with tables of 64 flows,
               with and without spilling.
        Verify: packets and bytes of every port and class are the same; sources too, except where
                spilled packets say sources_lower_bound.
        """
        frames = [(probe(i * 37 % 5000, (22, 23, 80, 445)[i % 4]), None, (1734490800 * 10**9 + i * 5 * 10**7))
                  for i in range(20000)]
        capture = pcap(self.dir / "c.pcap", frames)
        want = None
        cases = [dict(epoch_s=e) for e in (60, 1, 3600)] + \
            [dict(lcores={"main": 0, "workers": [1, 2]}),
             dict(flow={"ipv4": 64, "ipv6": 64, "overflow": "wait"}),
             dict(lcores={"main": 0, "workers": [1, 2]}, flow={"ipv4": 64, "ipv6": 64, "overflow": "wait"}),
             dict(flow={"ipv4": 64, "ipv6": 64, "spill": 128, "overflow": "spill"}),
             dict(flow={"ipv4": 64, "ipv6": 64, "spill": 1, "overflow": "spill"})]
        for i, case in enumerate(cases):
            conf = self.dir / f"probe{i}.json"
            conf.write_text(json.dumps({"kind": "probe", "v": 1, "probe": "t", "uplinks": [], **case}))
            db = self.dir / f"c{i}.db"
            last = self.teiten.replay(db, capture, c=conf).last
            assert last["packets"] == 20000 == last["observed"] + last["spilled"], case
            port = self.teiten.top(db, "port")
            rows = counts(port, "proto", "port")
            source = counts(self.teiten.top(db, "source"), "source")
            spills = case.get("flow", {}).get("overflow") == "spill"
            assert port["sources_lower_bound"] == (last["spilled"] > 0)
            if want is None:
                want = rows, source
                assert sum(r[0] for r in rows.values()) == 20000 and len(source) == 5000
            if not spills:
                assert last["spilled"] == 0 and (rows, source) == want, case
            elif case["flow"]["spill"] > 1:
                assert {k: v[:2] for k, v in rows.items()} == {k: v[:2] for k, v in want[0].items()}
            assert sum(r[0] for r in rows.values()) == 20000, case
