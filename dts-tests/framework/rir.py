# SPDX-License-Identifier: BSD-3-Clause
"""Delegation files: written at the size of the registries' own, and read by the format's words alone."""
import ipaddress
import random
from dataclasses import dataclass

REGISTRIES = {  # share of rows, first octets it draws from
    "afrinic": (0.03, (41, 102, 105, 154, 196)),
    "apnic": (0.17, (1, 14, 27, 36, 42, 49, 58, 60, 101, 103, 110, 133, 153, 210)),
    "arin": (0.29, (3, 4, 8, 12, 18, 23, 34, 45, 63, 66, 96, 128, 184, 204)),
    "lacnic": (0.08, (131, 143, 168, 177, 179, 186, 189, 190, 200, 201)),
    "ripencc": (0.43, (2, 5, 31, 37, 46, 62, 77, 78, 80, 91, 93, 176, 185, 193, 195, 212)),
}
CODES = ["US", "JP", "CN", "KR", "DE", "FR", "GB", "BR", "AR", "ZA", "NG", "RU", "NL", "IN", "AU", "EU", "AP"]
COUNTS = [256, 512, 768, 1024, 1792, 2048, 2816, 4096]  # registries write what is no power of two


def write_set(folder, date, rows, seed=1):
    """Five extended files with about `rows` IPv4 and IPv6 rows in all; in their registries' quirks."""
    folder.mkdir(parents=True)
    rng = random.Random(seed)
    for n, (registry, (share, octets)) in enumerate(REGISTRIES.items()):
        text = delegation(rng, registry, date, int(rows * share), octets, 0x2400 + 0x100 * n)
        (folder / f"delegated-{registry}-extended-{date}").write_bytes(text.encode())


def delegation(rng, registry, date, rows, octets, six):
    lines, v4, v6 = [], 0, 0
    room = len(octets) << 24
    gap = max(1, room // max(1, rows) - 2048)
    at = 0
    end = "\r\n" if registry == "lacnic" else "\n"
    for i in range(rows):
        status = rng.choice(["allocated", "assigned", "assigned", "available", "reserved"])
        cc = rng.choice(CODES) if status in ("allocated", "assigned") else rng.choice(["", "ZZ"])
        cc = rng.choice(["ZZ", ""]) if rng.random() < 0.01 else cc
        day = rng.choice(["", "00000000", "19930501", "20101112", "20240103"])
        tail = "|" + rng.choice(["", "A91A7381", "f36b0000|e-stats"]) if i % 3 else ""
        if i % 5 == 0 or at == room - 1:  # no address twice
            start = (six << 112) + (i << 88)
            value, kind, v6 = rng.choice([24 + 16, 40, 44, 48]), "ipv6", v6 + 1
            text = str(ipaddress.IPv6Address(start))
        else:
            value, kind, v4 = rng.choice(COUNTS), "ipv4", v4 + 1
            start = (octets[at >> 24] << 24) + (at & 0xffffff)
            value = min(value, (1 << 24) - (at & 0xffffff))  # not into the next octet
            text = str(ipaddress.IPv4Address(start))
            at = min(at + value + (0 if rng.random() < 0.5 else rng.randrange(gap)), room - 1)
        lines.append(f"{registry}|{cc}|{kind}|{text}|{value}|{day}|{status}{tail}")
    rng.shuffle(lines)
    head = [f"2|{registry}|{date}000000" if registry == "arin" else f"2|{registry}|{date}"]
    head[0] += f"|{v4 + v6 + 1}|19830101|{date}|+0000"
    head += [f"{registry}|*|asn|*|1|summary", f"{registry}|*|ipv4|*|{v4}|summary",
             f"{registry}|*|ipv6|*|{v6}|summary", "", "# a comment",
             f"{registry}|JP|asn|64496|1|20100101|allocated"]
    return end.join(head + lines) + end


@dataclass(frozen=True)
class Record:
    first: int
    last: int
    six: bool
    region: str
    date: int
    file: str
    row: int


def read_set(folder):
    """All IPv4 and IPv6 records that give a region."""
    out = []
    for path in sorted(folder.glob("delegated-*")):
        for row, line in enumerate(path.read_text().splitlines(), 1):
            f = line.strip().split("|")
            if len(f) < 7 or f[2] not in ("ipv4", "ipv6") or f[5] == "summary":
                continue
            if f[6].lower() not in ("allocated", "assigned") or f[1] in ("", "ZZ", "*"):
                continue
            first = int(ipaddress.ip_address(f[3]))
            size = int(f[4]) if f[2] == "ipv4" else 1 << (128 - int(f[4]))
            if f[2] == "ipv6":
                first &= ~(size - 1)
            date = int(f[5]) if f[5].isdigit() else 0
            out.append(Record(first, first + size - 1, f[2] == "ipv6", f[1], date, path.name, row))
    return out


# IANA's special-purpose registries: what is no source of anybody.
SPECIAL = [ipaddress.ip_network(n) for n in """0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8
169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24 192.52.193.0/24 192.88.99.0/24
192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
::/127 ::ffff:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001:db8::/32
2002::/16 2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 ff00::/8""".split()]
SPECIAL = [(int(n[0]), int(n[-1]), n.version == 6) for n in SPECIAL]


def answers(records):
    """{(six, address): region} for the first, the last and one past of every record."""
    out = {}
    for six in (False, True):
        mine = sorted((r for r in records if r.six == six), key=lambda r: (r.first, -r.last))
        asked = sorted({a for r in mine for a in (r.first, r.last, r.last + 1)
                        if a < 1 << (128 if six else 32)})
        special = [s for s in SPECIAL if s[2] == six]
        at, live = 0, []
        for a in asked:
            while at < len(mine) and mine[at].first <= a:
                live.append(mine[at])
                at += 1
            live = [r for r in live if r.last >= a]
            if any(lo <= a <= hi for lo, hi, _ in special) or not live:
                out[six, a] = "--"
            else:  # the later allocation, the smaller range, the last file, the last row
                out[six, a] = max(live, key=lambda r: (r.date, r.first - r.last, r.file, r.row)).region
    return out
