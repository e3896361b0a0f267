# SPDX-License-Identifier: BSD-3-Clause
"""Survey scanners: on lists and by what they do, and every table with, without and only them."""
import datetime
import json
from zoneinfo import ZoneInfo

from framework.capture import pcap
from framework.programs import counts
from framework.suite import TestSuite
from scapy.all import ICMP, IP, TCP, UDP, Ether, IPv6

MACS = dict(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
TOKYO = ZoneInfo("Asia/Tokyo")


def at(day, hour, minute=0):
    return int(datetime.datetime(2024, 12, day, hour, minute, tzinfo=TOKYO).timestamp())


def probe(source, port, udp=False):
    ip = IPv6(src=source, dst="2001:db8::9") if ":" in source else IP(src=source, dst="198.51.100.9")
    layer = UDP(sport=1024, dport=port) if udp else TCP(sport=1024, dport=port, flags="S", seq=1)
    return bytes(Ether(**MACS) / ip / layer)


class TestSurveyors(TestSuite):
    def database(self, name, scanners):
        packets = []
        packets += [(at(18, 0, p), probe("11.0.0.1", 1000 + p)) for p in range(11)]  # eleven in a day
        packets += [(at(18, 20), probe("11.0.0.1", 1000))] * 3  # and more of the same
        packets += [(at(19, 1), probe("11.0.0.1", 23))]  # the day after it is none
        packets += [(at(18, 23, 50 + p), probe("11.0.0.2", 2000 + p)) for p in range(6)]  # six before midnight
        packets += [(at(19, 0, p), probe("11.0.0.2", 3000 + p)) for p in range(6)]  # and six after
        packets += [(at(18, 3, p), probe("11.0.0.3", 4000 + p)) for p in range(10)]  # ten are not more than ten
        packets += [(at(18, 4, p), probe("11.0.0.4", 500 + p // 2, udp=p % 2)) for p in range(12)]  # TCP and UDP
        packets += [(at(18, 5, p), probe("2001:470::5", 100 + p)) for p in range(12)]
        packets += [(at(18, 6), probe("11.0.1.7", 23))]  # on a list
        packets += [(at(18, 7), probe("11.0.0.8", 23))] * 2  # nobody special
        packets += [(at(18, 7), bytes(Ether(**MACS) / IP(src="11.0.0.8", dst="198.51.100.9") / ICMP(type=8, code=c)))
                    for c in range(12)]  # ICMP has no ports
        packets = sorted(packets, key=lambda p: p[0])
        db = self.dir / f"{name}.db"
        self.teiten.replay(db, pcap(self.dir / f"{name}.pcap", [(f, None, t * 10**9) for t, f in packets]),
                           scanners=scanners, timezone="Asia/Tokyo")
        return db

    def sources(self, db, **filters):
        return {k: v[0] for k, v in counts(self.teiten.top(db, "source", **filters), "source").items()}

    def test_by_list_and_by_behaviour(self):
        """
        Steps: sources of 11 ports in a local day, of 12 around midnight, of 10, of 6 ports in TCP and UDP, over
               IPv6, on a list, with many ICMP codes; tables with, without and only surveyors; a part of the day;
               another limit, and none.
        Verify: a source is a surveyor on the whole local day on which it probes more than ten TCP and UDP ports
                together, and on no other; every table adds up; show says why.
        """
        (self.dir / "scanners.json").write_text(json.dumps({
            "kind": "scanners", "v": 1, "scanners": [{"name": "listed", "prefixes": ["11.0.1.0/24"]}]}))
        db = self.database("ten", self.dir / "scanners.json")
        only = {"11.0.0.1": 14, "11.0.0.4": 12, "2001:470::5": 12, "11.0.1.7": 1}
        everybody = self.sources(db)
        assert self.sources(db, surveyors="only") == only
        without = self.sources(db, surveyors="without")
        assert without == {"11.0.0.1": 1, "11.0.0.2": 12, "11.0.0.3": 10, "11.0.0.8": 14}
        assert {k: only.get(k, 0) + without.get(k, 0) for k in everybody} == everybody
        for by in ("port", "region", "sensor", "class", "tool", "asn"):
            parts = [sum(r["packets"] for r in self.teiten.top(db, by, surveyors=s)["rows"])
                     for s in ("with", "without", "only")]
            assert parts[0] == parts[1] + parts[2], (by, parts)
        # an hour is judged by its whole day
        hour = dict(from_="2024-12-18T20:00:00+09:00", to="2024-12-18T21:00:00+09:00")
        assert self.sources(db, surveyors="only", **hour) == {"11.0.0.1": 3}
        shown = self.teiten.run("teiten", "show", "11.0.0.1", "--db", db, "--format", "json").last
        assert shown["surveyor"] and shown["surveyor_by"] == ["behaviour"]
        shown = self.teiten.run("teiten", "show", "11.0.1.7", "--db", db, "--format", "json").last
        assert shown["surveyor"] and shown["surveyor_by"] == ["list"]
        shown = self.teiten.run("teiten", "show", "11.0.0.2", "--db", db, "--format", "json").last
        assert not shown["surveyor"] and shown["surveyor_by"] == []
        (self.dir / "five.json").write_text(json.dumps({
            "kind": "scanners", "v": 1, "behaviour": {"ports_per_day": 5}}))
        five = self.sources(self.database("five", self.dir / "five.json"), surveyors="only")
        assert five == {"11.0.0.1": 14, "11.0.0.2": 12, "11.0.0.3": 10, "11.0.0.4": 12, "2001:470::5": 12}
        (self.dir / "none.json").write_text(json.dumps({"kind": "scanners", "v": 1, "behaviour": None}))
        assert self.sources(self.database("none", self.dir / "none.json"), surveyors="only") == {}

    def test_tools_of_a_source(self):
        """
        Steps: sources that send what ZMap and Mirai do, all or one of many packets.
        Verify: k of n, verdict, confidence against accident, how long the rule holds; what looks like ZMap after
                that is a weak hint and no verdict, in top as in show.
        """
        destination = int.from_bytes(bytes([198, 51, 100, 9]), "big")

        def syn(source, seq, ident):
            return bytes(Ether(**MACS) / IP(src=source, dst="198.51.100.9", id=ident)
                         / TCP(sport=1024, dport=23, flags="S", seq=seq))
        frames = [syn("11.0.0.1", 5, 54321)] * 4 + [syn("11.0.0.2", destination, 7)] * 3
        frames += [syn("11.0.0.3", 5, 54321)] + [syn("11.0.0.3", 5, 8)] * 9
        db = self.dir / "tools.db"
        old = int(datetime.datetime(2024, 3, 20, 12, tzinfo=datetime.timezone.utc).timestamp())
        self.teiten.replay(db, *(pcap(self.dir / f"tools{begin}.pcap", [(f, None, (begin + i) * 10**9)
                                                                        for i, f in enumerate(frames)])
                                 for begin in (old, at(18, 1))))

        def tools(source, **span):
            args = [x for k, v in span.items() for x in (f"--{k}", v)]
            done = self.teiten.run("teiten", "show", source, "--db", db, "--format", "json", *args)
            return {t["tool"]: t for t in done.last["tools"]}
        before, after = {"to": "2024-03-21"}, {"from": "2024-03-21"}
        zmap = tools("11.0.0.1")["zmap"]
        assert (zmap["matches"], zmap["of"], zmap["verdict"], zmap["rule_until"]) == (4, 4, True, "2024-03-21")
        assert (zmap["later_matches"], zmap["later_of"], zmap["weak_hint"]) == (4, 4, True)
        assert zmap["confidence"] == 1 - 2.0 ** -64 or zmap["confidence"] == 1
        zmap = tools("11.0.0.1", **after)["zmap"]
        assert (zmap["matches"], zmap["of"], zmap["verdict"], zmap["confidence"]) == (0, 0, False, 0)
        assert zmap["weak_hint"]
        assert not tools("11.0.0.1", **before)["zmap"]["weak_hint"]
        mirai = tools("11.0.0.2")["mirai"]
        assert (mirai["matches"], mirai["of"], mirai["verdict"], mirai["rule_until"]) == (6, 6, True, None)
        chance = tools("11.0.0.3", **before)["zmap"]
        assert (chance["matches"], chance["of"], chance["verdict"]) == (1, 10, False)
        p = 2.0 ** -16
        assert abs(1 - chance["confidence"] - (1 - (1 - p) ** 10)) < 1e-9
        told = {r["tool"]: r for r in self.teiten.top(db, "tool")["rows"]}
        assert told["zmap"]["packets"] == 4
        assert (told["zmap"]["matches"], told["zmap"]["of"]) == (4, 4)
        assert (told["mirai"]["matches"], told["mirai"]["of"], told["mirai"]["confidence"]) == (6, 6, 1)
        assert "zmap" not in counts(self.teiten.top(db, "tool", from_="2024-03-21"), "tool")
