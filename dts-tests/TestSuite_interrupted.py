# SPDX-License-Identifier: BSD-3-Clause
"""A replay that is interrupted is told in a line, leaves nothing half counted, and is redone."""
import os
import random
import signal
import subprocess
import time

import pytest
from framework.capture import MACS, START, pcap
from framework.suite import TestSuite
from scapy.all import IP, TCP, Ether



def frames(n, seed):
    rng = random.Random(seed)
    base = bytearray(bytes(Ether(**MACS) / IP(src="203.0.113.1", dst="198.51.100.9") /
                           TCP(sport=1, dport=23, flags="S")))
    for i in range(n):
        base[26:30] = rng.randbytes(4)
        base[26] = 60 + base[26] % 20
        yield bytes(base), None, (START + i // 50) * 10**9


def children(pid):
    """Process ids by program name."""
    found = {}
    for p in os.listdir("/proc"):
        if p.isdigit():
            try:
                stat = open(f"/proc/{p}/stat").read()
            except OSError:
                continue
            name, rest = stat[stat.index("(") + 1:].rsplit(")", 1)
            if int(rest.split()[1]) == pid:
                found[name] = int(p)
    return found


def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class TestInterrupted(TestSuite):
    def make(self):
        return [pcap(self.dir / f"{i}.pcap", list(frames(12000, i))) for i in range(3)]

    def start(self, db, captures, tmp):
        tmp.mkdir(exist_ok=True)
        return subprocess.Popen([self.teiten.path("teiten"), "replay", "--db", str(db), *map(str, captures)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp)})

    def programs_of(self, p, names, timeout=60):
        end = time.monotonic() + timeout
        while time.monotonic() < end and p.poll() is None:
            found = children(p.pid)
            ids = [found.get(n[:15]) for n in names]
            if all(ids):
                return ids
            time.sleep(0.002)
        return None

    def interrupt(self, what, sig, delay, round_):
        """Interrupts a replay, runs it again, and compares with one that was left alone."""
        db, tmp = self.dir / f"i{round_}.db", self.dir / f"tmp{round_}"
        p = self.start(db, self.all, tmp)
        ids = self.programs_of(p, ("teiten-probe", "teiten-collector"))
        time.sleep(delay)
        pids = [p.pid] + (ids or [])
        target = {"teiten": 0, "teiten-probe": 1, "teiten-collector": 2}[what]
        try:
            os.kill(pids[target], sig)
        except (ProcessLookupError, IndexError):
            pass
        out, err = p.communicate(timeout=180)
        end = time.monotonic() + 60
        while any(map(alive, pids[1:])) and time.monotonic() < end:
            time.sleep(0.01)
        assert not any(map(alive, pids[1:])), (what, sig, "left running")
        while os.listdir(tmp) and time.monotonic() < end:
            time.sleep(0.01)
        assert os.listdir(tmp) == [], (what, sig)
        if p.returncode and not (what == "teiten" and sig == signal.SIGKILL):
            assert p.returncode == 1 and err.strip(), (what, sig, p.returncode, err)
            assert "replay" in err.strip().splitlines()[-1], err
        again = self.teiten.replay(db, *self.all)
        assert again.last["files"] + again.last["skipped"] == len(self.all), again
        for by, key in (("source", "source"), ("port", "port"), ("class", "class")):
            rows = [(r[key], r["packets"], r["bytes"], r["sources"]) for r in self.teiten.top(db, by)["rows"]]
            assert rows == self.want[by], (what, sig, delay, by)
        return p.returncode

    @pytest.mark.parametrize("what,sig", [("teiten", signal.SIGINT), ("teiten", signal.SIGTERM),
                                          ("teiten", signal.SIGKILL), ("teiten-probe", signal.SIGKILL),
                                          ("teiten-collector", signal.SIGKILL)])
    def test_interrupted_replay_is_redone(self, what, sig):
        """
        Steps: interrupt teiten, its probe or its collector at random moments; run the command again.
        Verify: a line that says so; no process and no file left; the answers are those of a replay
                that was left alone.
        """
        self.all = self.make()
        db = self.dir / "want.db"
        began = time.monotonic()
        self.teiten.replay(db, *self.all)
        length = time.monotonic() - began
        self.want = {by: [(r[key], r["packets"], r["bytes"], r["sources"])
                          for r in self.teiten.top(db, by)["rows"]]
                     for by, key in (("source", "source"), ("port", "port"), ("class", "class"))}
        rng = random.Random(f"{what}{sig}")
        ended = [self.interrupt(what, sig, rng.random() * length, i) for i in range(4)]
        while not any(ended) and len(ended) < 10:  # it was slower when it was left alone
            length /= 2
            ended.append(self.interrupt(what, sig, rng.random() * length, len(ended)))
        assert any(ended), "never interrupted in time"
