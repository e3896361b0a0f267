# SPDX-License-Identifier: BSD-3-Clause
"""The link from probe to collector over bad ways, long absences and other versions."""
import gzip
import json
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest
from framework.collector import Collector
from framework.faults import record
from framework.peers import (ACK, BAD, BATCH, HELLO, LATER, NEVER, REFUSE, WELCOME, WHO, Dealer, Feed, crc32c,
                             feed_packets, head, hello, parse, recorded)
from framework.site import wait_for
from framework.suite import TestSuite
from framework.wan import Wan

netns = [pytest.mark.netns,
         pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]
PORT = 5490


def keys(programs, directory, *names):
    """{name: (file, public key, pair)} of new keys."""
    from framework.peers import key_pair
    return {n: key_pair(programs, directory / f"{n}.key") for n in names}


def over_wan(test, name, batches, rows, seconds, change=None, probes=1, rate=40, flush_s=60, **way):
    """Feeds a collector over a Wan while `change(wan)` has its way; returns (wan, results)."""
    names = [f"p{i}" for i in range(probes)]
    pairs = keys(test.teiten, test.dir, "server", *names)
    with Wan(name, **way) as wan, Collector(
            test.teiten, test.dir, f"tcp://{Wan.NEAR}:{PORT}", namespace=wan.near,
            secret_key_file=pairs["server"][0],
            probe_keys=[{"probe": n, "key": pairs[n][1]} for n in names]) as collector:
        feeds = [Feed(test.teiten, collector.listen, wan.far, probe=n, key=pairs[n][0], boot=f"{i + 1:016x}",
                      server_key=pairs["server"][1], spool=test.dir / f"{n}.spool", batches=batches,
                      rows=rows, rate=rate, flush_s=flush_s, resend_ms=1000) for i, n in enumerate(names)]
        try:
            if change:
                change(wan)
            for f in feeds:
                assert f.wait(seconds) == 0, f"{f.err}\n{f.out}\n{collector.said()}"
        finally:
            for f in feeds:
                f.kill()
        collector.end()
        whole(test, collector, probes, batches, rows)
        return wan, [f.result for f in feeds]


def whole(test, collector, probes, batches, rows):
    """The database has every batch once, and exactly what was in it."""
    assert collector.totals() == (probes * batches, probes * batches * rows,
                                  probes * feed_packets(batches, rows)), collector.said()
    top = test.teiten.top(collector.db, "port", class_="all")
    each = {p: sum(1 + i % 7 for i in range(rows) if i % 100 == p) for p in range(min(100, rows))}
    assert {r["port"]: r["packets"] for r in top["rows"]} == \
        {p: probes * batches * n for p, n in each.items()}
    twice = test.teiten.sql(collector.db, "select boot, seq from batch group by 1, 2 having count(*) > 1")
    assert not twice


class TestLink(TestSuite):
    @pytest.mark.netns
    @pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
    @pytest.mark.parametrize("fault,way", [
        ("delay of 150 ms", dict(delay_s=0.15)),
        ("loss of 10 % and 30 ms", dict(delay_s=0.03, loss=0.1)),
        ("reordering within 80 ms, loss of 4 %", dict(delay_s=0.01, jitter_s=0.08, loss=0.04))])
    def test_a_bad_way(self, fault, way):
        """
        Steps: 120 batches over a way that delays, loses, reorders packets.
        Verify: the database has each exactly once; the way did what it was to do.
        """
        wan, _ = over_wan(self, "bad", 120, 1000, 60, **way)
        assert wan.carried > 200
        assert not way.get("loss") or wan.dropped > 10
        assert not way.get("jitter_s") or wan.reordered > 10
        record(f"link: {fault}", wan.carried + wan.dropped,
               f"{wan.dropped:,} packets lost, {wan.reordered:,} reordered; 120 of 120 batches once")

    @pytest.mark.netns
    @pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
    def test_a_link_that_is_cut_again_and_again(self):
        """
        Steps: 200 batches while the link is dead for 1 to 3 s three times, once longer than the
               heartbeat's patience.
        Verify: each arrives once; batches were sent again.
        """
        cuts = [1, 3, 0.5, 16]

        def change(wan):
            for seconds in cuts:
                time.sleep(0.7)
                wan.cut = True
                time.sleep(seconds)
                wan.cut = False

        _, (result,) = over_wan(self, "cut", 200, 200, 90, change, rate=15, delay_s=0.005)
        assert result["resent"] > 0 and result["lost_batches"] == 0
        record("link: cut for 0.5 to 16 s", len(cuts), f"{result['resent']} batches sent again, all 200 once")

    @pytest.mark.netns
    @pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
    def test_ten_probes_at_once(self):
        """
        Steps: ten probes over one way with loss, at the same time.
        Verify: all of all of them is there once.
        """
        _, results = over_wan(self, "ten", 40, 100, 90, probes=10, rate=20, delay_s=0.02, loss=0.01)
        assert all(r["acked"] == 40 for r in results)
        record("link: ten probes at once, 1 % loss", 10, "400 of 400 batches once")

    def test_a_collector_that_is_away(self):
        """
        Steps: a probe sends without a collector; the collector comes, is killed while it receives,
               three times; at last it stays.
        Verify: every batch once, none lost.
        """
        collector = Collector(self.teiten, self.dir, f"ipc://{self.dir}/link")
        feed = Feed(self.teiten, collector.listen, batches=400, rows=200, rate=60, resend_ms=500,
                    spool=self.dir / "spool", flush_s=60)
        try:
            time.sleep(2)
            for _ in range(3):
                collector.start()
                time.sleep(0.7)
                collector.kill()
                time.sleep(0.8)
            collector.start()
            assert feed.wait(90) == 0, feed.err
            collector.end()
        finally:
            feed.kill()
            collector.kill()
        assert feed.result["lost_batches"] == 0
        whole(self, collector, 1, 400, 200)
        record("collector killed while it receives", 3, "400 of 400 batches once")

    def test_a_probe_that_is_gone_when_it_is_acknowledged(self):
        """
        Steps: a probe delivers; the collector stands still (SIGSTOP) until batches are on their way, and
               while it does the probe is killed; then it goes on, commits what came, and has nobody to
               answer. Again up to ten times, until health tells of such an answer; then the probe comes
               back with its spool.
        Verify: the collector counts it and goes on; what was on its way was taken; every batch that the
                probe had handed over is there once.
        """
        spool, rows, handed = self.dir / "spool", 50, []
        with Collector(self.teiten, self.dir, f"ipc://{self.dir}/link", publish=f"ipc://{self.dir}/pub") as collector:
            heard = self.dir / "heard"
            with open(heard, "w") as out:
                sub = subprocess.Popen([self.teiten.path("teiten"), "sub", collector.publish, "health."], stdout=out)

            def unanswered():
                lines = heard.read_text().rpartition("\n")[0].splitlines()
                return json.loads(lines[-1])["collector"]["unanswered"] if lines else 0

            try:
                while len(handed) < 10 and not unanswered():
                    feed = Feed(self.teiten, collector.listen, batches=10 ** 6, rows=rows, rate=50, spool=spool,
                                boot=f"{len(handed) + 1:016x}")
                    try:
                        self.until(feed, lambda s: s["acked"] > 10)
                        collector.process.send_signal(signal.SIGSTOP)
                        handed.append(self.until(feed, lambda s: s["sent"] - s["acked"] > 20)["handed"])
                        before = collector.totals()[0]
                    finally:
                        feed.kill()
                        collector.process.send_signal(signal.SIGCONT)
                    wait_for(lambda: unanswered() or collector.totals()[0] > before, 30, collector.said)
                wait_for(unanswered, 30, heard.read_text)
                again = Feed(self.teiten, collector.listen, batches=0, spool=spool, boot="00000000000000f1")
                assert again.wait(60) == 0, again.err
            finally:
                sub.terminate()
                sub.wait()
            collector.end()
        assert again.result["lost_batches"] == again.result["waiting"] == 0
        stored = self.teiten.sql(collector.db, "select count(*) as n, min(seq) as a, max(seq) as b from batch where "
                                               "rows > 0 group by boot order by boot")
        assert len(stored) == len(handed)
        for row, n in zip(stored, handed):
            assert int(row["a"]) == 1 and int(row["b"]) == int(row["n"]) >= n, (stored, handed)
        n = sum(int(row["n"]) for row in stored)
        assert collector.totals() == (n, n * rows, feed_packets(n, rows))
        record("probe killed (-9) before its acknowledgement", len(handed),
               "counted as unanswered; every batch that it had handed over once")

    @staticmethod
    def until(feed, true):
        """The first of a feed's words, one a second, of which that is so."""
        for line in feed.process.stdout:
            said = json.loads(line)
            if true(said):
                return said
        raise AssertionError("the feed ended")

    def test_an_old_spool_comes_back(self):
        """
        Steps: a probe is killed with 150 batches in its spool, twice, under two boots; a third process
               opens the spool and sends its own.
        Verify: all three boots are in the database, whole.
        """
        spool, endpoint = self.dir / "spool", f"ipc://{self.dir}/link"
        for boot in ("0000000000000001", "0000000000000002"):
            feed = Feed(self.teiten, endpoint, batches=150, rows=100, spool=spool, boot=boot, flush_s=1)
            assert feed.wait(60) == 1 and feed.result["waiting"] >= 150
        with Collector(self.teiten, self.dir, endpoint) as collector:
            feed = Feed(self.teiten, endpoint, batches=150, rows=100, spool=spool, boot="0000000000000003")
            assert feed.wait(60) == 0, feed.err
            collector.end()
        whole(self, collector, 3, 150, 100)
        record("probe comes back with an old spool", 2, "450 of 450 batches of three boots once")

    def test_a_spool_that_is_full(self):
        """
        Steps: 60 batches (an epoch each) into a spool with room for about 12; then the collector comes.
        Verify: the probe says so; what is there and what was given up is together what was sent; in
                the database the epochs that were given up, and no others, are incomplete.
        """
        endpoint, rows, batches = f"ipc://{self.dir}/link", 3000, 60
        options = dict(batches=batches, rows=rows, spool=self.dir / "spool", spool_kb=200)
        feed = Feed(self.teiten, endpoint, flush_s=1, **options)
        assert feed.wait(60) == 1
        lost = feed.result["lost_batches"]
        assert 20 < lost < batches and feed.result["lost_packets"] == feed_packets(lost, rows)
        with Collector(self.teiten, self.dir, endpoint) as collector:
            again = Feed(self.teiten, endpoint, boot="00000000000000f1", **{**options, "batches": 0})
            assert again.wait(60) == 0, again.err
            collector.end()
        assert collector.totals() == (batches - lost, (batches - lost) * rows,
                                      feed_packets(batches - lost, rows))
        tally = self.teiten.sql(collector.db, "select epoch, spool_lost, observed from tally order by epoch")
        assert [int(t["spool_lost"]) for t in tally] == \
            [feed_packets(1, rows)] * lost + [0] * (batches - lost)
        start = int(tally[0]["epoch"])
        for first, last, want in ((0, lost, 0), (lost, batches, 1), (0, batches, 1 - lost / batches)):
            top = self.teiten.top(collector.db, "port", from_=rfc(start + 60 * first),
                                  to=rfc(start + 60 * last), class_="all")
            assert abs(top["completeness"] - want) < 1e-3, (first, last, top["completeness"])
        record("spool full", lost, "oldest given up; counted, and missing in their own epochs only")


@pytest.mark.soak
@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
class TestLinkForLong(TestSuite):
    @pytest.mark.parametrize("seed", range(10))
    def test_a_way_that_changes_all_the_time(self, seed):
        """
        Steps: three probes, 600 batches each, over a way that gets another delay, loss and reordering
               every half second and is cut now and then, for 40 s.
        Verify: every batch once.
        """
        rng, changes = random.Random(seed), 0

        def change(wan):
            nonlocal changes
            for _ in range(80):
                wan.delay_s, wan.jitter_s = rng.random() ** 3, rng.random() ** 3 / 2
                wan.loss, wan.cut = rng.random() ** 3, rng.random() < 0.15
                changes += 1
                time.sleep(0.5)
            wan.delay_s = wan.jitter_s = wan.loss = wan.cut = 0

        wan, results = over_wan(self, f"soak{seed}", 600, 200, 240, change, probes=3, rate=15, flush_s=150)
        record(f"link: a way that changes all the time, seed {seed}", changes,
               f"{wan.dropped:,} packets lost, {wan.reordered:,} reordered, "
               f"{sum(r['resent'] for r in results):,} batches sent again; 1,800 of 1,800 batches once")

    def test_a_collector_that_dies_a_hundred_times(self):
        """
        Steps: a probe delivers 3,000 batches while the collector is killed and started 100 times.
        Verify: every batch once, none lost.
        """
        rng = random.Random(1)
        collector = Collector(self.teiten, self.dir, f"ipc://{self.dir}/link")
        feed = Feed(self.teiten, collector.listen, batches=2500, rows=100, rate=25, resend_ms=300,
                    spool=self.dir / "spool", flush_s=120)
        try:
            for _ in range(100):
                collector.start()
                time.sleep(rng.random())
                collector.kill()
                time.sleep(rng.random() / 4)
            collector.start()
            assert feed.wait(200) == 0, feed.err
            collector.end()
        finally:
            feed.kill()
            collector.kill()
        whole(self, collector, 1, 2500, 100)
        record("collector killed while it receives, for long", 100, "2,500 of 2,500 batches once")


def rfc(t):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))


@pytest.mark.sanitized
class TestVersions(TestSuite):
    """Older and newer peers, made by hand."""

    def test_probes_of_other_versions(self):
        """
        Steps: probes that speak only older, only newer, and a range of versions say HELLO; one sends
               frames of a later version; batches of another format.
        Verify: one clear refusal that names both; the range is welcome in version 1; an honest probe
                beside them delivers.
        """
        with Collector(self.teiten, self.dir, f"ipc://{self.dir}/link") as collector:
            for lowest, highest in ((0, 0), (2, 2), (2, 900)):
                with Dealer(collector.listen) as d:
                    kind, _, value, _, seq, text = d.ask(hello("other", lowest=lowest, highest=highest))
                    assert (kind, value, seq) == (REFUSE, NEVER, 0)
                    assert f"versions {lowest} to {highest}".encode() in text and b"1 by the collector" in text
            with Dealer(collector.listen) as d:
                assert d.ask(hello("other", lowest=0, highest=9))[:3] == (WELCOME, 1, 64)
                newer = b"TTOB" + (2).to_bytes(2, "little") + bytes(200)
                kind, _, value, _, seq, text = d.ask(head(BATCH, 0, 0xaa, 1), newer)
                assert (kind, value, seq) == (REFUSE, NEVER, 1)
                assert b"format version 2, expected 1" in text
            feed = Feed(self.teiten, collector.listen, batches=20, rows=50)
            assert feed.wait() == 0, feed.err
            collector.end()
        whole(self, collector, 1, 20, 50)
        assert "spoken by the probe" in collector.said()

    def test_collectors_of_other_versions(self):
        """
        Steps: a collector by hand refuses version 1, then dies; the real one takes its place. A probe
               with a spool and one without.
        Verify: the one without ends with the reason; the one with a spool keeps everything, says the
                reason once, and delivers when the collector speaks its version.
        """
        import zmq
        endpoint, stop = f"ipc://{self.dir}/link", threading.Event()
        context = zmq.Context()
        router = context.socket(zmq.ROUTER)
        router.linger, router.rcvtimeo = 0, 100
        router.bind(endpoint)
        heard = []

        def newer():  # a collector that speaks 2 to 3 only
            while not stop.is_set():
                try:
                    frames = router.recv_multipart()
                except zmq.Again:
                    continue
                heard.append(parse(frames[1])[0])
                router.send_multipart([frames[0], head(REFUSE, NEVER, 0xf0, 0, version=3) +
                                       b"link versions 1 to 1 spoken by the probe, 2 to 3 by the collector"])

        thread = threading.Thread(target=newer)
        thread.start()
        try:
            without = Feed(self.teiten, endpoint, batches=500, rows=20, rate=50)
            assert without.wait(60) == 1
            assert "2 to 3 by the collector" in without.err
            kept = Feed(self.teiten, endpoint, batches=30, rows=50, spool=self.dir / "spool", flush_s=1)
            assert kept.wait(60) == 1 and kept.result["waiting"] == 30
            assert kept.result["lost_batches"] == 0 and kept.err.count("2 to 3 by the collector") <= 2
        finally:
            stop.set()
            thread.join()
            router.close()
            context.term()
        assert set(heard) == {HELLO}  # nothing was sent before it was welcome
        with Collector(self.teiten, self.dir, endpoint) as collector:
            later = Feed(self.teiten, endpoint, batches=0, spool=self.dir / "spool", boot="00000000000000f1")
            assert later.wait(60) == 0, later.err
            collector.end()
        whole(self, collector, 1, 30, 50)
        record("peers of other versions", 5, "refused with both versions named; the spool waits and delivers")

    def test_a_spool_of_an_earlier_version(self):
        """
        Steps: a probe of today opens a spool that the first version left (data/spool), batches of boot a1.
        Verify: all of them arrive, whole, and nothing of the spool is left.
        """
        spool = self.dir / "spool"
        spool.write_bytes(gzip.decompress((Path(__file__).parent / "data/spool/first.gz").read_bytes()))
        os.chmod(spool, 0o600)
        with Collector(self.teiten, self.dir, f"ipc://{self.dir}/link") as collector:
            feed = Feed(self.teiten, collector.listen, batches=0, spool=spool, boot="00000000000000f1")
            assert feed.wait(60) == 0, feed.err
            collector.end()
        assert feed.result["acked"] == 4 and feed.result["waiting"] == feed.result["lost_batches"] == 0
        whole(self, collector, 1, 4, 30)
        boots = self.teiten.sql(collector.db, "select boot.boot as boot from boot join batch on batch.boot = boot.id where rows > 0 "
                                              "group by 1")
        assert boots == [{"boot": "00000000000000a1"}]
        record("spool of the first version", 4, "all of its batches once")

    def test_a_spool_of_a_later_version(self):
        """
        Steps: a probe opens a spool of a version that is to come, and a database that is no spool.
        Verify: it does not start; one line names the file and what was expected; the file is as it was.
        """
        for pragma, said in (("user_version = 2", "version 2, expected 1"), ("application_id = 7", "is no spool")):
            spool = self.dir / f"{said[:4]}.spool"
            first = Feed(self.teiten, f"ipc://{self.dir}/link", batches=3, rows=20, spool=spool, flush_s=1)
            assert first.wait(30) == 1 and first.result["waiting"] == 3
            with sqlite3.connect(spool) as con:
                con.execute(f"pragma {pragma}")
            con.close()
            before = spool.read_bytes()
            feed = Feed(self.teiten, f"ipc://{self.dir}/link", batches=3, rows=20, spool=spool)
            assert feed.wait(30) == 2 and len(feed.err.splitlines()) == 1, feed.err
            assert str(spool) in feed.err and said in feed.err
            assert spool.read_bytes() == before

    def test_a_batch_of_a_later_version_waits(self):
        """
        Steps: a collector gets, by hand, a batch with a column that it does not know, checksum and all.
        Verify: it refuses the probe and not the batch, which so stays in a spool until the collector is
                upgraded; the reason names the column.
        """
        with Collector(self.teiten, self.dir, f"ipc://{self.dir}/link") as collector, Dealer(collector.listen) as d:
            batch = bytearray(recorded(self, "feed"))
            columns = int.from_bytes(batch[6:8], "little")
            last = 96 + 12 * (columns - 1)
            batch[last:last + 2] = (255).to_bytes(2, "little")
            batch[92:96] = (crc32c(bytes(batch[:92] + batch[96:]), 2**32 - 1) ^ 2**32 - 1).to_bytes(4, "little")
            assert d.ask(hello("feed", boot=0xf0))[0] == WELCOME
            kind, _, value, _, seq, text = d.ask(head(BATCH, 0, 0xf0, 1), bytes(batch))
            assert (kind, value, seq) == (REFUSE, NEVER, 1) and b"column 255 is not known" in text
            collector.end()
        assert collector.totals()[0] == 0

    def test_what_is_on_its_way_is_not_sent_again(self):
        """
        Steps: a collector by hand takes 60 batches at once and acknowledges one every 120 ms, which is long
               past the resend time of 3 s for most; then of 20 more all but the first.
        Verify: none of the 60 comes twice; the one that was left out does, once its time is over.
        """
        import zmq
        endpoint = f"ipc://{self.dir}/link"
        context = zmq.Context()
        router = context.socket(zmq.ROUTER)
        router.linger, router.rcvtimeo = 0, 60000
        router.bind(endpoint)
        feed = Feed(self.teiten, endpoint, batches=80, rows=20, resend_ms=3000, flush_s=120)

        def batch():
            while True:
                peer, *frames = router.recv_multipart()
                kind, _, _, boot, seq, _ = parse(frames[0])
                if kind == BATCH:
                    return peer, boot, seq
                router.send_multipart([peer, head(WELCOME, 60, boot)])

        def acknowledge(peer, boot, first, last):
            router.send_multipart([peer, head(ACK, 1, boot) + first.to_bytes(8, "little") +
                                   last.to_bytes(8, "little")])
        try:
            got = [batch() for _ in range(60)]
            peer, boot, _ = got[0]
            for seq in range(1, 61):
                acknowledge(peer, boot, seq, seq)
                time.sleep(0.12)
            # as acknowledgements make room the other 20 come, and nothing else
            got += [batch() for _ in range(20)]
            assert [seq for _, _, seq in got] == list(range(1, 81))
            assert not router.poll(0)
            acknowledge(peer, boot, 62, 80)
            assert batch()[2] == 61
            acknowledge(peer, boot, 61, 61)
            assert feed.wait(30) == 0, feed.err
        finally:
            feed.kill()
            router.close()
            context.term()
        assert feed.result["acked"] == 80 and feed.result["resent"] == 1
        record("acknowledgements that come slowly", 80, "nothing sent twice but the one that was left out")

    def test_a_collector_that_talks_nonsense(self):
        """
        Steps: a collector by hand answers HELLO with garbage, with acknowledgements of what was never
               sent, with ranges backwards, and then as it should.
        Verify: the probe takes nothing for acknowledged that was not sent, and delivers all.
        """
        import zmq
        endpoint = f"ipc://{self.dir}/link"
        context = zmq.Context()
        router = context.socket(zmq.ROUTER)
        router.linger, router.rcvtimeo = 0, 60000
        router.bind(endpoint)
        feed = Feed(self.teiten, endpoint, batches=8, rows=20, resend_ms=300)
        try:
            peer, frame = router.recv_multipart()
            for junk in (b"", b"TL", os.urandom(100), head(99), head(ACK, 5, 0xf0),
                         head(ACK, 1, 0xf0) + (9).to_bytes(8, "little") + (1).to_bytes(8, "little"),
                         head(ACK, 1, 0xf0) + (1).to_bytes(8, "little") + (2**64 - 1).to_bytes(8, "little"),
                         head(WHO), head(HELLO), head(REFUSE, 77) + b"?", head(REFUSE, LATER, 0xf0, 3),
                         head(REFUSE, BAD, 0xf0, 12345) + b"no such batch"):
                router.send_multipart([peer, junk])
            router.send_multipart([peer, head(WELCOME, 4, 0xf0)])
            seen = set()
            while len(seen) < 8:
                frames = router.recv_multipart()
                kind, _, _, boot, seq, _ = parse(frames[1])
                if kind == HELLO:
                    router.send_multipart([frames[0], head(WELCOME, 4, 0xf0)])
                    continue
                assert kind == BATCH and boot == 0xf0
                seen.add(seq)
                router.send_multipart([frames[0], head(ACK, 1, boot) + seq.to_bytes(8, "little") * 2])
            assert feed.wait(30) == 0, feed.err
        finally:
            feed.kill()
            router.close()
            context.term()
        assert feed.result["acked"] == 8 and feed.result["refused"] == 0
        record("collector that sends garbage", 12, "nothing acknowledged that was not sent")
