# SPDX-License-Identifier: BSD-3-Clause
"""What is meant for others: no output for a recipient says who or where a sensor is."""
import csv
import io
import json
import re
import shutil
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import pytest
from framework.capture import MACS, pcap
from framework.programs import Programs
from framework.rows import dns
from framework.suite import TestSuite
from scapy.all import IP, TCP, UDP, Ether

SENSORS = [  # id, English and Japanese name, network, group, addresses; in no order of names
    ("zeta-kyoto", "Kyoto library", "京都図書館", "Sakuranet", "libraries", 4),
    ("alpha-osaka", "Osaka hospital", "大阪病院", "Umenet", "hospitals", 16),
    ("mid-nara", "Nara school", "奈良学校", "Matsunet", "schools", 1),
    ("beta-kobe", "Kobe harbour", "神戸港", "Takenet", "harbours", 8),
]
SPAN = ("--from", "2024-12-01", "--to", "2024-12-15")
FORMATS = ("json", "csv", "table")


class TestSecrecy(TestSuite):
    @classmethod
    def set_up_suite(cls):
        """
        Two weeks in which each sensor receives the same: 23/TCP and 80/TCP from the same two sources; DNS
        answers come on two days to one network only.
        """
        cls.programs = Programs.from_environment()
        cls.shared = Path(tempfile.mkdtemp(prefix="teiten-secrecy-"))
        cls.db = cls.shared / "q.db"
        midnight = int(datetime(2024, 12, 1, tzinfo=timezone.utc).timestamp())
        frames, sensors = [], []
        for i, (id_, en, ja, network, group, addresses) in enumerate(SENSORS):
            for day in range(14):
                for n in range(24):
                    frames.append((IP(src=f"203.0.113.{n % 2}", dst=f"198.51.100.{i * 16}") /
                                   TCP(sport=999, dport=80 if n % 3 else 23, flags="S"), day * 86400 + n * 3600))
                if i == 1 and day in (9, 10):
                    frames += [(IP(src=f"203.0.113.{n}", dst=f"198.51.100.{i * 16}") / UDP(sport=53, dport=4444) /
                                dns(), day * 86400 + n * 60) for n in range(80)]
            sensors.append({"id": id_, "name": {"en": en, "ja": ja}, "country": "JP", "network": network,
                            "groups": [group, "all"], "addresses": addresses,
                            "match": {"prefixes": [f"198.51.100.{i * 16}/28"]}})
        docs = {"sensors": {"sensors": sensors}, "watches": {"watches": [
            {"name": "dns", "where": {"class": ["reflection"]}, "measure": "packets", "keep_sources": True,
             "by": ["sensor", "network", "group", "country", "port"], "surge": {"min": 10, "factor": 5}},
            {"name": "scans", "where": {"class": ["scan"]}, "measure": "packets", "by": ["sensor", "network", "group"],
             "surge": {"min": 10, "factor": 5}}]}}
        for kind, doc in docs.items():
            (cls.shared / f"{kind}.json").write_text(json.dumps({"kind": kind, "v": 1, **doc}))
        packets = [(bytes(Ether(**MACS) / p), None, (midnight + at) * 10**9) for p, at in frames]
        cls.programs.replay(cls.db, pcap(cls.shared / "q.pcap", sorted(packets, key=lambda p: p[2])), timezone="UTC",
                            s=cls.shared / "sensors.json", watches=cls.shared / "watches.json")

    @classmethod
    def tear_down_suite(cls):
        shutil.rmtree(cls.shared)

    def run(self, *args, **kw):
        return self.programs.run("teiten", *args, **kw).out

    def outputs(self, recipient):
        """{command: what it prints} of each command and format that may be for others."""
        asked = [["top", "--by", by, "--class", "all"] for by in ("sensor", "port", "source", "class", "region")]
        asked += [["top", "--by", "sensor", "--rank", rank, "-n", "2"] for rank in ("packets", "sources", "rate")]
        asked += [["top", "--by", "sensor", "--previous", "2024-12-01..2024-12-08"]]
        asked += [["top", "--by", "port", f"--{what}", of] for what, of in
                  (("sensor", "alpha-osaka"), ("network", "Umenet"), ("group", "hospitals"))]
        asked += [["series", *by] for by in (["--by", "sensor"], ["--by", "sensor", "-n", "2"], ["--sensor", "mid-nara"])]
        asked += [["changes"], ["watch", "show", "dns"], ["watch", "show", "scans"], ["watch", "sources", "dns"],
                  ["show", "203.0.113.1"], ["show", "--port", "tcp/23"]]
        out = {}
        for args in asked:
            for form in FORMATS:
                if args[0] == "show" and form == "csv":
                    continue
                span = () if args[0] == "show" and "--port" in args else SPAN
                out[" ".join(args), form] = self.run(*args, "--db", self.db, *span, "--format", form, *recipient)
        for lang in ("en", "ja"):
            where = self.dir / f"report-{lang}"
            self.run("report", "--db", self.db, "--period", "2024-12-01..2024-12-15", "--lang", lang, "-o", where,
                     *recipient)
            for path in sorted(where.rglob("*")):
                if path.is_file():
                    out["report " + str(path.relative_to(self.dir)), path.suffix] = path.read_text()
        return out

    def test_no_output_names_a_sensor(self):
        """
        Steps: every command that prints sensors, in every format, and the report in both languages, for two
        recipients, for one of them again, and for nobody.
        Verify: what is for nobody names sensors, networks, groups and addresses; nothing of what is for a
        recipient has any of these in any byte, nor numbers of addresses; the same recipient gets the same
        bytes; two have no pseudonym in common.
        """
        plain, mine, again, other = (self.outputs(who) for who in (
            (), ("--recipient", "isac"), ("--recipient", "isac"), ("--recipient", "another")))
        secret = {word for s in SENSORS for word in s[:5]} | {w for s in SENSORS for w in s[0].split("-")[1:]}
        everything = "\n".join(plain.values())
        # each is there where nobody hides it: the search below can fail
        assert [w for w in secret if w not in everything] == []
        for out in (mine, other):
            for of, text in out.items():
                found = [w for w in (*secret, "198.51.100.") if w.casefold() in text.casefold()]
                assert not found, (of, found)
                assert '"address' not in text, of
        assert mine == again
        alias = re.compile(r"\b[sngw]-[0-9a-hjkmnp-tv-z]{10}\b")
        names = [set(alias.findall("\n".join(out.values()))) for out in (plain, mine, other)]
        assert names[0] == set() and not names[1] & names[2]
        for kind, n in (("s", 4), ("n", 4), ("g", 5)):
            assert len([a for a in names[1] if a[0] == kind]) == n, kind

    def ids(self, recipient, *args):
        rows = json.loads(self.run(*args, "--db", self.db, *SPAN, "--format", "json", *recipient))
        return [r["sensor"] for r in rows["rows"]]

    def test_equals_stand_in_the_order_of_pseudonyms(self):
        """
        Steps: rank sensors that received the same, whole and the first two of them, for several recipients.
        Verify: they stand in the order of the names that are shown, and it is these that a cut keeps; CSV and
        table are in the same order.
        """
        for who in ("isac", "another", "third", "fourth", "fifth"):
            to = ("--recipient", who)
            for by in ("packets", "sources"):
                got = self.ids(to, "top", "--by", "sensor", "--rank", by)
                assert got == sorted(got) and len(got) == 4, (who, by)
                assert self.ids(to, "top", "--by", "sensor", "--rank", by, "-n", "2")[:2] == got[:2]
            series = json.loads(self.run("series", "--db", self.db, *SPAN, "--by", "sensor", "-n", 2, "--format", "json", *to))
            assert [r["key"]["sensor"] for r in series["rows"]][:2] == got[:2]
            table = csv.DictReader(io.StringIO(self.run("top", "--db", self.db, "--by", "sensor", *SPAN, "--format", "csv", *to)))
            assert [r["sensor"] for r in table] == got
            seen = json.loads(self.run("watch", "show", "scans", "--db", self.db, *SPAN, "--format", "json", *to))["by"]
            for part in ("sensor", "network"):
                keys = [r["key"] for r in seen[part]]
                assert keys == sorted(keys) and len(keys) == 4, (who, part)
            assert [r["key"] for r in seen["sensor"]] == got
            shown = json.loads(self.run("show", "203.0.113.1", "--db", self.db, *SPAN, "--format", "json", *to))["services"]
            equal = [r["sensor"] for r in shown if r["class"] == "scan" and r["port"] == 80]
            assert equal == got, who
            seen = json.loads(self.run("watch", "show", "dns", "--db", self.db, *SPAN, "--format", "json", *to))
            surge, = seen["surges"]
            networks = [n["network"] for n in surge["networks"]]
            assert networks == sorted(networks) and surge["only"] in networks and surge["exclusive"] == "yes"

    def test_rates_of_one_sensor_are_left_out(self):
        """
        Steps: rank sensors, and the ports of one sensor and of several, for a recipient.
        Verify: packets with their rate would tell how many addresses one sensor has: there are no rates of a
        single one; those of several are there.
        """
        to = ("--recipient", "isac", "--format", "json")
        for args, there in ((["--by", "sensor"], False), (["--by", "port", "--sensor", "mid-nara"], False),
                            (["--by", "port", "--group", "libraries"], False), (["--by", "port"], True),
                            (["--by", "port", "--group", "all"], True)):
            for row in json.loads(self.run("top", "--db", self.db, *SPAN, *args, *to))["rows"]:
                assert (row["rate"] is not None) == (row["median_rate"] is not None) == there, args

    @pytest.mark.parametrize("args, told", [
        (["top", "--by", "sensor", "--recipient", ""], "--recipient"),
        (["series", "--recipient", "x" * 257], "--recipient"),
        (["show", "203.0.113.1", "--recipient", ""], "--recipient"),
        (["watch", "list", "--recipient", "isac"], "--recipient is for show and sources"),
        (["watch", "show", "dns", "--recipient", "isac", "-c", "nowhere.json"], "nowhere.json"),
    ])
    def test_bad_recipients(self, args, told):
        """
        Steps: no name, one that is too long, a subcommand whose output is for nobody else, no configuration.
        Verify: one line says so, status 2, nothing is printed.
        """
        done = self.programs.run("teiten", *args, "--db", self.db, ok=False)
        assert (done.status, done.out, len(done.messages)) == (2, "", 1) and told in done.err, done

    def test_a_watch_that_names_a_sensor_is_not_shown(self):
        """
        Steps: show a watch whose title names a sensor's network, and report on it, for a recipient.
        Verify: one line says so and does not print the name; without a recipient it is shown.
        """
        db, file = self.dir / "w.db", self.dir / "w.json"
        shutil.copy(self.db, db)
        file.write_text(json.dumps({"kind": "watches", "v": 1, "watches": [
            {"name": "telling", "title": {"en": "Answers at Umenet"}, "where": {"class": ["reflection"]}}]}))
        self.run("watch", "backfill", "telling", "--watches", file, "--db", db, "--from", "2024-12-01")
        assert "Umenet" in self.run("watch", "show", "telling", "--db", db)
        for args in (["watch", "show", "telling"], ["report", "--period", "2024-12", "-o", self.dir / "out"]):
            done = self.programs.run("teiten", *args, "--db", db, "--recipient", "isac", ok=False)
            assert done.status == 2 and done.out == "" and len(done.messages) == 1
            assert "names a sensor or its network" in done.err and "Umenet" not in done.err
