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
import json
import os
import re
import subprocess
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import zmq

from figures import Figures, arguments, folder

PACKETS = 100_000
BUFFERS = 140_000  # net_pcap holds one for every packet of the capture
SECONDS = 2
ORDINARY = {"62k": 98_000, "1k": 1_000}  # flows, and sources they are drawn from


def capture(path, src, dport=23):
    """TCP SYNs with one option, one from each source in turn."""
    n, rng = len(src), np.random.default_rng(1)
    rec = np.zeros(n, dtype=[
        ("sec", "<u4"), ("usec", "<u4"), ("caplen", "<u4"), ("len", "<u4"), ("mac", "V12"),
        ("type", ">u2"), ("vihl", "u1"), ("tos", "u1"), ("total", ">u2"), ("id", ">u2"),
        ("frag", ">u2"), ("ttl", "u1"), ("proto", "u1"), ("sum", ">u2"), ("src", ">u4"),
        ("dst", ">u4"), ("sport", ">u2"), ("dport", ">u2"), ("seq", ">u4"), ("ack", ">u4"),
        ("off", "u1"), ("flags", "u1"), ("win", ">u2"), ("tsum", ">u2"), ("urg", ">u2"),
        ("mss", ">u4"), ("pad", "V2")])
    rec["sec"], rec["usec"], rec["caplen"], rec["len"] = 1734480000, np.arange(n), 60, 60
    rec["type"], rec["vihl"], rec["total"], rec["ttl"], rec["proto"] = 0x0800, 0x45, 44, 64, 6
    rec["id"] = rng.integers(0, 1 << 16, n)
    rec["src"], rec["dst"] = src, 0xc6120000 + rng.integers(0, 1 << 16, n)
    rec["sport"], rec["dport"] = rng.integers(1024, 1 << 16, n), dport
    rec["seq"] = rng.integers(0, 1 << 32, n)
    rec["off"], rec["flags"], rec["win"], rec["mss"] = 0x60, 2, 1024, 0x020405b4
    header = np.array([0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1], "<u4")
    path.write_bytes(header.tobytes() + rec.tobytes())
    return path


def drawn(sources):
    """A packet's source each, drawn at random from that many."""
    rng = np.random.default_rng(sources)
    return rng.integers(0x01000000, 0xdf000000, sources)[rng.integers(0, sources, PACKETS)]


def distinct():
    rng = np.random.default_rng(2)
    src = np.unique(rng.integers(0x01000000, 0xdf000000, PACKETS + 10_000))
    return rng.permutation(src)[:PACKETS]


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


def vdev(path):
    return f"net_pcap0,rx_pcap={path},infinite_rx=1"


def free_hugepages():
    return int(Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages").read_text())


def testpmd(path, cores):
    """Mpps of dpdk-testpmd in rxonly mode."""
    memory = ["--in-memory"] if free_hugepages() >= 300 else ["--no-huge", "--no-shconf"]
    p = subprocess.Popen(
        ["dpdk-testpmd", *memory, "-m", "512", "--no-pci", "--no-telemetry", "--lcores",
         f"0@{cores[0]},1@{cores[1]}", "--vdev", vdev(path), "--", "-i",
         f"--total-num-mbufs={BUFFERS}", "--no-lsc-interrupt"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def say(line):
        p.stdin.write(line + "\n")
        p.stdin.flush()

    say("set fwd rxonly")
    say("start")
    time.sleep(1.5)
    say("show port stats 0")
    time.sleep(SECONDS)
    say("show port stats 0")
    out, _ = p.communicate("quit\n", timeout=60)
    rates = [int(n) for n in re.findall(r"Rx-pps:\s+(\d+)", out)]
    if len(rates) != 2 or rates[1] == 0:
        raise SystemExit(f"dpdk-testpmd does not receive: {out[-500:]}")
    return rates[1] / 1e6


def seconds_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def probe(a, path, cores, **more):
    """Mpps of teiten-probe, from whole seconds of its `live` stream, and its last health."""
    endpoint = f"ipc://{path.parent}/live"
    conf = {"kind": "probe", "v": 1, "probe": "bench", "epoch_s": 3600,
            "uplinks": [{"id": "up0", "device": vdev(path), "buffers": BUFFERS}],
            "lcores": {"main": cores[0], "workers": [cores[1]]},
            "publish": {"endpoint": endpoint}, **more}
    (path.parent / "probe.json").write_text(json.dumps(conf))
    p = subprocess.Popen([a.build / "app/teiten-probe", "-c", path.parent / "probe.json"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.connect(endpoint)
    socket.subscribe(b"live.")
    socket.subscribe(b"health.")
    try:
        # the first is not a whole second
        live = [receive(p, socket, b"live.") for _ in range(2 + SECONDS)][1:]
        if conf["epoch_s"] == 3600:
            p.terminate()
        health = receive(p, socket, b"health.")
        p.terminate()
        said = p.communicate(timeout=30)[1]
    finally:
        p.kill()
        context.destroy(linger=0)
    up = health["uplinks"][0]
    if p.returncode or up["packets"] != up["observed"] + up["spilled"] or not up["packets"]:
        raise SystemExit(f"teiten-probe: status {p.returncode}, {up}: {said}")
    packets = sum(c["packets"] for m in live for c in m["classes"].values())
    rate = packets / (seconds_of(live[-1]["end"]) - seconds_of(live[0]["start"])) / 1e6
    return rate, {"used": health["workers"][0]["table_used"], **up}


def receive(p, socket, topic):
    """The next message of a topic."""
    while socket.poll(10_000):
        t, body = socket.recv_multipart()
        if t.startswith(topic):
            return json.loads(body)
    raise SystemExit(f"teiten-probe publishes no {topic.decode()} (status {p.poll()})")


def turn(a, d, cores):
    """One run of everything; Mpps by name."""
    rate = {}
    for name, sources in ORDINARY.items():
        path, flows = d / f"{name}.pcap", len(np.unique(drawn(sources)))
        rate[f"testpmd_{name}"] = testpmd(path, cores)
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
        capture(d / "distinct.pcap", distinct())
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
