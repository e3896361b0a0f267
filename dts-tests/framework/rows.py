# SPDX-License-Identifier: BSD-3-Clause
"""Hand-made packets for every rule of the class definitions, with what each must become.

A row is (name, bytes, expectation). The expectation of an observed packet is
(class, protocol, service port, other port or None[, traits that must be there]). What a packet is
stands here as a person read it from the definitions; nothing is computed by a parser.
"""
import struct

from framework.capture import MACS
from scapy.all import (ARP, GRE, IP, TCP, UDP, Dot1AD, Dot1Q, Ether, IPv6, IPv6ExtHdrDestOpt,
                       IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, Raw, conf)
from scapy.layers.vxlan import VXLAN

conf.checkIPaddr = False
SENSOR4, SENSOR6 = "198.51.100.9", "2001:db8:5::9"


class Sources:
    """A new source address for every packet: rows are told apart by it."""

    def __init__(self):
        self.n = 0

    def v4(self):
        self.n += 1
        return f"203.0.{self.n >> 8}.{self.n & 255}"

    def v6(self):
        self.n += 1
        return f"2001:db8:77::{self.n:x}"


def eth4(src, payload, **kw):
    return Ether(**MACS) / IP(src=src, dst=SENSOR4, **kw) / payload


def eth6(src, payload, **kw):
    return Ether(**MACS) / IPv6(src=src, dst=SENSOR6, **kw) / payload


def tcp(sport, dport, flags, **kw):
    return TCP(sport=sport, dport=dport, flags=flags, **kw)


def dns(flags=0x8180, qtype=1, extra=b"", counts=(1, 0, 0, 0)):
    """A DNS message by hand: header, one question for example.com, then `extra` records."""
    return struct.pack("!6H", 0x1234, flags, *counts) + \
        b"\x07example\x03com\x00" + struct.pack("!HH", qtype, 1) + extra


RRSIG = b"\xc0\x0c" + struct.pack("!HHIH", 46, 1, 300, 24) + b"s" * 24
OPT_DO = b"\x00" + struct.pack("!HHIH", 41, 4096, 0x8000, 0)

RESPONSES = {  # source port: (name, a payload that is a response, one that is none)
    53: ("dns", dns(), dns(flags=0x0100)),
    5353: ("mdns", dns(flags=0x8400), dns(flags=0)),
    123: ("ntp mode 4", b"\x24" + b"\0" * 47, b"\x23" + b"\0" * 47),
    1900: ("ssdp", b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n\r\n", b"M-SEARCH * HTTP/1.1\r\n"),
    161: ("snmp", bytes.fromhex("302902010104067075626c6963a21c02040000000102010002010030"
                                "0e300c06082b060102010101000500"),
          bytes.fromhex("302902010104067075626c6963a01c0204000000010201000201003"
                        "00e300c06082b060102010101000500")),
    389: ("cldap", bytes.fromhex("300c02010164070400300004000000"),
          bytes.fromhex("300c02010163070400300004000000")),
    11211: ("memcached", b"\0\0\0\0\0\1\0\0VALUE a 0 1\r\nx\r\n", b"\0\0\0\0\0\1\0\0stats\r\n"),
    19: ("chargen", bytes(range(33, 105)) + b"\r\n", b"\x01hello" * 16),
    111: ("portmap", struct.pack("!IIII", 7, 1, 0, 0), struct.pack("!IIII", 7, 0, 2, 100000)),
    137: ("netbios", struct.pack("!6H", 1, 0x8400, 0, 1, 0, 0), struct.pack("!6H", 1, 0, 1, 0, 0, 0)),
    3702: ("ws-discovery", b"<?xml?><soap:Envelope><d:ProbeMatches/></soap:Envelope>",
           b"<?xml?><soap:Envelope><d:Probe/></soap:Envelope>"),
    5683: ("coap", b"\x60\x45\x00\x01\xffx", b"\x40\x01\x00\x01"),
}


def tcp_rows(s):
    flags = [("S", "scan"), ("SF", "scan"), ("", "scan"), ("F", "scan"), ("FPU", "scan"),
             ("P", "scan"), ("U", "scan"), ("SEC", "scan"),
             ("R", "backscatter"), ("RA", "backscatter"), ("SR", "backscatter"),
             ("SA", "backscatter"), ("SAP", "backscatter"), ("SAR", "backscatter"),
             ("A", "other"), ("PA", "other"), ("FA", "other")]
    for f, cls in flags:
        service, other = (1234, 23) if cls == "backscatter" else (23, 1234)
        yield f"tcp {f or 'NULL'}", eth4(s.v4(), tcp(1234, 23, f)), (cls, "tcp", service, other)
        yield f"tcp {f or 'NULL'} v6", eth6(s.v6(), tcp(1234, 23, f)), (cls, "tcp", service, other)


def udp_rows(s):
    yield "udp probe", eth4(s.v4(), UDP(sport=4000, dport=53) / dns(0x0100)), ("scan", "udp", 53, 4000)
    yield "udp empty", eth4(s.v4(), UDP(sport=4000, dport=9)), ("scan", "udp", 9, 4000)
    for port, (name, answer, question) in RESPONSES.items():
        yield f"{name} response", eth4(s.v4(), UDP(sport=port, dport=4444) / answer), \
            ("reflection", "udp", port, 4444)
        yield f"{name} response v6", eth6(s.v6(), UDP(sport=port, dport=4444) / answer), \
            ("reflection", "udp", port, 4444)
        yield f"{name} no response", eth4(s.v4(), UDP(sport=port, dport=4444) / question), \
            ("scan", "udp", 4444, port, {"reflector_port"})
        yield f"{name} empty", eth4(s.v4(), UDP(sport=port, dport=4444)), \
            ("scan", "udp", 4444, port, {"reflector_port"})
    for name, first, trait in (("ntp control", b"\x16\x80", {"ntp_control"}),
                               ("ntp monlist", b"\x97\x00\x03\x2a", {"ntp_monlist"})):
        yield name, eth4(s.v4(), UDP(sport=123, dport=80) / (first + b"\0" * 44)), \
            ("reflection", "udp", 123, 80, trait)
    for name, first in (("ntp control request", b"\x16\x02"), ("ntp monlist request", b"\x17\x00\x03\x2a")):
        yield name, eth4(s.v4(), UDP(sport=123, dport=80) / (first + b"\0" * 44)), \
            ("scan", "udp", 80, 123)
    yield "dns 11 bytes", eth4(s.v4(), UDP(sport=53, dport=80) / dns()[:11]), ("scan", "udp", 80, 53)
    yield "chargen 71 bytes", eth4(s.v4(), UDP(sport=19, dport=80) / (b"a" * 71)), ("scan", "udp", 80, 19)
    yield "chargen 72 bytes", eth4(s.v4(), UDP(sport=19, dport=80) / (b"a" * 72)), \
        ("reflection", "udp", 19, 80)
    yield "chargen unprintable", eth4(s.v4(), UDP(sport=19, dport=80) / (b"a" * 72 + b"\x01")), \
        ("scan", "udp", 80, 19)
    yield "memcached binary", eth4(s.v4(), UDP(sport=11211, dport=80) / (b"\0" * 8 + b"\x81\0")), \
        ("reflection", "udp", 11211, 80)
    yield "coap class 1", eth4(s.v4(), UDP(sport=5683, dport=80) / b"\x60\x25\0\1"), ("scan", "udp", 80, 5683)
    yield "ws fault", eth4(s.v4(), UDP(sport=3702, dport=80) / b"<s:Envelope><s:Fault/></s:Envelope>"), \
        ("reflection", "udp", 3702, 80)
    yield "snmp long length", eth4(s.v4(), UDP(sport=161, dport=80) / bytes.fromhex(
        "30820029020101" "04067075626c6963" "a281" "1c" "02040000000102010002010030"
        "0e300c06082b060102010101000500")), ("reflection", "udp", 161, 80)
    traits = [
        ("dns ANY", dns(qtype=255), {"dns_any", "dns_ra"}),
        ("dns TC", dns(flags=0x8380), {"dns_tc", "dns_ra"}),
        ("dns AA", dns(flags=0x8400), {"dns_aa"}),
        ("dns NXDOMAIN", dns(flags=0x8183), {"dns_rcode", "dns_ra"}),
        ("dns RRSIG", dns(extra=RRSIG, counts=(1, 1, 0, 0)), {"dns_dnssec", "dns_ra"}),
        ("dns OPT DO", dns(extra=OPT_DO, counts=(1, 0, 0, 1)), {"dns_edns", "dns_do", "dns_ra"}),
        ("dns 513", dns() + b"\0" * (513 - len(dns())), {"dns_over_512", "dns_ra"}),
        ("dns 1233", dns() + b"\0" * (1233 - len(dns())), {"dns_over_512", "dns_over_1232", "dns_ra"}),
        ("dns 512", dns() + b"\0" * (512 - len(dns())), {"dns_ra"}),
    ]
    for name, payload, want in traits:
        yield name, eth4(s.v4(), UDP(sport=53, dport=80) / payload), ("reflection", "udp", 53, 80, want)


def icmp_rows(s):
    for t in range(0, 41):
        cls = "scan" if t in (8, 13, 15, 17) else \
            "backscatter" if t in (0, 3, 4, 5, 11, 12, 14, 16, 18) else "other"
        yield f"icmp {t}", eth4(s.v4(), Raw(bytes([t, 1, 0, 0, 0, 0, 0, 0])), proto=1), \
            (cls, "icmp", t << 8 | 1, None)
    for t in (1, 2, 3, 4, 100, 128, 129, 130, 133, 135, 143):
        cls = "scan" if t == 128 else "backscatter" if t in (1, 2, 3, 4, 129) else "other"
        yield f"icmp6 {t}", eth6(s.v6(), Raw(bytes([t, 2, 0, 0, 0, 0, 0, 0])), nh=58), \
            (cls, "icmp6", t << 8 | 2, None)
    yield "icmp of 2 bytes", eth4(s.v4(), Raw(b"\x08\x00"), proto=1), ("scan", "icmp", 8 << 8, None)
    yield "icmpv4 in v6", eth6(s.v6(), Raw(b"\x08\0\0\0"), nh=1), ("scan", "icmp", 8 << 8, None)
    yield "icmpv6 in v4", eth4(s.v4(), Raw(b"\x80\0\0\0"), proto=58), ("scan", "icmp6", 128 << 8, None)


def other_rows(s):
    for proto in (2, 4, 41, 47, 50, 51, 89, 103, 132, 255):
        yield f"ip protocol {proto}", eth4(s.v4(), Raw(b"x" * 20), proto=proto), \
            ("other", str(proto), 0, None)
    yield "ESP in v6", eth6(s.v6(), Raw(b"x" * 20), nh=50), ("other", "50", 0, None)
    yield "no next header", eth6(s.v6(), Raw(b""), nh=59), ("other", "59", 0, None)
    yield "ip without payload, protocol 255", eth4(s.v4(), Raw(b""), proto=255), ("other", "255", 0, None)


def fragment_rows(s):
    yield "v4 first fragment", eth4(s.v4(), tcp(1, 23, "S"), flags="MF"), ("scan", "tcp", 23, 1)
    yield "v4 later fragment", eth4(s.v4(), Raw(b"x" * 24), frag=1, proto=17), ("fragment", "udp", 0, None)
    yield "v4 last fragment", eth4(s.v4(), Raw(b""), frag=185, proto=6), ("fragment", "tcp", 0, None)
    yield "v6 first fragment", eth6(s.v6(), IPv6ExtHdrFragment(m=1, nh=17) / UDP(sport=1, dport=9)), \
        ("scan", "udp", 9, 1)
    yield "v6 later fragment", eth6(s.v6(), IPv6ExtHdrFragment(offset=9, nh=17) / Raw(b"x" * 16)), \
        ("fragment", "udp", 0, None)
    yield "v6 atomic fragment", eth6(s.v6(), IPv6ExtHdrFragment(m=0, nh=6) / tcp(1, 80, "S")), \
        ("scan", "tcp", 80, 1)


def chain(n, last):
    """n destination-option headers before `last`."""
    p = last
    for _ in range(n):
        p = IPv6ExtHdrDestOpt() / p
    return p


def extension_rows(s):
    syn = tcp(1, 443, "S")
    yield "hop-by-hop", eth6(s.v6(), IPv6ExtHdrHopByHop() / syn), ("scan", "tcp", 443, 1)
    yield "routing", eth6(s.v6(), IPv6ExtHdrRouting() / syn), ("scan", "tcp", 443, 1)
    yield "8 headers", eth6(s.v6(), chain(8, syn)), ("scan", "tcp", 443, 1)
    yield "9 headers", eth6(s.v6(), chain(9, syn)), ("other", "60", 0, None)
    ah = struct.pack("!BBHII", 6, 4, 0, 1, 1) + b"\0" * 12
    yield "authentication header", eth6(s.v6(), Raw(ah + bytes(syn)), nh=51), ("scan", "tcp", 443, 1)
    for nh in (135, 139, 140):
        yield f"extension {nh}", eth6(s.v6(), Raw(bytes([6, 0]) + b"\0" * 6 + bytes(syn)), nh=nh), \
            ("scan", "tcp", 443, 1)


def link_rows(s):
    syn = tcp(1, 22, "S")

    def ip4():
        return IP(src=s.v4(), dst=SENSOR4) / syn

    want = ("scan", "tcp", 22, 1)
    yield "one tag", Ether(**MACS) / Dot1Q(vlan=5) / ip4(), want
    yield "QinQ", Ether(**MACS) / Dot1AD(vlan=5) / Dot1Q(vlan=6) / ip4(), want
    four = Ether(**MACS, type=0x9100) / Raw(bytes.fromhex("0001" "9200" "0002" "88a8" "0003" "8100" "0004"
                                                          "0800"))
    yield "four tags", four / Raw(bytes(ip4())), want
    for n in (1, 8):
        p = Ether(**MACS, type=0x8847)
        for i in range(n):
            p = p / Raw(struct.pack("!I", 100 << 12 | (i == n - 1) << 8 | 64))
        yield f"{n} mpls labels", p / Raw(bytes(ip4())), want
    yield "mpls multicast, v6", Ether(**MACS, type=0x8848) / Raw(struct.pack("!I", 1 << 8)) / \
        Raw(bytes(IPv6(src=s.v6(), dst=SENSOR6) / syn)), want
    yield "vlan then mpls", Ether(**MACS) / Dot1Q(vlan=5, type=0x8847) / Raw(struct.pack("!I", 1 << 8)) / \
        Raw(bytes(ip4())), want
    yield "ethernet padding", Ether(**MACS) / ip4() / Raw(b"\0" * 6), want
    udp = bytes(IP(src=s.v4(), dst=SENSOR4) / UDP(sport=19, dport=7) / (b"a" * 40))
    yield "padding is no payload", Ether(**MACS, type=0x800) / Raw(udp + b"a" * 60), ("scan", "udp", 7, 19)


def length_rows(s):
    syn = bytes(IP(src=s.v4(), dst=SENSOR4) / tcp(1, 21, "S"))
    yield "total length 0", bytes(Ether(**MACS)) [:12] + b"\x08\0" + syn[:2] + b"\0\0" + syn[4:], \
        ("scan", "tcp", 21, 1)
    syn = bytes(IP(src=s.v4(), dst=SENSOR4) / tcp(1, 21, "S"))
    yield "total length beyond what is there", bytes(Ether(**MACS))[:12] + b"\x08\0" + syn[:2] + \
        b"\xff\xff" + syn[4:], ("scan", "tcp", 21, 1)
    six = bytes(IPv6(src=s.v6(), dst=SENSOR6) / tcp(1, 21, "S"))
    yield "v6 payload length 0", bytes(Ether(**MACS))[:12] + b"\x86\xdd" + six[:4] + b"\0\0" + six[6:], \
        ("scan", "tcp", 21, 1)
    yield "tcp of 14 bytes", eth4(s.v4(), Raw(bytes(tcp(1, 20, "S"))[:14]), proto=6), ("scan", "tcp", 20, 1)
    yield "tcp data offset beyond the packet", eth4(s.v4(), tcp(1, 20, "S", dataofs=15)), \
        ("scan", "tcp", 20, 1)
    yield "udp length under 8", eth4(s.v4(), UDP(sport=1, dport=6, len=3)), ("scan", "udp", 6, 1)
    yield "udp length beyond", eth4(s.v4(), UDP(sport=1, dport=6, len=999)), ("scan", "udp", 6, 1)
    yield "udp length cuts the answer", eth4(s.v4(), UDP(sport=53, dport=6, len=19) / dns()), \
        ("scan", "udp", 6, 53)
    yield "ip options", Ether(**MACS) / IP(src=s.v4(), dst=SENSOR4, options=b"\x01" * 8) / tcp(1, 25, "S"), \
        ("scan", "tcp", 25, 1)


def uninvited_rows(s):
    """Tunnels that no rule declares are what they are outside."""
    inner = IP(src="192.0.2.66", dst=SENSOR4) / tcp(1, 23, "S")
    yield "uninvited GRE", eth4(s.v4(), GRE() / inner), ("other", "47", 0, None)
    yield "uninvited VXLAN", eth4(s.v4(), UDP(sport=9, dport=4789) / VXLAN(vni=7) / Ether() / inner), \
        ("scan", "udp", 4789, 9)
    yield "uninvited GENEVE", eth4(s.v4(), UDP(sport=9, dport=6081) / Raw(b"\0\0\x65\x58\0\0\7\0") /
                                   Ether() / inner), ("scan", "udp", 6081, 9)
    yield "uninvited IP in IP", eth4(s.v4(), inner, proto=4), ("other", "4", 0, None)
    yield "uninvited 6in4", eth4(s.v4(), IPv6(src="2001:db8::66", dst=SENSOR6) / tcp(1, 23, "S"),
                                 proto=41), ("other", "41", 0, None)


def tool_rows(s):
    """(tools) stand where traits do: the relation holds in exactly these."""
    dst = int.from_bytes(bytes([198, 51, 100, 9]), "big")
    yield "zmap", eth4(s.v4(), tcp(9, 80, "S", seq=7), id=54321), ("scan", "tcp", 80, 9, {"zmap"})
    yield "zmap udp", eth4(s.v4(), UDP(sport=9, dport=80), id=54321), ("scan", "udp", 80, 9, {"zmap"})
    yield "zmap backscatter", eth4(s.v4(), tcp(9, 80, "SA", seq=7), id=54321), \
        ("backscatter", "tcp", 9, 80, set())
    yield "masscan", eth4(s.v4(), tcp(9, 80, "S", seq=0x12345678),
                          id=(dst ^ 80 ^ 0x12345678) & 0xffff), ("scan", "tcp", 80, 9, {"masscan"})
    yield "mirai", eth4(s.v4(), tcp(9, 23, "S", seq=dst), id=1), ("scan", "tcp", 23, 9, {"mirai"})
    yield "no tool", eth4(s.v4(), tcp(9, 23, "S", seq=1), id=2), ("scan", "tcp", 23, 9, set())
    yield "mirai relation in a FIN", eth4(s.v4(), tcp(9, 23, "F", seq=dst), id=1), \
        ("scan", "tcp", 23, 9, set())


def cut_ethernet():
    """Frames that are malformed, and what would be if one byte more were there."""
    syn = bytes(IP(src="203.0.113.1", dst=SENSOR4) / tcp(1, 23, "S"))
    syn6 = bytes(IPv6(src="2001:db8::1", dst=SENSOR6) / tcp(1, 23, "S"))
    mac = bytes(Ether(**MACS))[:12]
    v4, v6 = mac + b"\x08\0", mac + b"\x86\xdd"
    yield "13 bytes", mac + b"\x08"
    yield "no bytes", b""
    yield "tag cut", mac + b"\x81\0\0\5\x08"
    yield "five tags", mac + b"\x81\0\0\5" * 5 + b"\x08\0" + syn
    yield "mpls cut", mac + b"\x88\x47\0\0\1"
    yield "mpls without bottom", mac + b"\x88\x47" + b"\0\0\0\x40" * 2
    yield "nine labels", mac + b"\x88\x47" + b"\0\0\0\x40" * 8 + b"\0\0\1\x40" + syn
    yield "v4 of 19 bytes", v4 + syn[:19]
    yield "v4 version 5", v4 + b"\x55" + syn[1:]
    yield "v4 IHL 4", v4 + b"\x44" + syn[1:]
    yield "v4 total length under header", v4 + syn[:2] + b"\0\x13" + syn[4:]
    yield "v4 fewer than IHL", v4 + b"\x4f" + syn[1:30]
    yield "v6 of 39 bytes", v6 + syn6[:39]
    yield "v6 version 4", v6 + b"\x45" + syn6[1:]
    yield "extension header cut", v6 + syn6[:6] + b"\x3c" + syn6[7:40] + b"\x06\x01" + b"\0" * 8
    yield "extension header of 1 byte", v6 + syn6[:6] + b"\x00" + syn6[7:40] + b"\x06"
    yield "fragment header cut", v6 + syn6[:6] + b"\x2c" + syn6[7:40] + b"\x06\0\0\0"
    yield "tcp of 13 bytes", v4 + syn[:33]
    yield "tcp data offset 4", v4 + syn[:32] + b"\x40" + syn[33:]
    yield "tcp cut by total length", v4 + syn[:2] + b"\0\x21" + syn[4:]
    udp = bytes(IP(src="203.0.113.1", dst=SENSOR4) / UDP(sport=1, dport=2))
    yield "udp of 7 bytes", v4 + udp[:27]
    yield "first fragment of 7 bytes udp", v4 + bytes(IP(src="203.0.113.1", dst=SENSOR4, proto=17,
                                                         flags="MF") / Raw(b"1234567"))
    icmp = bytes(IP(src="203.0.113.1", dst=SENSOR4, proto=1) / Raw(b"\x08"))
    yield "icmp of 1 byte", v4 + icmp
    yield "icmp of 0 bytes", v4 + icmp[:20]
    yield "v6 icmp6 of 1 byte", v6 + bytes(IPv6(src="2001:db8::1", dst=SENSOR6, nh=58) / Raw(b"\x80"))


def not_ip():
    mac = bytes(Ether(**MACS))[:12]
    yield "ARP", bytes(Ether(**MACS) / ARP())
    yield "LLDP", mac + b"\x88\xcc" + b"\x02\x07\x04" + b"\0" * 40
    yield "802.3 length", mac + b"\x00\x26" + b"\x42\x42\x03" + b"\0" * 40
    yield "unknown ethertype", mac + b"\x12\x34" + b"x" * 40
    yield "ARP in a tag", mac + b"\x81\0\0\5\x08\x06" + b"\0" * 28
    yield "mpls with a control word", mac + b"\x88\x47\0\0\1\x40" + b"\0" * 40
    yield "empty after ethertype", mac + b"\x08\x06"


def observed(s):
    for maker in (tcp_rows, udp_rows, icmp_rows, other_rows, fragment_rows, extension_rows, link_rows,
                  length_rows, uninvited_rows, tool_rows):
        for row in maker(s):
            yield row
