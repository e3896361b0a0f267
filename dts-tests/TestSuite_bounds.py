# SPDX-License-Identifier: BSD-3-Clause
"""Who drove a change, where raw batches are gone and tables know the heaviest alone."""
import json
from datetime import date, datetime, timedelta, timezone

from framework.collector import Collector
from framework.peers import Feed
from framework.site import wait_for
from framework.suite import TestSuite


class TestBounds(TestSuite):
    DAYS = [date(2024, 9, 1) + timedelta(n) for n in range(60)]
    SURGE = DAYS[50:53]
    NETWORKS = 60  # AS 64500 + n is 11.0.n.0/24
    DROVE = {7: 600, 8: 300}  # packets of a surge day, besides the usual three

    def fill(self, **conf):
        (self.dir / "asn.csv").write_text("".join(
            f"11.0.{n}.0,11.0.{n}.255,{64500 + n},Net {n}\n" for n in range(self.NETWORKS)))
        plan = ["sensors s"]
        for day in self.DAYS:
            begin = int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp())
            plan += [f"state {begin + h * 3600} 0 0 100" for h in range(24)]
            for n in range(self.NETWORKS):
                packets = 3 + (self.DROVE.get(n, 0) if day in self.SURGE else 0)
                plan.append(f"scan {begin + n % 24 * 3600} 0 11.0.{n}.1 445 {packets}")
            plan.append("send")
        (self.dir / "plan").write_text("\n".join(plan) + "\n")
        with Collector(self.teiten, self.dir, f"ipc://{self.dir}/link", asn=str(self.dir / "asn.csv"), **conf) as c:
            feed = Feed(self.teiten, c.listen, plan=self.dir / "plan")
            assert feed.wait() == 0 and feed.result["acked"] == len(self.DAYS), (feed.err, c.said())
            c.end()
        if conf["raw_days"] == 1:  # of the newest data; tables are settled first, then a start drops raw
            for what, most in (("segment", 0), ("raw", 2)):
                def left():
                    return int(self.teiten.sql(c.db, f"SELECT count(*) AS n FROM {what}")[0]["n"])
                with c:
                    wait_for(lambda: left() <= most, 120, lambda: f"{left()} of {what}: {c.said()}")
                    c.end()
        return c.db

    def surge(self, db):
        done = self.teiten.run("teiten", "changes", "--db", db, "--period", "2024-10-01..2024-10-31", "--format", "json")
        rows = [r for r in json.loads(done.out)["rows"] if (r["of"], r["kind"], r["key"]) == ("service", "surge", "tcp/445")]
        assert len(rows) == 1, done.out
        return rows[0]

    def test_drivers_told_from_rollups(self):
        """
        Steps: sixty AS that send alike each day, two of them two hundred times as much on three days; changes while
               raw is there, and from a database whose raw is gone.
        Verify: with raw the two have their shares exactly; without it "at least", no more than that and more than
                half of it, and no AS is named that did not drive it; the table writes >=.
        """
        raw = self.fill(raw_days=36600, name="raw")
        true = {f"AS{64500 + n}": more / sum(self.DROVE.values()) for n, more in self.DROVE.items()}

        def told(row):
            return {d["key"]: (d["share"], bool(d.get("at_least"))) for d in row["drivers"]["asn"]}
        exact = told(self.surge(raw))
        assert {k: (round(s, 6), least) for k, (s, least) in exact.items()} == \
            {k: (round(s, 6), False) for k, s in true.items()}
        db = self.fill(raw_days=1, name="gone")
        bounded = told(self.surge(db))
        assert bounded and bounded.keys() <= true.keys() and "AS64507" in bounded, bounded
        for key, (share, least) in bounded.items():
            assert least and true[key] / 2 < share <= true[key] + 1e-9, bounded
        text = self.teiten.run("teiten", "changes", "--db", db, "--period", "2024-10-01..2024-10-31").out
        assert "≥" in text or ">=" in text
