# SPDX-License-Identifier: BSD-3-Clause
"""Capture files of every make give the same answers; broken ones give a line and nothing else."""
import datetime
import random
import struct

import pytest
from framework.capture import ETHERNET, MACS, RAW, SLL2, START, pcap, pcapng
from framework.programs import counts
from framework.suite import TestSuite
from scapy.all import IP, TCP, Ether



def probes(n, seed=1):
    rng = random.Random(seed)
    return [bytes(Ether(**MACS) / IP(src=f"203.0.{rng.randrange(4)}.{rng.randrange(250)}", dst="198.51.100.9") /
                  TCP(sport=rng.randrange(1024, 65536), dport=rng.choice((22, 23, 80, 445, 8728)), flags="S"))
            for _ in range(n)]


@pytest.mark.sanitized
class TestCaptures(TestSuite):
    def answers(self, *captures, **options):
        db = self.dir / f"{captures[0].stem}-{len(captures)}.db"
        db.unlink(missing_ok=True)
        last = self.teiten.replay(db, *captures, **options).last
        return last, [counts(self.teiten.top(db, by), *key) for by, key in
                      (("port", ("proto", "port")), ("source", ("source",)), ("class", ("class",)))]

    def test_formats_agree(self):
        """
        Steps: the same packets as pcap in micro- and nanoseconds and both byte orders, and as pcapng
               with several resolutions.
        Verify: all answers are the same.
        """
        frames = probes(300)
        files = [pcap(self.dir / f"a{i}.pcap", frames, order=o, nanoseconds=ns)
                 for i, (o, ns) in enumerate([("<", 0), (">", 0), ("<", 1), (">", 1)])]
        files += [pcapng(self.dir / f"b{i}.pcapng", [(f, 0) for f in frames], order=o, tsresol=t)
                  for i, (o, t) in enumerate([("<", None), (">", 9), ("<", 3), ("<", 0x8a)])]
        first = self.answers(files[0])
        assert first[0]["packets"] == 300
        for f in files[1:]:
            assert self.answers(f)[1] == first[1], f.name

    def test_interfaces_of_different_link_types_in_one_pcapng(self):
        """
        Steps: a pcapng whose packets alternate between Ethernet, raw IP and cooked v2 interfaces.
        Verify: packets and sources are those of the plain capture.
        """
        frames = probes(90)
        cooked = b"\0\0\0\0\0\1\0\1\0\6"
        mixed = [((f, 0), (f[14:], 1), (f[12:14] + cooked + f[6:12] + b"\0\0" + f[14:], 2))[i % 3]
                 for i, f in enumerate(frames)]
        plain = self.answers(pcap(self.dir / "p.pcap", frames))[1]
        got = self.answers(pcapng(self.dir / "m.pcapng", mixed, links=(ETHERNET, RAW, SLL2)))[1]
        for have, want in zip(got, plain):
            assert {k: (v[0], v[2]) for k, v in have.items()} == {k: (v[0], v[2]) for k, v in want.items()}

    @pytest.mark.smoke
    def test_no_packets(self):
        """
        Steps: replay a capture with a header only.
        Verify: done, all zero; `top` has no rows and no data (completeness null).
        """
        capture = pcap(self.dir / "none.pcap", [])
        last = self.teiten.replay(self.dir / "n.db", capture).last
        assert last["files"] == 1 and last["packets"] == 0 and last["observations"] == 0
        top = self.teiten.top(self.dir / "n.db", "port")
        assert top["rows"] == [] and top["completeness"] is None

    @pytest.mark.smoke
    def test_a_capture_counts_once(self):
        """
        Steps: replay twice, under another name, twice in one command; then with --again.
        Verify: skipped with a message and status 0; --again doubles the counts.
        """
        frames = probes(50)
        a = pcap(self.dir / "a.pcap", frames)
        b = self.dir / "b.pcap"
        b.write_bytes(a.read_bytes())
        db = self.dir / "x.db"
        last = self.teiten.replay(db, a, b).last
        assert (last["files"], last["skipped"], last["packets"]) == (1, 1, 50)
        once = self.teiten.top(db, "source")["rows"]
        done = self.teiten.replay(db, b)
        assert (done.last["files"], done.last["skipped"], done.last["packets"]) == (0, 1, 0)
        assert any("b.pcap" in m for m in done.messages)
        assert self.teiten.top(db, "source")["rows"] == once
        self.teiten.replay(db, a, again=True)
        assert sum(r["packets"] for r in self.teiten.top(db, "source")["rows"]) == 100

    def test_order_of_packets_and_captures_changes_nothing(self):
        """
        Steps: split a capture over two hours into shuffled parts, replay in several orders.
        Verify: the same rows.
        """
        rng = random.Random(5)
        frames = [(f, None, START * 10**9 + i * 30 * 10**9) for i, f in enumerate(probes(240))]
        want = self.answers(pcap(self.dir / "o.pcap", frames))[1]
        rng.shuffle(frames)
        parts = [pcap(self.dir / f"part{i}.pcap", frames[i::3]) for i in range(3)]
        assert self.answers(*parts)[1] == want
        assert self.answers(*parts[::-1])[1] == want

    def test_wire_lengths_and_late_times(self):
        """
        Steps: packets with wire lengths up to 262,144 bytes; times before and after 2038.
        Verify: bytes are the wire lengths; days are right.
        """
        times = ["2037-12-31T23:59:59Z", "2038-01-19T03:14:08Z", "2050-06-01T00:00:00Z", "2105-12-31T00:00:00Z"]
        sec = [int(datetime.datetime.fromisoformat(t.replace("Z", "+00:00")).timestamp()) for t in times]
        frames = probes(4)
        lengths = [60, 65536, 100000, 262144]
        capture = pcap(self.dir / "l.pcap", [(f, n, s * 10**9) for f, n, s in zip(frames, lengths, sec)])
        db = self.dir / "l.db"
        last = self.teiten.replay(db, capture).last
        assert last["bytes"] == sum(lengths)
        for t, s, n in zip(times, sec, lengths):
            day = t[:10]
            nxt = datetime.date.fromisoformat(day) + datetime.timedelta(days=1)
            rows = self.teiten.top(db, "port", period=f"{day}..{nxt}")["rows"]
            assert [r["bytes"] for r in rows] == [n], day

    def test_large_packets(self):
        """
        Steps: captured frames of 9,000 and 65,549 bytes (jumbo, a whole 64 KiB IP packet).
        Verify: observed, with their bytes.
        """
        frames = [bytes(Ether(**MACS) / IP(src="203.0.113.5", dst="198.51.100.9") / TCP(sport=9, dport=80, flags="S") /
                        (b"z" * n)) for n in (8946, 65495)]
        last, answers = self.answers(pcap(self.dir / "big.pcap", frames))
        assert last["observed"] == 2 and last["bytes"] == sum(map(len, frames)) == 9000 + 65549

    def test_years_apart_and_broken_clocks(self):
        """
        Steps: a capture whose packets lie decades apart, out of order, at 0 and at the last second.
        Verify: seconds, not hours; every packet counted.
        """
        times = [0, 1, START, 4294967295, START - 10**9, 2**31, START + 86400 * 3650]
        capture = pcap(self.dir / "y.pcap", [(f, None, t * 10**9) for f, t in zip(probes(7), times)])
        done = self.teiten.replay(self.dir / "y.db", capture, timeout=120)
        assert done.last["observed"] == 7
        total = sum(r["packets"] for r in self.teiten.top(self.dir / "y.db", "port")["rows"])
        assert total == 7

    def test_cut_captures_are_refused_whole(self):
        """
        Steps: cut a capture in a record, in a record header, in the file header; spoil a length.
        Verify: one line with the file's name each, status 1 or 2, no packet counted; sound captures
                in the same command count.
        """
        good = pcap(self.dir / "good.pcap", probes(20))
        whole = pcap(self.dir / "w.pcap", probes(40, seed=2)).read_bytes()
        for name, data in (("cutrecord", whole[:-7]), ("cutheader", whole[:24 + 70 * 2 + 5]),
                           ("cutfile", whole[:11]), ("nothing", b""), ("nocapture", b"hello, world\n" * 9),
                           ("length", whole[:32] + struct.pack("<I", 0x7fffffff) + whole[36:])):
            bad = self.dir / f"{name}.pcap"
            bad.write_bytes(data)
            db = self.dir / f"{name}.db"
            done = self.teiten.replay(db, bad, good, ok=False)
            lines = [m for m in done.messages if f"{name}.pcap" in m]
            assert done.status in (1, 2) and len(lines) == 1, (name, done)
            if db.exists():
                assert sum(r["packets"] for r in self.teiten.top(db, "port")["rows"]) == 20, name
            again = self.teiten.replay(db, good).last  # in already, unless all was refused unseen
            assert (again["packets"], again["skipped"]) in ((0, 1), (20, 0)), name
            assert sum(r["packets"] for r in self.teiten.top(db, "port")["rows"]) == 20, name

    def test_other_link_types_are_refused_by_name(self):
        """
        Steps: a capture of IEEE 802.11 frames.
        Verify: a line that names the file and the link type; status 1 or 2.
        """
        capture = pcap(self.dir / "wifi.pcap", probes(3), link=105)
        done = self.teiten.replay(self.dir / "w.db", capture, ok=False)
        assert done.status in (1, 2)
        assert any("wifi.pcap" in m and "802.11" in m.replace("802_11", "802.11") for m in done.messages), done
