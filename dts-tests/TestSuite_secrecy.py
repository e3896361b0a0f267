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

SENSORS = [  # id, English and Japanese name, network, group, addresses, country; in no order of names
    ("zeta-kyoto", "Kyoto library", "京都図書館", "Sakuranet", "libraries", 4, "JP"),
    ("alpha-osaka", "Osaka hospital", "大阪病院", "Umenet", "hospitals", 16, "JP"),
    ("mid-nara", "Nara school", "奈良学校", "Matsunet", "schools", 1, "JP"),
    ("eta-sendai", "Sendai station", "仙台駅", "Kirinet", "stations", 2, "JP"),
    ("gamma-otaru", "Otaru canal", "小樽運河", "Hasunet", "canals", 13, "JP"),
    ("theta-nagoya", "Nagoya castle", "名古屋城", "Momonet", "castles", 5, "JP"),
    ("beta-busan", "Busan harbour", "釜山港", "Takenet", "harbours", 8, "KR"),
]
SPAN = ("--from", "2024-12-01", "--to", "2024-12-15")
FORMATS = ("json", "csv", "table")


class TestSecrecy(TestSuite):
    @classmethod
    def set_up_suite(cls):
        """
        Two weeks in which each sensor receives the same: 23/TCP and 80/TCP from the same two sources, and on two
        days 443/TCP; DNS answers come on two days to one network only.
        """
        cls.programs = Programs.from_environment()
        cls.shared = Path(tempfile.mkdtemp(prefix="teiten-secrecy-"))
        cls.db = cls.shared / "q.db"
        midnight = int(datetime(2024, 12, 1, tzinfo=timezone.utc).timestamp())
        frames, sensors = [], []
        for i, (id_, en, ja, network, group, addresses, country) in enumerate(SENSORS):
            for day in range(14):
                for n in range(24):
                    frames.append((IP(src=f"203.0.113.{n % 2}", dst=f"198.51.100.{i * 16}") /
                                   TCP(sport=999, dport=80 if n % 3 else 23, flags="S"), day * 86400 + n * 3600))
                if day in (10, 11):
                    frames += [(IP(src=f"203.0.113.{n % 40 + 100}", dst=f"198.51.100.{i * 16}") /
                                TCP(sport=999, dport=443, flags="S"), day * 86400 + n * 600) for n in range(60)]
                if i == 1 and day in (9, 10):
                    frames += [(IP(src=f"203.0.113.{n}", dst=f"198.51.100.{i * 16}") / UDP(sport=53, dport=4444) /
                                dns(), day * 86400 + n * 60) for n in range(80)]
            sensors.append({"id": id_, "name": {"en": en, "ja": ja}, "country": country, "network": network,
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
        for lang, more in (("en", ("--country", "KR")), ("ja", ("--group", "libraries"))):
            where = self.dir / f"report-{lang}"
            self.run("report", "--db", self.db, "--period", "2024-12-01..2024-12-15", "--lang", lang, "-o", where,
                     *more, *recipient)
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
        for kind, n in (("s", len(SENSORS)), ("n", len(SENSORS)), ("g", len(SENSORS) + 1)):
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
                assert got == sorted(got) and len(got) == len(SENSORS), (who, by)
                assert self.ids(to, "top", "--by", "sensor", "--rank", by, "-n", "2")[:2] == got[:2]
            series = json.loads(self.run("series", "--db", self.db, *SPAN, "--by", "sensor", "-n", 2, "--format", "json", *to))
            assert [r["key"]["sensor"] for r in series["rows"]][:2] == got[:2]
            table = csv.DictReader(io.StringIO(self.run("top", "--db", self.db, "--by", "sensor", *SPAN, "--format", "csv", *to)))
            assert [r["sensor"] for r in table] == got
            seen = json.loads(self.run("watch", "show", "scans", "--db", self.db, *SPAN, "--format", "json", *to))["by"]
            for part in ("sensor", "network"):
                keys = [r["key"] for r in seen[part]]
                assert keys == sorted(keys) and len(keys) == len(SENSORS), (who, part)
            assert [r["key"] for r in seen["sensor"]] == got
            shown = json.loads(self.run("show", "203.0.113.1", "--db", self.db, *SPAN, "--format", "json", *to))["services"]
            equal = [r["sensor"] for r in shown if r["class"] == "scan" and r["port"] == 80]
            assert equal == got, who
            seen = json.loads(self.run("watch", "show", "dns", "--db", self.db, *SPAN, "--format", "json", *to))
            surge, = seen["surges"]
            networks = [n["network"] for n in surge["networks"]]
            assert networks == sorted(networks) and surge["only"] in networks and surge["exclusive"] == "yes"
            change, = [c for c in json.loads(self.run("changes", "--db", self.db, *SPAN, "--format", "json", *to))["rows"]
                       if (c["kind"], c["key"]) == ("surge", "tcp/443")]
            drivers = change["drivers"]["sensor"]
            assert len({d["share"] for d in drivers}) == 1 and [d["key"] for d in drivers] == got[:5], who

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

    def test_ranks_of_one_sensor_stand_without_its_rates(self):
        """
        Steps: rank the ports of one sensor and of all by rate, with the ranks of the week before.
        Verify: a recipient gets the ranks that everybody gets.
        """
        for args in (["--sensor", "mid-nara"], []):
            ask = ["top", "--db", self.db, *SPAN, "--by", "port", "--rank", "rate", "--previous", "2024-12-01..2024-12-08",
                   "--format", "json", *args]
            plain, mine = (json.loads(self.run(*ask, *to))["rows"] for to in ((), ("--recipient", "isac")))
            ranks = [[(r["port"], r["rank"], r["previous_rank"]) for r in rows] for rows in (plain, mine)]
            assert ranks[0] == ranks[1] and [r[1] for r in ranks[0]] == [1, 2, 3]

    def report(self, name, *args):
        where = self.dir / name
        self.run("report", "--db", self.db, "--period", "2024-12-01..2024-12-15", "-o", where, *args)
        return where, json.loads((where / "report.json").read_text())

    @pytest.mark.parametrize("country, single", [("JP", "overseas"), ("KR", "domestic")])
    def test_a_report_tells_no_rates_of_one_sensor(self, country, single):
        """
        Steps: report for a recipient and for nobody, of a country with many sensors and of one with a single
        sensor; from what is for nobody compute how many addresses that one has.
        Verify: for a recipient the side of one sensor has ranks and packets as for everybody, but no rates: null in
        JSON, empty in CSV, a dash on the page, which says why; those of several sensors are there. Where the
        tables themselves are of one sensor, the same holds for all of them.
        """
        plain_dir, plain = self.report("plain", "--country", country)
        mine_dir, mine = self.report("mine", "--country", country, "--recipient", "isac")
        several = {"domestic": "overseas", "overseas": "domestic"}[single]
        rows = plain["compare"][single]["rows"]
        assert {round(r["packets"] / (r["rate"] * 14)) for r in rows} == {8}  # so it can be told
        for side in (single, several):
            alone = side == single
            for want, got in zip(plain["compare"][side]["rows"], mine["compare"][side]["rows"], strict=True):
                assert [got[k] for k in ("rank", "port", "packets", "other_rank")] == \
                    [want[k] for k in ("rank", "port", "packets", "other_rank")]
                assert (got["rate"], got["other_rate"]) == ((None, want["other_rate"]) if alone else (want["rate"], None))
            table = list(csv.DictReader((mine_dir / f"tables/{side}.csv").open(newline="")))
            assert [(r["rate"] == "", r["other_rate"] == "") for r in table] == [(alone, not alone)] * len(table) != []
        tables = [mine[t]["rows"] for t in ("table1", "table2", "malware")]
        assert all(len(t) for t in tables)
        assert {r["rate"] is None for t in tables for r in t} == {single == "domestic"}
        assert [[(r["rank"], r["packets"]) for r in t] for t in tables] == \
            [[(r["rank"], r["packets"]) for r in plain[t]["rows"]] for t in ("table1", "table2", "malware")]
        page = (mine_dir / "report.html").read_text()
        cells = re.findall(r'<table[^>]*id="compare-%s".*?</table>' % single, page, re.S)[0]
        shown = [re.findall(r"<td[^>]*>(.*?)</td>", row)[2] for row in re.findall(r"<tr><td.*?</tr>", cells)]
        assert shown == ["–"] * len(rows)
        assert "rates of a single sensor" in page and "rates of a single sensor" not in (plain_dir / "report.html").read_text()

    def test_expected_at_one_sensor_is_left_out(self):
        """
        Steps: show a watch that one network saw, each network being one sensor, and one whose networks are of
        several; report.
        Verify: what was expected of each would compare their addresses: it is null, a dash in the table, and no
        number in the sentence; the verdict stands.
        """
        ask = ("watch", "show", "dns", "--db", self.db, *SPAN, "--format")
        to = ("--recipient", "isac")
        for who, there in (((), True), (to, False)):
            surge, = json.loads(self.run(*ask, "json", *who))["surges"]
            assert surge["exclusive"] == "yes" and len(surge["networks"]) == len(SENSORS)
            assert {n["expected"] is not None for n in surge["networks"]} == {there}
        table = self.run(*ask, "table", *to)
        assert len(re.findall(r"^n-\w+ +- +100.0 % +- +\d+ ", table, re.M)) == len(SENSORS), table
        _, doc = self.report("r", *to)
        text = " ".join(s["en"] for s in doc["sentences"]["topic-dns"])
        assert "come to all addresses alike, packets would have reached them, and none did" in text

    def test_ranks_of_a_hidden_group_are_compared_with_its_own(self):
        """
        Steps: publish a week of one group for a recipient; report the next week of it, and of another group, for
        the same, for another recipient and for nobody; bring the first week's report.json to each.
        Verify: what was published is found for its group only, by whoever asks; the file is taken for its group and
        refused, in a line that names no group, for another.
        """
        db, first, to = self.dir / "p.db", self.dir / "first", ("--recipient", "isac")
        shutil.copy(self.db, db)
        self.run("report", "--db", db, "--period", "2024-12-01..2024-12-08", "-o", first, "--group", "libraries",
                 "--publish", *to)
        for group, who, source in (("libraries", to, "published"), ("libraries", ("--recipient", "another"), "published"),
                                   ("libraries", (), "published"), ("hospitals", to, "computed")):
            ask = ("report", "--db", db, "--period", "2024-12-08..2024-12-15", "-o", self.dir / "next", "--group", group, *who)
            self.run(*ask)
            doc = json.loads((self.dir / "next/report.json").read_text())
            assert doc["previous"]["source"] == source, (group, who)
            assert (doc["scope"]["group"] == group) == (not who)
            done = self.programs.run("teiten", *ask, "--previous", first / "report.json", ok=False)
            if who == to and group == "libraries":
                assert done.status == 0, done.err
            else:
                assert done.status == 2 and len(done.messages) == 1 and "$.scope.group: is \"g-" in done.err, done.err

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
