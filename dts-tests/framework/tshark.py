# SPDX-License-Identifier: BSD-3-Clause
"""An independent count: tshark takes the packets apart, the class rules are applied here in Python.

Nothing is shared with the programs under test. Tunnels are never opened (no feeds declared).
"""
import subprocess
from collections import namedtuple

CHAIN = ["ipv6.hopopts.nxt", "ipv6.dstopts.nxt", "ipv6.routing.nxt"]
FIELDS = ["frame.len", "ip.src", "ip.dst", "ip.proto", "ip.frag_offset", "ipv6.src", "ipv6.dst",
          "ipv6.nxt", "ipv6.fraghdr.offset", "ipv6.fraghdr.nxt", "tcp.srcport", "tcp.dstport", "tcp.flags",
          "udp.srcport", "udp.dstport", "udp.payload", "icmp.type", "icmp.code", "icmpv6.type",
          "icmpv6.code", "eth.type", "vlan.etype", *CHAIN]
OPTIONS = ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE",
           "tcp.reassemble_out_of_order:FALSE"]
Packet = namedtuple("Packet", "cls proto port dport source bytes")
NAMES = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmp6"}
SCAN_ICMP, BACK_ICMP = {8, 13, 15, 17}, {0, 3, 4, 5, 11, 12, 14, 16, 18}
EXTENSIONS = {0, 43, 44, 51, 60, 135, 139, 140}


UNSURE = "unsure"  # class of an extension header chain that tshark reads otherwise, or not to its end


def first(text):
    return text.split(",")[0] if text else ""


def packets(capture, disabled=("gre", "vxlan", "geneve", "teredo", "ayiya", "esp")):
    """Yields a Packet for each one that tshark could take apart, None for the others."""
    cmd = ["tshark", "-n", "-r", str(capture), "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]
    for f in FIELDS:
        cmd += ["-e", f]
    for o in OPTIONS:
        cmd += ["-o", o]
    for p in disabled:
        cmd += ["--disable-protocol", p]
    with subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as p:
        for line in p.stdout:
            yield classify(dict(zip(FIELDS, line.rstrip("\n").split("|"))))
    assert p.returncode in (0, 2), cmd  # 2: the capture's last record is cut


def network(f):
    """(source, protocol, is a later fragment) of the outermost IP header."""
    v4, v6 = first(f["ip.src"]), first(f["ipv6.src"])
    outer6 = v6 and (not v4 or "86dd" in (f["eth.type"] + f["vlan.etype"]))
    if outer6:
        chain = [int(x, 0) for x in f["ipv6.nxt"].split(",")]
        proto = chain[0]
        if proto in EXTENSIONS:
            if f["ipv6.fraghdr.nxt"]:
                proto = int(first(f["ipv6.fraghdr.nxt"]), 0)
            else:
                proto = 6 if f["tcp.flags"] else 17 if f["udp.srcport"] else 58 if f["icmpv6.type"] else proto
            length = sum(len(f[c].split(",")) for c in CHAIN if f[c])
            if proto in EXTENSIONS or length > 8:
                proto = None
        later = bool(f["ipv6.fraghdr.offset"]) and int(first(f["ipv6.fraghdr.offset"]), 0) > 0
        return v6, proto, later
    if v4 and f["ip.proto"]:
        return v4, int(first(f["ip.proto"]), 0), int(first(f["ip.frag_offset"]) or "0", 0) > 0
    return None


def classify(f):
    net = network(f)
    if not net:
        return None
    source, proto, later = net
    size = int(f["frame.len"])
    if proto is None:
        return Packet(UNSURE, None, 0, 0, source, size)
    name = NAMES.get(proto, str(proto))
    if later:
        return Packet("fragment", name, 0, 0, source, size)
    try:
        if proto == 6:
            sport, dport = int(first(f["tcp.srcport"])), int(first(f["tcp.dstport"]))
            flags = int(first(f["tcp.flags"]), 16)
            syn, ack, rst = flags & 2, flags & 16, flags & 4
            if rst or (syn and ack):
                return Packet("backscatter", name, sport, dport, source, size)
            cls = "scan" if syn or not ack else "other"
            return Packet(cls, name, dport, dport, source, size)
        if proto == 17:
            sport, dport = int(first(f["udp.srcport"])), int(first(f["udp.dstport"]))
            payload = bytes.fromhex(first(f["udp.payload"]).replace(":", ""))
            if response(sport, payload):
                return Packet("reflection", name, sport, dport, source, size)
            return Packet("scan", name, dport, dport, source, size)
        if proto in (1, 58):
            kind = "icmp" if proto == 1 else "icmpv6"
            t, c = int(first(f[kind + ".type"])), int(first(f[kind + ".code"]) or 0)
            scan, back = (SCAN_ICMP, BACK_ICMP) if proto == 1 else ({128}, {1, 2, 3, 4, 129})
            cls = "scan" if t in scan else "backscatter" if t in back else "other"
            return Packet(cls, name, t << 8 | c, t << 8 | c, source, size)
    except ValueError:
        return None
    return Packet("other", name, 0, 0, source, size)


def ber(data, at):
    """(tag, content start, content end) of the BER element at `at`, or None."""
    if at + 2 > len(data):
        return None
    tag, n, at = data[at], data[at + 1], at + 2
    if n & 0x80:
        k = n & 0x7f
        if not 1 <= k <= 4 or at + k > len(data):
            return None
        n, at = int.from_bytes(data[at:at + k], "big"), at + k
    return tag, at, at + n


def ber_reply(p, second, answers):
    """SEQUENCE { INTEGER, [second,] then one of `answers`."""
    e = ber(p, 0)
    if not e or e[0] != 0x30:
        return False
    at = e[1]
    for tag in (0x02, *second):
        e = ber(p, at)
        if not e or e[0] != tag:
            return False
        at = e[2]
    return at < len(p) and p[at] in answers


def response(port, p):
    if port in (53, 5353, 137):
        return len(p) >= 12 and bool(p[2] & 0x80)
    if port == 123:
        mode = p[0] & 7 if p else 0
        return mode == 4 or (mode == 6 and len(p) > 1 and bool(p[1] & 0x80)) or (mode == 7 and bool(p[0] & 0x80))
    if port == 1900:
        return p.startswith(b"HTTP/1.")
    if port == 161:
        return ber_reply(p, (0x04,), (0xa2,))
    if port == 389:
        return ber_reply(p, (), (0x64, 0x65))
    if port == 11211:
        return p[8:].startswith((b"VALUE ", b"STAT ", b"END", b"ERROR", b"VERSION ", b"\x81"))
    if port == 19:
        return len(p) >= 72 and all(32 <= b < 127 or b in (10, 13) for b in p)
    if port == 111:
        return len(p) >= 12 and p[4:8] == b"\0\0\0\1"
    if port == 3702:
        head = p[:2048]
        return b"ProbeMatch" in head or (b"<" in head and b"Envelope" in head and b"Fault" in head)
    if port == 5683:
        return len(p) >= 4 and p[0] >> 6 == 1 and 2 <= p[1] >> 5 <= 5
    return False
