#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Measures everything there is to measure: `bench.py [BUILD]` writes BUILD/bench.json.

Figures are ratios within one run, and say nothing about passing or failing: a bar that was missed
is said, and the status is 0.
"""
import json
import os
import subprocess
import sys
from pathlib import Path


def main():
    build = Path(sys.argv[1] if len(sys.argv) > 1 else "build")
    out = build / "bench.json"
    runs = os.environ.get("RUNS", "7")
    rc = subprocess.run([build / "app/teiten-bench", "--runs", runs, "--json", out]).returncode
    if rc:
        sys.exit(rc)
    results = json.loads(out.read_text())["results"]
    barred = [r for r in results if "bar" in r]
    missed = [r["name"] for r in barred
              if (r.get("ratio", r.get("value")) > r["bar"]) == (r["better"] == "lower")]
    print(f"{len(results)} figures in {out}; {len(barred) - len(missed)} of {len(barred)} bars hold"
          + (f"; missed: {' '.join(missed)}" if missed else ""))


if __name__ == "__main__":
    main()
