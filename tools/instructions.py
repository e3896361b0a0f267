#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Counts instructions per packet of the data path's stages and compares them with the record.

`instructions.py [BUILD]` fails where a stage needs over 2 % more than app/bench/instructions.json
says; `--record` writes what was measured there. callgrind counts the same for the same binary and
input, whatever else the machine does; another compiler, DPDK or processor makes another binary or
another path through it, so then the numbers are only reported.
"""
import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "app/bench/instructions.json"
TOLERANCE = 1.02


def features():
    """Instruction sets that code on the path chooses by at run time."""
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    known = set(flags[1].split()) if flags else set()
    return " ".join(f for f in ("aes", "avx2", "bmi2", "sse4_2") if f in known) or "none"


def build_type(build):
    out = subprocess.run(["meson", "introspect", "--buildoptions", str(build)], check=True,
                         stdout=subprocess.PIPE, text=True).stdout
    options = {o["name"]: o["value"] for o in json.loads(out)}
    return f"{options['buildtype']}{' host' if options.get('host') else ''}"


def measure(build):
    """What instructions.json holds, measured on a build."""
    with tempfile.TemporaryDirectory() as tmp:
        p = subprocess.run(
            ["valgrind", "--tool=callgrind", "--collect-atstart=no",
             f"--callgrind-out-file={tmp}/out", str(build / "app/teiten-bench"), "--quick",
             "--group", "instructions"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
        if p.returncode:
            sys.exit(f"instructions: teiten-bench under callgrind: status {p.returncode}\n{p.stderr[-2000:]}")
        rows = [json.loads(line) for line in p.stdout.splitlines() if line.startswith("{")]
        counted = {}
        for dump in Path(tmp).iterdir():
            text = dump.read_text()
            name = re.search(r"^desc: Trigger: Client Request: (\w+)$", text, re.M)
            if name:
                counted[name[1]] = int(re.search(r"^totals: (\d+)$", text, re.M)[1])
    made = {**rows[0], "cpu": features(), "build": build_type(build)}
    stages = {r["stage"]: round(counted[r["stage"]] / r["packets"], 1) for r in rows[1:]}
    if not stages or min(stages.values()) <= 0:
        sys.exit(f"instructions: nothing was counted: {stages}")
    return {"made": made, "instructions_per_packet": stages}


def compare(now, then):
    """Prints a table; returns the stages that are over the record."""
    over = []
    print(f"{'instructions per packet':<24} {'now':>8} {'record':>8}")
    for stage in sorted({*now, *then}):
        a, b = now.get(stage), then.get(stage)
        bad = a is None or b is None or a > b * TOLERANCE
        over += [stage] if bad else []
        print(f"{stage:<24} {a if a is not None else '-':>8} {b if b is not None else '-':>8}"
              f"{'  over' if bad else ''}")
    return over


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("build", nargs="?", default=ROOT / "build", type=Path)
    args.add_argument("--record", action="store_true", help=f"write {RECORD.relative_to(ROOT)}")
    args = args.parse_args()
    now = measure(args.build.resolve())
    if args.record:
        RECORD.write_text(json.dumps(now, indent=1) + "\n")
    then = json.loads(RECORD.read_text())
    over = compare(now["instructions_per_packet"], then["instructions_per_packet"])
    differ = [f"{k} {now['made'][k]!r}, recorded {then['made'].get(k)!r}"
              for k in now["made"] if now["made"][k] != then["made"].get(k)]
    if differ:
        print(f"only reported, not compared: {'; '.join(differ)}")
    elif over:
        print(f"over the record by more than 2 %: {' '.join(over)}; where that is meant: "
              "/usr/bin/python3 tools/instructions.py --record")
        sys.exit(1)


if __name__ == "__main__":
    main()
