# SPDX-License-Identifier: BSD-3-Clause
"""What the suites of the quarterly report share: two planted quarters in a database, and a browser."""
import json
import shutil
import tempfile
from pathlib import Path

from framework.browser import Browser
from framework.programs import ROOT, Programs
from framework.suite import TestSuite

DATA = ROOT / "dts-tests" / "data" / "findings"


def files(directory):
    return [p for p in Path(directory).rglob("*") if p.is_file()]


class ReportSuite(TestSuite):
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

    def note(self, name, text):
        (self.dir / "notes").mkdir(exist_ok=True)
        (self.dir / "notes" / name).write_text(text)
