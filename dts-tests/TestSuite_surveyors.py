# SPDX-License-Identifier: BSD-3-Clause
"""Survey scanners: on lists and by what they do, and every table with, without and only them."""
import datetime
import json
import random
import sqlite3
from collections import defaultdict
from zoneinfo import ZoneInfo

from framework.capture import MACS, nothing_new, pcap
from framework.programs import counts
from framework.site import sensor, wait_for
from framework.suite import TestSuite
from scapy.all import ICMP, IP, TCP, UDP, Ether, IPv6

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
        for which in ("with", "without", "only"):  # also of a day that is settled and not folded
            for by in ("port", "region", "sensor", "class"):
                rows = [[(r["rank"], r["packets"], r["bytes"], r["sources"], r["rate"])
                         for r in self.teiten.top(db, by, surveyors=which, read=read)["rows"]] for read in ("raw", "rollups")]
                assert rows[0] == rows[1], (which, by)
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

    # ---- settled days: a telescope of some days, and its books

    def generate(self, seed):
        """Three local days of random probes at three sensors: [(time, source, sensor, udp, port)]."""
        rng, packets = random.Random(seed), []
        for day in (18, 19, 20):
            for host in range(1, 61):
                source = f"2001:470::{host:x}" if host % 7 == 0 else f"11.0.{host % 3}.{host}"
                # every third probes many ports, on some days
                ports = rng.randint(5, 30) if host % 3 == 0 and rng.random() < 0.7 else rng.randint(1, 4)
                for port in rng.sample(range(1, 60), ports):
                    for _ in range(rng.randint(1, 3)):
                        packets.append((at(day, 0) + rng.randrange(86400), source, rng.randrange(3),
                                        rng.random() < 0.3, port))
        return sorted(packets)

    def capture(self, packets, name="g.pcap"):
        def frame(source, where, udp, port):
            six = ":" in source
            ip = (IPv6(src=source, dst=f"2001:db8:{where}::9") if six
                  else IP(src=source, dst=f"198.51.{100 + where}.9"))
            return bytes(Ether(**MACS) / ip / (UDP(sport=1024, dport=port) if udp
                                               else TCP(sport=1024, dport=port, flags="S", seq=1)))
        return pcap(self.dir / name, [(frame(*p[1:]), None, p[0] * 10**9) for p in packets])

    @staticmethod
    def local_day(t):
        return datetime.datetime.fromtimestamp(t, TOKYO).date().isoformat()

    def judge(self, packets, limit):
        """{(day, source): [ports, sensors, packets]} of surveyors."""
        did = defaultdict(lambda: [set(), set(), 0])
        for t, source, where, udp, port in packets:
            d = did[self.local_day(t), source]
            d[0].add((udp, port))
            d[1].add(where)
            d[2] += 1
        return {k: [len(v[0]), len(v[1]), v[2]] for k, v in did.items() if len(v[0]) > limit}

    def count(self, packets, who, surveyors, key):
        """{key: [packets, sources]} by hand."""
        out = defaultdict(lambda: [0, set()])
        for p in packets:
            if surveyors != "with" and ((self.local_day(p[0]), p[1]) in who) != (surveyors == "only"):
                continue
            row = out[key(p)]
            row[0] += 1
            row[1].add(p[1])
        return {k: (n, len(s)) for k, (n, s) in out.items()}

    KEYS = {"port": (("proto", "port"), lambda p: ("udp" if p[3] else "tcp", p[4])),
            "sensor": (("sensor",), lambda p: f"s{p[2]}"), "class": (("class",), lambda p: "scan")}

    def check_tables(self, db, packets, who, **filters):
        for surveyors in ("with", "without", "only"):
            for by, (names, key) in self.KEYS.items():
                want = self.count(packets, who, surveyors, key)
                rows = self.teiten.top(db, by, surveyors=surveyors, **filters)["rows"]
                got = {tuple(r[n] for n in names) if len(names) > 1 else r[names[0]]: (r["packets"], r["sources"])
                       for r in rows if r["packets"]}
                assert got == want, (by, surveyors)
            series = self.teiten.series(db, step="day", surveyors=surveyors, **filters)["rows"][0]["points"]
            got = {self.local_day(datetime.datetime.fromisoformat(p["start"].replace("Z", "+00:00")).timestamp()):
                   (p["packets"], p["sources"]) for p in series}
            assert got == self.count(packets, who, surveyors, lambda p: self.local_day(p[0])), surveyors

    WATCHES = {"kind": "watches", "v": 1, "watches": [
        {"name": s, "where": {"class": ["scan"]}, "keep_sources": True, "surveyors": s, "by": ["port"],
         "feed": {"identifier": "scan", "tlp": "AMBER", "cooldown_days": 0}} for s in ("with", "without", "only")]}

    def check_watches(self, db, packets, who, settled):
        for surveyors in ("with", "without", "only"):
            shown = json.loads(self.teiten.run("teiten", "watch", "show", surveyors, "--db", db, "--format", "json").out)
            want = self.count(packets, who, surveyors, lambda p: self.local_day(p[0]))
            assert {d["day"]: (d["packets"], d["sources"]) for d in shown["days"] if d["packets"]} == want
            if surveyors != "with":
                assert shown["surveyor_days"]["settled"] == settled, shown["surveyor_days"]
            kept = json.loads(self.teiten.run("teiten", "watch", "sources", surveyors, "--db", db, "--format",
                                              "json").out)
            want = self.count(packets, who, surveyors, lambda p: (self.local_day(p[0]), p[1]))
            assert {(r["day"], r["source"]): r["packets"] for r in kept} == {k: v[0] for k, v in want.items()}

    def configure(self):
        (self.dir / "sensors.json").write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": [
            sensor(f"s{i}", f"198.51.{100 + i}.0/24", f"2001:db8:{i}::/48") for i in range(3)]}))
        (self.dir / "watches.json").write_text(json.dumps(self.WATCHES))
        (self.dir / "four.json").write_text(json.dumps({
            "kind": "scanners", "v": 1, "behaviour": {"ports_per_day": 4}}))

    def collector(self, db, name="c", **conf):
        path, door = self.dir / f"{name}.json", self.dir / f"{name}.door"
        path.write_text(json.dumps({
            "kind": "collector", "v": 1, "db": str(db), "listen": f"ipc://{door}", "raw_days": 36600,
            "timezone": "Asia/Tokyo", "watches": str(self.dir / "watches.json"),
            "scanners": str(self.dir / "four.json"), **conf}))
        p = self.teiten.popen("teiten-collector", "-c", path)
        wait_for(lambda: p.poll() is not None or door.exists(), 20, "the collector does not start")
        return p

    def collect_until(self, db, query, name, **conf):
        p = self.collector(db, name, **conf)
        try:
            wait_for(lambda: self.teiten.sql(db, query) == [{"n": "0"}], 60, query)
        finally:
            p.terminate()
            p.communicate(timeout=120)
        assert p.returncode == 0

    def test_settled_days_last_without_raw(self):
        """
        Steps: three local days of random probes at three sensors into a database that a collector made;
               before they are settled, when they are, when raw is gone, and with late packets of a day after.
        Verify: tables, series, watches and lists of sources with, without and of only surveyors are what a
                recount of the packets gives; the kept verdicts have each surveyor's ports, sensors and
                packets; answers say what is settled.
        """
        self.configure()
        packets = self.generate(1)
        late = [(t, s, w, u, p + 100) for t, s, w, u, p in self.generate(2) if t < at(19, 0)][:120]
        who, all_, db = self.judge(packets, 4), sorted(packets + late), self.dir / "live.db"
        p = self.collector(db)
        p.terminate()
        p.communicate(timeout=120)
        files = dict(s=self.dir / "sensors.json", scanners=self.dir / "four.json", timezone="Asia/Tokyo")
        self.teiten.replay(db, self.capture(packets), **files)
        top = self.teiten.top(db, "port", surveyors="without", read="rollups")
        assert (top["surveyors"], top["surveyor_days"]) == ("without", {"settled": 0, "running": 3, "listed": 0})
        self.check_tables(db, packets, who)
        self.check_tables(db, packets, who, read="rollups")
        self.check_watches(db, packets, who, 0)
        self.collect_until(db, "SELECT count(*) AS n FROM segment", "settle")
        self.check_tables(db, packets, who, read="rollups")
        self.check_watches(db, packets, who, 3)
        self.check_verdicts(db, who)
        # a capture of the first day that comes late: there are more surveyors than were
        self.teiten.replay(db, self.capture(late, "late.pcap"), **files)
        more = self.judge(all_, 4)
        assert len(more) > len(who)
        assert self.teiten.top(db, "port", surveyors="only", read="rollups")["surveyor_days"]["listed"] == 1
        self.age(db)
        self.collect_until(db, "SELECT count(*) AS n FROM unjudged", "late")
        self.collect_until(db, "SELECT count(*) AS n FROM segment", "late")
        self.check_tables(db, all_, more, read="rollups")
        self.check_watches(db, all_, more, 3)
        self.teiten.replay(db, nothing_new(self.dir / "later.pcap", at(23, 0)), **files)
        self.collect_until(db, "SELECT count(*) AS n FROM raw", "expire", raw_days=1)
        self.check_tables(db, all_, more, to="2024-12-21")
        self.check_watches(db, all_, more, 3)
        self.check_verdicts(db, more)
        self.check_feed(db, all_, more)

    # what version 3 did not have yet, taken away again: the schema of a database that it left
    TO_VERSION_3 = """
        DROP TABLE clock_step;
        {columns}
        DROP TABLE survey; DROP TABLE surveyor; DROP TABLE unjudged; DROP INDEX batch_gone;
        DROP INDEX segment_who; ALTER TABLE segment DROP COLUMN state;
        CREATE INDEX segment_who ON segment(who, start, rows);
        DELETE FROM setting WHERE name = 'document:surveyors';
        PRAGMA user_version = 3;""".format(columns="".join(
            f"ALTER TABLE {kind}_{level} DROP COLUMN heaviest;"
            for kind in ("port", "region", "tool") for level in ("hour", "day", "month")))

    def test_a_database_of_version_3_is_settled(self):
        """
        Steps: three local days in a database of version 3, whose tables know listed surveyors alone; read it;
               run a collector on it, whose surveyors are those of more than four ports.
        Verify: reading names the versions; then every table with, without and of only surveyors is what a
                recount gives, from rollups too, the verdicts are kept, and packets are those of before.
        """
        self.configure()
        packets = self.generate(1)
        who, db = self.judge(packets, 4), self.dir / "old.db"
        (self.dir / "none.json").write_text(json.dumps({
            "kind": "scanners", "v": 1, "behaviour": {"ports_per_day": 65535}}))
        alone = str(self.dir / "none.json")
        p = self.collector(db, scanners=alone)
        p.terminate()
        p.communicate(timeout=120)
        self.teiten.replay(db, self.capture(packets), s=self.dir / "sensors.json", scanners=alone,
                           timezone="Asia/Tokyo")
        self.collect_until(db, "SELECT count(*) AS n FROM segment", "alone", scanners=alone)
        before = counts(self.teiten.top(db, "port", read="rollups"), "proto", "port", "type", "code")
        assert self.teiten.top(db, "port", surveyors="only", read="rollups")["rows"] == []
        with sqlite3.connect(db) as c:
            c.executescript(self.TO_VERSION_3)
        c.close()
        done = self.teiten.run("teiten", "top", "--db", db, "--by", "port", ok=False)
        assert done.status == 1 and len(done.messages) == 1 and "version 3, expected version" in done.messages[0], done
        self.collect_until(db, "SELECT count(*) AS n FROM survey WHERE state = 0", "settled")
        self.collect_until(db, "SELECT count(*) AS n FROM segment", "folded")
        self.check_tables(db, packets, who)
        self.check_tables(db, packets, who, read="rollups")
        self.check_verdicts(db, who)
        assert counts(self.teiten.top(db, "port", read="rollups"), "proto", "port", "type", "code") == before

    def age(self, db):
        """As if the days had been settled two hours ago."""
        with sqlite3.connect(db) as c:
            c.execute("UPDATE survey SET settled = settled - 7200")
        c.close()

    def check_verdicts(self, db, who):
        rows = self.teiten.sql(db, "SELECT date(start + 32400, 'unixepoch') AS day, hex(source) AS source, ports, "
                                   "sensors, packets FROM surveyor")
        def hexed(source):
            import ipaddress
            return ipaddress.ip_address(source).packed.hex().upper()
        assert {(r["day"], r["source"]): [int(r["ports"]), int(r["sensors"]), int(r["packets"])] for r in rows} == \
            {(day, hexed(source)): v for (day, source), v in who.items()}
        (day, source), did = sorted(who.items())[0]
        shown = self.teiten.run("teiten", "show", source, "--db", db, "--format", "json").last
        one = next(d for d in shown["surveyor_days"] if d["day"] == day)
        assert [one["ports"], one["sensors"], one["packets"]] == did and one["ports_per_day"] == 4
        assert shown["surveyor_by"] == ["behaviour"] and one["settled"] > "2024"

    def check_feed(self, db, packets, who):
        for surveyors in ("without", "only"):
            out = self.dir / f"feed-{surveyors}"
            done = self.teiten.run("teiten", "feed", "--db", db, "--day", "2024-12-19", "--watch", surveyors,
                                   "--format", "intelmq", "-o", out)
            assert done.last["surveyors"] == "settled"
            events = [json.loads(line) for f in out.glob("*.jsonl") for line in f.read_text().splitlines()]
            want = {s for (d, s) in self.count(packets, who, surveyors, lambda p: (self.local_day(p[0]), p[1]))
                    if d == "2024-12-19"}
            assert {e["source.ip"] for e in events} == want and want

    def test_changes_and_report_without_surveyors(self):
        """
        Steps: forty quiet days of three sources, and on one of the last a source that probes a dozen ports,
               one of them as hard as a surge; changes and report with and without surveyors.
        Verify: the surge is one of the surveyor: there with and of only surveyors, and not without them; the
                report's first table is what `teiten top` says.
        """
        self.configure()
        first = int(datetime.datetime(2024, 11, 1, tzinfo=TOKYO).timestamp())
        packets = [(first + d * 86400 + 3600 * h + i, f"11.0.0.{i}", i % 3, False, 23)
                   for d in range(61) for h in (1, 5, 9, 13, 17, 21) for i in (1, 2, 3)]
        day = first + 50 * 86400
        packets += [(day + 7200 + i, "11.0.0.99", 0, False, 23) for i in range(400)]
        packets += [(day + 10000 + i, "11.0.0.99", 0, False, 1000 + i) for i in range(11)]
        db = self.dir / "forty.db"
        self.teiten.replay(db, self.capture(sorted(packets), "forty.pcap"), s=self.dir / "sensors.json",
                           scanners=self.dir / "four.json", timezone="Asia/Tokyo")
        for surveyors, surge in (("with", True), ("without", False)):
            found = json.loads(self.teiten.run(
                "teiten", "changes", "--db", db, "--period", "2024-12", "--surveyors", surveyors, "--format",
                "json").out)
            rows = [r for r in found["rows"] if (r["of"], r["kind"], r["key"]) == ("service", "surge", "tcp/23")]
            assert bool(rows) == surge, (surveyors, found["rows"])
            assert found.get("surveyor_days") == (
                None if surveyors == "with" else {"settled": 61, "running": 0, "listed": 0})
        for surveyors in ("with", "without", "only"):
            out = self.dir / f"report-{surveyors}"
            self.teiten.run("teiten", "report", "--db", db, "--period", "2024-12", "--surveyors", surveyors, "-o", out)
            doc = json.loads((out / "report.json").read_text())
            assert doc["surveyors"] == surveyors
            top = self.teiten.top(db, "port", surveyors=surveyors, period="2024-12", rank="rate", n=5, icmp="one")
            assert [(r["proto"], r["port"], r["packets"]) for r in doc["table1"]["rows"][:5]] == \
                [(r["proto"], r["port"], r["packets"]) for r in top["rows"]]
            assert ("survey scanners" in (out / "report.html").read_text()) == (surveyors != "with")
