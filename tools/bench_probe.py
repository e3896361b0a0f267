#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The probe's own worker against dpdk-testpmd, which receives and forgets.

Both poll net_pcap with infinite_rx=1 on the same core, with the same capture of 100 thousand frames
of 64 bytes (60 without the checksum) from 62 thousand sources; they take turns. The probe's packets
a second come from its `live` stream, testpmd's from its own statistics. A second capture of a
thousand sources shows what the table's memory costs.
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


def capture(path, sources):
    """TCP SYNs with one option from `sources` addresses, drawn at random; returns how many came."""
    rng = np.random.default_rng(sources)
    src = rng.integers(0x01000000, 0xdf000000, sources)[rng.integers(0, sources, PACKETS)]
    rec = np.zeros(PACKETS, dtype=[
        ("sec", "<u4"), ("usec", "<u4"), ("caplen", "<u4"), ("len", "<u4"), ("mac", "V12"),
        ("type", ">u2"), ("vihl", "u1"), ("tos", "u1"), ("total", ">u2"), ("id", ">u2"),
        ("frag", ">u2"), ("ttl", "u1"), ("proto", "u1"), ("sum", ">u2"), ("src", ">u4"),
        ("dst", ">u4"), ("sport", ">u2"), ("dport", ">u2"), ("seq", ">u4"), ("ack", ">u4"),
        ("off", "u1"), ("flags", "u1"), ("win", ">u2"), ("tsum", ">u2"), ("urg", ">u2"),
        ("mss", ">u4"), ("pad", "V2")])
    rec["sec"], rec["usec"], rec["caplen"], rec["len"] = 1734480000, np.arange(PACKETS), 60, 60
    rec["type"], rec["vihl"], rec["total"], rec["ttl"], rec["proto"] = 0x0800, 0x45, 44, 64, 6
    rec["id"] = rng.integers(0, 1 << 16, PACKETS)
    rec["src"], rec["dst"] = src, 0xc6120000 + rng.integers(0, 1 << 16, PACKETS)
    rec["sport"], rec["dport"] = rng.integers(1024, 1 << 16, PACKETS), 23
    rec["seq"] = rng.integers(0, 1 << 32, PACKETS)
    rec["off"], rec["flags"], rec["win"], rec["mss"] = 0x60, 2, 1024, 0x020405b4
    header = np.array([0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1], "<u4")
    path.write_bytes(header.tobytes() + rec.tobytes())
    return len(np.unique(src))


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


def probe(build, d, path, flows, cores):
    """Mpps of teiten-probe, from whole seconds of its `live` stream."""
    endpoint = f"ipc://{d}/live"
    conf = {"kind": "probe", "v": 1, "probe": "bench", "epoch_s": 3600,
            "uplinks": [{"id": "up0", "device": vdev(path), "buffers": BUFFERS}],
            "lcores": {"main": cores[0], "workers": [cores[1]]},
            "publish": {"endpoint": endpoint}}
    (d / "probe.json").write_text(json.dumps(conf))
    p = subprocess.Popen([build / "app/teiten-probe", "-c", d / "probe.json"],
                         stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    context = zmq.Context()
    socket = context.socket(zmq.SUB)
    socket.connect(endpoint)
    socket.subscribe(b"live.")
    socket.subscribe(b"health.")
    try:
        # the first is not a whole second
        live = [receive(p, socket, b"live.") for _ in range(2 + SECONDS)][1:]
        p.terminate()
        used = receive(p, socket, b"health.")["workers"][0]["table_used"]
        said = p.communicate(timeout=30)[1]
    finally:
        p.kill()
        context.destroy(linger=0)
    if p.returncode or used != flows:
        raise SystemExit(f"teiten-probe: status {p.returncode}, {used} flows of {flows}: {said}")
    packets = sum(c["packets"] for m in live for c in m["classes"].values())
    return packets / (seconds_of(live[-1]["end"]) - seconds_of(live[0]["start"])) / 1e6


def receive(p, socket, topic):
    """The next message of a topic."""
    while socket.poll(10_000):
        t, body = socket.recv_multipart()
        if t.startswith(topic):
            return json.loads(body)
    raise SystemExit(f"teiten-probe publishes no {topic.decode()} (status {p.poll()})")


def measure(a, figures, d, name, sources, bar):
    path = d / f"{name}.pcap"
    flows = capture(path, sources)
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        raise SystemExit("bench_probe: one core, expected two")
    rates = []
    for _ in range(a.runs):
        rates.append((testpmd(path, cores), probe(a.build, d, path, flows, cores)))
        print(f"{name}: {flows} flows, testpmd {rates[-1][0]:.2f}, probe {rates[-1][1]:.2f} Mpps",
              flush=True)
    figures.add(f"probe_vs_testpmd_{name}", [p / t for t, p in rates], bar=bar)
    figures.add(f"probe_{name}", [p for _, p in rates], "Mpps")
    figures.add(f"testpmd_{name}", [t for t, _ in rates], "Mpps")


def main():
    a = arguments(__doc__)
    figures = Figures()
    with folder(64 << 20, a.build / "bench-files") as d:
        measure(a, figures, d, "62k", 98_000, 0.42)
        measure(a, figures, d, "1k", 1_000, None)
    figures.write(a.json)


if __name__ == "__main__":
    main()
