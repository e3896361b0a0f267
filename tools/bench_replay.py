#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""`teiten replay`, collector and store included, against `tcpdump -r FILE -w /dev/null`.

Captures of 10 million packets in 100 seconds, made by teiten-gen: one that yields about 2 million
observations, one that yields about 5 million. tcpdump and replay take turns on the same file, which
both find in the page cache. Peers that are installed (nfpcapd, softflowd) read the first
200 thousand packets of it once, for orientation.
"""
import json
import shutil
import subprocess
import time

from figures import Figures, arguments, folder

PACKETS = 10_000_000
PEER_PACKETS = 200_000

DARKNET = {"id": "darknet", "match": {"prefixes": ["198.18.0.0/16", "2001:db8:2::/48"]}}
SENSORS = [DARKNET,
           {"id": "isp1", "match": {"prefixes": ["192.0.2.0/24"]}},
           {"id": "isp2", "match": {"prefixes": ["198.51.100.0/24"]}},
           {"id": "cloud1", "match": {"prefixes": ["203.0.113.0/28", "2001:db8:1::/48"]}}]

# name, sensors, sources to draw from and exponent of their packets (of those about 450 thousand and
# 530 thousand send something), what the ratio must be
CASES = [("2m", [DARKNET], 2_400_000, 1.3, 0.6), ("5m", SENSORS, 800_000, 1.07, None)]


def seconds(command, **kw):
    start = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kw)
    return time.monotonic() - start


def generate(build, d, sensors, sources, zipf):
    (d / "sensors.json").write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": sensors}))
    seconds([build / "app/teiten-gen", "--packets", str(PACKETS), "--sources", str(sources),
             "--zipf", str(zipf), "--ipv6", "0.02", "--start", "2024-12-18T00:00:30Z",
             "--seconds", "100", "--sensors", d / "sensors.json", d / "all.pcap"])
    return d / "all.pcap"


def replay(build, d, capture):
    """What `teiten replay` says at its end, and how long the whole command took."""
    for f in d.glob("store.db*"):
        f.unlink()
    start = time.monotonic()
    out = subprocess.run([build / "app/teiten", "replay", "-s", d / "sensors.json", "--db",
                          d / "store.db", capture], check=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True).stdout
    said = json.loads(out.splitlines()[-1])
    if said["packets"] != PACKETS:
        raise SystemExit(f"{capture}: replayed {said['packets']} packets of {PACKETS}")
    return said, time.monotonic() - start


def peers(figures, d, capture):
    head = d / "head.pcap"
    seconds(["tcpdump", "-r", capture, "-c", str(PEER_PACKETS), "-w", head])
    flows = d / "flows"
    flows.mkdir()
    commands = {"nfpcapd": ["nfpcapd", "-r", head, "-w", flows],
                "softflowd": ["softflowd", "-r", head, "-n", "127.0.0.1:9", "-m", "1000000", "-p",
                              d / "softflowd.pid", "-c", d / "softflowd.ctl"]}
    for name, command in commands.items():
        if not shutil.which(name):
            print(f"{name} is not installed: not measured", flush=True)
            continue
        try:
            figures.add(f"peer_{name}", [PEER_PACKETS / seconds(command, timeout=120) / 1e6], "Mpps")
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as e:
            print(f"{name}: {e}: not measured", flush=True)


def case(a, figures, d, name, sensors, sources, zipf, bar):
    capture = generate(a.build, d, sensors, sources, zipf)
    seconds(["cat", capture])  # into the page cache
    tcpdump, rates, whole, ratios = [], [], [], []
    for _ in range(a.runs):
        t = seconds(["tcpdump", "-r", capture, "-w", "/dev/null"])
        said, wall = replay(a.build, d, capture)
        print(f"{name}: tcpdump {t:.2f} s, replay {said['seconds']:.2f} s of {wall:.2f} s, "
              f"{said['observations']} observations", flush=True)
        tcpdump.append(PACKETS / t / 1e6)
        rates.append(PACKETS / said["seconds"] / 1e6)
        whole.append(PACKETS / wall / 1e6)
        ratios.append(t / said["seconds"])
    figures.add(f"replay_{name}_vs_tcpdump", ratios, bar=bar)
    figures.add(f"replay_{name}", rates, "Mpps")
    figures.add(f"replay_{name}_command", whole, "Mpps")
    figures.add(f"replay_{name}_tcpdump", tcpdump, "Mpps")
    figures.add(f"replay_{name}_observations", [said["observations"] / 1e6], "M")
    if name == "2m":
        peers(figures, d, capture)


def main():
    a = arguments(__doc__)
    figures = Figures()
    for c in CASES:
        with folder(4 << 30, a.build / "bench-files") as d:
            case(a, figures, d, *c)
    figures.write(a.json)


if __name__ == "__main__":
    main()
