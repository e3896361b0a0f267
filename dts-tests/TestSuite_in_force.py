# SPDX-License-Identifier: BSD-3-Clause
"""What a running collector judges by: bad new files leave the set in force, good ones take its place."""
import json
import os
import signal
import time
from itertools import groupby

import pytest
from framework import inputs
from framework.collector import Collector
from framework.inputs import BY_NAME
from framework.peers import Feed
from framework.site import wait_for
from framework.suite import TestSuite


class TestInForce(TestSuite):
    # kind, its file beside the right one, how a source is judged (key of a row), and what a right file says next
    KINDS = {
        "asn": ("asn", lambda data: data.replace(b"64500", b"64999"), 64500, 64999),
        "rir": ("region", lambda data: data.replace(b"apnic|JP|ipv4", b"apnic|TW|ipv4"), "JP", "TW"),
        "scanner-list": ("surveyor", lambda data: b"192.0.2.0/24\n", True, False),
    }

    def put(self, kind, data):
        """In one step, as a script should."""
        (self.dir / "new").write_bytes(data)
        os.replace(self.dir / "new", self.dir / kind.name / kind.file)

    def start(self):
        for name in self.KINDS:
            (self.dir / name).mkdir()
            kind = BY_NAME[name]
            self.put(kind, kind.data if name != "scanner-list" else b"11.0.0.0/24\n")
        (self.dir / "watches.json").write_text(self.watches("one"))
        self.sent = 0
        return Collector(self.teiten, self.dir, f"ipc://{self.dir}/link", asn=str(self.dir / "asn/asn.csv"),
                         rir=str(self.dir / "rir"), scanners=str(self.dir / "scanner-list"),
                         watches=str(self.dir / "watches.json"))

    @staticmethod
    def watches(*names):
        return json.dumps({"kind": "watches", "v": 1, "watches": [
            {"name": n, "where": {"class": ["scan"], "ports": ["tcp/23"]}} for n in names]})

    def send(self, collector):
        """One packet of a source of its own, acknowledged; the source."""
        self.sent += 1
        source = f"11.0.0.{self.sent}"
        plan = self.dir / "plan"
        plan.write_text(f"sensors s\nscan {int(time.time()) // 3600 * 3600} 0 {source} 23 1\nsend\n")
        feed = Feed(self.teiten, collector.listen, plan=plan, boot=f"{self.sent:016x}")
        assert feed.wait() == 0 and feed.result["acked"] == 1, (feed.err, collector.said())
        return source

    def judged(self, collector, how, source):
        if how == "surveyor":
            return bool(self.teiten.top(collector.db, "source", source=source, surveyors="only")["rows"])
        return self.teiten.top(collector.db, how, source=source)["rows"][0][how]

    def lines(self, collector, text):
        """What was said of each reading. One line twice is one file twice: by itself before SIGHUP was seen."""
        return [line for line, _ in groupby(line for line in collector.said().splitlines() if text in line)]

    def told(self, collector, text, n):
        wait_for(lambda: len(self.lines(collector, text)) >= n, 30, collector.said)
        assert len(self.lines(collector, text)) == n, collector.said()

    @pytest.mark.parametrize("name", KINDS)
    def test_bad_files_leave_the_set_in_force(self, name):
        """
        Steps: a running collector; its file of AS, delegations or scanners' prefixes is replaced by noise, nothing,
               its beginning, a file of another kind and one that contradicts itself, each told by SIGHUP, the last
               found by itself; a packet after each; then a right one, found by itself; a packet.
        Verify: one line for each that names the file; packets are judged by the old set, then by the new one; what
                was judged stays so; every packet is there.
        """
        kind, (how, change, old, new) = BY_NAME[name], self.KINDS[name]
        with self.start() as collector:
            right = (self.dir / name / kind.file).read_bytes()
            before = [self.send(collector)]
            bad = [b"\xff\0noise", b"", kind.data[:inputs.cut_points(kind)[1]], BY_NAME["kev"].data, *kind.against]
            for i, data in enumerate(bad):
                self.put(kind, data)
                if i < len(bad) - 1:
                    collector.process.send_signal(signal.SIGHUP)
                self.told(collector, "; the set in force stays", i + 1)
                before.append(self.send(collector))
            assert "read again" not in collector.said()
            self.put(kind, change(right))
            self.told(collector, "were read again", 1)
            after = self.send(collector)
            lines = self.lines(collector, "stays")
            assert len(lines) == len(bad) and all(str(self.dir / name) in line for line in lines), lines
            assert [self.judged(collector, how, s) for s in before] == [old] * len(before)
            assert self.judged(collector, how, after) == new
            collector.end()
        assert self.teiten.top(collector.db, "class")["rows"][0]["packets"] == self.sent

    def test_bad_watches_leave_those_in_force(self):
        """
        Steps: the same with watches, which SIGHUP has read; the last file has a second watch.
        Verify: the first goes on counting through all of it; the second counts from when it was put there.
        """
        kind = BY_NAME["watches"]
        with self.start() as collector:
            self.send(collector)
            bad = [b"\xff\0noise", b"", self.watches("one").encode()[:40], BY_NAME["kev"].data, *kind.against]
            for i, data in enumerate(bad):
                (self.dir / "watches.json").write_bytes(data)
                collector.process.send_signal(signal.SIGHUP)
                self.told(collector, "; the watches in force stay", i + 1)
                self.send(collector)
            (self.dir / "watches.json").write_text(self.watches("one", "two"))
            collector.process.send_signal(signal.SIGHUP)

            def listed():
                return self.teiten.run("teiten", "watch", "list", "--db", collector.db).out
            wait_for(lambda: "two: " in listed(), 30, listed)
            self.send(collector)
            collector.end()

        def counted(name):
            done = self.teiten.run("teiten", "watch", "show", name, "--db", collector.db, "--format", "json")
            return json.loads(done.out)["packets"]
        assert (counted("one"), counted("two")) == (self.sent, 1)

    def test_large_files_are_read_beside(self):
        """
        Steps: a million rows of AS in place of three; SIGHUP; packets until they are in force; again with
               others, up to eight times, until there was time for three packets meanwhile.
        Verify: packets are acknowledged meanwhile, judged by the old set; the first one after by the new.
        """
        rows = b"".join(b"%d.%d.%d.0,%d.%d.%d.255,64999,Name of a network\n" % (a, b, c, a, b, c)
                        for a in range(11, 27) for b in range(256) for c in range(256))
        meanwhile, old, again = 0, 64500, "were read again"
        with self.start() as collector:
            for new in range(64991, 64999):
                before, during = collector.said().count(again), []
                self.put(BY_NAME["asn"], rows.replace(b",64999,", b",%d," % new))
                collector.process.send_signal(signal.SIGHUP)
                while collector.said().count(again) == before and len(during) < 100:
                    during.append(self.send(collector))
                wait_for(lambda: collector.said().count(again) > before, 30, collector.said)
                after = self.send(collector)
                judged = [self.judged(collector, "asn", s) for s in during]
                assert judged == sorted(judged) and set(judged) <= {old, new}, judged
                assert self.judged(collector, "asn", after) == new
                meanwhile += judged.count(old)
                if meanwhile > 2:
                    break
                old = new
            collector.end()
        assert meanwhile > 2
