# SPDX-License-Identifier: BSD-3-Clause
"""Who may send and read what, and what becomes of everybody else (docs/threat-model.md)."""
import json
import os
import random
import re
import signal
import socket
import stat
import statistics
import subprocess
import time
from pathlib import Path

import pytest
import zmq
from framework.attacks import AT_ONCE
from framework.collector import Collector
from framework.faults import record
from framework.lan import Lan
from framework.peers import (ACK, BAD, BATCH, NEVER, REFUSE, WELCOME, Dealer, Feed, feed_packets, head,
                             hello, key_pair, recorded)
from framework.site import Site, wait_for
from framework.suite import TestSuite

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
PORT, READ = 5490, 5491


TOLD = ("SIGHUP", "a changed file")  # how a program learns of another list


def keys(programs, directory, *names):
    return {n: key_pair(programs, directory / f"{n}.key") for n in names}


def listed(kind, pairs, *names):
    return [{kind: n, "key": pairs[n][1]} for n in names]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class TestKeys(TestSuite):
    def test_keygen_is_careful(self):
        """
        Steps: teiten keygen under a careless umask, twice; onto a link; into a folder that is not there.
        Verify: modes 600 and 644; the second and the link are refused and change nothing.
        """
        path = self.dir / "k"
        done = subprocess.run([self.teiten.path("teiten"), "keygen", str(path)], umask=0,
                              stdout=subprocess.PIPE, text=True, check=True)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE((self.dir / "k.pub").stat().st_mode) == 0o644
        public = done.stdout.strip()
        assert len(public) == 40 and (self.dir / "k.pub").read_text().strip() == public
        assert zmq.curve_public(path.read_text().split()[0].encode()).decode() == public
        before = path.read_text()
        again = self.teiten.run("teiten", "keygen", path, ok=False)
        assert again.status == 1 and str(path) in again.err and path.read_text() == before
        (self.dir / "link").symlink_to(self.dir / "elsewhere")
        assert self.teiten.run("teiten", "keygen", self.dir / "link", ok=False).status == 1
        assert not (self.dir / "elsewhere").exists()
        assert self.teiten.run("teiten", "keygen", self.dir / "no/k", ok=False).status == 1

    def test_keys_that_others_can_read_are_refused(self):
        """
        Steps: a secret key of mode 640 for collector, subscriber and a feeding probe.
        Verify: each refuses to start, in one line that names the file and the mode.
        """
        pair = keys(self.teiten, self.dir, "k")["k"]
        os.chmod(pair[0], 0o640)
        conf = self.dir / "c.json"
        conf.write_text(json.dumps({"kind": "collector", "v": 1, "db": str(self.dir / "x.db"),
                                    "listen": f"ipc://{self.dir}/l", "secret_key_file": pair[0]}))
        for done in (self.teiten.run("teiten-collector", "-c", conf, ok=False),
                     self.teiten.run("teiten", "sub", "tcp://127.0.0.1:1", "--server-key", pair[1],
                                     "--secret-key-file", pair[0], ok=False)):
            assert done.status == 2 and len(done.messages) == 1
            assert pair[0] in done.err and "640" in done.err
        feed = Feed(self.teiten, f"ipc://{self.dir}/l", key=pair[0])
        assert feed.wait() == 2 and pair[0] in feed.err

    def test_open_endpoints_need_keys(self):
        """
        Steps: every program with an endpoint that others can reach and no keys; names that only look
               like loopback.
        Verify: none starts; one line each, status 2.
        """
        for remote in ("tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://127.0.0.1.example.org:5555",
                       "tcp://127.0.0.1:1;192.0.2.1:5555"):
            for args in (("--listen", remote), ("--listen", f"ipc://{self.dir}/l", "--publish", remote)):
                done = self.teiten.run("teiten-collector", "--db", self.dir / "x.db", *args, ok=False)
                assert done.status == 2 and len(done.messages) == 1, done
            assert self.teiten.run("teiten", "sub", remote, ok=False).status == 2
            assert self.teiten.run("teiten", "status", remote, ok=False).status == 2
        assert not (self.dir / "x.db").exists()


class TestLists(TestSuite):
    """Lists of keys that change while connections stand."""

    @pytest.mark.parametrize("how", TOLD)
    def test_a_revoked_probe_is_cut_off_at_once(self, how):
        """
        Steps: two probes deliver; one's key is taken off the list while it sends, with SIGHUP and with
               nothing but the file; then it is put back.
        Verify: nothing of it is stored after the reload, the other loses nothing and is not
                disconnected; when it is back everything it kept arrives.
        """
        pairs = keys(self.teiten, self.dir, "server", "good", "gone")
        with Collector(self.teiten, self.dir, f"tcp://127.0.0.1:{free_port()}",
                       secret_key_file=pairs["server"][0],
                       probe_keys=listed("probe", pairs, "good", "gone")) as collector:
            feeds = [Feed(self.teiten, collector.listen, probe=n, key=pairs[n][0], boot=f"{i:016x}",
                          server_key=pairs["server"][1], batches=800, rows=20, rate=60, flush_s=60,
                          spool=self.dir / f"{n}.spool", resend_ms=60000 if n == "good" else 500)
                     for i, n in enumerate(("good", "gone"), 1)]
            try:
                wait_for(lambda: self.of(collector, "gone") > 20, 20, collector.said)
                collector.reload(how, probe_keys=listed("probe", pairs, "good"))
                wait_for(lambda: "gone: its key is no longer allowed: connection ended" in collector.said(), 20,
                         collector.said)
                before = self.of(collector, "gone")
                wait_for(lambda: self.of(collector, "good") > min(before + 60, 790), 20, collector.said)
                assert 0 < before == self.of(collector, "gone") < 800
                collector.reload(how, probe_keys=listed("probe", pairs, "good", "gone"))
                for f in feeds:
                    assert f.wait(60) == 0, f.err
            finally:
                for f in feeds:
                    f.kill()
            collector.end()
            assert feeds[0].result["resent"] == 0
            assert self.of(collector, "good") == self.of(collector, "gone") == 800
            assert collector.totals()[2] == 2 * feed_packets(800, 20)
        record(f"key revoked while its connection stands ({how})", 1, "cut off at once; the other probe not touched")

    def of(self, collector, probe):
        rows = self.teiten.sql(collector.db, "select count(*) as n from batch join boot on boot.id = batch.boot "
                                             f"where boot.probe = '{probe}' and rows > 0")
        return int(rows[0]["n"])

    @pytest.mark.parametrize("how", TOLD)
    def test_a_revoked_reader_is_cut_off_at_once(self, how):
        """
        Steps: two readers of the collector's streams; one's key is taken off the list; a stranger.
        Verify: `teiten sub` of the revoked one ends with status 1 and the reason, the other goes on
                without a gap, the stranger never heard anything; `teiten status` works with a key.
        """
        pairs = keys(self.teiten, self.dir, "server", "probe", "one", "two", "stranger")
        publish = f"tcp://127.0.0.1:{free_port()}"
        with Collector(self.teiten, self.dir, f"tcp://127.0.0.1:{free_port()}", publish=publish,
                       secret_key_file=pairs["server"][0], probe_keys=listed("probe", pairs, "probe"),
                       reader_keys=listed("reader", pairs, "one", "two")) as collector:
            files = {n: self.dir / f"{n}.out" for n in ("one", "two", "stranger")}
            subs = {n: subprocess.Popen([self.teiten.path("teiten"), "sub", publish, "stats.probe.s1.",
                                         "--server-key", pairs["server"][1], "--secret-key-file", pairs[n][0]],
                                        stdout=files[n].open("w"), stderr=subprocess.PIPE, text=True)
                    for n in files}
            feed = Feed(self.teiten, collector.listen, probe="probe", key=pairs["probe"][0],
                        server_key=pairs["server"][1], batches=1000, rows=5, rate=80)
            try:
                wait_for(lambda: all(files[n].read_text() for n in ("one", "two")), 20, collector.said)
                status = self.teiten.run("teiten", "status", publish, "--server-key", pairs["server"][1],
                                         "--secret-key-file", pairs["two"][0])
                assert "probe probe" in status.out
                assert re.search(r"^collector: [\d.]+ s behind, clock skew -?\d+ ms, \d+ answers found no probe\n"
                                 r"refused: keys \d+, connections \d+, revoked 0, ", status.out, re.M), status.out
                collector.reload(how, reader_keys=listed("reader", pairs, "two"))
                _, err = subs["one"].communicate(timeout=60)
                assert subs["one"].returncode == 1 and "does not let this key in" in err
                assert 0 < len(files["one"].read_text().splitlines()) < 1000
                assert feed.wait(30) == 0, feed.err
                wait_for(lambda: '"seq":1000,' in files["two"].read_text(), 20, files["two"].read_text)
                subs["two"].terminate()
                _, err = subs["two"].communicate(timeout=60)
                seqs = [json.loads(line)["seq"] for line in files["two"].read_text().splitlines()]
                assert len(seqs) > 100 and seqs == list(range(seqs[0], seqs[0] + len(seqs))) and not err
                assert seqs[-1] == 1000
                subs["stranger"].communicate(timeout=60)
                assert subs["stranger"].returncode == 1 and not files["stranger"].read_text()
            finally:
                feed.kill()
                for s in subs.values():
                    if s.poll() is None:
                        s.kill()
            collector.end()
        record(f"reader's key revoked while it listens ({how})", 1,
               "hears nothing more; the other misses nothing")

    @needs_root
    @pytest.mark.netns
    @pytest.mark.parametrize("how", TOLD)
    def test_a_probe_cuts_a_revoked_reader_off_at_once(self, how):
        """
        Steps: two readers of a probe's own streams; one's key is taken off the list; a stranger.
        Verify: the revoked one's `teiten sub` ends with status 1 and the reason, the other goes on without
                a gap, the stranger never heard anything.
        """
        pairs = keys(self.teiten, self.dir, "server", "one", "two", "stranger")
        sensors = self.dir / "sensors.json"
        sensors.write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": [
            {"id": "s1", "country": "JP", "network": "n", "groups": [], "since": "2020-01-01",
             "match": {"prefixes": ["198.51.100.0/24"]}}]}))
        with Site(self.teiten, self.dir, sensors) as site:
            conf = json.loads((self.dir / "probe.json").read_text())
            conf["publish"].update(secret_key_file=pairs["server"][0],
                                   reader_keys=listed("reader", pairs, "one", "two"))
            site.write("probe.json", conf)
            site.start_collector()
            site.start_probe()
            subs = {n: self.teiten.popen("teiten", "sub", conf["publish"]["endpoint"], "live.", "--server-key",
                                         pairs["server"][1], "--secret-key-file", pairs[n][0])
                    for n in ("one", "two", "stranger")}
            try:
                first = {n: subs[n].stdout.readline() for n in ("one", "two")}
                assert all('"sensor":"s1"' in line for line in first.values()), (first, site.said())
                conf["publish"]["reader_keys"] = listed("reader", pairs, "two")
                site.write("probe.json", conf)
                if how == "SIGHUP":
                    site.probe.send_signal(signal.SIGHUP)
                out, err = subs["one"].communicate(timeout=60)
                assert subs["one"].returncode == 1 and "does not let this key in" in err, (out, err)
                heard = [first["two"]] + [subs["two"].stdout.readline() for _ in range(5)]
                seqs = [json.loads(line)["seq"] for line in heard]
                assert seqs == list(range(seqs[0], seqs[0] + 6)), seqs
                out, _ = subs["stranger"].communicate(timeout=60)
                assert subs["stranger"].returncode == 1 and not out
            finally:
                for s in subs.values():
                    if s.poll() is None:
                        s.kill()
                        s.communicate()
            site.end()
        record(f"reader's key revoked at a probe ({how})", 1, "hears nothing more; the other misses nothing")

    def test_a_broken_list_leaves_the_one_in_force(self):
        """
        Steps: SIGHUP with a file that does not parse, with a key of two probes, then a good one.
        Verify: one line each; the probe goes on delivering.
        """
        pairs = keys(self.teiten, self.dir, "server", "a", "b")
        with Collector(self.teiten, self.dir, f"tcp://127.0.0.1:{free_port()}",
                       secret_key_file=pairs["server"][0], probe_keys=listed("probe", pairs, "a")) as collector:
            feed = Feed(self.teiten, collector.listen, probe="a", key=pairs["a"][0],
                        server_key=pairs["server"][1], batches=150, rows=5, rate=60, resend_ms=60000)
            collector.path.write_text("{")
            collector.process.send_signal(signal.SIGHUP)
            wait_for(lambda: "the lists of keys in force stay" in collector.said(), 20, collector.said)
            collector.reload(probe_keys=[{"probe": "a", "key": pairs["a"][1]},
                                         {"probe": "b", "key": pairs["a"][1]}])
            wait_for(lambda: collector.said().count("the lists of keys in force stay") > 1, 20, collector.said)
            assert feed.wait(30) == 0, feed.err
            collector.end()
        assert feed.result["resent"] == 0
        assert collector.said().count("the lists of keys in force stay") == 2, collector.said()


@pytest.mark.sanitized
class TestListedButHostile(TestSuite):
    """A probe whose key is on the list, and who does what no probe does."""

    def test_a_probe_speaks_for_its_own_name_only(self):
        """
        Steps: with the key of `a`: HELLO as `b`; HELLO as `a` and a batch of `b`.
        Verify: refused with the reason; nothing of `b` is in the database; counted in health.
        """
        pairs = keys(self.teiten, self.dir, "server", "a", "b")
        batch = recorded(self, "b")
        with Collector(self.teiten, self.dir, f"tcp://127.0.0.1:{free_port()}",
                       secret_key_file=pairs["server"][0],
                       probe_keys=listed("probe", pairs, "a", "b")) as collector:
            with Dealer(collector.listen, pairs["a"][2], pairs["server"][1].encode()) as d:
                kind, _, value, _, _, text = d.ask(hello("b"))
                assert (kind, value) == (REFUSE, NEVER) and b"another key" in text
                assert d.ask(hello("a", boot=0xf0))[0] == WELCOME
                kind, _, value, _, _, text = d.ask(head(BATCH, 0, 0xf0, 1), batch)
                assert (kind, value) == (REFUSE, NEVER) and b"a batch of b from a link of a" in text
            collector.end()
        assert collector.totals() == (0, 0, 0)
        assert "belongs to another key" in collector.said()
        record("probe claims another's name", 2, "refused in HELLO and in every batch")

    def test_replayed_truncated_huge_and_garbled(self):
        """
        Steps: with a listed key: a good batch, the same 50 times, cut at every length, with changed
               bytes, under other numbers, frames of 17 MiB, garbage of all shapes; an honest probe beside.
        Verify: counted once; everything else is refused; the honest probe loses nothing.
        """
        pairs = keys(self.teiten, self.dir, "server", "a", "honest")
        batch, rng = recorded(self, "a"), random.Random(4)
        tries = 0
        with Collector(self.teiten, self.dir, f"tcp://127.0.0.1:{free_port()}",
                       secret_key_file=pairs["server"][0],
                       probe_keys=listed("probe", pairs, "a", "honest")) as collector:
            feed = Feed(self.teiten, collector.listen, probe="honest", key=pairs["honest"][0], boot="00" * 8,
                        server_key=pairs["server"][1], batches=200, rows=20, rate=100,
                        resend_ms=60000)
            with Dealer(collector.listen, pairs["a"][2], pairs["server"][1].encode()) as d:
                assert d.ask(hello("a", boot=0xf0))[0] == WELCOME
                for _ in range(50):  # replayed
                    kind, _, value, boot, _, ranges = d.ask(head(BATCH, 0, 0xf0, 1), batch)
                    assert (kind, boot, ranges) == (ACK, 0xf0, (1).to_bytes(8, "little") * 2)
                    tries += 1
                cuts = sorted(rng.sample(range(len(batch)), 120))
                changed = [bytearray(batch) for _ in range(120)]
                for c in changed:
                    at = rng.randrange(len(c))
                    c[at] ^= 1 << rng.randrange(8)
                for bad in [batch[:n] for n in cuts] + [bytes(c) for c in changed]:
                    kind, _, value, _, _, text = d.ask(head(BATCH, 0, 0xf0, 1), bad)
                    assert kind == REFUSE and value in (BAD, NEVER) and text
                    tries += 1
                kind, _, value, _, _, text = d.ask(head(BATCH, 0, 0xf0, 7), batch)
                assert (kind, value) == (REFUSE, BAD) and b"announced as another" in text
            for shape in range(60):  # what is none of the protocol ends the connection
                with Dealer(collector.listen, pairs["a"][2], pairs["server"][1].encode(), 300) as d:
                    if shape < 3:
                        d.send(head(BATCH, 0, 0xf0, 9), bytes(17 << 20))
                    elif shape < 30:
                        d.send(*[rng.randbytes(rng.randrange(80)) for _ in range(rng.randrange(1, 5))])
                    else:
                        d.send(head(rng.randrange(256), rng.randrange(1 << 32), 0xf0, 1), *[b"x"] * rng.randrange(3))
                    time.sleep(0.06)
                    tries += 1
            assert feed.wait(60) == 0, feed.err
            collector.end()
        assert feed.result["resent"] == 0 and feed.result["lost_batches"] == 0
        assert collector.totals() == (201, 200 * 20 + 30, feed_packets(200, 20) + feed_packets(1, 30))
        lines = [line for line in collector.said().splitlines() if " a: " in line]
        assert 1 <= len(lines) <= 6, lines  # a line a peer and minute, the reload's apart
        record("listed key: replayed, truncated, changed, huge, garbage", tries,
               "the one batch counted once; the rest refused; the honest probe not disturbed")


# What strangers do, each a function of (host, port, addresses, seconds) run as a process of its own.
ATTACKS = {
    "connections that say hello and nothing more": "greet",
    "slow-loris: a byte a second": "drip",
    "garbage instead of a greeting": "garbage",
    "handshakes with keys that are on no list": "strangers",
    "handshakes without a key": "keyless",
    "huge frames before the handshake": "huge",
    "huge frames that come, before the handshake": "flood",
}


@needs_root
class TestStrangers(TestSuite):
    """Who is on no list, from other addresses of the network, by the thousand."""

    @pytest.mark.netns
    @pytest.mark.parametrize("what", ATTACKS)
    def test_strangers_do_not_slow_a_probe_below_half(self, what):
        """
        Steps: an honest probe delivers as fast as it can, three seconds alone, three beside strangers at 30
               addresses who do what they can all the time; a second one connects and delivers, three times
               beside them, then three times without; the whole again, up to four times, until the figures
               are half or more and the strangers were refused a hundred times. The strangers' programs run on
               these same cores: they take the lowest priority, so that what they cost is what they cost
               the collector and the kernel, not that a machine is shared with them.
        Verify: by medians of all spans both deliver at half their speed alone or more; everything is there
                once; strangers are counted in the collector's health and told once an address and minute;
                descriptors and memory stay bounded.
        """
        self.besiege([(ATTACKS[what], PORT)], lambda: self.besieged >= 4 or self.refused() > 100 and self.least() >= 0.5)
        record(f"strangers: {what}", self.tries, self.figures())

    def besiege(self, kinds, enough):
        """Rounds of honest probes alone and beside strangers of these kinds, at the ports beside, until it is
        enough; checks all."""
        pairs = keys(self.teiten, self.dir, "server", "one", "two", "reader")
        with Lan("sec", addresses=30) as lan, Collector(
                self.teiten, self.dir, f"tcp://{lan.NEAR}:{PORT}", publish=f"tcp://{lan.NEAR}:{READ}",
                namespace=lan.near, secret_key_file=pairs["server"][0],
                probe_keys=listed("probe", pairs, "one", "two"),
                reader_keys=listed("reader", pairs, "reader")) as collector:
            self.lan, self.collector, self.pairs, self.boots = lan, collector, pairs, 0
            self.heard = self.dir / "health"
            sub = Lan.popen(lan.near, self.teiten.path("teiten"), "sub", collector.publish, "health.two.",
                            "--server-key", pairs["server"][1], "--secret-key-file", pairs["reader"][0],
                            stdout=self.heard.open("w"))
            began, self.besieged, self.tries, self.acked, self.fds = time.monotonic(), 0, 0, 0, 0
            self.speed = {(who, how): [] for who in ("one", "two") for how in ("alone", "beside")}
            while not self.besieged or not enough():
                self.round(kinds)
            self.peak = int(re.search(r"VmHWM:\s+(\d+)", Path(
                f"/proc/{collector.process.pid}/status").read_text())[1]) // 1024
            sub.terminate()
            sub.communicate(timeout=60)
            collector.end()
        speed = self.speed
        assert self.stored("two") == self.BATCHES * len(speed["two", "alone"] + speed["two", "beside"])
        assert self.acked <= self.stored("one") <= self.acked + 64 * self.besieged  # a window each
        collector.db.unlink()
        assert self.least() >= 0.5, speed
        assert self.tries >= AT_ONCE * len(kinds)
        assert self.fds < 1500 * len({port for _, port in kinds}) and self.peak < 1024, (self.fds, self.peak)
        assert self.refused() > 100, self.heard.read_text()[-2000:]
        told = re.findall(r"(:\d+): (\S*10\.78\.1\.\d+):", collector.said())
        assert not any(":" in address for _, address in told)  # of one name
        minutes = 1 + (time.monotonic() - began) // 60
        assert told and max(told.count(a) for a in set(told)) <= minutes, collector.said()

    def round(self, kinds):
        """Three seconds and three deliveries alone, and as many beside strangers."""
        speed, one, attacks = self.speed, self.feed("one", 1000000), []
        try:
            speed["one", "alone"] += self.a_second_each(one, 3)
            attacks = [Lan.popen(self.lan.far, "/usr/bin/python3", Path(__file__).parent / "framework/attacks.py",
                                 kind, self.lan.NEAR, port, 30, self.pairs["server"][1]) for kind, port in kinds]
            assert all(a.stdout.readline() for a in attacks)  # they have begun
            speed["one", "beside"] += self.a_second_each(one, 3)
            one.process.terminate()
            one.wait()
            speed["two", "beside"] += [self.deliver() for _ in range(3)]
            self.fds = max(self.fds, len(os.listdir(f"/proc/{self.collector.process.pid}/fd")))
        finally:
            for a in attacks:
                a.terminate()
            said = [a.communicate(timeout=120)[0] for a in attacks]
            one.kill()
        assert not one.result["resent"] and not one.result["lost_batches"], \
            f"{one.out}\n{one.err}\n{self.speed}\n{self.collector.said()[-3000:]}"
        self.acked += one.result["acked"]
        self.tries += sum(json.loads(out.strip().splitlines()[-1])["tries"] for out in said)
        speed["two", "alone"] += [self.deliver() for _ in range(3)]
        self.besieged += 1

    def refused(self):
        """Strangers that the collector's last health counts."""
        lines = self.heard.read_text().rpartition("\n")[0].splitlines()
        counts = json.loads(lines[-1])["collector"]["refused"] if lines else {}
        return counts.get("connections", 0) + counts.get("keys", 0)

    def ratio(self, who):
        """Of its speed alone, by medians of all spans."""
        return statistics.median(self.speed[who, "beside"]) / statistics.median(self.speed[who, "alone"])

    def least(self):
        return min(self.ratio("one"), self.ratio("two"))

    def figures(self):
        return (f"{self.refused():,} refused and counted; an honest probe at full speed delivered "
                f"{self.ratio('one'):.2f} of what it does alone, one that connected meanwhile {self.ratio('two'):.2f}; "
                f"{self.fds} descriptors, {self.peak} MiB at most")

    BATCHES = 120

    def feed(self, name, batches):
        """An honest probe that delivers batches of 2,000 observations as fast as it can. They are of a second
        each, so that few hours are over: a collector that closes hours meanwhile has that to do as well."""
        self.boots += 1
        return Feed(self.teiten, self.collector.listen, self.lan.far, probe=name, key=self.pairs[name][0],
                    boot=f"{self.boots:016x}", server_key=self.pairs["server"][1], batches=batches, rows=2000,
                    resend_ms=60000, flush_s=60, epoch=int(time.time()) // 3600 * 3600 - 86400, epoch_s=1)

    def a_second_each(self, feed, n):
        """Batches a second that were acknowledged in each of the next n seconds."""
        said = [json.loads(feed.process.stdout.readline()) for _ in range(n + 2)][1:]  # the first: it connects
        return [(b["acked"] - a["acked"]) / (b["at_ns"] - a["at_ns"]) * 1e9 for a, b in zip(said, said[1:])]

    def deliver(self):
        """Batches a second of a probe that connects, delivers and ends."""
        start, feed = time.monotonic(), self.feed("two", self.BATCHES)
        assert feed.wait(90) == 0, feed.err
        return self.BATCHES / (time.monotonic() - start)

    def stored(self, probe):
        rows = self.teiten.sql(self.collector.db, "select count(*) as n from batch join boot on boot.id = batch.boot "
                                                  f"where boot.probe = '{probe}' and rows > 0")
        return int(rows[0]["n"])


@pytest.mark.soak
@pytest.mark.netns
class TestStrangersForLong(TestStrangers):
    """The same with all of them; the short cases are not run again."""
    test_strangers_do_not_slow_a_probe_below_half = None

    def test_all_of_them_at_once(self):
        """
        Steps: as above, strangers of every kind at once, a process each; two kinds at the readers' endpoint
               as well, which has its own context. For two minutes and more, at most six, until the figures
               are half or more: the nine programs of the strangers are on these cores too.
        Verify: as above.
        """
        end = time.monotonic() + 150

        def enough():
            over = time.monotonic() - end
            return over > 0 and (over > 210 or self.least() >= 0.5)
        self.besiege([*((kind, PORT) for kind in ATTACKS.values()), ("greet", READ), ("strangers", READ)], enough)
        record("strangers: all kinds at once for two minutes", self.tries, self.figures())
