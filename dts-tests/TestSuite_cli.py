# SPDX-License-Identifier: BSD-3-Clause
"""The command line: usage, statuses, formats, ranks, inputs that are wrong."""
import csv
import io
import json
import os
import re
import sqlite3
import subprocess

import pytest
from framework.capture import MACS, START, pcap
from framework.programs import ROOT
from framework.suite import TestSuite
from scapy.all import ICMP, IP, TCP, UDP, Ether

COMMANDS = ["replay", "top", "series", "report", "show", "sql", "changes", "watch", "annotate", "sub", "status",
            "check", "schema", "keygen", "regions", "feed"]


def packet(source, payload):
    return bytes(Ether(**MACS) / IP(src=source, dst="198.51.100.9") / payload)


def syn(source, port):
    return packet(source, TCP(sport=1024, dport=port, flags="S"))


@pytest.mark.sanitized
class TestCommandLine(TestSuite):
    def fill(self):
        """A database of four ports, two of them alike, and a ping."""
        frames = [syn("203.0.113.1", 23)] * 5 + [syn("203.0.113.2", 23), syn("203.0.113.3", 445),
                                                 syn("203.0.113.3", 445), syn("203.0.113.4", 80),
                                                 syn("203.0.113.5", 80), syn("203.0.113.6", 8728)]
        frames += [packet("203.0.113.7", ICMP(type=8))]
        frames = [(f, None, (START + i * 60) * 10**9) for i, f in enumerate(frames)]
        db = self.dir / "fill.db"
        self.teiten.replay(db, pcap(self.dir / "fill.pcap", frames))
        return db

    def refused(self, *args, status=2, name=None):
        """One line on stderr, nothing on stdout."""
        done = self.teiten.run("teiten", *args, ok=False)
        assert done.status == status, done
        assert done.out == "" and len(done.messages) == 1, done
        if name:
            assert str(name) in done.messages[0], done
        return done.messages[0]

    def test_retransmissions_count_as_they_arrive(self):
        """
        Steps: replay one SYN five times, as a host does that gets no answer.
        Verify: five packets of one source, in counts and in rates.
        """
        frame = syn("203.0.113.7", 23)
        capture = pcap(self.dir / "again.pcap", [(frame, None, (START + 2 ** i) * 10**9) for i in range(5)])
        self.teiten.replay(self.dir / "again.db", capture)
        row, = self.teiten.top(self.dir / "again.db", "port")["rows"]
        assert (row["port"], row["packets"], row["sources"]) == (23, 5, 1)
        assert row["rate"] > 0 and row["top_source_share"] == 1

    @pytest.mark.parametrize("option, told", [("--asn", "has no file *.csv"), ("--scanners", "has 0 lists"),
                                              ("--rir", "has no file delegated-")])
    def test_replay_says_once_what_is_wrong(self, option, told):
        """
        Steps: replay with an empty folder where files are expected.
        Verify: one line that names it and what was expected; status 2; nothing was read.
        """
        empty = self.dir / "empty"
        empty.mkdir()
        capture = pcap(self.dir / "one.pcap", [])
        done = self.teiten.run("teiten", "replay", option, empty, "--db", self.dir / "r.db", capture, ok=False)
        assert done.status == 2 and done.out == "" and len(done.messages) == 1, done
        assert f"{empty}: {told}" in done.messages[0]

    @pytest.mark.smoke
    def test_help_and_version(self):
        """
        Steps: help, help of every command in each way, --version, no command.
        Verify: an example each.
        """
        text = self.teiten.run("teiten", "help").out
        assert all(f"  {c} " in text for c in COMMANDS)
        for c in COMMANDS:
            helps = {self.teiten.run("teiten", *args).out for args in
                     (("help", c), (c, "-h"), (c, "--help"))}
            assert len(helps) == 1 and f"$ teiten {c}" in helps.pop()
        assert self.teiten.run("teiten", "--version").out.startswith("teiten ")
        assert self.teiten.run("teiten", ok=False).status == 2

    def test_wrong_usage(self):
        """
        Steps: unknown commands and options, missing and surplus arguments, words that are no choice.
        Verify: one line on stderr, status 2.
        """
        for c in ["nosuch"]:
            self.refused(c, name=f"unknown command '{c}'")
        top = ("top", "--db", "x.db", "--by")
        for args in (("top",), ("top", "--db"), ("top", "--by", "port"), (*top, "nosuch"),
                     (*top, "port", "--nosuch"), (*top, "port", "-z"), (*top, "port", "surplus"),
                     (*top, "port", "-n", "many"), (*top, "port", "-n", "-1"),
                     (*top, "port", "--class", "scan,what"), (*top, "port", "--class", ""),
                     (*top, "port", "--port", "23"), (*top, "port", "--port", "tcp/65536"),
                     (*top, "port", "--source", "192.0.2.1/24"), (*top, "port", "--source", "here"),
                     (*top, "port", "--region", "JPN"), (*top, "port", "--sensor", "UPPER"),
                     (*top, "port", "--asn", "0"), (*top, "port", "--tool", "nmap"),
                     (*top, "port", "--family", "5"), (*top, "port", "--format", "xml"),
                     (*top, "port", "--rank", "beauty"), (*top, "port", "--surveyors", "maybe"),
                     ("series", "--db", "x.db", "--step", "year"), ("show", "--db", "x.db", "host"),
                     ("replay", "--db", "x.db"), ("replay", "a.pcap"), ("check",), ("schema", "nosuch"),
                     ("sub",), ("status", "ipc:///x", "--timeout", "0")):
            self.refused(*args)

    def test_wrong_times(self):
        """
        Steps: times and periods that are none, spans that are empty.
        Verify: one line that names the option, status 2.
        """
        db = self.fill()
        top = ("top", "--db", db, "--by", "port")
        for option, *args in (("--from", "--from", "yesterday"), ("--to", "--to", "2024-13-01"),
                              ("--period", "--period", "2024Q5"), ("--period", "--period", "2024-01-02.."),
                              ("--previous", "--previous", "last"),
                              ("--period", "--period", "2024Q4", "--from", "2024-10-01"),
                              ("--to", "--from", "2024-10-02", "--to", "2024-10-01")):
            self.refused(*top, *args, name=option)

    @pytest.mark.smoke
    def test_ranks_and_order(self):
        """
        Steps: four ports and a ping, two ports alike.
        Verify: values descending, then protocol and port; equal values share a rank.
        """
        top = self.teiten.top(self.fill(), "port")
        got = [(r["rank"], r["proto"], r.get("port"), r["service"], r["packets"], r["sources"])
               for r in top["rows"]]
        assert got == [(1, "tcp", 23, "telnet", 6, 2), (2, "tcp", 80, "http", 2, 2),
                       (2, "tcp", 445, "microsoft-ds", 2, 1), (4, "icmp", None, None, 1, 1),
                       (4, "tcp", 8728, None, 1, 1)]
        ping = top["rows"][3]
        assert (ping["type"], ping["code"], ping["port"]) == (8, 0, None)
        assert list(top) == ["by", "from", "to", "timezone", "completeness", "sources_lower_bound", "rir",
                             "rows"]
        assert list(top["rows"][0]) == ["rank", "proto", "port", "service", "packets", "bytes", "sources",
                                        "sources_error", "rate", "median_rate", "top_sensor_share",
                                        "top_source_share", "top_source_share_max"]

    def test_formats_agree(self):
        """
        Steps: every --by as JSON, CSV and table.
        Verify: CSV says what JSON says, null as an empty field, lines end with CR LF; the table has
                a line a row.
        """
        db = self.fill()
        for by in ("port", "dport", "region", "sensor", "source", "asn", "class", "tool", "malware"):
            rows = self.teiten.top(db, by)["rows"]
            text = self.teiten.run("teiten", "top", "--db", db, "--by", by, "-n0", "--format=csv").out
            table = list(csv.DictReader(io.StringIO(text, newline="")))
            assert len(table) == len(rows), by
            for have, want in zip(table, rows):
                for key, value in want.items():
                    if value is None:
                        assert have[key] == "", (by, key)
                    elif isinstance(value, bool):
                        assert have[key] == json.dumps(value), (by, key)
                    elif isinstance(value, float):
                        assert float(have[key]) == value, (by, key)
                    else:
                        assert have[key] == str(value), (by, key)
                assert all(have[k] == "" for k in have if k not in want), by
            shown = self.teiten.run("teiten", "top", "--db", db, "--by", by, "-n0").out
            assert "UTC" in shown.splitlines()[1]
            head, lines = shown.split("\n\n", 1)  # notes are above the table
            assert len(lines.splitlines()) == 1 + len(rows), by
            assert len(head.splitlines()) == 2 + (by in ("region", "malware")), by

    def test_names_of_services_stay_with_the_database(self):
        """
        Steps: replay with a services.json of its own; top without and with --services.
        Verify: its names come first, the registry's elsewhere.
        """
        def services(name, text):
            path = self.dir / name
            path.write_text(json.dumps({"kind": "services", "v": 1, "services": [
                {"proto": "tcp", "port": 8728, "name": text, "source": "test"}]}))
            return path

        db = self.dir / "names.db"
        capture = pcap(self.dir / "n.pcap", [syn("203.0.113.1", 8728)] * 2)
        self.teiten.replay(db, capture, services=services("a.json", "kept"))
        assert [r["service"] for r in self.teiten.top(db, "port")["rows"]] == ["kept"]
        given = self.teiten.top(db, "port", services=services("b.json", "given"))
        assert [r["service"] for r in given["rows"]] == ["given"]

    def test_previous_ranks(self):
        """
        Steps: twelve ports in one day; the next day one that led, one that was twelfth, a new one.
        Verify: its number, "outside" for both others; null where there is no data before.
        """
        frames = [(syn("203.0.113.9", 100 + p), None, START * 10**9) for p in range(12) for _ in range(20 - p)]
        frames += [(syn("203.0.113.9", p), None, (START + 86400) * 10**9)
                   for p, n in ((100, 1), (111, 3), (99, 2)) for _ in range(n)]
        db = self.dir / "p.db"
        self.teiten.replay(db, pcap(self.dir / "p.pcap", frames))
        day = [f"2024-12-{d}" for d in (17, 18, 19, 20)]
        rows = self.teiten.top(db, "port", period=f"{day[2]}..{day[3]}", previous=f"{day[1]}..{day[2]}")["rows"]
        assert [(r["rank"], r["previous_rank"], r["port"]) for r in rows] == \
            [(1, "outside", 111), (2, "outside", 99), (3, 1, 100)]
        rows = self.teiten.top(db, "port", period=f"{day[1]}..{day[2]}", previous=f"{day[0]}..{day[1]}")["rows"]
        assert {r["previous_rank"] for r in rows} == {None}

    def test_series_of_days(self):
        """
        Steps: packets on two days with an empty one between; a series by day over five.
        Verify: counts where a capture reaches, null where none does.
        """
        frames = [(syn("203.0.113.9", 23), None, (START + s) * 10**9) for s in (0, 1, 2 * 86400)]
        db = self.dir / "s.db"
        self.teiten.replay(db, pcap(self.dir / "s.pcap", frames))
        got = self.teiten.series(db, by="port", step="day")
        assert (got["by"], got["step"], got["timezone"]) == ("port", "day", "UTC")
        points = got["rows"][0]["points"]
        assert got["rows"][0]["key"] == {"proto": "tcp", "port": 23}
        assert [p["packets"] for p in points] == [2, 0, 1]
        end = points[-1]["start"]
        late = self.teiten.series(db, step="day", from_=end, to="2106-01-01T00:00:00Z", by="port")
        assert all(p["packets"] is None and p["completeness"] is None for p in late["rows"][0]["points"][1:])

    def test_sql(self):
        """
        Steps: SQL in all formats; statements that write or are wrong.
        Verify: numbers are numbers in JSON; a line and status 1 otherwise, nothing changed.
        """
        db = self.fill()
        query = "select port, count(*) as n, null as x, 'a,b' as t from observation where proto = 'tcp' " \
                "group by port order by port"
        out = self.teiten.run("teiten", "sql", "--db", db, "--format", "json", query).out
        rows = json.loads(out)
        assert [r["port"] for r in rows] == [23, 80, 445, 8728]
        assert all(r["x"] is None and r["t"] == "a,b" for r in rows)
        text = self.teiten.run("teiten", "sql", "--db", db, "--format", "csv", query).out
        assert list(csv.DictReader(io.StringIO(text)))[0]["t"] == "a,b"
        shown = self.teiten.run("teiten", "sql", "--db", db, query).out
        assert shown.split()[:4] == ["port", "n", "x", "t"]
        empty = self.teiten.run("teiten", "sql", "--db", db, "--format", "json",
                                "select 1 as a where 0").out
        assert json.loads(empty) == []
        self.refused("sql", "--db", db, "", name="argument 1 is empty, expected QUERY")
        for bad in ("delete from file", "create table t(a)", "select nosuch", " ", "attach 'x' as y"):
            done = self.teiten.run("teiten", "sql", "--db", db, bad, ok=False)
            assert done.status == 1 and len(done.messages) == 1, (bad, done)

    def test_show(self):
        """
        Steps: a source that is there, one that is not.
        Verify: JSON and table name it.
        """
        db = self.fill()
        shown = json.loads(self.teiten.run("teiten", "show", "203.0.113.1", "--db", db, "--format", "json").out)
        assert "203.0.113.1" in json.dumps(shown)
        assert "203.0.113.1" in self.teiten.run("teiten", "show", "203.0.113.1", "--db", db).out
        self.teiten.run("teiten", "show", "192.0.2.1", "--db", db)

    def test_inputs_are_checked_before_anything_is_made(self):
        """
        Steps: captures that are missing, unreadable, a directory; a sensors file that is missing, no
               JSON, wrong; a time zone that is none.
        Verify: a line that names it, status 2, no database.
        """
        good = pcap(self.dir / "good.pcap", [syn("203.0.113.1", 23)])
        db = self.dir / "no.db"
        broken = self.dir / "broken.json"
        broken.write_text('{"kind":"sensors","v":1,"sensors":[')
        wrong = self.dir / "wrong.json"
        wrong.write_text('{"kind":"sensors","v":1,"sensors":[{"id":"A B","match":{}}]}')
        for name, *args in ((self.dir / "nosuch.pcap", self.dir / "nosuch.pcap", good),
                            (self.dir, good, self.dir), ("nosuch.json", "-s", "nosuch.json", good),
                            (broken, "-s", broken, good), (wrong, "-s", wrong, good),
                            ("Mars/Base", "--timezone", "Mars/Base", good),
                            ("nosuchdir", "--rir", "nosuchdir", good),
                            ("nosuch.asn", "--asn", "nosuch.asn", good),
                            (broken, "--services", broken, good), (broken, "--watches", broken, good)):
            self.refused("replay", "--db", db, *args, name=name)
            assert not db.exists(), args

    def test_databases_that_cannot_be_used(self):
        """
        Steps: a database in a missing directory, a directory, a text, one of another version, one of
               another time zone, none at all.
        Verify: a line that names it, status 1 or 2, the file as it was.
        """
        good = pcap(self.dir / "good.pcap", [syn("203.0.113.1", 23)])
        text = self.dir / "text.db"
        text.write_text("this is no database\n" * 99)
        foreign = self.dir / "foreign.db"
        with sqlite3.connect(foreign) as c:
            c.execute("create table t(a)")
        other = self.dir / "version.db"
        self.teiten.replay(other, good)
        con = sqlite3.connect(other)
        assert con.execute("pragma user_version").fetchone()[0] > 0
        con.execute("pragma user_version = 999")
        con.commit()
        con.close()
        for db in (self.dir / "nodir" / "x.db", self.dir, text, foreign, other):
            before = db.read_bytes() if db.is_file() else None
            for args in (("replay", "--db", db, good), ("top", "--db", db, "--by", "port")):
                done = self.teiten.run("teiten", *args, ok=False)
                assert done.status in (1, 2) and len(done.messages) == 1, (db, done)
                assert db.name in done.messages[0] or "nodir" in done.messages[0], done
            assert (db.read_bytes() if db.is_file() else None) == before, db
        done = self.teiten.run("teiten", "top", "--db", self.dir / "none.db", "--by", "port", ok=False)
        assert done.status in (1, 2) and not (self.dir / "none.db").exists()
        zoned = self.dir / "zoned.db"
        self.teiten.replay(zoned, good, timezone="Asia/Tokyo")
        assert self.teiten.top(zoned, "port")["timezone"] == "Asia/Tokyo"
        self.refused("replay", "--db", zoned, "--timezone", "UTC", "--again", good, name="Asia/Tokyo")

    def test_results_that_cannot_be_written(self):
        """
        Steps: send the result to a full device.
        Verify: a line, status 1.
        """
        db = self.fill()
        with open("/dev/full", "w") as full:
            p = subprocess.run([self.teiten.path("teiten"), "top", "--db", db, "--by", "port"], stdout=full,
                               stderr=subprocess.PIPE, text=True)
        assert p.returncode == 1 and len(p.stderr.splitlines()) == 1

    def test_check_and_schema(self):
        """
        Steps: check files that are right and wrong; print every schema.
        Verify: a line each; status 2 if any is wrong; schemas are JSON.
        """
        right = self.dir / "right.json"
        right.write_text('{"kind":"sensors","v":1,"sensors":[{"id":"a","match":{}}]}')
        wrong = self.dir / "wrong.json"
        wrong.write_text('{"kind":"sensors","v":1,"sensors":[{"id":"a","what":1}]}')
        assert self.teiten.run("teiten", "check", right).out == f"{right}: ok (sensors)\n"
        done = self.teiten.run("teiten", "check", wrong, right, self.dir / "none", ok=False)
        assert done.status == 2 and len(done.messages) == 2 and done.out == f"{right}: ok (sensors)\n"
        for kind in ("sensors", "watches", "probe", "collector", "services", "scanners", "regions", "contacts", "report"):
            assert json.loads(self.teiten.run("teiten", "schema", kind).out)["$schema"]

    def test_nothing_is_left_behind(self):
        """
        Steps: replay with a TMPDIR of its own.
        Verify: it is empty afterwards.
        """
        tmp = self.dir / "tmp"
        tmp.mkdir()
        good = pcap(self.dir / "good.pcap", [syn("203.0.113.1", 23), packet("203.0.113.1", UDP(dport=9))])
        self.teiten.run("teiten", "replay", "--db", self.dir / "t.db", good, env={"TMPDIR": str(tmp)})
        assert os.listdir(tmp) == []

    def test_readme_names_the_documents(self):
        """
        Steps: read README.md's list of documents.
        Verify: it links every document of docs/, and nothing that is not there.
        """
        row = next(x for x in (ROOT / "README.md").read_text().splitlines() if x.startswith("| `docs/`"))
        linked = re.findall(r"\]\((docs/[^)]*)\)", row)
        assert sorted(linked) == sorted(f"docs/{f.name}" for f in (ROOT / "docs").glob("*.md"))
