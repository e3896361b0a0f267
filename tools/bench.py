#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures everything there is to measure: `bench.py [BUILD]` writes BUILD/bench.json.

Each row of BENCHES is a program that takes `--runs N --json FILE` and writes machine and results
there. Figures are ratios within one run, and say nothing about passing or failing: a bar that was
missed is said, and the status is 0 where everything was measured.

ONLY (names of BENCHES, comma between) chooses among them, RUNS how often each figure is measured.
"""
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# name, program, its own arguments. A path of the build; or a script below ROOT, which gets the build's
# path as its first argument.
BENCHES = [
    ("path", "app/teiten-bench", "-g", "path"),
    ("flow", "app/teiten-bench", "-g", "flow"),
    ("attack", "app/teiten-bench", "-g", "attack"),
    ("workers", "app/teiten-bench", "-g", "workers"),
    ("switch", "app/teiten-bench", "-g", "switch"),
    ("link", "app/teiten-bench", "-g", "link"),
    ("probe", "tools/bench_probe.py"),
    ("replay", "tools/bench_replay.py"),
    ("sketch", "lib/sketch_bench"),
    ("store", "lib/store_bench"),
    ("epoch", "tools/bench_epoch.py"),
    ("quarter", "lib/quarter_bench"),
]

# A free page count that all of the programs are content with (`probe` adds what it needs besides).
HUGEPAGES = 768


def text(command):
    try:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def compact_memory():
    """Memory in small pieces halves what large tables reach: the kernel joins them where we may ask for it."""
    try:
        Path("/proc/sys/vm/compact_memory").write_text("1")
    except OSError:
        pass


def free_hugepages():
    try:
        return int(Path("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages").read_text())
    except OSError:
        return 0


def cpu(field):
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(field):
            return line.split(":", 1)[1].strip()
    return "unknown"


def machine(build):
    """What the figures depend on; the flags are those that the data path was compiled with."""
    units = json.loads((build / "compile_commands.json").read_text())
    unit = next(u for u in units if u["file"].endswith("flow/add.c"))
    words = shlex.split(unit["command"])
    compiler = next(w for w in words if not w.endswith("ccache"))
    return {
        "cpu": cpu("model name"), "cache": cpu("cache size"), "cpus": os.cpu_count(),
        "kernel": platform.release(), "hugepages_free": free_hugepages(),
        "compiler": text([compiler, "--version"]).splitlines()[0],
        "flags": " ".join(w for w in words if w.startswith(("-O", "-m", "-f", "-std"))),
        "dpdk": text(["pkg-config", "--modversion", "libdpdk"]),
        "dpdk_flags": text(["pkg-config", "--cflags-only-other", "libdpdk"]),
    }


def command(build, program, args):
    if program.endswith(".py"):
        return [sys.executable, str(ROOT / program), str(build), *args]
    return [str(build / program), *args]


def measure(build, name, program, args, runs):
    """Runs one row; returns what it wrote, or None."""
    start = time.monotonic()
    log = build / "bench-logs" / f"{name}.log"
    log.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="teiten-bench-") as d, open(log, "w") as out:
        file = Path(d, "bench.json")
        rc = subprocess.run([*command(build, program, args), "--runs", str(runs), "--json", file],
                            cwd=ROOT, stdout=out, stderr=subprocess.STDOUT,
                            stdin=subprocess.DEVNULL).returncode
        if rc == 0 and file.exists():
            print(f"{name}: {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
            return json.loads(file.read_text())
    last = (log.read_text().splitlines() or ["no word"])[-1]
    print(f"bench: {name} failed with status {rc}: {last} (all of it: {log})", file=sys.stderr)
    return None


def held(r):
    """Whether a result keeps to its bar."""
    value = r.get("ratio", r.get("value"))
    return value <= r["bar"] if r["better"] == "lower" else value >= r["bar"]


def line(r):
    verdict = ""
    if "bar" in r:
        verdict = f"{'at most' if r['better'] == 'lower' else 'at least'} {r['bar']:g}: "
        verdict += "holds" if held(r) else "MISSED"
    numbers = " ".join(f"{x:10.4g}" for x in (r.get("ratio", r.get("value")), r["min"], r["max"]))
    return f"{r['name']:36} {numbers} {r['runs']:4}  {r.get('unit', 'ratio'):10} {verdict}".rstrip()


def chosen():
    names = [n for n in os.environ.get("ONLY", "").replace(",", " ").split() if n]
    unknown = set(names) - {row[0] for row in BENCHES}
    if unknown:
        sys.exit(f"bench: ONLY={','.join(sorted(unknown))}: expected some of "
                 + ", ".join(row[0] for row in BENCHES))
    return [row for row in BENCHES if not names or row[0] in names]


def main():
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build").resolve()
    runs, rows = int(os.environ.get("RUNS", "7")), chosen()
    all_of_it = {"machine": machine(build), "results": []}
    free = all_of_it["machine"]["hugepages_free"]
    if free < HUGEPAGES:
        print(f"bench: {free} hugepages of 2 MiB are free, {HUGEPAGES} are enough for all figures: "
              f"those without them are slower (sysctl -w vm.nr_hugepages={HUGEPAGES})",
              file=sys.stderr)
    print(f"{'figure':36} {'median':>10} {'min':>10} {'max':>10} runs  {'unit':10} bar", flush=True)
    failed = []
    for name, program, *args in rows:
        compact_memory()
        got = measure(build, name, program, args, runs)
        if got is None:
            failed.append(name)
            continue
        all_of_it["machine"] = {**got.get("machine", {}), **all_of_it["machine"]}
        all_of_it["results"] += got["results"]
        print("\n".join(line(r) for r in got["results"]), flush=True)
    out = build / "bench.json"
    out.write_text(json.dumps(all_of_it, indent=1) + "\n")
    barred = [r for r in all_of_it["results"] if "bar" in r]
    missed = [r["name"] for r in barred if not held(r)]
    print(f"{len(all_of_it['results'])} figures in {out}; {len(barred) - len(missed)} of "
          f"{len(barred)} bars hold" + (f"; missed: {' '.join(missed)}" if missed else ""))
    if failed:
        sys.exit(f"bench: not measured: {' '.join(failed)}")


if __name__ == "__main__":
    main()
