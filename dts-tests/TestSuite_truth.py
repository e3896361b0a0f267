# SPDX-License-Identifier: BSD-3-Clause
"""Generated traffic: every answer equals the generator's books, and tshark's count."""
import json
from collections import Counter, defaultdict

import pytest
from framework import tshark
from framework.programs import counts
from framework.suite import TestSuite

CLASSES = ("scan", "backscatter", "reflection", "other", "fragment")
FATES = ("observed", "spilled", "malformed", "non_ip", "unassigned")


def books(rows, *key):
    return {tuple(r[k] for k in key) if len(key) > 1 else r[key[0]]: (r["packets"], r["bytes"], r["sources"])
            for r in rows}


def services(result):
    """Rows by port under (proto, port), ICMP's port as type<<8|code."""
    out = {}
    for r in result["rows"]:
        port = r["type"] << 8 | r["code"] if r.get("type") is not None else r["port"]
        out[r["proto"], port] = (r["packets"], r["bytes"], r["sources"])
    return out


class TestTruth(TestSuite):
    def generate(self, *options, name="g.pcap", sensors=None, split=()):
        """Runs the generator; returns (capture, truth, sensors file, delegation files)."""
        capture, truth = self.dir / name, self.dir / f"{name}.truth.json"
        own = self.dir / f"{name}.sensors.json"
        args = ["--truth", truth, "--write-sensors", own, "--write-rir", self.dir / f"{name}.rir"]
        if sensors:
            args += ["--sensors", sensors]
        if split:
            args += ["--truth-split", ",".join(split)]
        self.teiten.gen(*args, *options, capture)
        return capture, json.loads(truth.read_text()), own, self.dir / f"{name}.rir"

    def check(self, db, truth, **period):
        """Compares every ranking of a database with the books."""
        top = self.teiten.top
        classes = counts(top(db, "class", **period), "class")
        for name in ("malformed", "non_ip"):
            fate = truth["fates"][name]
            assert classes.pop(name, (0, 0, None)) == (fate["packets"], fate["bytes"], None)
        assert classes == {k: v for k, v in books(truth["classes"], "class").items() if v[0]}
        by_service = defaultdict(dict)
        for (cls, proto, port), v in books(truth["services"], "class", "proto", "port").items():
            by_service[cls][proto, port] = v
        for cls in CLASSES:
            assert services(top(db, "port", class_=cls, **period)) == by_service[cls], cls
        regions = defaultdict(dict)
        for (cls, region), v in books(truth["regions"], "class", "region").items():
            regions[cls][region] = v
        for cls in CLASSES:
            assert counts(top(db, "region", class_=cls, **period), "region") == regions[cls], cls
        source = {k: v for k, v in books(truth["sources"], "source").items()}
        assert counts(top(db, "source", class_="all", **period), "source") == source
        assert counts(top(db, "sensor", class_="all", **period), "sensor") == \
            {k: v for k, v in books(truth["sensors"], "sensor").items() if v[0]}
        tools = counts(top(db, "tool", **period), "tool")
        assert "zmap" not in tools or tools["zmap"][0] == 0  # this traffic is of after ZMap 4.1.0
        for tool, v in books(truth["tools"], "tool").items():
            if tool == "zmap":
                continue
            # a random id meets a 16-bit relation once in 65,536 packets
            assert tools[tool][0] == pytest.approx(v[0], abs=3 + truth["packets"] / 20000), tool
        dports = top(db, "dport", **period)
        mixed = [r for r in dports["rows"] if r["proto"] is None]
        dports["rows"] = [r for r in dports["rows"] if r["proto"] is not None]
        if not mixed:
            assert services(dports) == books(truth["dports"], "proto", "port")
        return mixed

    @pytest.mark.smoke
    @pytest.mark.sanitized
    def test_a_day_of_everything(self):
        """
        Steps: generate a day with every class, encapsulation and malformed kind; replay it.
        Verify: the last line, every `top --by` and the fates equal the generator's books.
        """
        capture, truth, sensors, rir = self.generate("--seed", 11, "--packets", 30000)
        last = self.teiten.replay(self.dir / "t.db", capture, s=sensors, rir=rir).last
        for fate in FATES:
            assert last[fate] == truth["fates"][fate]["packets"], fate
        assert last["packets"] == truth["packets"] == sum(last[f] for f in FATES)
        assert last["bytes"] == truth["bytes"]
        assert not self.check(self.dir / "t.db", truth)

    @pytest.mark.parametrize("options", [
        ("--seed", 21, "--format", "pcapng", "--links", "up0=ethernet,up1=sll2"),
        ("--seed", 22, "--format", "pcap-ns", "--big-endian", "--ipv6", 0.5),
        ("--seed", 23, "--vary-ports", 0.3, "--sources", 40),
        ("--seed", 24, "--mix", "malformed=20,non_ip=20,unassigned=20"),
        ("--seed", 25, "--seconds", 1, "--sources", 20000),
    ], ids=["pcapng of two links", "big-endian, half IPv6", "varying ports", "mostly not observed",
            "one second"])
    def test_other_mixes(self, options):
        """
        Steps: the same with other formats, mixes and spans.
        Verify: as above.
        """
        suffix = "pcapng" if "pcapng" in options else "pcap"
        capture, truth, sensors, rir = self.generate(*options, "--packets", 20000, name=f"g.{suffix}")
        last = self.teiten.replay(self.dir / "t.db", capture, s=sensors, rir=rir).last
        for fate in FATES:
            assert last[fate] == truth["fates"][fate]["packets"], fate
        self.check(self.dir / "t.db", truth)

    def test_filters_by_sensor_and_region(self):
        """
        Steps: ask one sensor's and one region's ports.
        Verify: they are the books' cells.
        """
        capture, truth, sensors, rir = self.generate("--seed", 31, "--packets", 30000)
        db = self.dir / "t.db"
        self.teiten.replay(db, capture, s=sensors, rir=rir)
        want = defaultdict(dict)
        for (sensor, cls, proto, port), v in books(truth["sensor_services"], "sensor", "class", "proto", "port").items():
            if cls == "scan":
                want["sensor", sensor][proto, port] = v
        for (region, cls, proto, port), v in books(truth["region_services"], "region", "class", "proto", "port").items():
            if cls == "scan":
                want["region", region][proto, port] = v
        asked = 0
        for (kind, name), rows in sorted(want.items())[::4]:
            assert services(self.teiten.top(db, "port", **{kind: name})) == rows, (kind, name)
            asked += 1
        assert asked >= 8

    def test_periods_split_the_books(self):
        """
        Steps: a capture over a local quarter's start, the books kept apart at it.
        Verify: each quarter's answers are its part's.
        """
        split = "2024-10-01T00:00:00+09:00"
        capture, truth, sensors, rir = self.generate(
            "--seed", 41, "--packets", 20000, "--start", "2024-09-29T12:00:00Z", "--days", 3, split=[split])
        db = self.dir / "t.db"
        self.teiten.replay(db, capture, s=sensors, rir=rir, timezone="Asia/Tokyo")
        assert len(truth["parts"]) == 2
        for part, period in zip(truth["parts"], ("2024Q3", "2024Q4")):
            want = {k: v for k, v in books(part["classes"], "class").items() if v[0]}
            got = counts(self.teiten.top(db, "class", period=period), "class")
            assert {k: v for k, v in got.items() if k in CLASSES} == want

    def with_tshark(self, *options):
        """A generated capture without feeds and malformed packets: (database, tshark's packets)."""
        rules = self.dir / "plain.json"
        rules.write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": [
            {"id": "plain", "country": "JP", "network": "n", "groups": ["g"], "since": "2024-01-01",
             "match": {"prefixes": ["192.0.2.0/24", "2001:db8:1::/64"]}}]}))
        capture, _, _, _ = self.generate(*options, "--packets", 20000, "--mix", "malformed=0,unassigned=0",
                                         sensors=rules)
        db = self.dir / "t.db"
        last = self.teiten.replay(db, capture).last
        packets = list(tshark.packets(capture))
        assert packets.count(None) == last["non_ip"] and len(packets) == last["packets"]
        return db, [p for p in packets if p]

    def test_tshark_counts_the_same(self):
        """
        Steps: let tshark take an IPv4 capture apart, apply the class rules to its fields.
        Verify: ports by class, destination ports, classes and sources of `top` are the same.
        """
        db, packets = self.with_tshark("--seed", 51, "--ipv6", 0)

        def count(key, of=packets):
            rows = defaultdict(lambda: (0, 0, set()))
            for p in of:
                n, size, sources = rows[key(p)]
                rows[key(p)] = (n + 1, size + p.bytes, sources | {p.source})
            return {k: (n, size, len(s)) for k, (n, size, s) in rows.items()}

        for cls in CLASSES:
            got = services(self.teiten.top(db, "port", class_=cls))
            assert got == count(lambda p: (p.proto, p.port), [p for p in packets if p.cls == cls]), cls
        classes = counts(self.teiten.top(db, "class"), "class")
        classes.pop("non_ip")
        assert classes == count(lambda p: p.cls)
        assert counts(self.teiten.top(db, "source", class_="all"), "source") == count(lambda p: p.source)
        dports = self.teiten.top(db, "dport")["rows"]
        assert all(r["proto"] is not None for r in dports)
        assert services({"rows": dports}) == count(lambda p: (p.proto, p.dport))

    def test_tshark_counts_the_same_in_ipv6(self):
        """
        Steps: the same with IPv6 alone; sources whose extension headers tshark reads otherwise are
               left out on both sides.
        Verify: class, protocol and port of every other source are the same.
        """
        db, packets = self.with_tshark("--seed", 52, "--ipv6", 1)
        unsure = {p.source for p in packets if p.cls == tshark.UNSURE}
        assert len(unsure) < len({p.source for p in packets}) / 2
        want = Counter((p.source, p.cls, p.proto, p.port) for p in packets if p.source not in unsure)
        got = Counter()
        for r in self.teiten.sql(db, "SELECT source, class, proto, port, packets FROM observation"):
            if r["source"] not in unsure:
                got[r["source"], r["class"], r["proto"], int(r["port"])] += int(r["packets"])
        assert got == want and len(want) > 1000
