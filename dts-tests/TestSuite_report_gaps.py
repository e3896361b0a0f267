# SPDX-License-Identifier: BSD-3-Clause
"""The report of what was not, or not all, observed: no data, no country, sensors that were down."""
import json
import shutil
import sqlite3
from collections import Counter
from datetime import date, datetime, timedelta, timezone

import pytest
from framework.capture import MACS, START, pcap
from framework.collector import Collector
from framework.peers import Feed
from framework.report import ReportSuite, files
from scapy.all import IP, TCP, Ether


class TestReportGaps(ReportSuite):
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
        assert text.count("No sensor was up in this period.") == 1
        assert "No packets of this kind" not in text and "No such packets were observed" not in text
        assert doc["scope"]["sensors"] == 3  # of the country, none of them up
        assert self.browser.run("return document.querySelectorAll('figure').length") == 0
        assert self.browser.run("return [...document.querySelectorAll('a[href^=\"#\"]')].filter("
                                "a => !document.getElementById(a.hash.slice(1))).length") == 0
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

    def test_steps_of_clocks(self):
        """
        Steps: the same database, of which probes' clocks were set back once and jumped ahead six times.
        Verify: report.json has what `top` tells of them, the notes on data the furthest five, and how many
        more; a recipient gets neither the probe nor its boot.
        """
        db = self.dir / "clock.db"
        shutil.copy(self.db, db)
        at = 1730775840  # 2024-11-05T03:04:00Z
        with sqlite3.connect(db) as c:
            id_, probe, boot = c.execute("SELECT id, probe, printf('%016x', boot) FROM boot").fetchone()
            c.executemany("INSERT INTO clock_step(boot, before, after, next) VALUES (?, ?, ?, ?)",
                          [(id_, at, at - 3600, "00000000000000bb")] +
                          [(id_, at + i * 86400, at + i * 86400 + 30 * i, None) for i in range(1, 7)] +
                          [(id_, at - 100 * 86400, at - 99 * 86400, None)])  # before the quarter
        c.close()
        top = self.teiten.top(db, "port", period="2024Q4", country="JP")
        for lang, first, second, more in (
                ("en", f"The clock of the probe {probe} was set back by 3,600 s at 2024-11-05 12:04: that time "
                 "came twice, and counts once as up-time.",
                 f"The clock of the probe {probe} jumped ahead by 180 s at 2024-11-11 12:04: there is no data of "
                 "that while.", "There are more such steps of clocks: 2."),
                ("ja", f"プローブ「{probe}」の時計は、2024-11-05 12:04に3,600秒戻されました。重複した時間帯は、"
                 "稼働時間として1回だけ数えています。",
                 f"プローブ「{probe}」の時計は、2024-11-11 12:04に180秒進みました。この間のデータはありません。",
                 "このほかにも、プローブの時計が連続しなかった箇所があります（2回）。")):
            doc = self.report("--country", "JP", "--lang", lang, db=db)
            assert doc["clock_steps"] == top["clock_steps"] and len(top["clock_steps"]) == 7
            self.shown()
            notes = self.browser.run("return [...document.querySelectorAll('.method li')].map(x => x.innerText)")
            assert notes[-6:-4] == [first, second] and notes[-1] == more
        doc = self.report("--country", "JP", "--recipient", "isac", db=db)
        told = doc["clock_steps"]
        assert {x["probe"][:2] for x in told} == {"p-"} and {x["boot"][:2] for x in told} == {"b-"}
        hidden = self.teiten.top(db, "port", period="2024Q4", country="JP", recipient="isac")["clock_steps"]
        assert hidden == told
        for path in files(self.dir / "out"):
            assert boot not in path.read_text() and "00000000000000bb" not in path.read_text(), path
        before = self.report("--country", "JP", db=db, period="2024Q3")["clock_steps"]
        assert [x["before"] for x in before] == ["2024-07-28T03:04:00Z"]

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
        watches = self.dir / "watches.json"
        watches.write_text(json.dumps({"kind": "watches", "v": 1, "watches": [
            {"name": "ssh", "where": {"class": ["scan"], "ports": ["tcp/22"]}, "measure": "packets",
             "by": ["sensor", "network", "group", "port"]}]}))
        with Collector(self.teiten, self.dir, f"ipc://{self.dir}/link", raw_days=1,
                       watches=str(watches)) as collector:
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
        self.no_data_is_null(collector.db, {name: {day for day in days if state(name, day) == 0}
                                            for name, _ in sensors}, rates, dict(sensors))

    def no_data_is_null(self, db, up, rates, addresses):
        """Of a sensor, a network or a group by day: null where none of its sensors was up, else what it saw."""
        first = date(2024, 10, 1)
        days = [first + timedelta(n) for n in range(92)]

        def check(points, names, ports, key):
            assert len(points) == 92
            for day, point in zip(days, points):
                those = [n for n in names if day in up[n]]
                want = sum(rates[n][p] * addresses[n] for n in those for p in ports) if those else None
                assert point["packets"] == want, (key, day)
                assert (point["sources"] is None) == (point["bytes"] is None) == (want is None)
                assert point["completeness"] == (pytest.approx(len(those) / len(names)) if those else None), (key, day)
        period = {"from": "2024-10-01", "to": "2025-01-01"}
        series = self.teiten.series(db, by="sensor", step="day", **period)
        assert {r["key"]["sensor"] for r in series["rows"]} == set(up)
        for row in series["rows"]:
            check(row["points"], [row["key"]["sensor"]], (22, 23, 80), row["key"])
        done = self.teiten.run("teiten", "watch", "show", "ssh", "--db", db, "--from", period["from"],
                               "--to", period["to"], "--format", "json")
        watch = json.loads(done.out)
        check(watch["days"], list(up), (22,), "whole")
        parts = {"sensor": {n: [n] for n in up}, "network": {"isp": ["isp-a1", "isp-a2"], "cloud": ["cloud"]},
                 "group": {"g": list(up)}, "port": {"tcp/22": list(up)}}
        for by, of in parts.items():
            assert {p["key"] for p in watch["by"][by]} == set(of)
            for part in watch["by"][by]:
                check(part["days"], of[part["key"]], (22,), (by, part["key"]))
