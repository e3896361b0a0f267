# SPDX-License-Identifier: BSD-3-Clause
"""Declared feeds are opened, everything else that looks like a tunnel is not."""
import json
import struct

import pytest
from framework.capture import MACS, pcap
from framework.suite import TestSuite
from scapy.all import GRE, IP, TCP, UDP, Dot1Q, Ether, ICMP, IPv6, Raw, fragment
from scapy.layers.vxlan import VXLAN

HUB, EDGE, EDGE2 = "192.0.2.1", "198.51.100.7", "198.51.100.8"


def sensor(name, prefix, **tunnel):
    match = {"prefixes": [prefix]}
    if tunnel:
        match["tunnel"] = {"outer_sources": [EDGE + "/32"], **tunnel}
    return {"id": name, "country": "JP", "network": name, "groups": ["g"], "since": "2024-01-01",
            "match": match}


SENSORS = [
    sensor("gre", "203.0.113.0/28", type="gre", key=17),
    sensor("gre-plain", "203.0.113.128/28", type="gre"),
    sensor("erspan", "203.0.113.16/28", type="erspan", session=99),
    sensor("vxlan", "203.0.113.32/28", type="vxlan", vni=7001),
    sensor("geneve", "203.0.113.48/28", type="geneve", vni=7002),
    sensor("ipip", "203.0.113.64/28", type="ipip"),
    sensor("sixinfour", "2001:db8:5::/48", type="6in4"),
    sensor("outside", "192.0.2.0/24"),
]


def probe_to(dst, sport=1000):
    layer = IPv6 if ":" in dst else IP
    src = "2001:db8:99::1" if ":" in dst else "203.0.0.77"
    return layer(src=src, dst=dst) / TCP(sport=sport, dport=23, flags="S")


def outer(payload, src=EDGE, **kw):
    return Ether(**MACS) / IP(src=src, dst=HUB, **kw) / payload


def geneve(vni, inner, options=b"", proto=0x6558):
    return Raw(struct.pack("!BBHI", len(options) // 4, 0, proto, vni << 8) + options + bytes(inner))


def erspan(session, inner):
    head = struct.pack("!HHI", 1 << 12 | 5, session & 0x3ff, 0)
    return GRE(proto=0x88be, seqnum_present=1, sequence_number=1) / Raw(head + bytes(Ether(**MACS) / inner))


FEEDS = {
    "gre": lambda: outer(GRE(key_present=1, key=17, proto=0x800) / probe_to("203.0.113.1")),
    "gre-plain": lambda: outer(GRE(proto=0x800) / probe_to("203.0.113.129")),
    "erspan": lambda: outer(erspan(99, probe_to("203.0.113.17"))),
    "vxlan": lambda: outer(UDP(sport=5, dport=4789) / VXLAN(vni=7001) / Ether(**MACS) / probe_to("203.0.113.33")),
    "geneve": lambda: outer(UDP(sport=5, dport=6081) /
                            geneve(7002, Ether(**MACS) / probe_to("203.0.113.49"), b"\0\1\2\3" * 2)),
    "ipip": lambda: outer(probe_to("203.0.113.65"), proto=4),
    "sixinfour": lambda: outer(probe_to("2001:db8:5::1"), proto=41),
}


@pytest.mark.sanitized
class TestFeeds(TestSuite):
    def sensors_file(self, sensors=None):
        path = self.dir / "sensors.json"
        path.write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": sensors or SENSORS}))
        return path

    def rows(self, frames, sensors=None):
        db = self.dir / "f.db"
        done = self.teiten.replay(db, pcap(self.dir / "f.pcap", frames), s=self.sensors_file(sensors))
        got = self.teiten.sql(db, "SELECT sensor, class, proto, port, source, packets, bytes FROM observation")
        return done.last, got

    @pytest.mark.smoke
    def test_each_declared_feed_is_opened(self):
        """
        Steps: one packet through each kind of feed.
        Verify: its sensor sees the inner source's scan of 23/tcp; bytes are those on the wire.
        """
        frames = {name: bytes(make()) for name, make in FEEDS.items()}
        last, rows = self.rows(list(frames.values()))
        assert last["observed"] == len(frames)
        for row in rows:
            assert (row["class"], row["proto"], row["port"]) == ("scan", "tcp", "23"), row
            assert row["source"] in ("203.0.0.77", "2001:db8:99::1"), row
            assert int(row["bytes"]) == len(frames[row["sensor"]]), row
        assert {r["sensor"] for r in rows} == set(frames)

    def test_gre_with_checksum_key_and_sequence(self):
        """
        Steps: GRE with all optional fields, with Ethernet inside, behind a VLAN tag, and VXLAN in VLAN.
        Verify: all reach their sensors.
        """
        frames = [
            outer(GRE(chksum_present=1, key_present=1, seqnum_present=1, key=17, proto=0x800) /
                  probe_to("203.0.113.2")),
            outer(GRE(key_present=1, key=17, proto=0x6558) / Ether(**MACS) / Dot1Q(vlan=3) /
                  probe_to("203.0.113.3")),
            Ether(**MACS) / Dot1Q(vlan=9) / IP(src=EDGE, dst=HUB) /
            GRE(key_present=1, key=17, proto=0x800) / probe_to("203.0.113.4"),
        ]
        last, rows = self.rows(frames)
        assert last["observed"] == 3
        assert {r["sensor"] for r in rows} == {"gre"}
        assert sum(int(r["packets"]) for r in rows) == 3

    def test_uninvited_tunnels_cannot_forge(self):
        """
        Steps: the same packets from an address that no rule names, and with other keys.
        Verify: all count as what they are outside: protocol 47, 4, 41, UDP 4789 and 6081.
        """
        frames = []
        for make in FEEDS.values():
            p = make()
            p[IP].src = EDGE2
            frames.append(Ether(bytes(p)))
        frames.append(outer(UDP(sport=5, dport=4789) / VXLAN(vni=7099) / Ether(**MACS) /
                            probe_to("203.0.113.33")))
        last, rows = self.rows(frames)
        assert last["packets"] == last["observed"] == len(frames)
        assert {r["sensor"] for r in rows} == {"outside"}
        services = sorted((r["class"], r["proto"], r["port"], r["packets"]) for r in rows)
        assert services == [("other", "4", "0", "1"), ("other", "41", "0", "1"), ("other", "47", "0", "3"),
                            ("scan", "udp", "4789", "1"), ("scan", "udp", "4789", "1"),
                            ("scan", "udp", "6081", "1")]

    def test_broken_headers_inside_declared_feeds(self):
        """
        Steps: feed packets with GRE version 1, VXLAN without the I flag, a cut GENEVE header, and
               with payloads that are neither IP nor Ethernet.
        Verify: the first are malformed, the last non_ip.
        """
        vxlan = bytes(FEEDS["vxlan"]())
        at = 14 + 20 + 8
        bad = [
            outer(Raw(b"\x20\x01\x08\0\0\0\0\x11" + bytes(probe_to("203.0.113.1"))), proto=47),
            vxlan[:at] + b"\0" + vxlan[at + 1:],
            outer(UDP(sport=5, dport=6081) / Raw(b"\0\0\x65")),
        ]
        strange = [outer(GRE(key_present=1, key=17, proto=0x88cc) / Raw(b"x" * 40)),
                   outer(GRE(key_present=1, key=17, proto=0x6558) / Ether(**MACS, type=0x806) / Raw(b"x" * 28))]
        last, _ = self.rows(bad + strange)
        assert (last["malformed"], last["non_ip"]) == (len(bad), len(strange))

    def test_inner_packets_follow_the_same_rules(self):
        """
        Steps: malformed, unassigned and backscatter packets inside a feed.
        Verify: each has the fate and class it would have outside.
        """
        head = GRE(key_present=1, key=17, proto=0x800)
        frames = [outer(head / Raw(bytes(probe_to("203.0.113.1"))[:30])),
                  outer(head / probe_to("203.0.113.200")),
                  outer(head / IP(src="203.0.0.9", dst="203.0.113.1") / TCP(sport=80, dport=99, flags="SA")),
                  outer(head / IP(src="203.0.0.9", dst="203.0.113.1") / ICMP(type=8))]
        last, rows = self.rows(frames)
        assert (last["malformed"], last["unassigned"], last["observed"]) == (1, 1, 2)
        assert sorted((r["class"], r["port"]) for r in rows) == [("backscatter", "80"), ("scan", "2048")]

    def test_outer_fragments_are_fragments(self):
        """
        Steps: a feed packet cut into outer fragments.
        Verify: the first is opened, the others are of class fragment at the feed's sensor.
        """
        inner = probe_to("203.0.113.33") / Raw(b"p" * 1200)
        whole = outer(UDP(sport=5, dport=4789, chksum=0) / VXLAN(vni=7001) / Ether(**MACS) / inner)
        parts = fragment(whole[IP], fragsize=600)
        last, rows = self.rows([Ether(**MACS) / p for p in parts], [SENSORS[3]])
        assert len(parts) >= 3
        got = sorted((r["sensor"], r["class"], int(r["packets"])) for r in rows)
        assert got == [("vxlan", "fragment", len(parts) - 1), ("vxlan", "scan", 1)]

    def test_a_tunnel_inside_a_feed_needs_both_layers(self):
        """
        Steps: VXLAN inside GRE, with a rule for GRE alone, and with a rule that lists both.
        Verify: the first sees UDP to 4789, the second the innermost packet.
        """
        inner = IP(src="203.0.0.5", dst="203.0.113.1") / UDP(sport=5, dport=4789) / VXLAN(vni=5) / \
            Ether(**MACS) / probe_to("203.0.113.99")
        frame = outer(GRE(key_present=1, key=17, proto=0x800) / inner)
        _, rows = self.rows([frame], [SENSORS[0]])
        assert [(r["proto"], r["port"], r["source"]) for r in rows] == [("udp", "4789", "203.0.0.5")]
        both = sensor("both", "203.0.113.96/28")
        both["match"]["tunnel"] = [{"type": "gre", "key": 17, "outer_sources": [EDGE + "/32"]},
                                   {"type": "vxlan", "vni": 5, "outer_sources": ["203.0.0.5/32"]}]
        (self.dir / "f.db").unlink()
        _, rows = self.rows([frame], [both])
        assert [(r["sensor"], r["proto"], r["port"]) for r in rows] == [("both", "tcp", "23")]

    def test_tunnels_nested_without_end(self):
        """
        Steps: IP in IP fifty deep, and GRE fifty deep, through declared feeds.
        Verify: opened once, then what they are outside.
        """
        deep = probe_to("203.0.113.65")
        gre = probe_to("203.0.113.1")
        for _ in range(50):
            deep = IP(src=EDGE, dst="203.0.113.65") / deep
            gre = IP(src=EDGE, dst="203.0.113.1") / GRE(key_present=1, key=17, proto=0x800) / gre
        last, rows = self.rows([outer(deep, proto=4), outer(GRE(key_present=1, key=17, proto=0x800) / gre)])
        assert last["observed"] == 2
        assert sorted((r["sensor"], r["class"], r["proto"]) for r in rows) == \
            [("gre", "other", "47"), ("ipip", "other", "4")]
