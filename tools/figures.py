# SPDX-License-Identifier: BSD-3-Clause
"""What a script that measures needs: its arguments, its figures, and files of its own for a while."""
import argparse
import json
import shutil
import statistics
import tempfile
from contextlib import contextmanager
from pathlib import Path


def arguments(about):
    """BUILD --runs N --json FILE, as tools/bench.py calls a script."""
    p = argparse.ArgumentParser(description=about)
    p.add_argument("build", type=Path, help="the build's folder")
    p.add_argument("--runs", type=int, default=7, help="runs of each figure")
    p.add_argument("--json", type=Path, help="where machine and results are written")
    a = p.parse_args()
    a.build = a.build.resolve()
    return a


class Figures:
    """Median, minimum and maximum of each figure, printed as they come."""

    def __init__(self):
        self.results = []

    def add(self, name, samples, unit=None, bar=None, better="higher"):
        """samples: one number a run; without a unit they are ratios."""
        r = {"name": name, "value" if unit else "ratio": statistics.median(samples),
             "min": min(samples), "max": max(samples), "runs": len(samples)}
        if unit:
            r["unit"] = unit
        if bar is not None:
            r["bar"], r["better"] = bar, better
        self.results.append(r)
        print(r, flush=True)

    def write(self, path):
        if path:
            path.write_text(json.dumps({"machine": {}, "results": self.results}, indent=1) + "\n")


@contextmanager
def hugepages(pages):
    """So many free ones of 2 MiB for as long as they are needed, where that can be had; what was added is
    given back."""
    pool = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")

    def add(n):
        total = int((pool / "nr_hugepages").read_text())
        (pool / "nr_hugepages").write_text(str(total + n))
        return int((pool / "nr_hugepages").read_text()) - total

    try:
        added = add(max(0, pages - int((pool / "free_hugepages").read_text())))
    except OSError as e:
        print(f"{pages} hugepages cannot be had: {e}", flush=True)
        added = 0
    try:
        yield
    finally:
        if added:
            add(-added)


@contextmanager
def folder(need_bytes, parent):
    """A folder below parent for as long as it is needed; says so where there is no room for it."""
    parent.mkdir(exist_ok=True)
    free = shutil.disk_usage(parent).free
    if free < need_bytes:
        raise SystemExit(f"{parent}: {free >> 20} MiB are free, expected {need_bytes >> 20}")
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as d:
        yield Path(d)
