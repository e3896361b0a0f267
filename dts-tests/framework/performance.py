# SPDX-License-Identifier: BSD-3-Clause
"""What one worker of a real probe takes: traffic at the rate of the device, and how it is counted.

The performance suite and tools/bench_probe.py measure with the same code.
"""
import json
import re
import subprocess
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import zmq

HUGEPAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")


def capture(path, src, dport=23):
    """Writes TCP SYNs with one option, one from each source in turn: frames of 64 bytes, which are 60
    without the checksum."""
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


def distinct(n):
    """So many addresses in random order, each once."""
    rng = np.random.default_rng(2)
    src = np.unique(rng.integers(0x01000000, 0xdf000000, n + n // 10 + 100))
    return rng.permutation(src)[:n]


def repeated(path):
    """A device that yields a capture's packets over and over, as fast as they are taken."""
    return f"net_pcap0,rx_pcap={path},infinite_rx=1"


class Forwarder:
    """dpdk-testpmd at its prompt: `devices` are EAL arguments, cores those of prompt and forwarding.
    Where speed matters it takes hugepages, if enough are free."""

    def __init__(self, devices, cores, buffers, wrap=(), fast=True):
        free = int(HUGEPAGES.read_text()) if fast and HUGEPAGES.exists() else 0
        mb = buffers * 2560 // 10**6 + 64
        memory = ["--in-memory"] if free * 2 > mb else ["--no-huge", "--no-shconf"]
        self.p = subprocess.Popen(
            [*wrap, "dpdk-testpmd", *memory, "-m", str(mb), "--no-telemetry", "--lcores",
             f"0@{cores[0]},1@{cores[1]}", *devices, "--", "-i", f"--total-num-mbufs={buffers}",
             "--no-lsc-interrupt"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def say(self, *lines):
        self.p.stdin.write("".join(line + "\n" for line in lines))
        self.p.stdin.flush()

    def end(self):
        """Everything it printed."""
        return self.p.communicate("quit\n", timeout=60)[0]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.p.kill()
        self.p.wait()


def testpmd_receives(device, cores, buffers, seconds):
    """Mpps of dpdk-testpmd in rxonly mode, by its own statistics."""
    with Forwarder(["--no-pci", "--vdev", device], cores, buffers) as t:
        t.say("set fwd rxonly", "start")
        time.sleep(1.5)
        t.say("show port stats 0")
        time.sleep(seconds)
        t.say("show port stats 0")
        out = t.end()
    rates = [int(n) for n in re.findall(r"Rx-pps:\s+(\d+)", out)]
    assert len(rates) == 2 and rates[1], f"dpdk-testpmd does not receive: {out[-500:]}"
    return rates[1] / 1e6


def seconds_of(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def receive(p, socket, topic):
    """The next message of a topic."""
    while socket.poll(10_000):
        t, body = socket.recv_multipart()
        if t.startswith(topic):
            return json.loads(body)
    raise AssertionError(f"teiten-probe publishes no {topic.decode()} (status {p.poll()})")


def measure(program, d, uplink, cores, seconds, popen=subprocess.Popen, **more):
    """Mpps of a teiten-probe with one worker, from whole seconds of its `live` stream, and what its
    last health says: the uplink's numbers, and `used`, flows in the table. Every packet must have
    its one fate. `more` replaces parts of the configuration."""
    endpoint = f"ipc://{d}/live"
    conf = {"kind": "probe", "v": 1, "probe": "speed", "epoch_s": 3600, "uplinks": [uplink],
            "lcores": {"main": cores[0], "workers": [cores[1]]},
            "publish": {"endpoint": endpoint}, **more}
    (d / "probe.json").write_text(json.dumps(conf))
    with open(d / "probe.err", "w+") as err:
        p = popen([program, "-c", d / "probe.json"], stdout=subprocess.DEVNULL, stderr=err)
        context = zmq.Context()
        socket = context.socket(zmq.SUB)
        socket.connect(endpoint)
        socket.subscribe(b"live.")
        socket.subscribe(b"health.")
        try:
            # the first is not a whole second
            live = [receive(p, socket, b"live.") for _ in range(2 + seconds)][1:]
            if conf["epoch_s"] == 3600:
                p.terminate()
            health = receive(p, socket, b"health.")
            p.terminate()
            p.wait(30)
        finally:
            p.kill()
            p.wait()
            context.destroy(linger=0)
    up = health["uplinks"][0]
    fates = sum(up[f] for f in ("observed", "spilled", "malformed", "non_ip", "unassigned"))
    assert p.returncode == 0 and up["packets"] == fates > 0, \
        f"teiten-probe: status {p.returncode}, {up}: {(d / 'probe.err').read_text()}"
    packets = sum(c["packets"] for m in live for c in m["classes"].values())
    rate = packets / (seconds_of(live[-1]["end"]) - seconds_of(live[0]["start"])) / 1e6
    return rate, {"used": health["workers"][0]["table_used"], **up}


def verdict(mpps, expected, tolerance):
    """Fails where a rate is less than expected by more than the tolerance (a share)."""
    least = expected * (1 - tolerance)
    assert mpps >= least, \
        f"{mpps:.2f} Mpps, expected {expected:.2f} Mpps less {100 * tolerance:g} %: {least:.2f}"
