# SPDX-License-Identifier: BSD-3-Clause
"""The quarterly report: what the page shows, in a browser and on paper, against `teiten top`."""
import csv
import io
import json
import re
import shutil
from collections import Counter

import pytest
from framework.browser import pdf_pages
from framework.capture import MACS, START, pcap
from framework.report import DATA, ReportSuite, files
from scapy.all import IP, TCP, UDP, Ether

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

class TestReport(ReportSuite):
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

    def test_everything_is_what_its_command_prints(self):
        """
        Steps: report; ask series, watch show, changes and top for the same.
        Verify: figures, topic, changes, classes, tools and families are exactly theirs; a figure's days add up to
        its table; no part of a topic has more sources than all of it, or than packets.
        """
        doc = self.report("--country", "JP")
        span = dict(period="2024Q4", country="JP")

        def told(*args, **kw):
            return json.loads(self.teiten.run("teiten", *args, "--db", self.db, "--period", "2024Q4", "--format", "json",
                                              *(x for k, v in kw.items() for x in ("--" + k, v))).out)

        for n, by, more in (("1", "port", {"icmp": "one"}), ("2", "region", {})):
            rows = [r for r in doc["table" + n]["rows"] if r["rank"]]
            series = {self.key(r["key"]): r["points"] for r in told(
                "series", "-n", str(len(rows)), by=by, step="day", rank="rate", country="JP", **more)["rows"]}
            for row in doc["figure" + n]["rows"]:
                assert row["points"] == series[self.key(row["key"])]
            assert [sum(p["packets"] for p in series[self.key(r)]) for r in rows] == [r["packets"] for r in rows]
        topic, watch = doc["topics"][0], told("watch", "show", "dns-reflection-domestic")
        assert {k: topic[k] for k in watch} == watch
        for row, name in zip(doc["figure3"]["rows"], ("plain_sources", "sources")):
            assert [p["sources"] for p in row["points"]] == [d[name] for d in watch["days"]]
        for parts in watch["by"].values():
            for part in parts:
                assert part["sources"] <= min(watch["sources"], part["packets"])
                for day, all_ in zip(part["days"], watch["days"]):
                    assert day["sources"] <= min(day["packets"], all_["sources"])
        changes = [{k: v for k, v in c.items() if k != "published"} for c in doc["changes"]["rows"]]
        assert changes == told("changes", country="JP", rank="rate")["rows"] != []
        for got, by, options in ((doc["overview"]["classes"], "class", {"class_": "all"}),
                                 (doc["tools"]["rows"], "tool", {"rank": "rate"}),
                                 (doc["malware"]["rows"], "malware", {"rank": "rate", "n": 10})):
            rows = [r for r in self.teiten.top(self.db, by, **span, **options)["rows"]
                    if r.get("class") not in ("malformed", "non_ip")]
            assert [{k: r[k] for k in want} for r, want in zip(got, rows)] == rows and len(got) == len(rows) > 1

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

    @pytest.mark.parametrize("lang, more, sensor", [("en", "2 more", "Cloud X, Singapore"), ("ja", "ほか2件", "クラウド X シンガポール")])
    def test_a_topic_is_broken_down(self, lang, more, sensor):
        """
        Steps: annotate sources of the watch with a dozen of products; report.
        Verify: the page shows what the watch is asked to count by, the first ten of each, and products with how
        many open sources have them, counted in Python; CSVs have all of it; the watch's surges are told in its
        section, and the section of services refers to it once.
        """
        watch, db = "dns-reflection-domestic", self.dir / "v.db"
        shutil.copy(self.db, db)
        ask = ("--db", db, "--period", "2024Q4", "--format")
        rows = csv.DictReader(io.StringIO(self.teiten.run("teiten", "watch", "sources", watch, *ask, "csv").out))
        verdicts = {a: (i % 5 != 0, f"product {i % 12:02}") for i, a in enumerate(dict.fromkeys(r["source"] for r in rows))}
        (self.dir / "v.csv").write_text("address,date,open,product\n" + "".join(
            f"{a},2024-12-17,{'yes' if is_open else 'no'},{product}\n" for a, (is_open, product) in verdicts.items()))
        self.teiten.run("teiten", "annotate", "--db", db, "--watch", watch, self.dir / "v.csv")
        doc = self.report("--country", "JP", "--lang", lang, db=db)
        tables = self.shown()
        want = list(Counter(product for is_open, product in verdicts.values() if is_open).items())
        want.sort(key=lambda x: (-x[1], x[0]))
        total = sum(n for _, n in want)
        shown = tables[f"products-{watch}"][1:]
        assert [(r[0], int(r[1])) for r in shown[:10]] == want[:10] and shown[10][0] == more and len(shown) == 11
        assert all(abs(float(r[2].rstrip(" %\xa0")) - 100 * n / total) < 0.06 for r, (_, n) in zip(shown[:10], want))
        books = json.loads(self.teiten.run("teiten", "watch", "show", watch, *ask, "json").out)
        assert doc["topics"][0]["by"] == books["by"]
        for by in ("sensor", "network", "trait", "asn"):
            cells = tables[f"by-{by}-{watch}"][1:]
            assert [[number(c[1]), number(c[3])] for c in cells[:10]] == \
                [[p["packets"], p["sources"]] for p in books["by"][by][:10]], by
        assert not any(key.startswith(("by-region", "by-port")) for key in tables)
        assert tables[f"by-sensor-{watch}"][1][0] == sensor
        with open(self.dir / "out/tables/topics-parts.csv", newline="") as f:
            assert [(r["by"], r["key"], int(r["packets"])) for r in csv.DictReader(f)] == \
                [(by, p["key"], p["packets"]) for by, parts in books["by"].items() for p in parts]
        with open(self.dir / "out/tables/topics-products.csv", newline="") as f:
            assert [(r["watch"], r["product"], int(r["sources"])) for r in csv.DictReader(f)] == [(watch, *x) for x in want]
        told = {s: [x[lang] for x in doc["sentences"].get(s, []) if "53/UDP" in x[lang]] for s in ("services", "changes")}
        assert [len(x) for x in told.values()] == [1, 0]
        assert {"en": "Figure 3", "ja": "図3"}[lang] in told["services"][0] and "2024" not in told["services"][0]
        first = {"en": "5 December", "ja": "12月5日"}[lang]
        assert sum(first in x[lang] for x in doc["sentences"][f"topic-{watch}"]) == 1

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
        assert self.browser.run("return [...document.querySelectorAll('a[href^=\"#\"]')].filter("
                                "a => !document.getElementById(a.hash.slice(1))).length") == 0
        assert self.browser.run("return document.querySelectorAll('svg path').length") > 100
        assert self.browser.run("return document.querySelectorAll('svg[role=img] > title').length") == 3
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
        the second on are numbered; each has the TLP label at its head and foot; the contact is named in the
        page's language.
        """
        config = self.dir / "report.json"
        config.write_text(json.dumps({
            "kind": "report", "v": 1, "title": {"en": "Sensor Watch", "ja": "観測報告"},
            "issuer": {"en": "Example CERT", "ja": "例示CERT"}, "country": "JP",
            "contact": {"name": {"en": "Desk", "ja": "観測担当"}, "email": "desk@example.org"},
            "date": "2025-02-04", "licence": "CC BY 4.0", "tlp": "AMBER+STRICT"}))
        doc = self.report("-c", config, "--lang", lang)
        self.shown()
        pages, size = pdf_pages(self.browser.pdf(self.dir / "out.pdf"))
        assert size == (595, 842)
        for text in (doc["title"][lang], doc["issuer"][lang], "desk@example.org", "CC BY 4.0",
                     doc["contact"]["name"][lang], {"en": "4 February 2025", "ja": "2025年2月4日"}[lang]):
            assert text in pages[0]
        assert [p.count("TLP:AMBER+STRICT") for p in pages] == [3] + [2] * (len(pages) - 1)
        assert "2." not in pages[0] and re.search(r"^\s*2\s+TLP:", pages[1], re.M)
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
               "The largest shares of the increase came from the United States (US) (",
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

    def test_a_rise_stands_beside_what_was_published(self):
        """
        Steps: services.json names three vulnerabilities of a port that rises; the catalogue lists one of them
               in the quarter, one before and one after it.
        Verify: the rise and its sentences tell the first and its day; no other change tells one; teiten changes
        says the same in each format, and nothing of it without the catalogue.
        """
        cves = {"CVE-2024-0001": "2024-11-20", "CVE-2024-0002": "2024-09-30", "CVE-2024-0003": "2025-01-01"}
        (self.dir / "services.json").write_text(json.dumps({"kind": "services", "v": 1, "services": [
            {"proto": "tcp", "port": 5555, "name": "adb", "cves": list(cves), "source": "by hand"}]}))
        (self.dir / "kev.json").write_text(json.dumps({
            "title": "a catalogue", "catalogVersion": "2025.01.02", "dateReleased": "2025-01-02T10:00:00Z", "count": 3,
            "vulnerabilities": [{"cveID": cve, "vendorProject": "Example", "product": "Device", "dateAdded": day,
                                 "vulnerabilityName": cve, "shortDescription": "", "cwes": [],
                                 "knownRansomwareCampaignUse": "Unknown"} for cve, day in cves.items()]}))
        doc = self.report("--country", "JP", "--kev", self.dir / "kev.json", "--services", self.dir / "services.json")
        told = {(c["kind"], c["key"]): [(e["cve"], e["exploited"]) for e in c["published"]]
                for c in doc["changes"]["rows"] if c.get("published")}
        assert told.pop(("rise", "tcp/5555")) == [("CVE-2024-0001", "2024-11-20")]
        assert {key for _, key in told} <= {"tcp/5555"}  # its newcomers' rows
        for lang, start, end in (
                ("en", "Packets to adb (5555/TCP) rose ",
                 " CISA listed CVE-2024-0001 (Example Device) as exploited on 20 November 2024."),
                ("ja", "adb（5555/TCP）宛のパケットは、", "対象期間中の2024年11月20日に、CVE-2024-0001"
                 "（Example Device）が、悪用の確認された脆弱性としてCISAにより公表されました。")):
            with_it = [t[lang] for t in doc["sentences"]["services"] if "CVE-" in t[lang]]
            assert len(with_it) == 1 and with_it[0].startswith(start) and with_it[0].endswith(end), with_it

        ask = ("changes", "--db", self.db, "--period", "2024Q4", "--country", "JP", "--rank", "rate", "--format")
        with_kev = ("--kev", self.dir / "kev.json", "--services", self.dir / "services.json")
        rows = json.loads(self.teiten.run("teiten", *ask, "json", *with_kev).out)["rows"]
        assert rows == doc["changes"]["rows"]
        table = self.teiten.run("teiten", *ask, "table", *with_kev).out
        assert table.count("CVE-") == 1
        assert table.endswith("\ntcp/5555: CVE-2024-0001 (Example Device), exploited since 2024-11-20\n"), table
        rows = list(csv.DictReader(io.StringIO(self.teiten.run("teiten", *ask, "csv", *with_kev).out)))
        assert {r["key"]: r["published"] for r in rows if r["published"]} == {"tcp/5555": "CVE-2024-0001 2024-11-20"}
        for form in ("json", "csv", "table"):
            assert not {"CVE-", "published"} & set(re.findall(r"CVE-|published", self.teiten.run("teiten", *ask, form).out))

    def test_only_answers_tell_of_spoofed_addresses(self):
        """
        Steps: on one day scans of a port, and DNS answers, reach one of two networks; a watch for each.
        Verify: both are told as seen by that network alone; that its addresses were being spoofed is
        told of the answers only.
        """
        sensors = [{"id": name, "network": name.upper(), "match": {"prefixes": [prefix]}}
                   for name, prefix in (("one", "192.0.2.0/30"), ("two", "198.51.100.0/30"))]
        (self.dir / "sensors.json").write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": sensors}))
        wheres = {"scans": {"class": ["scan"], "ports": ["tcp/9999"]},
                  "answers": {"class": ["reflection"], "ports": ["udp/53"]}}
        (self.dir / "watches.json").write_text(json.dumps({"kind": "watches", "v": 1, "watches": [
            {"name": name, "where": where, "surge": {"min": 10, "factor": 5}} for name, where in wheres.items()]}))
        answer = bytes.fromhex("123481800001000000000000") + b"\x07example\x03org\x00\x00\x01\x00\x01"
        frames = [(bytes(Ether(**MACS) / IP(src="203.0.113.1", dst=to) / TCP(sport=999, dport=23, flags="S")),
                   None, (START + day * 86400) * 10**9)
                  for day in range(60) for to in ("192.0.2.1", "198.51.100.1")]
        for i in range(1, 200):
            for inner in (TCP(sport=999, dport=9999, flags="S"), UDP(sport=53, dport=999) / answer):
                frames.append((bytes(Ether(**MACS) / IP(src=f"203.0.113.{i}", dst="192.0.2.2") / inner),
                               None, (START + 50 * 86400 + i) * 10**9))
        db = self.dir / "one.db"
        self.teiten.replay(db, pcap(self.dir / "one.pcap", sorted(frames, key=lambda f: f[2])),
                           s=self.dir / "sensors.json", watches=self.dir / "watches.json")
        doc = self.report(db=db, period="2024-12-18..2025-02-16")
        assert {t["watch"]: t["class"] for t in doc["topics"]} == {n: w["class"] for n, w in wheres.items()}
        assert {t["watch"]: [s["only"] for s in t["surges"]] for t in doc["topics"]} == {"scans": ["ONE"], "answers": ["ONE"]}
        for watch, spoofed in (("scans", False), ("answers", True)):
            for lang, word in (("en", "spoofed"), ("ja", "詐称")):
                text = " ".join(s[lang] for s in doc["sentences"][f"topic-{watch}"])
                assert "ONE" in text and (word in text) == spoofed, text

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

    def test_same_input_same_bytes(self):
        """
        Steps: in each language the same report, again while it is published, and after that, into other
        folders, under another time zone and locale of the machine.
        Verify: all files are the same, byte for byte.
        """
        db = self.dir / "same.db"
        shutil.copy(self.db, db)
        for lang in ("en", "ja"):
            written = []
            for i, (more, env) in enumerate((((), {}), (("--publish",), {"TZ": "America/Lima", "LC_ALL": "C.UTF-8"}),
                                             ((), {"TMPDIR": str(self.dir)}))):
                out = self.dir / lang / str(i)
                self.teiten.run("teiten", "report", "--db", db, "--period", "2024Q4", "--country", "JP", "--lang",
                                lang, "-o", out, *more, env=env)
                written.append({str(p.relative_to(out)): p.read_bytes() for p in files(out)})
            assert len(written[0]) > 12
            for other in written[1:]:
                assert other.keys() == written[0].keys()
                assert [name for name in other if other[name] != written[0][name]] == []

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
