# SPDX-License-Identifier: BSD-3-Clause
"""What one worker of a real probe takes: traffic at the rate of the device, and how it is counted.

The performance suite and tools/bench_probe.py measure with the same code.
"""
import json
import re
import subprocess
import time
from collections import Counter
from datetime import datetime
from pathlib import Path

import numpy as np
import zmq
from framework.collector import Collector

HUGEPAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
PCAP_HEADER = np.array([0xa1b2c3d4, 0x00040002, 0, 0, 65535, 1], "<u4").tobytes()
FATES = ("observed", "spilled", "malformed", "non_ip", "unassigned")


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
    path.write_bytes(PCAP_HEADER + rec.tobytes())
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


class Probe:
    """A teiten-probe with one worker on a device, and a subscriber to all that it publishes. `more`
    replaces parts of the configuration."""

    def __init__(self, program, d, uplink, cores, popen=subprocess.Popen, **more):
        self.conf = {"kind": "probe", "v": 1, "probe": "speed", "epoch_s": 3600, "uplinks": [uplink],
                     "lcores": {"main": cores[0], "workers": [cores[1]]},
                     "publish": {"endpoint": f"ipc://{d}/live"}, **more}
        self.path, self.err = d / "probe.json", d / "probe.err"
        self.path.write_text(json.dumps(self.conf))
        self.command, self.popen = [program, "-c", self.path], popen

    def __enter__(self):
        with open(self.err, "w") as err:
            self.p = self.popen(self.command, stdout=subprocess.DEVNULL, stderr=err)
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.SUB)
        self.socket.connect(self.conf["publish"]["endpoint"])
        self.socket.subscribe(b"")
        self.said = {"live": [], "stats": [], "health": []}
        return self

    def hear(self, seconds=60):
        """Takes the next message, in time; its kind."""
        if not self.socket.poll(seconds * 1000):
            return None
        topic, body = self.socket.recv_multipart()
        kind = topic.decode().split(".")[0]
        self.said[kind].append(json.loads(body))
        return kind

    def wait(self, kind, n):
        """Listens until so many messages of a kind have come."""
        while len(self.said[kind]) < n:
            assert self.hear(), f"teiten-probe publishes no {kind} (status {self.p.poll()}): {self.err.read_text()}"

    def end(self):
        """SIGTERM; takes all that it says until its end, which must be a good one."""
        self.p.terminate()
        while self.p.poll() is None:
            self.hear(0.1)
        while self.hear(0.1):
            pass
        assert self.p.returncode == 0, f"teiten-probe: status {self.p.returncode}: {self.err.read_text()}"

    def uplink(self):
        """Sums of what the uplink's numbers were in each health message, each packet with one fate."""
        sums = Counter()
        for h in self.said["health"]:
            up = h["uplinks"][0]
            assert up["packets"] == sum(up[f] for f in FATES), up
            sums.update({k: v for k, v in up.items() if isinstance(v, int)})
        assert sums["packets"] > 0, self.err.read_text()
        return sums

    def mpps(self, first, last):
        """Of the seconds between two `live` messages, by their numbers from 0."""
        live = self.said["live"][first:last]
        packets = sum(c["packets"] for m in live for c in m["classes"].values())
        return packets / (seconds_of(live[-1]["end"]) - seconds_of(live[0]["start"])) / 1e6

    def resident_mb(self):
        status = Path(f"/proc/{self.p.pid}/status").read_text()
        return sum(int(n) for n in re.findall(r"(?:VmRSS|HugetlbPages):\s+(\d+) kB", status)) >> 10

    def __exit__(self, *exc):
        self.p.kill()
        self.p.wait()
        self.context.destroy(linger=0)


def measure(program, d, uplink, cores, seconds, popen=subprocess.Popen, **more):
    """Mpps of a probe with one worker, from whole seconds of its `live` stream, and its uplink's
    numbers, with `used`: flows in the table. Every packet must have its one fate."""
    with Probe(program, d, uplink, cores, popen, **more) as probe:
        probe.wait("live", 2 + seconds)
        probe.end()
        used = max(h["workers"][0]["table_used"] for h in probe.said["health"])
        # the first is not a whole second
        return probe.mpps(1, 2 + seconds), {"used": used, **probe.uplink()}


def attacked(programs, d, uplink, cores, epochs, **more):
    """The same with a collector and a subscriber behind the probe, and all but the worker on one core,
    for so many whole epochs of a second. What came of it; asserts that memory did not grow, and that
    the store has every packet that was received and is not counted as lost."""
    link = f"ipc://{d}/link"
    spool = {"endpoint": link, "spool": str(d / "spool")}
    for old in (*d.glob("c.db*"), *d.glob("spool*")):
        old.unlink()
    collector = Collector(programs, d, link, wrap=("taskset", "-c", str(cores[0])))
    program = programs.path("teiten-probe")
    with collector, Probe(program, d, uplink, cores, epoch_s=1, collector=spool, **more) as probe:
        need = subprocess.run([*probe.command, "--preflight", "--json"], stdout=subprocess.PIPE).stdout
        probe.wait("health", 1)
        memory = [probe.resident_mb()]
        probe.wait("health", 1 + epochs)
        memory.append(probe.resident_mb())
        whole = len(probe.said["live"])
        probe.end()
        if "not acknowledged" in probe.err.read_text():
            deliver(program, d, cores, spool)
        collector.end()
    sums, said = probe.uplink(), probe.said
    begin = said["health"][0]["start"]  # an epoch may have ended before the subscriber was there
    top = programs.top(collector.db, "class", class_="all", from_=begin)
    lost = int(programs.sql(collector.db, "SELECT sum(spool_lost + harvest_lost) AS n FROM tally WHERE epoch >= "
                                          f"{seconds_of(begin):.0f}")[0]["n"])
    stored = sum(r["packets"] for r in top["rows"])
    assert stored + lost == sums["packets"], f"{stored} stored, {lost} lost, {sums}"
    assert sums["imissed"] == sums["ierrors"] == sums["rx_nombuf"] == 0, sums
    assert memory[1] <= memory[0] + 16, f"memory: {memory} MB"
    return {**sums, "mpps": probe.mpps(1, whole), "lost": lost, "memory_mb": memory[1],
            "need_mb": json.loads(need)["need_mb"],
            "overruns": sum(h["harvest"]["overruns"] for h in said["health"]),
            # of epochs with packets: beside other work a worker may not run for a whole one
            "used": [h["workers"][0]["table_used"] for h in said["health"] if h["uplinks"][0]["packets"]],
            "lower_bound": {m["sources_lower_bound"] for m in said["stats"]}, "top": top}


def deliver(program, d, cores, spool):
    """What is in the spool yet goes to the collector: by a probe that receives nothing."""
    nothing = d / "nothing.pcap"
    nothing.write_bytes(PCAP_HEADER)
    with Probe(program, d, {"id": "up0", "device": f"net_pcap0,rx_pcap={nothing}"}, cores, epoch_s=1,
               collector=spool) as probe:
        while not probe.said["health"] or probe.said["health"][-1]["spool"]["batches"]:
            probe.wait("health", len(probe.said["health"]) + 1)
        probe.end()


def verdict(mpps, expected, tolerance):
    """Fails where a rate is less than expected by more than the tolerance (a share)."""
    least = expected * (1 - tolerance)
    assert mpps >= least, \
        f"{mpps:.2f} Mpps, expected {expected:.2f} Mpps less {100 * tolerance:g} %: {least:.2f}"
