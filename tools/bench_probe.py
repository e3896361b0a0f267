#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The probe's own worker against dpdk-testpmd, which receives and forgets, and under attack.

Both poll net_pcap with infinite_rx=1 on the same core, with the same capture of 100 thousand frames
of 64 bytes (60 without the checksum) from 62 thousand sources; they take turns. The probe's packets
a second come from its `live` stream, testpmd's from its own statistics. A second capture of a
thousand sources shows what the table's memory costs.

Attacks are compared with the 62 thousand flows of the same turn: a table of half that size while
every packet of the capture has a source of its own, so that most spill; sources aimed at one CRC32
value of the flow's key; and epochs of a second, each with 100 thousand new flows.
"""
import os
import sys
from pathlib import Path

import numpy as np

from figures import Figures, arguments, folder

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "dts-tests"))

from framework.performance import capture, distinct, measure, repeated, testpmd_receives  # noqa: E402

PACKETS = 100_000
BUFFERS = 140_000  # net_pcap holds one for every packet of the capture
SECONDS = 2
ORDINARY = {"62k": 98_000, "1k": 1_000}  # flows, and sources they are drawn from


def drawn(sources):
    """A packet's source each, drawn at random from that many."""
    rng = np.random.default_rng(sources)
    return rng.integers(0x01000000, 0xdf000000, sources)[rng.integers(0, sources, PACKETS)]


def crc32c(columns):
    """The linear part of CRC32C over columns of bytes."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(0x82f63b78), table >> 1)
    crc = np.zeros(len(columns[0]), np.uint32)
    for c in columns:
        crc = table[(crc ^ c) & 0xff] ^ (crc >> 8)
    return crc


def crc_of_key(src, port):
    """A flow's key: source, epoch, sensor, port, class, protocol; what does not vary is left 0."""
    zero = np.zeros(len(src), np.uint32)
    return crc32c([src >> 24, src >> 16 & 255, src >> 8 & 255, src & 255, *[zero] * 6,
                   port & 255, port >> 8, *[zero] * 4])


def aimed():
    """For every port the one source that gives all keys the same CRC: 32 linear equations."""
    port = np.arange(1, 65536, dtype=np.uint32)
    bits = np.uint32(1) << np.arange(32, dtype=np.uint32)
    rows = {}  # by highest bit of the CRC: CRC, and the source that makes it
    for crc, src in zip(crc_of_key(bits, 0 * bits).tolist(), bits.tolist()):
        while crc and crc.bit_length() in rows:
            c, s = rows[crc.bit_length()]
            crc, src = crc ^ c, src ^ s
        rows[crc.bit_length()] = (crc, src)
    rest, src = crc_of_key(0 * port, port), np.zeros(len(port), np.uint32)
    for top in range(32, 0, -1):
        c, s = rows[top]
        hit = (rest >> (top - 1) & 1).astype(bool)
        rest, src = np.where(hit, rest ^ c, rest), np.where(hit, src ^ s, src)
    assert len(np.unique(crc_of_key(src.astype(np.uint32), port))) == 1
    return src, port


def probe(a, path, cores, **more):
    uplink = {"id": "up0", "device": repeated(path), "buffers": BUFFERS}
    return measure(a.build / "app/teiten-probe", path.parent, uplink, cores, SECONDS, **more)


def turn(a, d, cores):
    """One run of everything; Mpps by name."""
    rate = {}
    for name, sources in ORDINARY.items():
        path, flows = d / f"{name}.pcap", len(np.unique(drawn(sources)))
        rate[f"testpmd_{name}"] = testpmd_receives(repeated(path), cores, BUFFERS, SECONDS)
        rate[f"probe_{name}"], health = probe(a, path, cores)
        if health["used"] != flows:
            raise SystemExit(f"the table holds {health['used']} flows, expected {flows}")
    rate["probe_full"], health = probe(a, d / "distinct.pcap", cores, flow={"ipv4": 57344})
    if not 0.3 < health["spilled"] / health["packets"] < 0.6:
        raise SystemExit(f"a full table of 57344 of 100000 flows spilled {health}")
    rate["probe_aimed"], health = probe(a, d / "aimed.pcap", cores)
    if health["used"] != 65535 or health["spilled"]:
        raise SystemExit(f"the table holds {health['used']} aimed flows, expected 65535")
    rate["probe_epochs"], _ = probe(a, d / "distinct.pcap", cores, epoch_s=1)
    print(rate, flush=True)
    return rate


def main():
    a = arguments(__doc__)
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise SystemExit("one core, expected two")
    figures = Figures()
    with folder(64 << 20, a.build / "bench-files") as d:
        for name, sources in ORDINARY.items():
            capture(d / f"{name}.pcap", drawn(sources))
        capture(d / "distinct.pcap", distinct(PACKETS))
        capture(d / "aimed.pcap", *aimed())
        turns = [turn(a, d, cores) for _ in range(a.runs)]

    def compare(name, one, other, bar=None):
        figures.add(name, [t[one] / t[other] for t in turns], bar=bar)

    compare("probe_vs_testpmd_62k", "probe_62k", "testpmd_62k", 0.42)
    compare("probe_vs_testpmd_1k", "probe_1k", "testpmd_1k")
    for attack in ("full", "aimed", "epochs"):
        compare(f"probe_{attack}_vs_ordinary", f"probe_{attack}", "probe_62k", 0.5)
    for name in turns[0]:
        figures.add(name, [t[name] for t in turns], "Mpps")
    figures.write(a.json)


if __name__ == "__main__":
    main()
