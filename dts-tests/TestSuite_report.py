# SPDX-License-Identifier: BSD-3-Clause
"""The quarterly report: what the page shows, in a browser and on paper, against `teiten top`."""
import csv
import json
import re
import shutil
import sqlite3
import tempfile
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import pytest
from framework.browser import Browser, pdf_pages
from framework.capture import MACS, START, pcap
from framework.collector import Collector
from framework.peers import Feed
from framework.programs import ROOT, Programs
from framework.suite import TestSuite
from scapy.all import IP, TCP, Ether

DATA = ROOT / "dts-tests" / "data" / "findings"
HEADS = {"en": ["Rank", "Destination port", "Previous quarter", "Packets per address and day",
                "Packets", "Sources"],
         "ja": ["順位", "宛先ポート番号", "前四半期の順位", "1アドレス1日あたりのパケット数", "パケット数",
                "送信元アドレス数"]}
OUTSIDE = {"en": "outside top 10", "ja": "TOP10 外"}


def number(text):
    return None if text == "–" else float(text.replace(",", ""))


def close(a, b):
    """Whether a number shown with three digits is b."""
    return a == b or (a is not None and b is not None and abs(a - b) <= 0.006 * abs(b))


def files(directory):
    return [p for p in Path(directory).rglob("*") if p.is_file()]


class TestReport(TestSuite):
    @classmethod
    def set_up_suite(cls):
        programs = Programs.from_environment()
        cls.shared = Path(tempfile.mkdtemp(prefix="teiten-report-"))
        cls.db = cls.shared / "q.db"
        captures = [cls.shared / "q3.pcap", cls.shared / "q4.pcap"]
        programs.gen("--scenario", DATA / "scenario.json", "--sensors", DATA / "sensors.json",
                     "--truth", cls.shared / "truth.json", "--write-rir", cls.shared / "rir",
                     *captures)
        programs.replay(cls.db, *captures, timezone="Asia/Tokyo", s=DATA / "sensors.json",
                        rir=cls.shared / "rir", watches=ROOT / "config" / "watches.json")
        cls.browser = Browser()

    @classmethod
    def tear_down_suite(cls):
        cls.browser.close()
        shutil.rmtree(cls.shared)

    def report(self, *args, db=None, period="2024Q4", ok=True, out=None):
        out = out or self.dir / "out"
        done = self.teiten.run("teiten", "report", "--db", db or self.db, "--period", period,
                               "-o", out, *args, ok=ok)
        if not ok:
            assert done.status != 0 and done.out == "" and len(done.messages) == 1, done
            return done
        assert done.out == f"{out}/report.html\n"
        return json.loads((Path(out) / "report.json").read_text())

    def refused(self, *args, **kw):
        return self.report(*args, ok=False, **kw).messages[0]

    def shown(self, out=None):
        log = self.browser.open((out or self.dir / "out") / "report.html")
        assert log == []
        return self.browser.tables()

    @pytest.mark.parametrize("lang", ["en", "ja"])
    def test_page_equals_top(self, lang):
        """
        Steps: report a quarter; read the rendered tables.
        Verify: ranks, rates, packets and sources are those of `teiten top` by rate, previous ranks
        those of a top of the quarter before, and report.json and tables/*.csv say the same.
        """
        doc = self.report("--country", "JP", "--lang", lang)
        tables = self.shown()
        filters = dict(rank="rate", icmp="one", country="JP")
        for table, by, n in (("table1", "port", 5), ("table2", "region", 5)):
            top = self.teiten.top(self.db, by, n=n, period="2024Q4", **filters)
            before = {self.key(r): r["rank"] for r in
                      self.teiten.top(self.db, by, period="2024Q3", **filters)["rows"]}
            assert len(tables[table]) == len(top["rows"]) + 1 and len(top["rows"]) >= 5
            if by == "port":
                assert tables[table][0] == HEADS[lang]
            rows = list(csv.DictReader((self.dir / f"out/tables/{table}.csv").open(newline="")))
            for cells, want, said, row in zip(tables[table][1:], top["rows"], doc[table]["rows"], rows):
                assert {k: said[k] for k in want} == want
                rank = before.get(self.key(want))
                previous = rank if rank and rank <= 10 else "outside"
                if want["rank"]:
                    assert said["previous_rank"] == previous
                    assert cells[2] == (OUTSIDE[lang] if previous == "outside" else str(previous))
                assert number(cells[0]) == want["rank"]
                assert self.names(lang, want) in cells[1]
                assert close(number(cells[3]), want["rate"])
                assert [number(c) for c in cells[4:]] == [want["packets"], want["sources"]]
                assert [row["packets"], row["sources"]] == [str(want["packets"]), str(want["sources"])]
        assert doc["table1"]["completeness"] == 1

    def test_tables_as_csv(self):
        """
        Steps: report a quarter with changes and surges; read tables/*.csv.
        Verify: changes, surges, who saw them and what was published are there, row by row.
        """
        doc = self.report("--country", "JP")

        def table(name):
            return list(csv.DictReader((self.dir / f"out/tables/{name}.csv").open(newline="")))

        changes = table("changes")
        assert len(changes) > 5
        assert [(c["kind"], c["key"], c["from"], c["packets"]) for c in changes] == \
            [(c["kind"], c["key"], c["from"], str(c["packets"])) for c in doc["changes"]["rows"]]
        assert {float(c["usual_median"]) for c in changes if c["usual_median"]} == \
            {c["usual"]["median"] for c in doc["changes"]["rows"] if c.get("usual")}
        surges = [(t["watch"], s) for t in doc["topics"] for s in t["surges"]]
        assert [(s["watch"], s["peak_day"], s["sources"], s["only"]) for s in table("surges")] == \
            [(w, s["peak_day"], str(s["sources"]), s["only"] or "") for w, s in surges] != []
        assert [(n["network"], n["seen"], n["saw"]) for n in table("surges-networks")] == \
            [(n["network"], str(n["seen"]), str(int(n["saw"]))) for _, s in surges for n in s["networks"]]
        assert [(k["port"], k["cve"]) for k in table("published")] == \
            [(str(k["port"]), c) for k in doc["knowledge"] for c in [x["cve"] for x in k["cves"]] or [""]]

    @staticmethod
    def key(row):
        return row.get("region") or (row["proto"], row["port"])

    @staticmethod
    def names(lang, row):
        if "region" in row:
            return {"--": {"en": "unknown", "ja": "不明"}[lang]}.get(row["region"], f"{row['region']}")
        if row["proto"] == "icmp":
            return "ICMP"
        port = f"{row['port']}/{row['proto'].upper()}"
        return port if not row["service"] else \
            f"{row['service']} ({port})" if lang == "en" else f"{row['service']}（{port}）"

    def test_sensors_and_comparison(self):
        """
        Steps: report; read each sensor's table and the comparison.
        Verify: they are `teiten top --sensor`, `--country JP` and `--country '!JP'`.
        """
        doc = self.report("--country", "JP")
        tables = self.shown()
        assert [s["id"] for s in doc["sensors"]] == ["jp-cloud-1", "jp-isp-a1", "jp-isp-a2", "sg-cloud-2"]
        for sensor in doc["sensors"]:
            top = self.teiten.top(self.db, "port", n=10, period="2024Q4", rank="rate", icmp="one",
                                  sensor=sensor["id"])
            rows = [r for r in top["rows"] if r["rank"]]
            cells = tables[f"sensor-{sensor['id']}"][1:]
            assert [[number(c[0]), number(c[2])] for c in cells] == \
                [[r["rank"], r["packets"]] for r in rows]
            assert sum(c[1] == "ICMP" for c in cells) == 1
        for side, country in (("domestic", "JP"), ("overseas", "!JP")):
            top = self.teiten.top(self.db, "port", n=10, period="2024Q4", rank="rate", icmp="one",
                                  country=country)
            cells = tables[f"compare-{side}"][1:]
            assert len(cells) == 10
            assert all(close(number(c[2]), r["rate"]) for c, r in zip(cells, top["rows"]))

    def test_nothing_comes_from_outside(self):
        """
        Steps: open the page; then the same page with what its policy forbids added.
        Verify: nothing is loaded, no violation is logged, no script is in it; the forbidden is
        refused and logged.
        """
        self.report("--country", "JP", "--lang", "ja")
        self.shown()
        page = (self.dir / "out/report.html").read_text()
        assert self.browser.loaded() == []
        assert self.browser.run("return document.scripts.length") == 0
        assert self.browser.run("return document.querySelectorAll('svg path').length") > 100
        assert not re.search(r"(?:src|href)=[\"'](?!#|data:|https://www\.(iana|nro)\.)", page.replace("xlink:", ""))
        bad = self.dir / "bad.html"
        bad.write_text(page.replace("<main>", "<main><p style='color:red'>x</p>"
                                    "<img src='http://127.0.0.1:9/x.png'><script>1</script>"))
        log = self.browser.open(bad)
        assert sum("Content Security Policy" in line for line in log) >= 3, log

    @pytest.mark.parametrize("lang", ["en", "ja"])
    def test_paper(self, lang):
        """
        Steps: print as PDF.
        Verify: A4; the cover stands alone; every table head and figure title is there; pages from
        the second on are numbered; the two-page table of sensors repeats its head.
        """
        config = self.dir / "report.json"
        config.write_text(json.dumps({
            "kind": "report", "v": 1, "title": {"en": "Sensor Watch", "ja": "観測報告"},
            "issuer": {"en": "Example CERT", "ja": "例示CERT"}, "country": "JP",
            "contact": {"name": "Desk", "email": "desk@example.org"}, "tlp": "GREEN"}))
        doc = self.report("-c", config, "--lang", lang)
        self.shown()
        pages, size = pdf_pages(self.browser.pdf(self.dir / "out.pdf"))
        assert size == (595, 842)
        for text in (doc["title"][lang], doc["issuer"][lang], "desk@example.org", "TLP:GREEN"):
            assert text in pages[0]
        assert "2." not in pages[0] and re.search(r"^\s*2\s*$", pages[1], re.M)
        flat = re.sub(r"\s", "", "".join(pages))
        for figure in ("table1", "table2", "figure1", "figure2", "figure3"):
            assert re.sub(r"\s", "", doc[figure]["title"][lang]) in flat
        assert len(pages) < 14

    SENTENCES = {
        "en": ["The service probed most was telnet (23/TCP), as in the previous quarter",
               "Bulgaria (BG) (outside the top 10 in the previous quarter)",
               "Russia (RU), 3rd in the previous quarter, left the top 10.",
               "It surged from 5 December 2024 to 6 December 2024 (2 days)",
               "It surged from 17 December 2024 to 18 December 2024 (2 days)",
               "Only sensors in the network Cloud X saw the surge.",
               "Packets to ntp (123/UDP) surged from 5 November 2024 to 14 November 2024 (10 days)",
               "Packets to personal-agent (5555/TCP) rose from 21 October 2024 on",
               "Most of the increase went to telnet (23/TCP) (",
               "New in the top 5 source regions: Bulgaria (BG) (4th, 18th in the previous quarter)",
               "The largest shares of the increase came from United States (US) (",
               "Russia (RU) faded from 12 October 2024 on, and Bulgaria (BG) took its place."],
        "ja": ["最も多く観測されたのはtelnet（23/TCP）宛のパケットで、前四半期に続き1位でした。",
               "ブルガリア（BG）（前四半期はTOP10 外）",
               "前四半期3位であったロシア（RU）は、TOP10 外となりました。",
               "2024年12月5日から2024年12月6日にかけて（2日間）急増し",
               "2024年12月17日から2024年12月18日にかけて（2日間）急増し",
               "この急増は、ネットワーク「Cloud X」のセンサーのみで観測されました。",
               "ntp（123/UDP）宛のパケットは、2024年11月5日から2024年11月14日にかけて（10日間）急増し",
               "personal-agent（5555/TCP）宛のパケットは、2024年10月21日以降増加し",
               "%はtelnet（23/TCP）宛でした。",
               "送信元地域のTOP5に新たに入ったのは、ブルガリア（BG）（4位、前四半期18位）、",
               "増加分に占める割合が大きい送信元地域は、米国（US）（",
               "2024年10月12日以降、ロシア（RU）からのパケットが減少し、代わってブルガリア（BG）からの"
               "パケットが増加しました。"]}

    @pytest.mark.parametrize("lang", ["en", "ja"])
    def test_what_was_planted_is_told(self, lang):
        """
        Steps: report the second of two quarters in which it is known what happened.
        Verify: its ranks, days and sentences, and no other surge.
        """
        doc = self.report("--country", "JP", "--lang", lang)
        self.shown()
        text = self.browser.run("return document.body.innerText")
        for sentence in self.SENTENCES[lang]:
            assert sentence in text, sentence
        assert {(c["kind"], c["key"]) for c in doc["changes"]["rows"]
                if c["of"] in ("service", "region") and "top" not in c} == \
            {("surge", "udp/123"), ("surge", "udp/53"), ("rise", "tcp/5555"), ("rise", "BG"),
             ("decline", "RU")}
        assert [s["from"] for s in doc["topics"][0]["surges"]] == ["2024-12-05", "2024-12-17"]
        assert [r["previous_rank"] for r in doc["table1"]["rows"] if r["rank"]] == [1, 2, 3, 4, 5]
        assert [r["region"] for r in doc["table2"]["rows"] if r["rank"]] == ["US", "CN", "NL", "BG", "DE"]
        assert [r["previous_rank"] for r in doc["table2"]["rows"] if r["rank"]] == \
            [1, 2, 4, "outside", 6]

    def test_a_quiet_quarter(self):
        """
        Steps: a pair of quarters in which nothing was planted.
        Verify: no change is told, in words or in the table.
        """
        captures = [self.dir / "q3.pcap", self.dir / "q4.pcap"]
        self.teiten.gen("--scenario", DATA / "quiet.json", "--sensors", DATA / "sensors.json",
                        "--write-rir", self.dir / "rir", *captures)
        self.teiten.replay(self.dir / "quiet.db", *captures, timezone="Asia/Tokyo",
                           s=DATA / "sensors.json", rir=self.dir / "rir")
        doc = self.report("--country", "JP", db=self.dir / "quiet.db")
        self.shown()
        assert not [c for c in doc["changes"]["rows"] if "top" not in c]
        text = self.browser.run("return document.body.innerText")
        assert not re.search("surged|rose|declined|dropped|faded", text)
        assert "No watch had anything to tell." in text

    def test_nothing_in_it(self):
        """
        Steps: report a quarter of which there is nothing; report the quarter after it.
        Verify: the page says so; the quarter after has no previous ranks, "–" and a note.
        """
        doc = self.report("--country", "JP", period="2023Q1")
        tables = self.shown()
        assert doc["completeness"] is None and doc["table1"]["rows"] == []
        text = self.browser.run("return document.body.innerText")
        assert "Nothing was observed in this period" in text and "table1" not in tables
        assert text.count("There is no data of this period.") == 3  # two tables, the watch
        assert "No packets of this kind" not in text and "Nothing of it was observed" not in text
        assert doc["scope"]["sensors"] == 3  # of the country, none of them up
        doc = self.report("--country", "JP", period="2024Q3")
        cells = self.shown()["table1"][1:]
        assert not doc["previous"]["known"] and {c[2] for c in cells} == {"–"}
        assert {r["previous_rank"] for r in doc["table1"]["rows"]} == {None}
        text = self.browser.run("return document.body.innerText")
        assert "There is no data of the period before" in text
        assert "outside" not in text

    def test_empty_database(self):
        """
        Steps: a database into which a capture without packets was read.
        Verify: a report that says so, no figures, in both languages.
        """
        db = self.dir / "empty.db"
        self.teiten.replay(db, pcap(self.dir / "empty.pcap", []))
        for lang, text in (("en", "Nothing was observed"), ("ja", "観測データはありません")):
            self.report("--lang", lang, db=db)
            self.shown()
            assert text in self.browser.run("return document.body.innerText")
        assert list((self.dir / "out/figures").iterdir()) == []

    def test_no_sensor_has_a_country(self):
        """
        Steps: a database of replay without sensors; --country JP.
        Verify: all sensors count, and the page says so.
        """
        db = self.dir / "plain.db"
        frames = [(bytes(Ether(**MACS) / IP(src=f"203.0.113.{i}", dst="198.51.100.9") /
                         TCP(sport=999, dport=23, flags="S")), None, (START + i) * 10**9) for i in range(9)]
        self.teiten.replay(db, pcap(self.dir / "plain.pcap", frames))
        doc = self.report("--country", "JP", db=db, period="2024-12")
        assert doc["overview"]["packets"] == 9 and doc["scope"]["all_sensors"]
        self.shown()
        assert "No sensor has a country" in self.browser.run("return document.body.innerText")

    def test_sensors_down_for_weeks(self):
        """
        Steps: the same database as a live one in which one sensor was down from 1 November on.
        Verify: its completeness is a third; tables and sensor are marked, days are shaded.
        """
        db = self.dir / "down.db"
        shutil.copy(self.db, db)
        with sqlite3.connect(db) as c:
            november = 1730386800  # 2024-11-01 in Japan
            id_ = c.execute("SELECT id FROM sensor WHERE name = 'jp-isp-a1'").fetchone()[0]
            c.execute("UPDATE setting SET value = 0 WHERE name = 'replay'")
            c.execute("DELETE FROM uptime WHERE sensor = ? AND start >= ?", (id_, november))
            c.execute('UPDATE uptime SET "end" = ? WHERE sensor = ? AND "end" > ?',
                      (november, id_, november))
        c.close()
        doc = self.report("--country", "JP", db=db)
        sensor = next(s for s in doc["sensors"] if s["id"] == "jp-isp-a1")
        assert abs(sensor["completeness"] - 31 / 92) < 0.01
        assert abs(doc["completeness"] - (2 + 31 / 92) / 3) < 0.01
        tables = self.shown()
        text = self.browser.run("return document.body.innerText")
        assert "The observation is incomplete" in text
        assert "Sensors whose observation is incomplete: Domestic, ISP A, one address (33.7 %)" in text
        captions = self.browser.run("return [...document.querySelectorAll('caption,figcaption')]"
                                    ".map(c => c.textContent)")
        assert any(c.startswith("Table 1: Top 5 services probed†") for c in captions)
        assert any("day with incomplete or no data" in t for t in self.browser.run(
            "return [...document.querySelectorAll('#figure1 text')].map(t => t.textContent)"))
        row = next(r for r in tables["sensor-list"] if r[0] == "Domestic, ISP A, one address")
        assert row[4] == "33.7 %†"

    def test_a_quarter_with_sensors_down(self):
        """
        Steps: two quarters of three sensors reach a collector over the link, an hour an epoch; in the second
        the largest was down for five weeks, and another was not heard of for two. Raw batches are dropped.
        Report, and recount in Python from what was sent.
        Verify: ranks are by rate (by packets they would differ), rates and completeness are the recount's; the
        page names what is incomplete, and tells no change where a sensor was down.
        """
        days = [date(2024, 7, 1) + timedelta(n) for n in range(184)]
        down = (date(2024, 10, 21), date(2024, 11, 25))  # reported down
        unheard = (date(2024, 12, 1), date(2024, 12, 15))  # no epoch of it at all
        sensors = [("isp-a1", 1), ("isp-a2", 4), ("cloud", 16)]
        # packets of an address and day by port: 22/TCP is of the ISP's sensors, 80/TCP of the cloud's
        rates = {"isp-a1": {23: 30, 22: 44, 80: 2}, "isp-a2": {23: 30, 22: 40, 80: 2}, "cloud": {23: 30, 22: 4, 80: 36}}

        def state(name, day):
            if name == "cloud" and down[0] <= day < down[1]:
                return 2
            return None if name == "isp-a2" and unheard[0] <= day < unheard[1] else 0
        catalog = self.dir / "sensors.json"
        catalog.write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": [
            {"id": name, "country": "JP", "network": name.split("-")[0], "groups": ["g"], "since": "2024-07-01",
             "addresses": n, "match": {"uplink": name}} for name, n in sensors]}))
        plan, seen, up = ["sensors " + " ".join(n for n, _ in sensors)], Counter(), Counter()
        for day in days:
            begin = int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp())
            for i, (name, addresses) in enumerate(sensors):
                is_ = state(name, day)
                if is_ is None:
                    continue
                plan += [f"state {begin + h * 3600} {i} {is_} {100 if is_ == 0 else 0}" for h in range(24)]
                if is_ != 0:
                    continue
                quarter = 3 if day < date(2024, 10, 1) else 4
                up[quarter, name] += 1
                for port, rate in rates[name].items():
                    seen[quarter, name, port] += rate * addresses
                    plan += [f"scan {begin + j * 7200} {i} 11.0.{port}.{j} {port} {rate * addresses // 2}" for j in (1, 9)]
            plan.append("send")
        path = self.dir / "plan"
        path.write_text("\n".join(plan) + "\n")
        with Collector(self.teiten, self.dir, f"ipc://{self.dir}/link", raw_days=1) as collector:
            feed = Feed(self.teiten, collector.listen, plan=path, catalog=catalog)
            assert feed.wait() == 0 and feed.result["acked"] == feed.result["sent"] == 185, (feed.err, collector.said())
            collector.end()
        want = {port: sum(seen[4, n, port] / (a * up[4, n]) for n, a in sensors) / 3 for port in (22, 23, 80)}
        doc = self.report("--country", "JP", db=collector.db)
        rows = doc["table1"]["rows"]
        assert [r["port"] for r in rows] == sorted(want, key=want.get, reverse=True) == [23, 22, 80]
        assert [r["rate"] for r in rows] == pytest.approx([want[r["port"]] for r in rows])
        packets = {port: sum(seen[4, n, port] for n, _ in sensors) for port in want}
        assert {r["port"]: r["packets"] for r in rows} == packets
        assert sorted(packets, key=packets.get, reverse=True) == [23, 80, 22]  # by packets it would be another order
        assert [r["previous_rank"] for r in rows] == [1, 2, 3]
        share = {n: up[4, n] / 92 for n, _ in sensors}
        assert {s["id"]: s["completeness"] for s in doc["sensors"]} == pytest.approx(share)
        assert doc["completeness"] == pytest.approx(sum(share.values()) / 3)
        assert doc["table1"]["completeness"] < 0.9
        self.shown()
        text = self.browser.run("return document.body.innerText")
        assert "The observation is incomplete" in text
        assert "Sensors whose observation is incomplete: " in text
        for name, n in share.items():
            assert (f"{name} ({n:.1%})".replace("%", " %") in text) == (n < 0.9), (name, text)
        for change in doc["changes"]["rows"]:
            assert change["of"] not in ("service", "region") or "top" in change, change

    HOSTILE = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'`date`$(id)",
               "=HYPERLINK(\"http://192.0.2.1\")", "@SUM(1)", "+1-1", "]]></svg><svg onload=alert(1)>",
               "{{table1.rows.0.packets}}", "\u202egnp.exe", "名前&amp;<b>"]

    def test_hostile_names(self):
        """
        Steps: sensors, networks, watches, title, issuer and contact have names that are markup,
        commands of gnuplot's shell, formulas of spreadsheets, placeholders.
        Verify: the page shows them as they are, runs and loads nothing; SVG and JSON are well
        formed; no field of a CSV begins with what a spreadsheet runs.
        """
        import xml.dom.minidom
        names = self.HOSTILE
        sensors = json.loads((DATA / "sensors.json").read_text())
        for i, s in enumerate(sensors["sensors"]):
            s["name"] = {"en": names[i], "ja": names[i + 4]}
            s["network"] = names[i]
        (self.dir / "sensors.json").write_text(json.dumps(sensors))
        watches = json.loads((ROOT / "config/watches.json").read_text())
        watches["watches"][0]["title"] = {"en": names[2] + names[6], "ja": names[0] + names[9]}
        (self.dir / "watches.json").write_text(json.dumps(watches))
        (self.dir / "report.json").write_text(json.dumps({
            "kind": "report", "v": 1, "country": "JP", "title": {"en": names[0], "ja": names[6]},
            "issuer": {"en": names[1]}, "licence": names[3],
            "contact": {"name": names[0], "email": names[1], "url": "javascript:alert(1)"}}))
        db = self.dir / "hostile.db"
        self.teiten.replay(db, self.shared / "q4.pcap", timezone="Asia/Tokyo",
                           s=self.dir / "sensors.json", watches=self.dir / "watches.json",
                           rir=self.shared / "rir")
        for lang in ("en", "ja"):
            self.report("-c", self.dir / "report.json", "--lang", lang, db=db)
            self.shown()
            assert self.browser.loaded() == []
            assert self.browser.run("return document.scripts.length + document.images.length") == 0
            assert self.browser.run("return [...document.querySelectorAll('*')].filter(e => "
                                    "[...e.attributes].some(a => a.name.startsWith('on'))).length") == 0
            text = self.browser.run("return document.body.innerText")
            for i, s in enumerate(sensors["sensors"]):
                shown = s["name"][lang].replace("\u202e", "\ufffd")
                assert shown in text, shown
            for svg in (self.dir / "out/figures").glob("*.svg"):
                dom = xml.dom.minidom.parse(str(svg))
                assert not dom.getElementsByTagName("script")
            labels = self.browser.run(
                "return [...document.querySelectorAll('#figure3 text')].map(t => t.textContent)")
            assert watches["watches"][0]["title"][lang] in labels
            for table in (self.dir / "out/tables").glob("*.csv"):
                for row in csv.reader(table.open(newline="")):
                    bad = [f for f in row if f[:1] in tuple("=+-@\t\r") and f != "--"]
                    assert not bad, (table, bad)

    def note(self, name, text):
        (self.dir / "notes").mkdir(exist_ok=True)
        (self.dir / "notes" / name).write_text(text)

    def test_notes(self):
        """
        Steps: texts that join and replace sections, of any and of one language, with placeholders,
        raw HTML and links.
        Verify: numbers are those of the tables; HTML is shown as text; replaced sentences are gone.
        """
        self.note("services.md", "# About **ports**\n\nFirst: {{table1.rows.0.packets}} of "
                  "{{ table1.rows.0.name }}, {{table1.rows.0.top_sensor_share}}.\n\n"
                  "<script>alert(1)</script>\n\na <b onclick=x>bold</b> [link](https://example.org/)\n")
        self.note("regions.replace.md", "Instead.\n")
        self.note("regions.replace.ja.md", "代わりに{{table2.rows.0.name}}。\n")
        doc = self.report("--country", "JP", "--notes", self.dir / "notes")
        self.shown()
        first = doc["table1"]["rows"][0]
        text = self.browser.run("return document.getElementById('services').innerText")
        assert f"First: {first['packets']:,} of telnet (23/TCP), " in text
        assert "<script>alert(1)</script>" in text and "<b onclick=x>bold</b>" in text
        assert "The service probed most" in text
        assert self.browser.run("return document.querySelector('#services .note h3').innerHTML") == \
            "About <strong>ports</strong>"
        text = self.browser.run("return document.getElementById('regions').innerText")
        assert "Instead." in text and "Most packets came from" not in text
        self.report("--country", "JP", "--notes", self.dir / "notes", "--lang", "ja")
        self.shown()
        text = self.browser.run("return document.getElementById('regions').innerText")
        assert "代わりに米国（US）。" in text and "Instead." not in text

    @pytest.mark.parametrize("name,text,place,what", [
        ("services.md", "a\nb {{table1.rows.99.packets}}\n", "services.md:2:", "{{table1.rows.99.packets}}"),
        ("services.md", "{{nosuch}}", "services.md:1:", "{{nosuch}}"),
        ("services.md", "{{table1}}", "services.md:1:", "{{table1}}"),
        ("method.md", "x\n\n{{table1.rows", "method.md:3:", "without }}"),
        ("services.md", "x\n\n![i](http://192.0.2.1/x.png)", "services.md:3:", "image"),
        ("services.md", "x [y](javascript:alert)", "services.md:1:", "link"),
        ("ports.md", "x", "ports.md:", "services, regions"),
        ("services.de.md", "x", "services.de.md:", "SECTION[.replace][.en|.ja].md")])
    def test_bad_notes(self, name, text, place, what):
        """
        Steps: placeholders of nothing, images, links that run, files of no section.
        Verify: one line names file and line; nothing is written.
        """
        self.note(name, text)
        line = self.refused("--notes", self.dir / "notes", period="2024-12")
        assert place in line and what in line, line
        assert not (self.dir / "out").exists()
        assert "nosuch-folder" in self.refused("--notes", self.dir / "nosuch-folder")

    def secrets(self):
        sensors = json.loads((DATA / "sensors.json").read_text())["sensors"]
        for s in sensors:
            yield from (s["id"], *s["name"].values(), s["network"])
            for prefix in s["match"]["prefixes"]:
                yield prefix.split("/")[0].rsplit(".", 1)[0] + "."
            yield from s["match"].get("tunnel", {}).get("outer_sources", [])

    def ids(self, *args, **kw):
        doc = self.report("--country", "JP", *args, period="2024-12", **kw)
        return sorted(s["id"] for s in doc["sensors"])

    def test_pseudonyms(self):
        """
        Steps: reports in both languages for two recipients, again, and from another database with
        the same key.
        Verify: no id, name, network or address of a sensor is in any file; the same recipient gets
        the same pseudonyms, the other one others, `changes` too; without a recipient the names are there.
        """
        for lang in ("en", "ja"):
            first = self.ids("--recipient", "isac", "--lang", lang)
            assert len(first) == 4 and all(re.fullmatch("s-[0-9a-z]{10}", i) for i in first)
            written = files(self.dir / "out")
            assert len(written) > 12
            for path in written:
                text = path.read_text()
                found = [s for s in set(self.secrets()) if s in text]
                assert not found, (path, found)
            assert '"address' not in (self.dir / "out/report.json").read_text()  # numbers of addresses
            assert first == self.ids("--recipient", "isac", "--lang", lang)
            assert not set(first) & set(self.ids("--recipient", "another", "--lang", lang))
        self.ids("--lang", "ja")
        assert "国内 ISP A その1" in (self.dir / "out/report.html").read_text()
        config = self.dir / "report.json"
        config.write_text('{"kind":"report","v":1,"pseudonym_key":"sixteen letters or more"}')
        keyed = self.ids("-c", config, "--recipient", "isac")
        for names, args in ((keyed, ("-c", config)), (first, ())):
            told = json.loads(self.teiten.run("teiten", "changes", "--db", self.db, "--period", "2024-12", "--format",
                                              "json", "--recipient", "isac", *args).out)["rows"]
            drivers = {d["key"] for c in told for d in c.get("drivers", {}).get("sensor", [])}
            assert drivers and drivers <= set(names)
        other = self.dir / "other.db"
        self.teiten.replay(other, self.shared / "q4.pcap", timezone="Asia/Tokyo", s=DATA / "sensors.json")
        assert keyed == self.ids("-c", config, "--recipient", "isac", db=other) != first
        assert not set(keyed) & set(self.ids("--recipient", "isac", db=other))
        self.note("services.md", "fine\nseen at jp-isp-a1 only\n")
        line = self.refused("--recipient", "isac", "--notes", self.dir / "notes")
        assert "services.md:2:" in line and "jp-isp-a1" not in line
        self.note("services.md", "このパケットは国内 ISP A その1で")
        assert "services.md:1:" in self.refused("--recipient", "isac", "--notes", self.dir / "notes")

    def test_previous_is_frozen_or_brought(self):
        """
        Steps: publish a quarter with one set of data, add more data of that quarter, report the
        next; bring the ranks by file.
        Verify: the frozen ranks are used, until none are; a file's stand before both.
        """
        db = self.dir / "two.db"
        options = dict(timezone="Asia/Tokyo", s=DATA / "sensors.json", rir=self.shared / "rir")
        self.teiten.replay(db, self.shared / "q3.pcap", **options)
        brought = self.dir / "q3.json"
        self.report("--country", "JP", db=db, period="2024Q3", out=self.dir / "q3")
        shutil.copy(self.dir / "q3/report.json", brought)
        frames = [(bytes(Ether(**MACS) / IP(src=f"203.0.113.{i % 200}", dst="192.0.2.10") /
                         TCP(sport=999, dport=6379, flags="S")), None, (1722500000 + i) * 10**9)
                  for i in range(60000)]
        more = pcap(self.dir / "more.pcap", frames)
        self.teiten.replay(db, self.shared / "q4.pcap", **options)
        computed = self.previous(db)
        self.report("--country", "JP", "--publish", db=db, period="2024Q3")
        self.teiten.replay(db, more, **options)
        assert self.previous(db) == ("published", computed[1])
        assert self.previous(db, "--group", "domestic")[0] == "computed"
        assert self.previous(db, "--group", "domestic")[1] != computed[1]
        assert self.previous(db, "--previous", brought) == ("file", computed[1])

    def previous(self, db, *args):
        doc = self.report("--country", "JP", *args, db=db)
        return doc["previous"]["source"], [r["previous_rank"] for r in doc["table1"]["rows"]]

    def test_bad_input(self):
        """
        Steps: earlier reports that are cut, empty, of another kind, country or period; report.json
        that is wrong; options that are wrong; no gnuplot.
        Verify: one line each names the file and what was expected, and nothing is written.
        """
        self.report("--country", "JP", period="2024Q3")
        good = json.loads((self.dir / "out/report.json").read_text())
        shutil.rmtree(self.dir / "out")
        bad = self.dir / "bad.json"
        for change, what in ((lambda d: d.update(kind="sensors"), "$.kind"),
                             (lambda d: d.update(v=2), "$.v"),
                             (lambda d: d["scope"].update(country="KR"), "$.scope.country"),
                             (lambda d: d.update(timezone="UTC"), "$.timezone"),
                             (lambda d: d["period"].update(to="2024-12-01T00:00:00Z"), "$.period.to"),
                             (lambda d: d["period"].update(to=7), "$.period.to"),
                             (lambda d: d.pop("ranks"), "$.ranks"),
                             (lambda d: d["ranks"].update(services=[1]), "$.ranks")):
            doc = json.loads(json.dumps(good))
            change(doc)
            bad.write_text(json.dumps(doc))
            line = self.refused("--country", "JP", "--previous", bad)
            assert f"{bad}: {what}: is" in line and "expected" in line, line
        for text in ("", "{", json.dumps(good)[:500], "[]", "\0" * 100):
            bad.write_text(text)
            line = self.refused("--country", "JP", "--previous", bad)
            assert str(bad) in line and ":-1" not in line
        bad.write_text('{"kind":"report","v":1,"titel":{}}')
        assert "$.titel" in self.refused("-c", bad)
        bad.write_text('{"kind":"report","v":1,"watches":["nosuch"]}')
        assert "$.watches[0]" in self.refused("-c", bad)
        bad.write_text('{"kind":"report","v":1,"logo":"nosuch.svg"}')
        assert "nosuch.svg" in self.refused("-c", bad)
        for args in (("--lang", "fr"), ("--country", "JPN"), ("--group", "A B"), ("--recipient", ""),
                     ("--group", "nosuch"), ("--country", "XX")):
            assert args[0] in self.refused(*args)
        assert "--period" in self.refused(period="2024Q5")
        file = self.dir / "file"
        file.write_text("")
        assert str(file) in self.refused(out=file / "below")
        done = self.teiten.run("teiten", "report", "--db", self.db, "--period", "2024Q4", "-o",
                               self.dir / "out", ok=False, env={"PATH": str(self.dir)})
        assert done.status == 1 and "gnuplot" in done.messages[0] and len(done.messages) == 1
        assert not (self.dir / "out").exists()

    def test_same_input_same_bytes(self):
        """
        Steps: the same report twice.
        Verify: all files are the same, byte for byte.
        """
        self.report("--country", "JP", out=self.dir / "a")
        self.report("--country", "JP", out=self.dir / "b")
        a = {p.relative_to(self.dir / "a"): p.read_bytes() for p in files(self.dir / "a")}
        b = {p.relative_to(self.dir / "b"): p.read_bytes() for p in files(self.dir / "b")}
        assert a == b and len(a) > 12

    @pytest.mark.smoke
    def test_any_period(self):
        """
        Steps: a month, a year, days.
        Verify: the previous one is as long, the page names both.
        """
        for period, before, head in (("2024-11", "2024-10-01", "Previous month"),
                                     ("2024", "2023-01-01", "Previous year"),
                                     ("2024-10-05..2024-10-12", "2024-09-28", "Previous period")):
            doc = self.report("--group", "domestic", period=period)
            assert doc["previous"]["from_day"] == before
            assert self.shown()["table1"][0][2] == head
