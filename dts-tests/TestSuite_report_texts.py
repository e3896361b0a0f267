# SPDX-License-Identifier: BSD-3-Clause
"""Texts that the report takes from others: names, notes, earlier reports; and whom it hides."""
import csv
import json
import re
import shutil

import pytest
from framework.browser import pdf_pages
from framework.programs import ROOT
from framework.report import DATA, ReportSuite, files


class TestReportTexts(ReportSuite):
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

    def test_tables_and_notes_of_a_watch(self):
        """
        Steps: a text with tables (columns that lean, markup, placeholders, HTML in cells, rows too short and too
        long, something that is no table), and texts of one watch, in one language and in any.
        Verify: the page has those cells, aligned so, HTML as text; the watch's text stands in its topic after
        the generated sentences, or instead of them.
        """
        self.note("services.md", "| what | n |\n|:--|--:|\n| **first** <i>x</i> | {{table1.rows.0.packets}} |\n"
                  "| short |\n| a \\| b | 2 | too long |\n\n| no | table\n")
        self.note("watch-dns-reflection-domestic.md", "Asked the *operators*.\n\nnet | open\n---|---\nX | 7\n")
        self.note("watch-dns-reflection-domestic.replace.ja.md", "代わりに。\n")
        doc = self.report("--country", "JP", "--notes", self.dir / "notes")
        self.shown()
        cells = self.browser.run("return [...document.querySelectorAll('#services .note tr')].map(r => "
                                 "[...r.children].map(c => [c.tagName, c.align, c.innerHTML]))")
        n = f"{doc['table1']['rows'][0]['packets']:,}"
        assert cells == [[["TH", "left", "what"], ["TH", "right", "n"]],
                         [["TD", "left", "<strong>first</strong> &lt;i&gt;x&lt;/i&gt;"], ["TD", "right", n]],
                         [["TD", "left", "short"], ["TD", "right", ""]],
                         [["TD", "left", "a | b"], ["TD", "right", "2"]]]
        assert "| no | table" in self.browser.run("return document.querySelector('#services .note').innerText")
        topic = "return document.getElementById('topics').innerText"
        text = self.browser.run(topic)
        heading = doc["topics"][0]["title"]["en"]
        said = doc["sentences"]["topic-dns-reflection-domestic"][0]
        assert text.index(heading) < text.index(said["en"]) < text.index("Asked the operators.")
        assert self.browser.run("return document.querySelector('#topics .note td + td').innerText") == "7"
        self.report("--country", "JP", "--notes", self.dir / "notes", "--lang", "ja")
        self.shown()
        text = self.browser.run(topic)
        assert "代わりに。" in text and said["ja"] not in text and "operators" not in text
        self.note("services.replace.md", "x")
        line = self.refused("--country", "JP", "--notes", self.dir / "notes")
        assert "services.replace.md: is the text of services, and so is services.md" in line

    @pytest.mark.parametrize("lang", ["en", "ja"])
    def test_nothing_runs_out_of_the_page(self, lang):
        """
        Steps: names, a title and a note's table have long words without a blank; the page on a phone, a laptop and
        on paper.
        Verify: nothing is wider than the screen or the sheet (which would make the whole print smaller); a table of
        60 rows goes on over sheets with its head repeated.
        """
        word = "https://example.org/" + "/".join(["no-blank"] * 20) + "x" * 90
        self.note("services.md", f"{word}\n\n- {word}\n\n| Product | n | Note |\n|---|--:|---|\n"
                  f"| Recorder, 1.2.3 to 1.2.9 | 1,204 | {word} |\n")
        self.note("topics.md", "| Network | Addresses |\n|:--|--:|\n" + "".join(
            f"| Network number {i} | {i} |\n" for i in range(60)))
        (self.dir / "report.json").write_text(json.dumps({
            "kind": "report", "v": 1, "country": "JP", "title": {"en": "x" * 120}, "issuer": {"en": "y" * 120},
            "contact": {"name": "Desk", "url": word}, "tlp": "AMBER"}))
        self.report("-c", self.dir / "report.json", "--notes", self.dir / "notes", "--lang", lang)
        self.shown()
        assert [self.browser.overflow(*w) for w in ((390,), (1280,), (665, "print"))] == [0, 0, 0]
        pages, _ = pdf_pages(self.browser.pdf(self.dir / "out.pdf"))
        rows = [i for i, p in enumerate(pages) for _ in re.findall("Network number", p)]
        assert len(rows) == 60 and len(set(rows)) > 1
        assert all(re.search(r"Network\s+Addresses", pages[i]) for i in set(rows))

    @pytest.mark.parametrize("name,text,place,what", [
        ("services.md", "a\nb {{table1.rows.99.packets}}\n", "services.md:2:", "{{table1.rows.99.packets}}"),
        ("services.md", "{{nosuch}}", "services.md:1:", "{{nosuch}}"),
        ("services.md", "{{table1}}", "services.md:1:", "{{table1}}"),
        ("method.md", "x\n\n{{table1.rows", "method.md:3:", "without }}"),
        ("services.md", "x\n\n![i](http://192.0.2.1/x.png)", "services.md:3:", "image"),
        ("services.md", "x [y](javascript:alert)", "services.md:1:", "link"),
        ("ports.md", "x", "ports.md:", "services, regions"),
        ("services.de.md", "x", "services.de.md:", "SECTION[.replace][.en|.ja].md"),
        ("watch-nosuch.md", "x", "watch-nosuch.md:", "watch-dns-reflection-domestic"),
        ("services.md", "a | b\n--|--\n{{nosuch}} | 1\n", "services.md:3:", "{{nosuch}}"),
        ("services.md", "a | b\n--|--\n![i](x.png) | 1\n", "services.md:", "image")])
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
                             (lambda d: d.pop("ranks"), "$.ranks.services"),
                             (lambda d: d["ranks"].update(services=[1]), "$.ranks.services[0]")):
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
