# SPDX-License-Identifier: BSD-3-Clause
"""What scripts rely on: members, their order and types, of every JSON that the programs print or publish, columns of
CSV, statuses. Members may be added, none renamed."""
import csv
import io
import json
import os
import re
from datetime import datetime, timedelta

import pytest
from framework.capture import MACS, START, pcap
from framework.inputs import BY_NAME, RIR
from framework.site import Listener, Running, sensor, traffic
from framework.suite import TestSuite
from scapy.all import ARP, DNS, ICMP, IP, TCP, UDP, Ether, IPv6, Raw

CLASSES = ("scan", "backscatter", "reflection", "other", "fragment", "malformed", "non_ip")
ID = re.compile(r"[a-z0-9-]{1,32}\Z")


# ---- what a member may be: a function that says whether it is

def is_int(v):
    return isinstance(v, int) and not isinstance(v, bool) and v >= 0


def is_share(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool) and 0 <= v <= 1


def is_number(v):
    return isinstance(v, (int, float)) and not isinstance(v, bool) and v >= 0


def is_text(v):
    return isinstance(v, str) and v != ""


def is_bool(v):
    return isinstance(v, bool)


def is_id(v):
    return isinstance(v, str) and ID.match(v) is not None


def is_time(v):
    return isinstance(v, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", v) is not None


def is_day(v):
    return isinstance(v, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", v) is not None


def is_region(v):
    return isinstance(v, str) and re.fullmatch(r"[A-Z]{2}|--", v) is not None


def is_proto(v):
    return v in ("tcp", "udp", "icmp", "icmp6") or isinstance(v, str) and re.fullmatch(r"\d{1,3}", v) is not None


def is_class(v):
    return v in CLASSES


def or_null(of):
    return lambda v: v is None or of(v)


def wrong(value, spec, path="$"):
    """What is not as specified, as lines: a dictionary holds at least its members, of a list each element is one."""
    if callable(spec):
        return [] if spec(value) else [f"{path}: {value!r}"]
    if isinstance(spec, list):
        if not isinstance(value, list):
            return [f"{path}: {value!r}, expected a list"]
        return [line for i, v in enumerate(value) for line in wrong(v, spec[0], f"{path}[{i}]")]
    if not isinstance(spec, dict):
        return [] if value == spec and type(value) is type(spec) else [f"{path}: {value!r}, expected {spec!r}"]
    if not isinstance(value, dict):
        return [f"{path}: {value!r}, expected an object"]
    lines = [f"{path}.{k}: is missing" for k in spec if k not in value]
    return lines + [line for k in spec if k in value for line in wrong(value[k], spec[k], f"{path}.{k}")]


REPLAYED = ["files", "skipped", "packets", "bytes", "observed", "spilled", "malformed", "non_ip", "unassigned", "late",
            "observations", "seconds"]
TOP = {"by": is_text, "from": or_null(is_time), "to": or_null(is_time), "timezone": is_text,
       "completeness": or_null(is_share), "sources_lower_bound": is_bool, "rows": [{}]}
VALUES = {"packets": is_int, "bytes": is_int, "sources": or_null(is_int), "sources_error": or_null(is_number),
          "rate": or_null(is_number), "median_rate": or_null(is_number), "top_sensor_share": or_null(is_share),
          "top_source_share": or_null(is_share)}
KEYS = {"region": {"region": is_region}, "sensor": {"sensor": is_id}, "class": {"class": is_class},
        "tool": {"tool": lambda v: v in ("zmap", "masscan", "mirai")}, "asn": {"asn": or_null(is_int)},
        "source": {"source": is_text, "region": is_region, "asn": or_null(is_int)}}
POINT = {"start": is_time, "packets": or_null(is_int), "bytes": or_null(is_int), "sources": or_null(is_int),
         "completeness": or_null(is_share)}

HEAD = {"v": 1, "probe": "live", "boot": is_text, "seq": is_int, "start": is_time, "end": is_time}
COUNT = {"packets": is_int, "bytes": is_int}
LIVE = {**HEAD, "sensor": is_id, "classes": dict}
STATS = {**HEAD, "sensor": is_id, "state": lambda v: v in ("up", "down", "silent"), "completeness": or_null(is_share),
         "rir": or_null(is_text), "sources_lower_bound": is_bool,
         "ports": [{"class": is_class, "proto": is_proto, "port": is_int, **COUNT, "sources": is_int}], "ports_other": COUNT,
         "regions": [{"class": is_class, "region": is_region, **COUNT, "sources": is_int}], "regions_other": COUNT}
UPLINK = {k: is_int for k in ("packets", "observed", "spilled", "malformed", "non_ip", "unassigned", "imissed", "ierrors",
                              "rx_nombuf")}
HEALTH = {**HEAD, "config": lambda v: re.fullmatch(r"sha256:[0-9a-f]+", v) is not None,
          "clock_skew_ms": or_null(lambda v: isinstance(v, int)),
          "uplinks": [{"id": is_id, "link": lambda v: v in ("up", "down"), **UPLINK}],
          "workers": [{"lcore": is_int, "busy": is_share, "poll_gap_us": {"p99": is_number, "max": is_number},
                       "table_used": is_int, "table_size": is_int}],
          "sensors": [{"id": is_id, "state": lambda v: v in ("up", "down", "silent"), "last_packet": or_null(is_time)}],
          "harvest": {"overruns": is_int, "late_packets": is_int},
          "spool": {"batches": is_int, "bytes": is_int, "lost": is_int},
          "link": {"sent": is_int, "acked": is_int, "lag_s": is_number}}
LIVE["classes"] = STATS["classes"] = lambda v: isinstance(v, dict) and set(v) <= set(CLASSES) and all(map(is_counts, v.values()))

# the files as they are promised to be
SENSORS = """{"kind":"sensors","v":1,"sensors":[
 {"id":"jp-isp1","name":{"en":"ISP A","ja":"国内ISP A"},"country":"JP","network":"ISP A","groups":["access"],"since":"2024-07-01","until":null,"addresses":1,"silent_after_s":3600,
  "match":{"uplink":"up0","vlan":[101],"prefixes":["192.0.2.10/32"]}},
 {"id":"cloud1","country":"SG","network":"Cloud X","groups":["cloud"],"since":"2024-07-01",
  "match":{"uplink":"up1","tunnel":{"type":"vxlan","vni":7001,"outer_sources":["198.51.100.7/32"]},"prefixes":["203.0.113.0/28"]}}],
 "maintenance":[{"sensors":["jp-isp1"],"from":"2024-11-02T01:00:00+09:00","to":"2024-11-02T03:00:00+09:00"}]}"""
WATCHES = """{"kind":"watches","v":1,"watches":[{"name":"dns-reflection-domestic","title":{"en":"DNS reflection, own country","ja":"国内からのDNS応答"},
 "where":{"class":["reflection"],"ports":["udp/53"],"region":["$country"]},"sensors":["*"],"measure":"sources","by":["sensor","network"],
 "keep_sources":true,"surveyors":"with","surge":{"min":10,"factor":5},"feed":{"identifier":"dns-open-resolver","tlp":"AMBER","cooldown_days":7}}]}"""


def is_counts(v):
    return not wrong(v, COUNT)


def seconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def frames():
    """Every class, services of all kinds, and what is no packet of any."""
    ether = Ether(**MACS)
    made = [ether / IP(src=f"11.0.0.{i % 7}", dst="198.51.100.9", id=i)
            / TCP(sport=7, dport=(23, 8728, 80)[i % 3], flags="S", seq=0xc6336409) for i in range(30)]
    made += [ether / IP(src="11.1.0.1", dst="198.51.100.9") / ICMP(type=8),
             ether / IPv6(src="2001:200::1", dst="2001:db8:5::1") / TCP(sport=7, dport=23, flags="S"),
             ether / IP(src="11.0.0.1", dst="198.51.100.9") / TCP(sport=80, dport=1025, flags="SA"),
             ether / IP(src="11.0.0.1", dst="198.51.100.9") / TCP(sport=80, dport=1026, flags="SA"),
             ether / IP(src="11.0.0.9", dst="198.51.100.9") / UDP(sport=53, dport=4000) / DNS(qr=1, id=7),
             ether / IP(src="10.0.0.9", dst="198.51.100.9", proto=47) / Raw(b"\0" * 20),
             ether / IP(src="11.0.0.9", dst="198.51.100.9", frag=8) / Raw(b"x" * 20), ether / ARP()]
    made = [bytes(f) for f in made] + [bytes(ether / IP(src="11.0.0.9", dst="198.51.100.9"))[:30]]
    return [(f, None, (START + i) * 10**9) for i, f in enumerate(made)]


@pytest.mark.sanitized
class TestContract(TestSuite):
    def replay(self, **options):
        (self.dir / "rir").mkdir(exist_ok=True)
        for registry in ("afrinic", "apnic", "arin", "lacnic", "ripencc"):
            rows = RIR if registry == "apnic" else f"2|{registry}|20241217|0|19830101|20241217|+0000\n".encode()
            (self.dir / f"rir/delegated-{registry}-latest").write_bytes(rows)
        self.capture = pcap(self.dir / "c.pcap", frames())
        db = self.dir / "c.db"
        return db, self.teiten.replay(db, self.capture, rir=self.dir / "rir", **options)

    def json(self, *args):
        done = self.teiten.run("teiten", *args, "--format", "json")
        assert not done.err, done
        return json.loads(done.out)

    def test_replay_ends_with_one_object(self):
        """
        Steps: replay a capture, then again, then with --again and a second one.
        Verify: stdout is one object of the promised members in their order, whole numbers but for seconds; fates add
                up; what is in is skipped with a message and status 0; all belongs to the sensor `default`.
        """
        db, done = self.replay()
        assert len(done.out.splitlines()) == 1
        got = done.last
        assert list(got) == REPLAYED and all(is_int(got[k]) for k in REPLAYED[:-1]) and isinstance(got["seconds"], float)
        assert got["packets"] == sum(got[k] for k in ("observed", "spilled", "malformed", "non_ip", "unassigned")) == len(frames())
        assert (got["files"], got["skipped"], got["malformed"], got["non_ip"]) == (1, 0, 1, 1)
        assert got["observations"] == int(self.teiten.sql(db, "SELECT count(*) AS n FROM observation")[0]["n"])
        done = self.teiten.replay(db, self.capture)
        assert done.last == {**dict.fromkeys(REPLAYED, 0), "skipped": 1} and len(done.messages) == 1
        assert str(self.capture) in done.messages[0] and list(done.last) == REPLAYED
        other = pcap(self.dir / "d.pcap", frames()[:3])
        assert self.teiten.replay(db, self.capture, other, again=True).last["files"] == 2
        assert [r["sensor"] for r in self.teiten.top(db, "sensor")["rows"]] == ["default"]
        catalogue = self.teiten.sql(db, "SELECT description FROM sensor")[0]["description"]
        assert not json.loads(catalogue).get("country")

    def test_rows_of_top(self):
        """
        Steps: every ranking, as JSON and CSV, with filters of either side.
        Verify: members and types as promised, rank numbers or null, equal values alike; CSV has the same names as
                columns; malformed and non_ip stand only where no sensor is chosen, without sources.
        """
        db, _ = self.replay()
        for by in ("port", "dport", "region", "sensor", "source", "asn", "class", "tool"):
            got = self.json("top", "--db", db, "--by", by, "-n", "0", "--class", "all")
            assert not wrong(got, TOP) and got["by"] == by and got["timezone"] == "UTC" and got["rows"], (by, got)
            for row in got["rows"]:
                assert not wrong(row, {"rank": or_null(is_int), **KEYS.get(by, {}), **VALUES}), (by, row)
                if by in ("port", "dport") and row["proto"]:
                    icmp = row["proto"] in ("icmp", "icmp6")
                    assert is_proto(row["proto"]) and "service" in row, row
                    assert is_int(row["type"]) and is_int(row["code"]) if icmp else is_int(row["port"]) or row["port"] == "mixed"
            values = [r["packets"] for r in got["rows"] if r["rank"]]
            assert values == sorted(values, reverse=True)
            assert [r["rank"] for r in got["rows"] if r["rank"]] == [1 + values.index(v) for v in values]
            text = self.teiten.run("teiten", "top", "--db", db, "--by", by, "--class", "all", "-n", "0", "--format", "csv").out
            columns = next(csv.reader(io.StringIO(text)))
            assert set(columns) == {k for r in got["rows"] for k in r} | set(columns) & {"type", "code"}, by
        rows = {r["class"]: r for r in self.json("top", "--db", db, "--by", "class", "-n", "0")["rows"]}
        assert set(rows) == set(CLASSES) and rows["malformed"]["sources"] is rows["non_ip"]["sources"] is None
        chosen = self.json("top", "--db", db, "--by", "class", "-n", "0", "--sensor", "default")["rows"]
        assert {r["class"] for r in chosen} == set(CLASSES) - {"malformed", "non_ip"}
        unranked = [r for r in self.json("top", "--db", db, "--by", "region", "--class", "all")["rows"] if r["rank"] is None]
        assert [r["region"] for r in unranked] == ["--"]
        mixed, = (r for r in self.json("top", "--db", db, "--by", "dport", "-n", "0")["rows"] if r["rank"] is None)
        assert mixed["port"] == "mixed" and mixed["packets"] == 2
        assert len(self.json("top", "--db", db, "--by", "port")["rows"]) <= 10
        assert {r["proto"] for r in self.json("top", "--db", db, "--by", "port", "-n", "0", "--class", "other")["rows"]} == {"47"}

    def test_points_of_series(self):
        """
        Steps: series by port and in total, by hour, day and month, over more than there is, in a zone.
        Verify: members and types; steps begin on the zone's hours, days, months; a step without data is null.
        """
        db, _ = self.replay(timezone="Asia/Tokyo")
        for step, starts in (("hour", "T??:00:00Z"), ("day", "T15:00:00Z"), ("month", "T15:00:00Z")):
            for by in ((), ("--by", "port")):
                got = self.json("series", "--db", db, "--step", step, "--from", "2024-12-01", "--to", "2025-02-01", *by)
                assert not wrong(got, {"by": or_null(is_text), "step": step, "timezone": "Asia/Tokyo",
                                       "rows": [{"key": dict, "points": [POINT]}]} | {"rows": lambda v: isinstance(v, list)}), got
                assert got["by"] == (by[1] if by else None) and got["rows"]
                for row in got["rows"]:
                    assert not wrong(row["points"], [POINT]), (step, row)
                    assert set(row["key"]) in (({"proto", "port"}, {"proto", "port", "type", "code"}) if by else (set(),)), row
                    assert all(re.search(starts.replace("?", r"\d"), p["start"]) for p in row["points"]), step
                    nothing = [p for p in row["points"] if p["completeness"] is None]
                    assert nothing and all(p["packets"] is p["bytes"] is p["sources"] is None for p in nothing)

    def test_every_output_names_its_zone(self):
        """
        Steps: everything that tells local days, in every format, of a database in a zone.
        Verify: the zone stands there.
        """
        (self.dir / "w.json").write_bytes(BY_NAME["watches"].data)
        db, _ = self.replay(timezone="Asia/Tokyo", watches=self.dir / "w.json")
        for words in (("top", "--by", "port"), ("series",), ("changes", "--period", "2024-12"), ("show", "11.0.0.1"),
                      ("watch", "show", "dns"), ("watch", "sources", "dns")):
            for form in ("table", "json", "csv"):
                if form == "csv" and words[0] in ("show", "top", "series"):
                    continue  # no format of show; no days, or begins of them in UTC
                out = self.teiten.run("teiten", *words, "--db", db, "--format", form).out
                if form == "csv":
                    rows = list(csv.DictReader(io.StringIO(out)))
                    assert "timezone" in out.splitlines()[0].split(","), (words, out)
                    assert {r["timezone"] for r in rows} <= {"Asia/Tokyo"}, words
                else:
                    assert "Asia/Tokyo" in out, (words, form, out)

    def test_files_as_promised(self):
        """
        Steps: the sensors and watches that are promised to be read, as they stand there; with a key that is unknown,
               another version, without kind.
        Verify: they are right; an unknown key is an error that names it by its JSON path.
        """
        for name, text in (("sensors", SENSORS), ("watches", WATCHES)):
            path = self.dir / f"{name}.json"
            path.write_text(text)
            assert self.teiten.run("teiten", "check", path).out == f"{path}: ok ({name})\n"
            for a, b, what in (('"v":1', '"v":1,"more":2', r"\$\.more"), ('"v":1', '"v":2', r"\$\.v"),
                               (f'"kind":"{name}",', "", r"\$.*kind")):
                path.write_text(text.replace(a, b, 1))
                done = self.teiten.run("teiten", "check", path, ok=False)
                assert done.status == 2 and len(done.messages) == 1 and not done.out, done
                assert re.search(re.escape(str(path)) + ".*" + what, done.err), done

    @pytest.mark.netns
    @pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
    def test_messages(self):
        """
        Steps: run probe and collector on a veth pair, send packets; listen to both; `teiten sub` and `status --json`.
        Verify: topics, members and types of live, stats and health are those promised, from the collector too; seq
                counts by boot and topic; live tells a second, stats and health an epoch; every sensor has its stats,
                the silent too; lists hold at most 20; fates add up; sub prints messages as they are, a line each.
        """
        sensors = [sensor("isp", "198.51.100.0/24", "2001:db8:5::/64"), sensor("quiet", "203.0.113.0/24")]
        with Running(self.teiten, self.dir, name="live", sensors=sensors) as site:
            merged = Listener(f"{site.pub}-c")
            site.send(pcap(self.dir / "t.pcap", traffic(900)))
            site.wait_fate(904, "packets")
            site.listener.wait("stats.live.quiet.")
            for topic in ("stats.live.isp.", "health.live."):
                merged.wait(topic)
            line = self.teiten.run("teiten", "sub", site.pub, "health.", "-n", "1", "-t").out
            status = self.teiten.run("teiten", "status", site.pub, "--json").out
            site.end()
            merged.end()
            heard = list(site.listener.messages)
        topic, _, body = line.partition(" ")
        assert topic == "health.live." and line.count("\n") == 1 and not wrong(json.loads(body), HEALTH)
        assert status.count("\n") == 1 and not wrong(json.loads(status), HEALTH)
        specs = {"live": (LIVE, 1), "stats": (STATS, 1), "health": (HEALTH, 1)}
        last = {}
        for topic, m in heard:
            kind = topic.split(".")[0]
            assert topic == "health.live." if kind == "health" else topic == f"{kind}.live.{m['sensor']}.", topic
            spec, length = specs[kind]
            assert not wrong(m, spec), (topic, wrong(m, spec), m)
            assert seconds(m["end"]) - seconds(m["start"]) == timedelta(seconds=length), m
            key = m["boot"], topic
            assert last.setdefault(key, m["seq"] - 1) == m["seq"] - 1, (topic, m["seq"])
            last[key] = m["seq"]
            if kind == "stats":
                assert len(m["ports"]) <= 20 and len(m["regions"]) <= 20
                for name, c in m["classes"].items():
                    assert "sources" in c or name in ("malformed", "non_ip"), m
            for up in m.get("uplinks", ()):
                assert up["packets"] == sum(up[k] for k in ("observed", "spilled", "malformed", "non_ip", "unassigned"))
        assert {t for t, _ in heard} == {"health.live."} | {f"{k}.live.{s}." for k in ("live", "stats")
                                                            for s in ("isp", "quiet")}
        theirs = {t for t, _ in merged.messages}
        assert {"health.live.", "stats.live.isp.", "stats.live.quiet."} <= theirs, theirs
        assert all(t.endswith(".") and t.split(".")[0] in ("live", "stats", "health", "top", "alert") for t in theirs), theirs
        for topic, m in merged.messages:
            if topic.startswith("stats."):
                assert not wrong(m, STATS), (topic, wrong(m, STATS))
            if topic.startswith("health."):
                assert not wrong(m, HEAD), (topic, m)
