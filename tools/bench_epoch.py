#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""How long after its end an epoch of a million observations is acknowledged, and in the answers.

`bench_epoch.py BUILD --runs N --json FILE`: a real probe and collector on a veth pair (needs root),
teiten-gen at the other end; N epochs are measured.
"""
import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "dts-tests"))

from framework.programs import Programs  # noqa: E402
from framework.site import Site  # noqa: E402

EPOCH_S = 30
OBSERVATIONS = 1_000_000
RATE = 40_000  # packets a second, of almost as many sources
SENSORS = [{"id": f"s{i:02}", "country": "JP", "network": "n", "groups": [], "since": "2020-01-01",
            "match": {"uplink": "up0", "prefixes": [f"198.51.{100 + i}.0/24"]}} for i in range(30)]


def stored(db, end):
    """Observations of the epoch that ends then, once its last batch is committed."""
    try:
        with sqlite3.connect(f"file:{db}?mode=ro", uri=True, timeout=5) as c:
            closed = c.execute('SELECT max("end") FROM uptime').fetchone()[0] or 0
            if closed < end:
                return None
            return c.execute("SELECT sum(rows) FROM batch WHERE epoch_max = ?", (end - EPOCH_S,)).fetchone()[0] or 0
    except sqlite3.OperationalError:
        return None


def wait(what, seconds=60):
    limit = time.time() + seconds
    while time.time() < limit:
        got = what()
        if got is not None:
            return got
        time.sleep(0.05)
    raise SystemExit("epoch: nothing was stored in time")


def answered(site, end):
    """Packets that `teiten top` knows of the epoch."""
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end - EPOCH_S))
    rows = site.programs.top(site.db, "class", class_="all", from_=start,
                             to=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)))["rows"]
    return sum(r["packets"] for r in rows)


def measure(site, runs):
    acked, answers = [], []
    while len(acked) < runs:
        end = (int(time.time()) // EPOCH_S + 1) * EPOCH_S
        time.sleep(max(0, end - time.time()))
        n = wait(lambda: stored(site.db, end))
        ack = time.time() - end
        with sqlite3.connect(f"file:{site.db}?mode=ro", uri=True, timeout=5) as c:
            observed = c.execute("SELECT sum(observed) FROM tally WHERE epoch = ?", (end - EPOCH_S,)).fetchone()[0]
        wait(lambda: answered(site, end) >= observed or None)
        answer = time.time() - end
        print(f"epoch of {n} observations: stored {ack:.2f} s, answered {answer:.2f} s after its end", flush=True)
        if n >= OBSERVATIONS:
            acked.append(ack)
            answers.append(answer)
        elif time.time() - site.began > EPOCH_S * (runs + 6):
            raise SystemExit(f"epoch: this machine makes {n} observations an epoch, {OBSERVATIONS} are needed")
    return acked, answers


def result(name, values, bar):
    return {"name": name, "value": statistics.median(values), "unit": "s", "min": min(values),
            "max": max(values), "runs": len(values), "bar": bar, "better": "lower"}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--runs", type=int, default=3)
    p.add_argument("--json")
    a = p.parse_args()
    if os.geteuid() != 0:
        raise SystemExit("epoch: needs root for network namespaces")
    runs = min(a.runs, 3)  # each takes an epoch
    with tempfile.TemporaryDirectory(prefix="teiten-epoch-") as d:
        site = Site(Programs(a.build), d, SENSORS, epoch_s=EPOCH_S, conf={"flow": {"ipv4": 2 << 20, "ipv6": 8192}})
        with site:
            site.start_collector()
            site.start_probe()
            site.began = time.time()
            gen = subprocess.Popen(
                ["ip", "netns", "exec", site.veth.tester, site.programs.path("teiten-gen"),
                 "--sensors", site.dir / "sensors.json", "--port", f"net_af_packet0,iface={site.veth.peer}",
                 "--rate", str(RATE), "--zipf", "0",
                 "--sources", "4000000", "--packets", str(RATE * EPOCH_S * (runs + 6)), "--ipv6", "0",
                 "--mix", "malformed=0,non_ip=0,unassigned=0,fragment=0,reflection=0"],
                stdout=subprocess.DEVNULL)
            try:
                acked, answers = measure(site, runs)
            finally:
                gen.kill()
                gen.wait()
    results = [result("epoch of a million: acknowledged", acked, 2),
               result("epoch of a million: answered", answers, 5)]
    if a.json:
        Path(a.json).write_text(json.dumps({"machine": {}, "results": results}, indent=1))


if __name__ == "__main__":
    main()
