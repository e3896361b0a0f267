# SPDX-License-Identifier: BSD-3-Clause
"""Transcripts in README.md and docs/cli.md: what they show is what the programs print."""
import re
import shlex

from framework.programs import ROOT
from framework.suite import TestSuite

# those that read a database; the others need a site, a clock or keys
READERS = ("top", "series", "report", "changes", "show", "sql", "watch")


def transcripts(text):
    """(command, what it prints) of every `$ teiten ...` in a document's blocks."""
    for block in re.findall(r"^```\n(.*?)^```", text, re.M | re.S):
        for part in re.split(r"^\$ (?=teiten )", block, flags=re.M)[1:]:
            command, _, shown = part.replace("\\\n", "").partition("\n")
            yield command, shown


def lines(text):
    return [line.rstrip() for line in text.rstrip().splitlines()]


def shows(shown, printed):
    """Whether lines were printed as shown, where "..." stands for any text, and as a line for any lines."""
    def pattern(line):
        return r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(re.escape("..."), ".*") + "\n"
    return re.fullmatch("".join(map(pattern, lines(shown))), "\n".join(lines(printed)) + "\n") is not None


class TestDocs(TestSuite):
    def test_transcripts_are_what_is_printed(self):
        """
        Steps: generate and replay the demo's two quarters; run every command on them that README.md and
               docs/cli.md show.
        Verify: it prints what they show.
        """
        demo = self.dir / "build/demo"
        demo.mkdir(parents=True)
        (self.dir / "config").symlink_to(ROOT / "config")
        conf, db = ROOT / "config/demo", demo / "demo.db"
        self.teiten.gen("--scenario", conf / "scenario.json", "--sensors", conf / "sensors.json",
                        "--write-rir", demo / "rir", demo / "q3.pcap", demo / "q4.pcap")
        self.teiten.replay(db, demo / "q3.pcap", demo / "q4.pcap", timezone="Asia/Tokyo", s=conf / "sensors.json",
                           rir=demo / "rir", watches=ROOT / "config/watches.json")
        (self.dir / "q.db").symlink_to(db)
        ran = set()
        for doc in ("README.md", "docs/cli.md"):
            for command, shown in transcripts((ROOT / doc).read_text()):
                args = shlex.split(command)[1:]
                if args[0] not in READERS:
                    continue
                printed = self.teiten.run("teiten", *args, cwd=self.dir).out
                assert shows(shown, printed), f"{doc}: $ {command}\n{printed}"
                ran.add(args[0])
        assert ran == set(READERS)
