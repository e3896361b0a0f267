# SPDX-License-Identifier: BSD-3-Clause
"""Slips on the command line: each is one clear line and the right status, never silence."""
import json
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from pathlib import Path

import pytest
from framework.capture import MACS, pcap
from framework.inputs import BY_NAME, VERDICTS
from framework.programs import ROOT, Programs
from framework.suite import TestSuite
from scapy.all import DNS, IP, TCP, UDP, Ether

AT = 1734490800  # 2024-12-18T03:00:00Z


def sensor(number, **members):
    return {"id": f"s{number}", "match": {"prefixes": [f"198.51.100.{number}/32"]}, **members}


SENSORS = [sensor(1, country="JP", network="ISP A", groups=["access", "east"]),
           sensor(2, country="JP", network="ISP B", groups=["access"]),
           sensor(3, country="SG", network="Cloud X", groups=["cloud"])]


def catalogue(folder, sensors):
    path = folder / "sensors.json"
    path.write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": sensors}))
    return path


def options():
    """(command, option as it is written, how its value is called) of every option that takes a value."""
    text = Programs.from_environment().run("teiten", "help", "--markdown").out
    for command, body in re.findall(r"^## teiten (\S+)\n(.*?)(?=^## |\Z)", text, re.M | re.S):
        for names in re.findall(r"^\| ((?:`[^`]*`,? ?)+) \|", body, re.M):
            words = re.findall(r"`([^`]*)`", names)
            if " " in words[-1]:
                yield command, words[-1].split()[0]
                if len(words) > 1:
                    yield command, words[0]


@pytest.mark.sanitized
class TestUsage(TestSuite):
    @classmethod
    def set_up_suite(cls):
        cls.base = Path(tempfile.mkdtemp(prefix="teiten-usage-"))
        teiten = Programs.from_environment()
        frames = [(AT + i, Ether(**MACS) / IP(src=f"11.0.0.{i % 5}", dst=f"198.51.100.{1 + i % 3}")
                   / TCP(sport=7, dport=(23, 8291)[i % 2], flags="S")) for i in range(60)]
        frames += [(AT + 60, Ether(**MACS) / IP(src="11.0.0.1", dst="198.51.100.1") / UDP(sport=53, dport=4000)
                    / DNS(qr=1, id=7))]
        cls.capture = pcap(cls.base / "c.pcap", [(bytes(f), None, t * 10**9) for t, f in frames])
        (cls.base / "watches.json").write_bytes(BY_NAME["watches"].data)
        (cls.base / "verdicts.csv").write_bytes(VERDICTS)
        cls.db = cls.base / "c.db"
        teiten.replay(cls.db, cls.capture, s=catalogue(cls.base, SENSORS), watches=cls.base / "watches.json")

    @classmethod
    def tear_down_suite(cls):
        shutil.rmtree(cls.base)

    def refused(self, *args, status=2, program="teiten"):
        """One line on stderr, nothing on stdout."""
        done = self.teiten.run(program, *args, ok=False)
        assert done.status == status and not done.out and len(done.messages) == 1, (args, done)
        return done.messages[0]

    def test_empty_values(self):
        """
        Steps: every option of every command with an empty value, as `--db "$DB"` gives without DB.
        Verify: a line that names it, status 2.
        """
        seen = list(options())
        assert len(seen) > 120 and ("top", "--network") in seen and ("report", "-o") in seen
        for command, option in seen:
            line = self.refused(command, option, "")
            assert re.search(r"option --\S+ is empty, expected \S", line), (command, option, line)
            assert not option.startswith("--") or f"option {option} is" in line
        assert self.refused("top", "--db=") == self.refused("top", "--db", "")
        for args in (("check",), ("check", self.db), ("replay", "--db", self.dir / "n.db"), ("show", "--db", self.db),
                     ("annotate", "--db", self.db, "--watch", "dns"), ("keygen",), ("sub",), ("status",), ("schema",),
                     ("sub", f"ipc://{self.dir}/x"), ("watch", "--db", self.db), ("regions",)):
            line = self.refused(*args, "")
            assert re.search(r"argument \d is empty, expected \S", line) and not (self.dir / "n.db").exists(), line
        for program, names in (("teiten-collector", "config db listen publish timezone rir asn scanners watches"),
                               ("teiten-probe", "config sensors rir connect"),
                               ("teiten-gen", "packets seed sensors scenario start truth port")):
            for name in names.split():
                for args in ((f"--{name}", ""), (f"--{name}=",)):
                    line = self.refused(*args, program=program)
                    assert f": --{name}" in line and "its value is empty" in line, line
            assert "--nosuch" in self.refused("--nosuch", program=program)
        assert "name of an output file is empty" in self.refused("", program="teiten-gen")

    def test_names_that_nobody_has(self):
        """
        Steps: ask for a sensor, group, network, country that no sensor of the database has; by every command
               that asks by them.
        Verify: refused, with those that there are; a table of nothing is no answer to a slip.
        """
        asked = (("--sensor", "s9", "is called 's9', expected one of s1, s2, s3"),
                 ("--group", "acess", "is in group 'acess', expected one of access, cloud, east"),
                 ("--network", "ISP C", "is in network 'ISP C', expected one of Cloud X, ISP A, ISP B"),
                 ("--country", "US", "is in 'US', expected one of JP, SG"))
        for command in (("top", "--by", "port"), ("series",), ("changes", "--period", "2024-12")):
            for option, value, told in asked:
                line = self.refused(*command, "--db", self.db, option, value)
                assert f"{option}: no sensor of {self.db} {told}" in line, line
                hidden = self.refused(*command, "--db", self.db, option, value, "--recipient", "someone")
                assert "expected" not in hidden and option in hidden
        for option, value in (("--group", "acess"), ("--country", "US")):
            assert option in self.refused("report", "--db", self.db, "--period", "2024-12", "-o", self.dir / "r",
                                          option, value)
        assert not (self.dir / "r").exists()

    def test_names_of_many(self):
        """
        Steps: 60 sensors; one is asked for by a name with a letter too few.
        Verify: the nearest are named, not all.
        """
        many = [sensor(n, id=f"sensor-{n:02}") for n in range(1, 61)]
        db = self.dir / "many.db"
        self.teiten.replay(db, self.capture, s=catalogue(self.dir, many))
        line = self.refused("top", "--by", "port", "--db", db, "--sensor", "sensr-07")
        assert line.endswith("is called 'sensr-07', expected one of 60, nearest sensor-07, sensor-01, sensor-02"), line
        assert self.refused("top", "--by", "port", "--db", db, "--group", "x").endswith("there is none at all")

    def test_names_of_nothing_yet(self):
        """
        Steps: a sensor that is known and saw nothing; filters that are known and exclude each other; sensors of
               every other country where there is none; a database that nothing came into.
        Verify: an empty answer, status 0; a warning where no sensor is left.
        """
        def ask(*args, db=self.db):
            done = self.teiten.run("teiten", "top", "--by", "port", "--format", "json", "--db", db, *args)
            return json.loads(done.out)["rows"], done.messages

        assert ask("--sensor", "s3", "--port", "tcp/99") == ([], [])
        quiet = self.dir / "quiet.db"
        self.teiten.replay(quiet, self.capture, s=catalogue(self.dir, [*SENSORS, sensor(77)]))
        assert ask("--sensor", "s77", db=quiet) == ([], [])
        for args in (("--group", "cloud", "--country", "JP"), ("--sensor", "s1", "--network", "ISP B"),
                     ("--network", "Cloud X", "--country", "!SG")):
            rows, told = ask(*args)
            assert rows == [] and len(told) == 1 and "warning: top: no sensor of" in told[0], (args, told)
        assert ask("--country", "!JP")[0] and ask("--country", "!JP")[1] == []
        new = self.dir / "new.db"
        self.teiten.replay(new, pcap(self.dir / "none.pcap", []))
        rows, told = ask("--sensor", "default", db=new)
        assert rows == [] and told == []

    def test_sensors_that_nobody_describes(self):
        """
        Steps: a database whose sensors have lost their description, as of a probe that runs without a catalogue.
        Verify: they are asked for by id as ever, and listed.
        """
        db = self.dir / "bare.db"
        shutil.copy(self.db, db)
        with sqlite3.connect(db) as c:
            c.execute("UPDATE sensor SET description = NULL")
        c.close()
        rows = self.teiten.top(db, "port", sensor="s1")["rows"]
        assert rows == self.teiten.top(self.db, "port", sensor="s1")["rows"] and rows
        assert self.refused("top", "--by", "port", "--db", db, "--sensor", "s9").endswith("one of s1, s2, s3")

    def test_codes_of_no_region(self):
        """
        Steps: ask for sources of UK (which ISO 3166 calls GB), of EU (which registries use), of a code that
               regions.json names.
        Verify: a warning for the first only; the answer all the same.
        """
        def told(*args):
            return self.teiten.run("teiten", "top", "--by", "port", "--db", self.db, *args).messages

        assert told("--region", "UK,JP") == ["teiten: warning: top: --region: UK is no code of ISO 3166"]
        assert told("--region", "EU,AP,GB,--") == []
        regions = self.dir / "regions.json"
        regions.write_text('{"kind":"regions","v":1,"names":[{"region":"XK","en":"Kosovo"}],'
                           '"groups":[{"name":"balkans","regions":["XK","AL"]}]}')
        assert told("--region", "XK", "--regions", regions) == told("--region", "balkans", "--regions", regions) == []

    def commands(self):
        """Every command that opens a database, as words without --db."""
        return (("top", "--by", "port"), ("series",), ("changes",), ("show", "11.0.0.1"), ("show", "--port", "tcp/23"),
                ("sql", "SELECT 1"), ("watch", "list"), ("watch", "show", "dns"), ("watch", "sources", "dns"),
                ("watch", "backfill", "dns", "--from", "2024-12-01"),
                ("annotate", "--watch", "dns", self.base / "verdicts.csv"),
                ("report", "--period", "2024-12", "-o", self.dir / "out"),
                ("feed", "--day", "2024-12-18", "--watch", "dns", "--format", "intelmq", "-o", self.dir / "out"))

    def wrong_databases(self):
        """(file, status, what is said of it)"""
        here = self.dir / "db"
        here.mkdir()
        (here / "folder").mkdir()
        (here / "empty").write_bytes(b"")
        (here / "text").write_text("this is no database\n" * 99)
        whole = self.db.read_bytes()
        (here / "cut").write_bytes(whole[:4096 * 3])
        with sqlite3.connect(here / "foreign") as c:
            c.execute("CREATE TABLE t(a)")
        c.close()
        (here / "later").write_bytes(whole)
        with sqlite3.connect(here / "later") as c:
            c.execute("PRAGMA user_version = 999")
        c.close()
        return ((here / "absent", 2, "No such file"), (here / "no/x", 2, "No such file"),
                (here / "text/x", 2, "Not a directory"), (here / "folder", 2, "(no regular file|[Ii]s a directory)"),
                ("/dev/null", 2, "no regular file"), (here / "text", 2, "is no database, expected one of teiten"),
                (here / "empty", 2, "is no database"), (here / "foreign", 2, "another program's database"),
                (here / "later", 1, "version 999, expected version"), (here / "cut", 1, r"is cut: \d+ bytes, expected"))

    def test_databases_that_are_none(self):
        """
        Steps: every command with a database that is not there, a folder, empty, a text, of another program, of a
               later version, cut; those that make one (replay, collector) too.
        Verify: one line that names it; status 2 where it was named wrongly, 1 where it is one and cannot be
                read, the same by every command; the file as it was, and nothing else is made.
        """
        for db, status, what in self.wrong_databases():
            before = db.read_bytes() if isinstance(db, Path) and db.is_file() else None
            calls = [("teiten", *c, "--db", db) for c in self.commands()]
            if not str(db).endswith(("absent", "empty")):
                calls += [("teiten", "replay", "--db", db, self.capture),
                          ("teiten-collector", "--db", db, "--listen", f"ipc://{self.dir}/s")]
            for program, *args in calls:
                line = self.refused(*args, program=program, status=status)
                assert str(db) in line and re.search(what, line), (program, args, line)
                if before is not None:
                    assert db.read_bytes() == before, (program, args)
                elif isinstance(db, Path) and not db.is_dir():
                    assert not db.exists(), (program, args)
                assert not (self.dir / "out").exists(), args
        assert self.refused("check", self.dir / "db/foreign") and self.refused("check", self.dir / "db/later", status=1)

    def test_a_database_that_may_not_be_read(self):
        """
        Steps: as somebody without rights: a database of nobody's; one that may be read in a folder that may not be
               written; the same for who writes.
        Verify: one line and status 2 for the first and the last; the second is read.
        """
        def run(*args):
            p = subprocess.run(["setpriv", "--bounding-set=-dac_override,-dac_read_search",
                                self.teiten.path("teiten"), *map(str, args)], capture_output=True, text=True)
            return p.returncode, p.stdout, p.stderr.splitlines()

        folder = self.dir / "shut"
        folder.mkdir()
        db = folder / "c.db"
        shutil.copy(self.db, db)
        db.chmod(0)
        status, out, err = run("top", "--by", "port", "--db", db)
        assert status == 2 and not out and len(err) == 1 and f"{db}: Permission denied" in err[0], err
        db.chmod(0o444)
        folder.chmod(0o555)
        status, out, err = run("top", "--by", "port", "--db", db)
        assert status == 0 and "tcp/23" in out and not err, err
        for args in (("replay", "--db", db, self.capture), ("watch", "backfill", "dns", "--from", "2024-12-01", "--db", db)):
            status, out, err = run(*args)
            assert status == 2 and not out and len(err) == 1 and f"{db}: Permission denied" in err[0], err
        folder.chmod(0o755)
        assert [p.name for p in folder.iterdir()] == ["c.db"]

    def outputs(self):
        """Every command that prints, in every format; (name, words)."""
        db = ("--db", self.db)
        work = self.dir / "w.db"
        shutil.copy(self.db, work)
        for form in ("table", "json", "csv"):
            f = ("--format", form)
            for words in (("top", "--by", "port"), ("top", "--by", "source", "-n", "0"), ("series", "--step", "hour"),
                          ("changes", "--period", "2024-12"), ("sql", "SELECT 1"), ("watch", "show", "dns"),
                          ("watch", "sources", "dns"),
                          ("sql", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) "
                                  "SELECT i FROM n")):
                yield "teiten", *words, *db, *f
            if form != "csv":
                yield "teiten", "show", "11.0.0.1", *db, *f
                yield "teiten", "show", "--port", "tcp/23", *f
                yield "teiten", "watch", "list", *db, *f
        yield "teiten", "watch", "backfill", "dns", "--from", "2024-12-01", "--db", work
        yield "teiten", "annotate", "--watch", "dns", self.base / "verdicts.csv", "--db", work
        yield "teiten", "report", "--period", "2024-12", "-o", self.dir / "r", *db
        yield "teiten", "feed", "--day", "2024-12-18", "--watch", "dns", "--format", "intelmq", "-o", self.dir / "f", *db
        yield "teiten", "replay", self.capture, "--db", self.dir / "n.db"
        yield "teiten", "check", ROOT / "config/sensors.json", self.db
        yield "teiten", "schema", "report"
        yield "teiten", "keygen", self.dir / "k"
        for words in (("help",), ("help", "--markdown"), ("top", "-h"), ("--version",)):
            yield "teiten", *words
        for program in ("teiten-probe", "teiten-collector", "teiten-gen"):
            yield program, "--help"
            yield program, "--version"
        yield "teiten-gen", "--packets", "10", self.dir / "g.pcap"

    def test_output_that_cannot_be_written(self):
        """
        Steps: every command in every format with stdout a full disk, and closed.
        Verify: status 1 and one line that says why: No space left, Bad file descriptor.
        """
        for program, *args in self.outputs():
            command = [self.teiten.path(program), *map(str, args)]
            for shell, why in (('"$@" >/dev/full', "No space left on device"), ('"$@" >&-', "Bad file descriptor")):
                for made in ("k", "k.pub", "n.db"):
                    (self.dir / made).unlink(missing_ok=True)
                p = subprocess.run(["sh", "-c", shell, "sh", *command], stderr=subprocess.PIPE, text=True,
                                   stdin=subprocess.DEVNULL, timeout=120)
                said = [line for line in p.stderr.splitlines() if "warning:" not in line]
                assert p.returncode == 1 and said == [f"{program}: writing to standard output: {why}"], (command, shell, p)

    def test_readers_that_leave(self):
        """
        Steps: much output into `head -n 1`.
        Verify: the first line comes, nothing is said, the writer ends at once.
        """
        many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
        for form, first in (("csv", "i"), ("json", "[")):
            p = subprocess.run(["sh", "-c", '"$@" | head -n 1', "sh", self.teiten.path("teiten"), "sql", "--db",
                                str(self.db), "--format", form, many], capture_output=True, text=True, timeout=60)
            assert p.stdout.strip() == first and p.stderr == "", p

    def test_interrupted(self):
        """
        Steps: SIGINT at several moments to what writes: a watch counted anew, a report that freezes its ranks, replay.
        Verify: it ends; the database answers as it did before (or as after it, where replay was quicker than the
                signal); the same command then does all of it.
        """
        db, big, more = self.dir / "i.db", self.dir / "big.pcap", self.dir / "more.pcap"
        self.teiten.gen("--packets", 20000, "--start", "2024-12-18T00:00:00Z", big)
        self.teiten.gen("--packets", 50000, "--seed", 2, "--start", "2024-12-19T00:00:00Z", more)
        self.teiten.replay(db, big, watches=self.base / "watches.json")
        asked = (("top", "--by", "source", "-n", "0"), ("watch", "show", "dns", "--format", "csv"))

        def answers():
            return [self.teiten.run("teiten", *words, "--db", db).out for words in asked]

        before = answers()
        commands = (("watch", "backfill", "dns", "--from", "2024-12-01", "--db", db),
                    ("report", "--period", "2024-12", "--publish", "-o", self.dir / "out", "--db", db),
                    ("replay", "--db", db, more))
        seen = []
        for words in commands:
            for moment in (0.01, 0.04, 0.09, 0.2):
                p = self.teiten.popen("teiten", *words)
                try:
                    p.wait(moment)
                except subprocess.TimeoutExpired:
                    p.send_signal(signal.SIGINT)
                out, err = p.communicate(timeout=60)
                assert p.returncode in (0, 1, -signal.SIGINT), (words, p.returncode, err)
                seen.append(answers())
                assert words[0] == "replay" or seen[-1] == before, (words, moment)
            self.teiten.run("teiten", *words)
            assert (answers() == before) == (words[0] != "replay"), words
        after = answers()
        assert all(s in (before, after) for s in seen)
        assert (self.dir / "out/report.html").read_text().rstrip().endswith("</html>")
        json.loads((self.dir / "out/report.json").read_text())
        self.teiten.run("teiten", "check", db)

    def test_read_while_it_is_written(self):
        """
        Steps: ask a database again and again while a capture is read into it.
        Verify: every answer comes, without a word; it holds all of a capture or nothing of it.
        """
        db, first, second = self.dir / "b.db", self.dir / "first.pcap", self.dir / "second.pcap"
        self.teiten.gen("--packets", 1000, "--start", "2024-12-17T00:00:00Z", first)
        self.teiten.gen("--packets", 100000, "--seed", 2, "--start", "2024-12-18T00:00:00Z", second)
        self.teiten.replay(db, first)
        writer = self.teiten.popen("teiten", "replay", "--db", db, second)
        seen = set()
        while True:
            ended = writer.poll() is not None
            done = self.teiten.run("teiten", "top", "--by", "class", "-n", "0", "--db", db, "--format", "json")
            assert not done.err, done
            seen.add(sum(r["packets"] for r in json.loads(done.out)["rows"]))
            if ended:
                break
        out, err = writer.communicate()
        assert writer.returncode == 0, err
        assert seen == {1000, 101000} or seen == {101000}, seen

    def test_numbers_out_of_range(self):
        """
        Steps: numbers that are negative, too large, none, with a sign, a blank, an exponent.
        Verify: refused by the name of the option.
        """
        top = ("top", "--by", "port", "--db", self.db)
        for value in ("-1", "+5", " 5", "5 ", "1e3", "0x10", "4294967296", "99999999999999999999", "1,000", "1.0"):
            assert "-n:" in self.refused(*top, "-n", value)
        for option, values in (("--asn", ("-1", "0", "4294967296", "AS", "ASx", "64500 ")),
                               ("--port", ("tcp/-1", "tcp/65536", "tcp/", "/23", "tcp/23/1", "icmp/256", "icmp/3/256")),
                               ("--source", ("192.0.2.0/33", "192.0.2.0/-1", "2001:db8::/129", "192.0.2", "1.2.3.4/")),
                               ("--family", ("0", "46", "-4"))):
            for value in values:
                assert option in self.refused(*top, option, value), (option, value)
        for args in (("-n", "0"), ("-n", "-1"), ("--timeout", "0"), ("--timeout", "86401"), ("--timeout", "-1")):
            assert re.search(r"-n:|--timeout:", self.refused("sub", f"ipc://{self.dir}/x", *args))

    def test_endpoints_that_are_none(self):
        """
        Steps: schemes that are none, ports that are too large, missing, text; to each program that connects or listens.
        Verify: one line with the endpoint and what was expected; not a connection to another port.
        """
        conf = self.dir / "probe.json"
        for endpoint in ("tcp://127.0.0.1:65536", "tcp://127.0.0.1:0", "tcp://127.0.0.1", "tcp://127.0.0.1:http", "tcp://",
                         "nosuch://x", "ipc://", "127.0.0.1:5490", "udp://127.0.0.1:5490"):
            conf.write_text(json.dumps({"kind": "probe", "v": 1, "probe": "p", "publish": {"endpoint": endpoint},
                                        "uplinks": [{"id": "up0", "device": "net_null0"}]}))
            for program, *args in (("teiten", "sub", endpoint), ("teiten", "status", endpoint),
                                   ("teiten-collector", "--db", self.dir / "e.db", "--listen", endpoint),
                                   ("teiten-collector", "--db", self.dir / "e.db", "--listen", f"ipc://{self.dir}/s",
                                    "--publish", endpoint),
                                   ("teiten-probe", "-c", conf), ("teiten-probe", "--connect", endpoint, "--replay",
                                                                  f"00000000000000a1={self.capture}")):
                line = self.refused(*args, program=program)
                assert endpoint in line and re.search(r"expected (1 to 65535|tcp://|.*endpoint)", line), (program, args, line)
        assert not (self.dir / "e.db").exists()

    def test_days_that_never_were(self):
        """
        Steps: days that the calendar does not have; a midnight that daylight saving left out (Brazil, 4 November
               2018) and a day that a date line did (Samoa, 30 December 2011); spans that end before they begin.
        Verify: the first are refused, by the name of the option; a day begins with its first second; a day that
                was left out is empty and says so.
        """
        top = ("top", "--by", "port", "--db", self.db)
        for day in ("2024-02-30", "2023-02-29", "2024-13-01", "2024-00-10", "2024-12-00", "2024-12-32", "2024-1-1",
                    "20241218", "-2024-01-01", "2024-12-18T24:00:01Z", "2024-12-18T03:04:00", "2024-12-18T03:60:00Z"):
            for option in ("--from", "--to"):
                assert option in self.refused(*top, option, day)
            assert "--day" in self.refused("feed", "--db", self.db, "--day", day, "--watch", "dns", "--format",
                                           "intelmq", "-o", self.dir / "f")
            assert "--period" in self.refused(*top, "--period", f"{day}..2025-01-01")
        line = self.refused(*top, "--period", "2024-12-02..2024-12-01")
        assert "expected its end, which is exclusive, after its begin" in line
        assert "--to must be after --from" in self.refused(*top, "--from", "2024-12-02", "--to", "2024-12-02")
        for zone, day, begin in (("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
                                 ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z")):
            db = self.dir / f"{zone.split('/')[1]}.db"
            self.teiten.replay(db, self.capture, timezone=zone)
            assert self.teiten.top(db, "port", from_=day)["from"] == begin
        got = self.teiten.top(db, "port", period="2011-12-30..2011-12-31")
        assert got["rows"] == [] and got["completeness"] is None, got
