# SPDX-License-Identifier: BSD-3-Clause
"""Every rule of the class definitions, by hand-made packets."""
from collections import Counter

import pytest
from framework.capture import ETHERNET, RAW, SLL, SLL2, pcap
from framework.programs import counts
from framework.rows import Sources, cut_ethernet, not_ip, observed
from framework.suite import TestSuite

CLASSES = ("scan", "backscatter", "reflection", "other", "fragment")


def service(row):
    """(proto, port) of a row of `top --by port`, ICMP's as type<<8|code."""
    if "type" in row and row["type"] is not None:
        return row["proto"], row["type"] << 8 | row["code"]
    return row["proto"], row["port"]


@pytest.mark.sanitized
class TestClasses(TestSuite):
    @classmethod
    def set_up_suite(cls):
        cls.rows = [(name, bytes(p), want) for name, p, want in observed(Sources())]

    def replayed(self, frames, name="t", **kw):
        db = self.dir / f"{name}.db"
        done = self.teiten.replay(db, pcap(self.dir / f"{name}.pcap", frames, **kw))
        return db, done.last

    @pytest.mark.smoke
    def test_every_rule_gives_its_class_and_service(self):
        """
        Steps: replay one capture with a packet for every rule, each from its own source.
        Verify: `top --by port` of each class counts exactly the packets that the rules name.
        """
        db, last = self.replayed([p for _, p, _ in self.rows])
        assert last["packets"] == last["observed"] == len(self.rows)
        known = self.rows
        for cls in CLASSES:
            want = Counter((w[1], w[2]) for _, _, w in known if w[0] == cls)
            size = Counter()
            for _, p, w in known:
                if w[0] == cls:
                    size[w[1], w[2]] += len(p)
            got = {service(r): (r["packets"], r["bytes"], r["sources"])
                   for r in self.teiten.top(db, "port", class_=cls)["rows"]}
            assert got == {k: (n, size[k], n) for k, n in want.items()}, cls

    @pytest.mark.smoke
    def test_each_packet_alone(self):
        """
        Steps: ask the observation table for the one observation of each source.
        Verify: class, protocol, service port, other port, traits and tools are the rule's.
        """
        db, _ = self.replayed([p for _, p, _ in self.rows])
        got = {r["source"]: r for r in self.teiten.sql(db, "SELECT * FROM observation")}
        assert len(got) == len(self.rows)
        wrong = []
        for name, frame, want in self.rows:
            row = got[source_of(frame, want)]
            cls, proto, port, other, *marks = want
            have = (row["class"], row["proto"], int(row["port"]))
            if have != (cls, proto, port):
                wrong.append((name, have, want))
            if other is not None and int(row["other_port"]) != other:
                wrong.append((name, "other_port", row["other_port"], other))
            traits = set(filter(None, row["traits"].split(",")))
            tools = {t for t in ("zmap", "masscan", "mirai") if int(row[t])}
            if marks:
                marks = marks[0]
                if marks & {"zmap", "masscan", "mirai"} or not marks:
                    if tools != marks:
                        wrong.append((name, "tools", tools, marks))
                elif not marks <= traits or {t for t in traits if t.startswith(("dns", "ntp"))} - marks:
                    wrong.append((name, "traits", traits, marks))
            if cls == "reflection" and traits & {"reflector_port", "unverified"}:
                wrong.append((name, "traits", traits))
        assert not wrong

    def test_malformed_is_exactly_the_list(self):
        """
        Steps: replay frames that are cut or contradict themselves, each in a capture of its own.
        Verify: every one is malformed, none observed; `--by class` counts packets and bytes.
        """
        frames = list(cut_ethernet())
        captures = [pcap(self.dir / f"{i}.pcap", [f], start=1734490800 + i) for i, (_, f) in enumerate(frames)]
        db = self.dir / "m.db"
        wrong = []
        last = self.teiten.replay(db, *captures).last
        if last["malformed"] != len(frames):
            for (name, _), capture in zip(frames, captures):
                one = self.teiten.replay(self.dir / f"{capture.stem}.db", capture).last
                if one["malformed"] != 1:
                    wrong.append((name, one))
        assert not wrong
        rows = counts(self.teiten.top(db, "class"), "class")
        assert rows["malformed"] == (len(frames), sum(len(f) for _, f in frames), None)
        assert last["packets"] == last["malformed"] == len(frames)

    def test_not_ip(self):
        """
        Steps: replay frames that are not IP.
        Verify: all are non_ip, and counted with their bytes.
        """
        frames = [f for _, f in not_ip()]
        db, last = self.replayed(frames)
        assert last["non_ip"] == last["packets"] == len(frames)
        rows = counts(self.teiten.top(db, "class"), "class")
        assert rows["non_ip"] == (len(frames), sum(map(len, frames)), None)

    def test_link_types_agree(self):
        """
        Steps: put the same IP packets behind Ethernet, raw IP, Linux cooked v1 and v2 headers.
        Verify: all give the same observations; bytes differ by the header.
        """
        plain = [(p, w) for name, p, w in self.rows
                 if p[12:14] in (b"\x08\0", b"\x86\xdd") and "padding" not in name]
        heads = {ETHERNET: lambda p: p, RAW: lambda p: p[14:],
                 SLL: lambda p: b"\0\0\0\1\0\6" + p[6:12] + b"\0\0" + p[12:14] + p[14:],
                 SLL2: lambda p: p[12:14] + b"\0\0\0\0\0\1\0\1\0\6" + p[6:12] + b"\0\0" + p[14:]}
        answers = {}
        for link, wrap in heads.items():
            frames = [wrap(p) for p, _ in plain]
            db, last = self.replayed(frames, name=f"link{link}", link=link)
            assert last["observed"] == len(frames), link
            assert last["bytes"] == sum(map(len, frames)), link
            answers[link] = [{service(r): (r["packets"], r["sources"]) for r in
                              self.teiten.top(db, "port", class_=c)["rows"]} for c in CLASSES]
        assert all(a == answers[ETHERNET] for a in answers.values())

    def test_cut_by_the_snap_length(self):
        """
        Steps: cut every packet to each snap length from 1 to 60 bytes.
        Verify: every packet has one fate at any length, and wire lengths are counted whole.
        """
        frames = [(p, len(p)) for _, p, _ in self.rows]
        captures = [pcap(self.dir / f"s{n}.pcap", frames, snaplen=n) for n in (1, 13, 14, 20, 34, 38, 42, 47, 60)]
        last = self.teiten.replay(self.dir / "s.db", *captures).last
        total = len(frames) * len(captures)
        assert last["packets"] == total
        assert sum(last[f] for f in ("observed", "spilled", "malformed", "non_ip", "unassigned")) == total
        assert last["bytes"] == sum(n for _, n in frames) * len(captures)

    def test_responses_cut_by_the_capture_are_unverified_reflections(self):
        """
        Steps: cut responses and questions from known ports right behind the UDP header.
        Verify: all are reflections with the trait `unverified`.
        """
        udp = [(n, p, w) for n, p, w in self.rows
               if w and w[1] == "udp" and ("response" in n) and p[12:14] == b"\x08\0"]
        assert len(udp) >= 24
        db, last = self.replayed([(p, len(p)) for _, p, _ in udp], snaplen=42)
        assert last["observed"] == len(udp)
        rows = self.teiten.sql(db, "SELECT class, traits FROM observation")
        assert {r["class"] for r in rows} == {"reflection"}
        assert all("unverified" in r["traits"] for r in rows)


def source_of(frame, want):
    """Where the source address stands in a frame of rows.py: searched, not parsed."""
    import ipaddress
    at = frame.find(bytes([203, 0]))
    six = frame.find(bytes.fromhex("20010db80077"))
    if six >= 0 and (at < 0 or six < at):
        return str(ipaddress.IPv6Address(frame[six:six + 16]))
    return str(ipaddress.IPv4Address(frame[at:at + 4]))
