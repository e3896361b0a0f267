# SPDX-License-Identifier: BSD-3-Clause
"""Watches and changes over generated quarters whose truth is known."""
import csv
import io
import json
import shutil
import signal
import tempfile
import time
from collections import defaultdict
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from statistics import median

import pytest
from framework.capture import MACS, pcap
from framework.programs import ROOT, Programs
from framework.rows import dns
from framework.suite import TestSuite
from scapy.all import IP, TCP, UDP, Ether

DATA = ROOT / "dts-tests" / "data" / "findings"
WATCH = "dns-reflection-domestic"
PERIOD = {"period": "2024Q4"}
SURGES = ["2024-12-05", "2024-12-06", "2024-12-17", "2024-12-18"]


class Quarters:
    """Two generated quarters in a database, and the generator's books."""

    def __init__(self, programs, directory, scenario):
        self.dir = Path(directory)
        self.db = self.dir / f"{scenario}.db"
        self.truth = self.dir / f"{scenario}.json"
        self.captures = [self.dir / f"{scenario}-q3.pcap", self.dir / f"{scenario}-q4.pcap"]
        programs.gen("--scenario", DATA / f"{scenario}.json", "--sensors", DATA / "sensors.json",
                     "--truth", self.truth, "--truth-split", "2024-10-01T00:00:00+09:00",
                     "--write-rir", self.dir / "rir", *self.captures)
        self.books = json.loads(self.truth.read_text())
        self.options = {"timezone": "Asia/Tokyo", "s": DATA / "sensors.json", "rir": self.dir / "rir"}
        programs.replay(self.db, *self.captures, watches=ROOT / "config" / "watches.json",
                        **self.options)


def local_day(sql):
    """An SQL expression for the day in Tokyo, which never has summer time."""
    return f"date({sql}, 'unixepoch', '+9 hours')"


class TestFindings(TestSuite):
    programs = None

    @classmethod
    def set_up_suite(cls):
        cls.programs = Programs.from_environment()
        cls.shared = tempfile.mkdtemp(prefix="teiten-findings-")
        cls.planted = Quarters(cls.programs, cls.shared, "scenario")
        cls.quiet = Quarters(cls.programs, cls.shared, "quiet")

    @classmethod
    def tear_down_suite(cls):
        shutil.rmtree(cls.shared)

    def run(self, *args, **kw):
        return self.programs.run("teiten", *args, **kw)

    def watch(self, db, what="show", name=WATCH, **options):
        options = {"period": "2024Q4", "format": "json", **options}
        flags = [x for k, v in options.items() if v for x in (f"--{k}", v)]
        return json.loads(self.run("watch", what, name, "--db", db, *flags).out)

    def recount(self, where):
        """Packets and sources by local day and sensor, from the raw rows, in Python."""
        packets, sources = defaultdict(int), defaultdict(set)
        for r in self.programs.sql(self.planted.db, f"""
                SELECT {local_day('epoch')} AS day, sensor, source, sum(packets) AS packets
                FROM observation WHERE {where} GROUP BY 1, 2, 3"""):
            for key in (r["day"], (r["day"], r["sensor"]), r["sensor"]):
                packets[key] += int(r["packets"])
                sources[key].add(r["source"])
        return packets, sources

    @pytest.mark.smoke
    def test_a_watch_counts_what_the_raw_rows_say(self):
        """
        Steps: recount the watch's days and sensors from the observations.
        Verify: packets and distinct sources are equal for each day, each sensor and both, and so is
        the plain count of the source port.
        """
        got = self.watch(self.planted.db)
        domestic = "region = 'JP' AND epoch >= unixepoch('2024-09-30 15:00:00')"
        packets, sources = self.recount(f"{domestic} AND class = 'reflection' AND proto = 'udp' AND port = 53")
        plain, plain_sources = self.recount(
            f"{domestic} AND proto = 'udp' AND ((class = 'reflection' AND port = 53) OR "
            "(class = 'scan' AND other_port = 53))")
        assert len(got["days"]) == 92 and got["country"] == "JP"
        for d in got["days"]:
            assert (d["packets"], d["sources"]) == (packets[d["day"]], len(sources[d["day"]])), d
            assert (d["plain_packets"], d["plain_sources"]) == \
                (plain[d["day"]], len(plain_sources[d["day"]])), d
        assert {s["key"] for s in got["by"]["sensor"]} == \
            {"jp-isp-a1", "jp-isp-a2", "jp-cloud-1", "sg-cloud-2"}
        for s in got["by"]["sensor"]:
            assert s["packets"] == packets[s["key"]]
            if s["sources_error"] == 0:
                assert s["sources"] == len(sources[s["key"]])
            for d in s["days"]:
                assert d["packets"] == packets[d["day"], s["key"]]
        assert sum(n["packets"] for n in got["by"]["network"]) == got["packets"]

    def test_surges_are_on_the_planted_days_and_at_one_network(self):
        """
        Steps: read the watch's surges.
        Verify: they are on the four planted days; only Cloud X saw them, which is said with what
        ISP A would have seen; traits are those of the packets on these days.
        """
        got = self.watch(self.planted.db)
        assert [d["day"] for d in got["days"] if d["surge"]] == SURGES
        assert [(s["from"], s["to"], s["days"]) for s in got["surges"]] == \
            [("2024-12-05", "2024-12-07", 2), ("2024-12-17", "2024-12-19", 2)]
        for s in got["surges"]:
            assert s["exclusive"] == "yes" and s["only"] == "Cloud X"
            places = {n["network"]: n for n in s["networks"]}
            rate = places["Cloud X"]["seen"] / (20 * 2)
            assert places["ISP A"]["expected"] == pytest.approx(rate * 9 * 2, rel=0.01)
            assert places["ISP A"]["seen"] < 5 and not places["ISP A"]["saw"]
            rows = self.programs.sql(self.planted.db, f"""
                SELECT traits, sum(packets) AS packets, sum(bytes) AS bytes FROM observation
                WHERE class = 'reflection' AND port = 53 AND region = 'JP' AND
                {local_day('epoch')} >= '{s['from']}' AND {local_day('epoch')} < '{s['to']}' GROUP BY 1""")
            total = sum(int(r["packets"]) for r in rows)
            assert s["packets"] == total
            assert s["mean_size"] == pytest.approx(sum(int(r["bytes"]) for r in rows) / total)
            for t in s["traits"]:
                assert t["packets"] == sum(int(r["packets"]) for r in rows
                                           if t["trait"] in r["traits"].split(","))

    COMING_AND_GOING = {  # addresses, network, since, until, days of maintenance in December
        "stays": (1, "ISP B", None, None, [8]), "retired": (2, "ISP A", None, 11, []),
        "came": (4, "Cloud X", 6, None, []), "gone": (1, "Gone", None, 4, [])}

    def come_and_go(self, name, maintenance=()):
        """
        A database of 1 to 19 December of which each sensor knows a part: scans in its time, and DNS answers
        on the 14th and 15th at Cloud X. Returns its path and the packets by sensor, port and day.
        """
        midnight = int(datetime(2024, 12, 1, tzinfo=timezone.utc).timestamp())
        frames, sent, sensors, out = [], defaultdict(int), [], self.dir / name
        for i, (sensor, (addresses, network, since, until, off)) in enumerate(self.COMING_AND_GOING.items()):
            for day in set(range(since or 1, until or 20)) - set(off):
                when = midnight + (day - 1) * 86400
                times = [when, when + 86399] + [when + 3600 * n for n in range(1, 6 + i)]
                layers = [TCP(sport=999, dport=445 if n % 3 else 23, flags="S") for n in range(len(times))]
                if network == "Cloud X" and day in (14, 15):
                    times += [when + 60 * n for n in range(80)]
                    layers += [UDP(sport=53, dport=4444) / dns()] * 80
                for n, (at, layer) in enumerate(zip(times, layers)):
                    frames.append((bytes(Ether(**MACS) / IP(src=f"203.0.{i}.{n}", dst=f"198.51.100.{i * 16}") / layer),
                                   None, at * 10**9))
                    sent[sensor, layer.sport if layer.sport == 53 else layer.dport, day] += 1
            sensors.append({"id": sensor, "network": network, "addresses": addresses,
                            "since": since and f"2024-12-{since:02}", "until": until and f"2024-12-{until:02}",
                            "match": {"prefixes": [f"198.51.100.{i * 16}/28"]}})
        off = [(s, day) for s, v in self.COMING_AND_GOING.items() for day in v[4]] + list(maintenance)
        files = {"sensors": {"sensors": sensors, "maintenance": [
            {"sensors": [s], "from": f"2024-12-{day:02}", "to": f"2024-12-{day + 1:02}"} for s, day in off]},
            "watches": {"watches": [{"name": "dns", "where": {"class": ["reflection"]}, "measure": "packets",
                                     "by": ["network"], "surge": {"min": 10, "factor": 5}}]}}
        for kind, doc in files.items():
            (self.dir / f"{name}-{kind}.json").write_text(json.dumps({"kind": kind, "v": 1, **doc}))
        self.programs.replay(out, pcap(self.dir / f"{name}.pcap", sorted(frames, key=lambda f: f[2])), timezone="UTC",
                             s=self.dir / f"{name}-sensors.json", watches=self.dir / f"{name}-watches.json")
        return out, sent

    def test_sensors_come_and_go_in_a_capture(self):
        """
        Steps: replay a capture through which sensors come and go, one with a day of maintenance; count rates
        in Python from what was sent, and days from `since`, `until` and maintenance.
        Verify: rates are those over each sensor's own days; outside them there is no data; who is exclusive is
        decided among the networks that had sensors then, and not at all when one of them was in maintenance.
        """
        db, sent = self.come_and_go("q.db")
        for first, end in ((1, 20), (3, 13), (13, 20)):
            span = {"from_": f"2024-12-{first:02}", "to": f"2024-12-{end:02}"}
            days = {s: len([d for d in range(max(first, since or 1), min(end, until or 20)) if d not in off])
                    for s, (_, _, since, until, off) in self.COMING_AND_GOING.items()}
            got = self.programs.top(db, "port", **span)
            assert got["completeness"] == 1
            for row in got["rows"]:
                rates = [sum(sent[s, row["port"], d] for d in range(first, end)) / (v[0] * days[s])
                         for s, v in self.COMING_AND_GOING.items() if days[s]]
                assert row["rate"] == pytest.approx(sum(rates) / len(rates)), (row, span)
                assert row["median_rate"] == pytest.approx(median(rates)), (row, span)
            for s, n in days.items():
                got = self.programs.top(db, "port", sensor=s, **span)
                assert got["completeness"] == (1 if n else None), (s, span)
        for s, (_, _, since, until, off) in self.COMING_AND_GOING.items():
            points = self.programs.series(db, sensor=s, from_="2024-12-01", to="2024-12-20")["rows"][0]["points"]
            up = [d not in off and (since or 1) <= d < (until or 20) for d in range(1, 20)]
            assert [p["packets"] is not None for p in points] == up == [p["completeness"] == 1 for p in points], s
        surge, = self.watch(db, name="dns", period="2024-12")["surges"]
        assert (surge["from"], surge["to"], surge["exclusive"], surge["only"]) == \
            ("2024-12-14", "2024-12-16", "yes", "Cloud X")
        assert {n["network"]: n["up"] for n in surge["networks"]} == {"Cloud X": 1, "ISP B": 1}
        for period, listed in (("2024-12-01..2024-12-06", {"stays", "retired", "gone"}),
                               ("2024-12-13..2024-12-20", {"stays", "came"})):
            self.run("report", "--db", db, "--period", period, "-o", self.dir / "out")
            doc = json.loads((self.dir / "out/report.json").read_text())
            assert {s["id"]: s["completeness"] for s in doc["sensors"]} == dict.fromkeys(listed, 1)
        db, _ = self.come_and_go("m.db", [("stays", 14), ("stays", 15)])
        surge, = self.watch(db, name="dns", period="2024-12")["surges"]
        assert surge["exclusive"] == "undecided" and "a sensor in ISP B was up only 0 %" in surge["why"], surge

    def test_days_of_a_source_are_told_as_spans(self):
        """
        Steps: show a source that was seen on all days but one, and one of the planted quarters with many gaps.
        Verify: days in a row are one span, a span of one day is that day, no line is longer than a terminal's;
        JSON lists all days, and the spans are those.
        """
        db, _ = self.come_and_go("s.db")
        source = self.programs.sql(self.planted.db, f"""
            SELECT source FROM observation GROUP BY 1 HAVING count(DISTINCT {local_day('epoch')}) BETWEEN 40 AND 80
            ORDER BY 1 LIMIT 1""")[0]["source"]
        for of, name in ((db, "203.0.0.0"), (self.planted.db, source)):
            days = json.loads(self.run("show", name, "--db", of, "--format", "json").out)["days"]
            lines = self.run("show", name, "--db", of).out.splitlines()
            at = next(i for i, line in enumerate(lines) if line.startswith("days "))
            end = next(i for i, line in enumerate(lines) if i > at and line[:1] != " ")
            assert all(len(line) <= 90 for line in lines[at:end])
            spans = [s.split(" to ") for s in " ".join(lines[at:end]).removeprefix("days").split(",")]
            spans = [[date.fromisoformat(d.strip()) for d in (s[0], s[-1])] for s in spans]
            told = [str(a + timedelta(n)) for a, b in spans for n in range((b - a).days + 1)]
            assert told == days and all(b[0] - a[1] > timedelta(1) for a, b in zip(spans, spans[1:]))
            assert len(spans) == 2 if of == db else len(spans) > 3 and end - at > 1

    def test_a_quiet_watch_has_no_surge(self):
        """
        Steps: read the watch over quarters with nothing in them.
        Verify: no surge.
        """
        assert self.watch(self.quiet.db)["surges"] == []

    def test_backfill_counts_what_was_there_before(self):
        """
        Steps: read captures without watches; put the watch in force with a capture of its own;
        backfill it from October on, then from the beginning.
        Verify: days before are not known, not zero; afterwards they equal those of a database that
        had the watch from the beginning.
        """
        db, more = self.dir / "late.db", self.dir / "more.pcap"
        self.programs.replay(db, *self.planted.captures, **self.planted.options)
        self.programs.gen("--packets", 2000, "--sensors", DATA / "sensors.json", "--start",
                          "2025-01-03T00:00:00Z", more)
        self.programs.replay(db, more, watches=ROOT / "config" / "watches.json", **self.planted.options)
        before = self.watch(db)
        assert before["not_counted"] and all(d["packets"] is None for d in before["days"])
        done = self.run("watch", "backfill", WATCH, "--db", db, "--from", "2024-10-01")
        assert WATCH in done.out
        want = self.watch(self.planted.db)
        got = self.watch(db)
        assert got["days"] == want["days"]
        # what is usual comes of fewer days
        told = [[(s["from"], s["to"], s["packets"], s["sources"], s["mean_size"], s["networks"]) for s in x["surges"]]
                for x in (got, want)]
        assert told[0] == told[1]
        assert got["not_counted"] is None and got["completeness"] > 0.9
        before = self.watch(db, period="2024-09")
        assert before["packets"] == 0 and before["not_counted"]["to"] == "2024-09-30T15:00:00Z"
        assert before["completeness"] is None
        self.run("watch", "backfill", WATCH, "--db", db, "--from", "2024-07-01")
        assert self.watch(db, period="2024Q3")["days"] == self.watch(self.planted.db, period="2024Q3")["days"]

    def test_a_new_watch_needs_no_capture(self):
        """
        Steps: a database of replay; a watch that it did not have, put in force by its own backfill; a bad one.
        Verify: it counts what top does; the bad one is refused, and those in force stay.
        """
        db, conf = self.dir / "new.db", self.dir / "watches.json"
        shutil.copy(self.planted.db, db)
        root = json.loads((ROOT / "config/watches.json").read_text())
        root["watches"].append({"name": "telnet", "where": {"class": ["scan"], "ports": ["tcp/23"]}})
        conf.write_text(json.dumps(root))
        self.run("watch", "backfill", "telnet", "--db", db, "--from", "2024-10-01", "--watches", conf)
        got = self.watch(db, name="telnet")
        row, = [r for r in self.programs.top(db, "port", period="2024Q4")["rows"] if (r["proto"], r["port"]) == ("tcp", 23)]
        assert got["packets"] == row["packets"] > 1000 and got["not_counted"] is None
        assert self.watch(db)["packets"] == self.watch(self.planted.db)["packets"]
        conf.write_text(conf.read_text().replace("tcp/23", "tcp/99999"))
        done = self.run("watch", "backfill", "telnet", "--db", db, "--from", "2024-10-01", "--watches", conf, ok=False)
        assert done.status == 2 and len(done.messages) == 1 and "tcp/99999" in done.messages[0]
        assert self.watch(db, name="telnet") == got

    def test_a_watch_by_everything_is_what_top_and_series_say(self):
        """
        Steps: backfill with a week a watch that is shown by all nine things; one without, one with only surveyors.
        Verify: its days are those of series, its parts those of top by the same, from raw batches and from rollups;
        networks, groups, countries and traits add up from sensors and the observations.
        """
        week = {"period": "2024-12-16..2024-12-23"}
        db, conf = self.dir / "all.db", self.dir / "watches.json"
        shutil.copy(self.planted.db, db)
        bys = ["sensor", "network", "group", "country", "region", "port", "asn", "tool", "trait"]
        conf.write_text(json.dumps({"kind": "watches", "v": 1, "watches": [
            {"name": which, "where": {"class": ["scan", "reflection"]}, "measure": "packets", "by": bys, "surveyors": which}
            for which in ("with", "without", "only")]}))

        def key(by, r):
            if by == "port":
                return f"{r['proto']}/{r['port']}" if r["port"] is not None else f"{r['proto']}/{r['type']}/{r['code']}"
            return r[by] if by != "asn" else f"AS{r['asn']}" if r["asn"] else "--"
        for which in ("with", "without", "only"):
            self.run("watch", "backfill", which, "--db", db, "--from", "2024-12-16", "--watches", conf)
            got = self.watch(db, name=which, **week)
            assert set(got["by"]) <= set(bys) and len(got["by"]) >= 7 and got["packets"] > 0, got["by"].keys()
            asked = dict(class_="scan,reflection", surveyors=which, **week)
            for read in ("raw", "rollups"):
                points = self.programs.series(db, read=read, **asked)["rows"][0]["points"]
                assert [(p["packets"], p["bytes"]) for p in points] == [(d["packets"], d["bytes"]) for d in got["days"]]
                for by in ("sensor", "region", "port", "asn", "tool")[:5 if read == "raw" else 3]:
                    rows = self.programs.top(db, by, read=read, **asked)["rows"]
                    assert {key(by, r): (r["packets"], r["bytes"]) for r in rows} == \
                        {p["key"]: (p["packets"], p["bytes"]) for p in got["by"].get(by, []) if p["packets"]}, (which, read, by)
            sensors = {s["id"]: s for s in json.loads((DATA / "sensors.json").read_text())["sensors"]}
            for by, of in (("network", lambda s: [s["network"]]), ("country", lambda s: [s["country"]]), ("group", lambda s: s["groups"])):
                want = defaultdict(int)
                for p in got["by"]["sensor"]:
                    for name in of(sensors[p["key"]]):
                        want[name] += p["packets"]
                assert {p["key"]: p["packets"] for p in got["by"][by]} == want, by
        traits = defaultdict(int)
        for r in self.programs.sql(db, f"""
                SELECT traits, sum(packets) AS n FROM observation WHERE class IN ('scan', 'reflection') AND
                {local_day('epoch')} BETWEEN '2024-12-16' AND '2024-12-22' GROUP BY 1"""):
            for t in filter(None, r["traits"].split(",")):
                traits[t] += int(r["n"])
        assert {p["key"]: p["packets"] for p in self.watch(db, name="with", **week)["by"]["trait"]} == traits

    def test_sources_are_kept(self):
        """
        Steps: list the watch's sources of December.
        Verify: each local day's addresses, packets, first and last time equal the raw rows; each names the set
        that judged its region.
        """
        got = self.watch(self.planted.db, "sources", period="2024-12")
        sets = {s["rir"] for s in got}
        assert sets == {self.watch(self.planted.db, period="2024-12")["rir"]} and None not in sets
        text = self.run("watch", "sources", WATCH, "--db", self.planted.db, "--period", "2024-12", "--format", "csv").out
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert [(r["source"], r["rir"]) for r in rows] == [(s["source"], s["rir"]) for s in got]
        rows = self.programs.sql(self.planted.db, f"""
            SELECT {local_day('epoch')} AS day, source, sum(packets) AS packets, min(first) AS first,
            max(last) AS last FROM observation WHERE class = 'reflection' AND proto = 'udp' AND
            port = 53 AND region = 'JP' AND epoch >= unixepoch('2024-11-30 15:00:00') AND
            epoch < unixepoch('2024-12-31 15:00:00') GROUP BY 1, 2""")
        assert {(r["day"], r["source"], int(r["packets"]), r["first"], r["last"]) for r in rows} == \
            {(s["day"], s["source"], s["packets"], s["first"], s["last"]) for s in got}
        assert len(got) == len(rows) > 900

    def test_kept_sources_are_counted(self):
        """
        Steps: the numbers of sources of the watch, of the quarter, its days and its surges.
        Verify: they are those of the raw rows, exactly, though more than a sketch keeps.
        """
        got = self.watch(self.planted.db, period="2024Q4")

        def count(where):
            row, = self.programs.sql(self.planted.db, f"""
                SELECT count(DISTINCT source) AS n FROM observation WHERE class = 'reflection' AND proto = 'udp'
                AND port = 53 AND region = 'JP' AND {where}""")
            return int(row["n"])

        day = local_day("epoch")
        assert got["sources"] == count(f"{day} BETWEEN '2024-10-01' AND '2024-12-31'") > 512
        assert got["sources_error"] == 0
        for s in got["surges"]:
            assert s["sources"] == count(f"{day} >= '{s['from']}' AND {day} < '{s['to']}'")
        assert len(got["surges"]) > 1
        for d in got["days"]:
            assert d["sources_error"] == 0
            if d["surge"]:
                assert d["sources"] == count(f"{day} = '{d['day']}'")

    def verdicts(self, text, ok=True):
        db, file = self.dir / "annotated.db", self.dir / "verdicts.csv"
        if not db.exists():
            shutil.copy(self.planted.db, db)
        file.write_text(text, newline="")
        done = self.run("annotate", "--db", db, "--watch", WATCH, file, ok=ok)
        return done if not ok else self.watch(db)["verdicts"]

    def test_verdicts_made_elsewhere_are_counted(self):
        """
        Steps: annotate sources: open with products, closed, one twice, one that was never seen.
        Verify: each source counts once by its latest verdict, products by open sources.
        """
        seen = sorted({s["source"] for s in self.watch(self.planted.db, "sources", period="2024-12")})[:5]
        a, b, c, d, e = seen
        got = self.verdicts("date,address,open,product,note\r\n"
                            f"2024-12-05,{a},yes,\"Router, model 1\",x\r\n"
                            f"2024-12-05,{b},open,\"Router, model 1\",\r\n"
                            f"2024-12-05,{c},no,,\r\n2024-12-05,{d},yes,old,\r\n2024-12-18,{d},closed,,\r\n"
                            f"2024-12-17,{e},1,NAS,\"said \"\"hello\"\"\"\r\n2024-12-05,192.0.2.77,yes,NAS,\r\n")
        assert got == {"annotated": 5, "open": 3, "closed": 2, "unknown": 1, "products": [
            {"product": "Router, model 1", "sources": 2}, {"product": "NAS", "sources": 1}]}

    @pytest.mark.parametrize("text, told", [
        ("", ":1: expected a line that names the columns"),
        ("address,date\n1.2.3.4,2024-12-05\n", ":1: expected a line that names the columns"),
        ("address,date,open,colour\n", "colour"),
        ("address,date,open\n1.2.3.4,2024-12-05,yes\n1.2.3.400,2024-12-05,yes\n", ":3: address is '1.2.3.400'"),
        ("address,date,open\n1.2.3.4,5 December,yes\n", ":2: date is '5 December'"),
        ("address,date,open\n1.2.3.4,2024-12-05,perhaps\n", ":2: open is 'perhaps', expected yes or no"),
        ("address,date,open\n1.2.3.4,2024-12-05\n", ":2: has 2 fields"),
        ("address,date,open\n1.2.3.4,2024-12-05,\"yes\n", ":2: a quoted field does not end"),
        ("address,date,open\n\0\0\0", "has a zero byte"),
        ("address,date,open\n1.2.3.4,2024-12-05,yes\n1.2.3.5,2024-12-05,yes\n1.2.3.4,2024-12-05,no\n",
         ":4: contradicts row 2 about 1.2.3.4 on 2024-12-05"),
    ])
    def test_bad_verdicts_are_not_taken(self, text, told):
        """
        Steps: annotate with a good file, then with a bad one.
        Verify: one line that names file and row, status 2, and the verdicts stay as they were.
        """
        source = self.watch(self.planted.db, "sources", period="2024-12")[0]["source"]
        before = self.verdicts(f"address,date,open\n{source},2024-12-05,yes\n")
        done = self.verdicts(text, ok=False)
        assert done.status == 2 and len(done.messages) == 1, done
        assert "verdicts.csv" in done.messages[0] and told in done.messages[0], done
        assert self.watch(self.dir / "annotated.db")["verdicts"] == before
        assert before["annotated"] == 1

    @pytest.mark.parametrize("text, told", [
        ("", "watches.json:1:0"),
        ('{"kind":"watches","v":1,"watches":[{"name":"x","where":{"ports":["udp/99999"]}}]}',
         "$.watches[0].where.ports[0]: is \"udp/99999\""),
        ('{"kind":"watches","v":1,"watches":[{"name":"x"},{"name":"x"}]}', "$.watches[1]"),
        ('{"kind":"watches","v":1,"watches":[{"name":"x","where":{"traits":["loud"]}}]}', "\"loud\""),
        ('{"kind":"watches","v":1,"watches":[{"name":"x","where":{"colour":1}}]}', "colour"),
        ('{"kind":"sensors","v":1,"sensors":[]}', "sensors"),
    ])
    def test_bad_watches_leave_those_in_force(self, text, told):
        """
        Steps: start a collector with watches, break the file, send SIGHUP; start it with the broken
        file.
        Verify: one line that names file and place, the watches in force stay; with the broken file it
        does not start, status 2.
        """
        file, db = self.dir / "watches.json", self.dir / "live.db"
        shutil.copy(ROOT / "config" / "watches.json", file)
        args = ("--db", db, "--listen", f"ipc://{self.dir}/link", "--watches", file)
        p = self.programs.popen("teiten-collector", *args)
        try:
            self.until(lambda: db.exists() and WATCH in self.run("watch", "list", "--db", db, ok=False).out)
            file.write_text(text)
            time.sleep(0.2)
            p.send_signal(signal.SIGHUP)
            time.sleep(0.5)
            assert WATCH in self.run("watch", "list", "--db", db).out
        finally:
            p.terminate()
            _, err = p.communicate(timeout=120)
        lines = [x for x in err.splitlines() if "watches" in x]
        assert len(lines) == 1 and told in lines[0] and "the watches in force stay" in lines[0], err
        again = self.programs.run("teiten-collector", *args, ok=False)
        assert again.status == 2 and told in again.err, again

    def until(self, condition, seconds=80):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come"
            time.sleep(0.05)

    def test_unknown_watches_are_told(self):
        """
        Steps: ask for a watch that is not there; for none; backfill without --from.
        Verify: one line that lists those that are there, status 2, nothing on stdout.
        """
        for args, told in ((("show", "nothing"), f"no watch 'nothing', expected {WATCH}"),
                           (("sources", "nothing"), "no watch 'nothing'"),
                           (("sources", "nothing", "--format", "json"), "no watch 'nothing'"),
                           (("backfill", "nothing", "--from", "2024-12-01"), "no watch 'nothing'"),
                           (("list", "--format", "csv"), "table, json"),
                           (("show",), "show NAME"), (("dance", "x"), "show NAME"),
                           (("backfill", WATCH), "--from"), (("show", "A B"), "a-z")):
            done = self.run("watch", *args, "--db", self.planted.db, ok=False)
            assert done.status == 2 and told in done.err and len(done.messages) == 1 and not done.out, done

    def changes(self, db, **options):
        options = {"period": "2024Q4", "format": "json", "rank": "rate", **options}
        flags = [x for k, v in options.items() for x in (f"--{k}", v)]
        return json.loads(self.run("changes", "--db", db, *flags).out)

    def test_changes_are_those_that_were_planted(self):
        """
        Steps: search the quarter for changes.
        Verify: the surges and new levels are those of the generator's books, on their days, and no
        others; parts that drove them are the planted ones.
        """
        got = [c for c in self.changes(self.planted.db)["rows"] if "days" in c and c["of"] != "watch"]
        want = set()
        for e in self.planted.books["planted"]:
            day = {k: e[k] and (date.fromisoformat(e[k][:10]) + timedelta(days=1)).isoformat()
                   for k in ("from", "until")}  # 15:00 UTC is midnight in Tokyo
            if e.get("region") and e["type"] == "rise":
                what = ("rise", "region", "scan", e["region"])  # one region by several services
            elif e["type"] == "fade":
                what = ("decline", "region", "scan", e["region"])
            else:
                what = (e["type"], "service", e["class"], f"{e['proto']}/{e['port']}")
            want.add((*what, day["from"], day["until"] or "2025-01-01"))
        assert {(c["kind"], c["of"], c["class"], c["key"], c["from"], c["to"]) for c in got} == want
        assert len(got) == len(want) == 6
        by = {c["key"]: c for c in got}
        for key in ("udp/123", "tcp/5555", "BG", "RU"):
            assert len(by[key]["drivers"]["sensor"]) >= 3 and not by[key]["one_sensor"]
        assert [d["key"] for d in by["BG"]["drivers"]["port"]] == ["tcp/23", "tcp/22", "tcp/8728"]
        assert by["RU"]["factor"] == pytest.approx(0.15, abs=0.05)
        for c in got:
            assert not c["few_sources"] and c["lasts"] == (c["to"] == "2025-01-01")
            if c["class"] == "reflection":
                assert {d["key"] for d in c["drivers"]["sensor"]} == {"jp-cloud-1", "sg-cloud-2"}
                assert c["drivers"]["region"][0]["key"] == "JP" and c["drivers"]["region"][0]["share"] > 0.95
        ntp = by["udp/123"]
        rows = self.programs.sql(self.planted.db, f"""
            SELECT {local_day('epoch')} AS day, sum(packets) AS packets FROM observation WHERE
            class = 'scan' AND proto = 'udp' AND port = 123 GROUP BY 1""")
        days = {r["day"]: int(r["packets"]) for r in rows}
        surge = {d: n for d, n in days.items() if ntp["from"] <= d < ntp["to"]}
        assert ntp["packets"] == sum(surge.values()) and ntp["peak"] == max(surge.values())
        assert surge[ntp["peak_day"]] == ntp["peak"]

    def told(self, db, **options):
        """The changes of services, regions and sensors: kind, key, first and last day, end or not."""
        return [(c["kind"], c["key"], c["from"], c["to"], c["lasts"])
                for c in self.changes(db, **options)["rows"] if "days" in c and c["of"] != "watch"]

    def test_each_month_tells_what_it_is_the_first_to_know(self):
        """
        Steps: search each month of the quarter, and the month before.
        Verify: a new level is told once, with the day on which it began, also before the month; it
        is usual afterwards. Ten days that go on at the end are a surge until they last.
        """
        assert self.told(self.planted.db, period="2024-09") == []
        assert self.told(self.planted.db, period="2024-10") == [
            ("surge", "tcp/5555", "2024-10-21", "2024-11-01", True),
            ("rise", "BG", "2024-10-12", "2024-11-01", True),
            ("decline", "RU", "2024-10-12", "2024-11-01", True)]
        assert self.told(self.planted.db, period="2024-11") == [
            ("rise", "tcp/5555", "2024-10-21", "2024-12-01", True),
            ("surge", "udp/123", "2024-11-05", "2024-11-15", False)]
        assert self.told(self.planted.db, period="2024-12") == [
            ("surge", "udp/53", "2024-12-05", "2024-12-07", False),
            ("surge", "udp/53", "2024-12-17", "2024-12-19", False)]

    def test_data_that_begins_with_the_period(self):
        """
        Steps: read the second quarter's capture alone, without sensors; search it.
        Verify: the changes are those planted, on their days, though the levels before lasted but
        eleven and twenty days (but those within the cloud's tunnel, which is not opened); it is
        said that there is nothing before to compare with.
        """
        db = self.dir / "alone.db"
        self.programs.replay(db, self.planted.captures[1], timezone="Asia/Tokyo", rir=self.planted.options["rir"])
        assert set(self.told(db)) == {
            ("rise", "tcp/5555", "2024-10-21", "2025-01-01", True),
            ("surge", "udp/123", "2024-11-05", "2024-11-15", False),
            ("rise", "BG", "2024-10-12", "2025-01-01", True), ("decline", "RU", "2024-10-12", "2025-01-01", True)}
        text = self.run("changes", "--db", db, "--period", "2024Q4").out
        assert "No data before to compare with: days are compared with one another only" in text

    def test_shares_are_of_what_increased(self):
        """
        Steps: add up the shares of each kind of driver; recount those of the NTP surge by sensor
        from the raw rows, against the days before that are usual.
        Verify: no kind makes more than all of it; the shares are those recounted.
        """
        rows = [c for c in self.changes(self.planted.db)["rows"] if "days" in c and c["of"] != "watch"]
        for c in rows:
            for by, drivers in c["drivers"].items():
                assert sum(d["share"] for d in drivers) <= 1 + 1e-9, (c["key"], by)
        ntp = next(c for c in rows if c["key"] == "udp/123")
        first = date.fromisoformat(ntp["from"])
        span = {"now": (first, 10), "before": (first - timedelta(days=28), 28)}
        packets = {k: {r["sensor"]: int(r["packets"]) / n for r in self.programs.sql(self.planted.db, f"""
            SELECT sensor, sum(packets) AS packets FROM observation WHERE class = 'scan' AND proto = 'udp'
            AND port = 123 AND {local_day('epoch')} >= '{day}' AND
            {local_day('epoch')} < '{day + timedelta(days=n)}' GROUP BY 1""")} for k, (day, n) in span.items()}
        more = {s: n - packets["before"].get(s, 0) for s, n in packets["now"].items()}
        want = {s: n / sum(more.values()) for s, n in more.items()}
        assert {d["key"]: pytest.approx(d["share"], abs=1e-6) for d in ntp["drivers"]["sensor"]} == want

    def test_a_recipient_sees_no_sensor(self):
        """
        Steps: print the changes for a recipient in each format, for another one, and for nobody.
        Verify: no sensor's id; names are stable for one recipient and differ between two; the rest
        is the same.
        """
        args = ("changes", "--db", self.planted.db, "--period", "2024Q4", "--format")
        for form in ("json", "csv", "table"):
            mine, again, other, plain = (self.run(*args, form, *who).out for who in (
                ("--recipient", "a"), ("--recipient", "a"), ("--recipient", "b"), ()))
            assert mine == again != other
            assert "sg-cloud-2" in plain
            for sensor in ("jp-isp-a1", "jp-isp-a2", "jp-cloud-1", "sg-cloud-2"):
                assert sensor not in mine + other
        rest = [[{k: v for k, v in c.items() if k != "drivers"} for c in self.changes(self.planted.db, **who)["rows"]]
                for who in ({"recipient": "a"}, {})]
        assert rest[0] == rest[1]
        bad = self.run(*args, "json", "--recipient", "", ok=False)
        assert bad.status == 2 and "--recipient" in bad.err

    def ranks(self, part, rows, key):
        """{key: rank} by rate, from the generator's books: the mean over the sensors."""
        addresses = {"jp-isp-a1": 1, "jp-isp-a2": 8, "jp-cloud-1": 4, "sg-cloud-2": 16}
        rate = defaultdict(float)
        for r in self.planted.books["parts"][part][rows]:
            if r["class"] == "scan":
                k = key(r)
                rate[k] += r["packets"] / addresses[r["sensor"]] / 4
        rate.pop("--", None)
        order = sorted(rate, key=lambda k: -rate[k])
        return {k: i + 1 for i, k in enumerate(order)}

    def test_newcomers_and_leavers_have_the_books_ranks(self):
        """
        Steps: rank services and regions of both quarters by the generator's books.
        Verify: newcomers and leavers of the top 5 and 10 are those rows, with these ranks.
        """
        got = [c for c in self.changes(self.planted.db)["rows"] if "top" in c]
        service = lambda r: "icmp" if r["proto"] == "icmp" else f"{r['proto']}/{r['port']}"  # noqa: E731
        want = set()
        for of, rows, key in (("service", "sensor_services", service),
                              ("region", "sensor_regions", lambda r: r["region"])):
            before, now = (self.ranks(p, rows, key) for p in (0, 1))
            for k in set(before) | set(now):
                a, b = before.get(k, 10**6), now.get(k, 10**6)
                for kind, inside, outside in (("newcomer", b, a), ("leaver", a, b)):
                    tops = [t for t in (5, 10) if inside <= t < outside]
                    if tops:
                        want.add((kind, of, k, tops[0], b, a))
        assert {(c["kind"], c["of"], c["key"], c["top"], c["rank"], c["previous_rank"]) for c in got} == want
        assert ("newcomer", "region", "BG", 5) in {w[:4] for w in want}

    def test_nothing_is_found_where_nothing_is(self):
        """
        Steps: search quarters in which days differ by chance only.
        Verify: no change; the table says so.
        """
        got = self.changes(self.quiet.db)
        assert [c for c in got["rows"] if "days" in c] == []
        for c in got["rows"]:  # neighbours of equal size may change places
            assert abs(c["rank"] - c["previous_rank"]) <= 1, c
        text = self.run("changes", "--db", self.quiet.db, "--period", "2024Q4").out
        assert "no surges and no new levels" in text

    def test_no_ranks_where_there_was_no_data(self):
        """
        Steps: compare with a period before the first packet.
        Verify: no newcomers or leavers, and the table says why; a search of an empty span says so.
        """
        got = self.changes(self.planted.db, period="2024Q3")
        assert got["previous_completeness"] is None and not [c for c in got["rows"] if "top" in c]
        text = self.run("changes", "--db", self.planted.db, "--period", "2024Q3").out
        assert "no data before to compare ranks with" in text and "no day stands out" in text
        assert self.changes(self.planted.db, period="2030Q1")["rows"] == []
        text = self.run("changes", "--db", self.planted.db, "--period", "2030Q1").out
        assert text == "no data of 2030-01-01 to 2030-04-01 (Asia/Tokyo)\n"

    def test_csv_and_table_say_the_same(self):
        """
        Steps: print the watch as CSV and as a table.
        Verify: the rows of CSV equal those of JSON; the table names the days and the network.
        """
        want = self.watch(self.planted.db)
        text = self.run("watch", "show", WATCH, "--db", self.planted.db, "--period", "2024Q4",
                        "--format", "csv").out
        rows = list(csv.DictReader(io.StringIO(text)))
        whole = [r for r in rows if r["by"] == ""]
        assert [(r["day"], int(r["packets"]), int(r["sources"]), r["surge"] == "1") for r in whole] == \
            [(d["day"], d["packets"], d["sources"], d["surge"]) for d in want["days"]]
        assert sum(int(r["packets"]) for r in rows if r["by"] == "network") == want["packets"]
        table = self.run("watch", "show", WATCH, "--db", self.planted.db, "--period", "2024Q4").out
        assert "Only the sensors in Cloud X saw it." in table
        assert [x.split()[0] for x in table.splitlines() if "  surge" in x] == SURGES
