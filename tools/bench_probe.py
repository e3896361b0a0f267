#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The probe's own worker against dpdk-testpmd, which receives and forgets, and under attack.

Both poll net_pcap with infinite_rx=1 on the same core, with the same capture of 100 thousand frames
of 64 bytes (60 without the checksum) from 62 thousand sources; they take turns. The probe's packets
a second come from its `live` stream, testpmd's from its own statistics. A second capture of a
thousand sources shows what the table's memory costs.

Attacks are made by teiten-gen and received with a collector and a subscriber behind the probe, and
everything but the worker on the other core, in epochs of a second. Each is compared with ordinary traffic of
as many frames in the same turn, as the device's share grows with the frames that it holds:
- overload: a million flows in every second, once with tables that hold them, once with tables that
  hold half (`full`);
- spoofed: the same million sources, and tables for 57 thousand flows, which is full at once;
- collide: 60 thousand flows aimed at one CRC32, against 62 thousand others.
All that was received must be in the store or counted as lost, and memory must not grow.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from figures import Figures, arguments, folder, hugepages

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "dts-tests"))

from framework.performance import attacked, capture, measure, repeated, testpmd_receives  # noqa: E402
from framework.programs import Programs  # noqa: E402

PACKETS = 100_000
MILLION = 1_000_000
SPARE = 40_000  # buffers: net_pcap holds one for every packet of the capture
COLLIDE = 60_000  # flows of one CRC32
SECONDS = 2
ORDINARY = {"62k": 98_000, "1k": 1_000}  # flows, and sources they are drawn from
TABLE, SMALL_TABLE = MILLION + 1000, 57_344
HUGEPAGES = 1700  # for the buffers of a million frames and the tables
# attack, capture, flows in it (None: not asked), its frames, flow table, ordinary traffic of as many frames
ATTACKS = [("overload", "million", MILLION, MILLION, TABLE, "ordinary_million"),
           ("overload_full", "million", MILLION, MILLION, MILLION // 2, "ordinary_million"),
           ("spoofed", "million", MILLION, MILLION, SMALL_TABLE, "ordinary_million"),
           ("collide", "collide", COLLIDE, COLLIDE, TABLE, "ordinary")]
QUIET = [("ordinary_million", "often", None, MILLION, TABLE), ("ordinary", "62k", None, PACKETS, TABLE)]


def drawn(sources):
    """A packet's source each, drawn at random from that many."""
    rng = np.random.default_rng(sources)
    return rng.integers(0x01000000, 0xdf000000, sources)[rng.integers(0, sources, PACKETS)]


def generate(a, d):
    """teiten-gen's SYNs with chosen sources, to one darknet."""
    (d / "sensors.json").write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": [
        {"id": "darknet", "match": {"prefixes": ["198.18.0.0/16"]}}]}))
    for name, *options in (("million", "overload", "--sources", MILLION, "--seconds", 1),
                           ("often", "overload", "--sources", 62_500, "--seconds", MILLION // 62_500),
                           ("collide", "collide", "--packets", COLLIDE, "--seconds", 3600, "--epoch", 3600)):
        subprocess.run([a.build / "app/teiten-gen", "--attack", *map(str, options), "--sensors",
                        d / "sensors.json", d / f"{name}.pcap"], check=True, stdout=subprocess.DEVNULL)


def uplink(path, frames):
    return {"id": "up0", "device": repeated(path), "buffers": frames + SPARE}


def against_testpmd(a, d, cores):
    """One run of each; Mpps by name."""
    rate = {}
    for name, sources in ORDINARY.items():
        path, flows = d / f"{name}.pcap", len(np.unique(drawn(sources)))
        rate[f"testpmd_{name}"] = testpmd_receives(repeated(path), cores, PACKETS + SPARE, SECONDS)
        rate[f"probe_{name}"], up = measure(a.build / "app/teiten-probe", d, uplink(path, PACKETS), cores, SECONDS)
        if up["used"] != flows:
            raise SystemExit(f"the table holds {up['used']} flows, expected {flows}")
    return rate


def received(a, d, cores, name, capture, flows, frames, table):
    """Mpps behind which everything was accounted for; the table must hold all flows, or be full."""
    got = attacked(Programs(a.build), d, uplink(d / f"{capture}.pcap", frames), cores, SECONDS + 1,
                   flow={"ipv4": table, "ipv6": 64}, sensors=str(d / "sensors.json"))
    used, full = max(got["used"]), flows is not None and flows > table
    if (used != table or not got["spilled"]) if full else (got["spilled"] or flows and used != flows):
        raise SystemExit(f"{name}: {used} of {table} rows used, {flows} flows in an epoch: {got}")
    if got["lower_bound"] != {full} or got["top"]["sources_lower_bound"] != full:
        raise SystemExit(f"{name}: sources_lower_bound is {got['lower_bound']}, expected {full}")
    spilled = got["spilled"] / got["packets"]
    print(f"{name}: {got['mpps']:.2f} Mpps, {spilled:.1%} spilled, {got['lost']} lost, {got['overruns']} epochs "
          f"shared a table, {got['memory_mb']} MB ({got['need_mb']} configured)", flush=True)
    return got["mpps"]


def turn(a, d, cores):
    rate = against_testpmd(a, d, cores)
    for name, *row in QUIET:
        rate[f"probe_{name}"] = received(a, d, cores, name, *row)
    for name, *row, _ in ATTACKS:
        rate[f"probe_{name}"] = received(a, d, cores, name, *row)
    print(rate, flush=True)
    return rate


def main():
    a = arguments(__doc__)
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise SystemExit("one core, expected two")
    figures = Figures()
    with folder(512 << 20, a.build / "bench-files") as d, hugepages(HUGEPAGES):
        for name, sources in ORDINARY.items():
            capture(d / f"{name}.pcap", drawn(sources))
        generate(a, d)
        turns = [turn(a, d, cores) for _ in range(a.runs)]

    def compare(name, one, other, bar=None):
        figures.add(name, [t[one] / t[other] for t in turns], bar=bar)

    compare("probe_vs_testpmd_62k", "probe_62k", "testpmd_62k", 0.42)
    compare("probe_vs_testpmd_1k", "probe_1k", "testpmd_1k")
    for name, *_, ordinary in ATTACKS:
        compare(f"probe_attack_{name}", f"probe_{name}", f"probe_{ordinary}", 0.5)
    for name in turns[0]:
        figures.add(name, [t[name] for t in turns], "Mpps")
    figures.write(a.json)


if __name__ == "__main__":
    main()
