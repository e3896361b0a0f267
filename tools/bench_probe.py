#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The probe's own worker against dpdk-testpmd, which receives and forgets, and under attack.

Both poll net_pcap with infinite_rx=1 on the same core, with the same capture of 100 thousand frames
of 64 bytes (60 without the checksum) from 62 thousand sources; they take turns. The probe's packets
a second come from its `live` stream, testpmd's from its own statistics. A second capture of a
thousand sources shows what the table's memory costs.

Attacks, made by teiten-gen, are compared with the 62 thousand flows of the same turn: every packet of
the capture has a source of its own, and the table holds 57 thousand, so that the rest spill; sources
aimed at one CRC32 of the flow's key; and epochs of a second, each with 100 thousand new flows.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from figures import Figures, arguments, folder

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "dts-tests"))

from framework.performance import capture, measure, repeated, testpmd_receives  # noqa: E402

PACKETS = 100_000
BUFFERS = 140_000  # net_pcap holds one for every packet of the capture
COLLIDE = 60_000  # flows of one CRC32
SECONDS = 2
ORDINARY = {"62k": 98_000, "1k": 1_000}  # flows, and sources they are drawn from


def drawn(sources):
    """A packet's source each, drawn at random from that many."""
    rng = np.random.default_rng(sources)
    return rng.integers(0x01000000, 0xdf000000, sources)[rng.integers(0, sources, PACKETS)]


def attack(a, path, kind, packets):
    """teiten-gen's SYNs with chosen sources, to one darknet."""
    sensors = path.parent / "sensors.json"
    sensors.write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": [
        {"id": "darknet", "match": {"prefixes": ["198.18.0.0/16"]}}]}))
    subprocess.run([a.build / "app/teiten-gen", "--attack", kind, "--packets", str(packets),
                    "--seconds", "3600", "--epoch", "3600", "--sensors", sensors, path],
                   check=True, stdout=subprocess.DEVNULL)


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
    rate["probe_spoofed"], health = probe(a, d / "spoofed.pcap", cores, flow={"ipv4": 57344})
    if not 0.3 < health["spilled"] / health["packets"] < 0.6:
        raise SystemExit(f"a table of 57344 for {PACKETS} flows spilled {health}")
    rate["probe_collide"], health = probe(a, d / "collide.pcap", cores)
    if health["used"] != COLLIDE or health["spilled"]:
        raise SystemExit(f"the table holds {health['used']} aimed flows, expected {COLLIDE}")
    rate["probe_overload"], _ = probe(a, d / "spoofed.pcap", cores, epoch_s=1)
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
        attack(a, d / "spoofed.pcap", "spoofed", PACKETS)
        attack(a, d / "collide.pcap", "collide", COLLIDE)
        turns = [turn(a, d, cores) for _ in range(a.runs)]

    def compare(name, one, other, bar=None):
        figures.add(name, [t[one] / t[other] for t in turns], bar=bar)

    compare("probe_vs_testpmd_62k", "probe_62k", "testpmd_62k", 0.42)
    compare("probe_vs_testpmd_1k", "probe_1k", "testpmd_1k")
    for kind in ("spoofed", "collide", "overload"):
        compare(f"probe_{kind}_vs_ordinary", f"probe_{kind}", "probe_62k", 0.5)
    for name in turns[0]:
        figures.add(name, [t[name] for t in turns], "Mpps")
    figures.write(a.json)


if __name__ == "__main__":
    main()
