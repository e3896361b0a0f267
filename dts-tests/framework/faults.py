# SPDX-License-Identifier: BSD-3-Clause
"""Where programs can die, and what the fault runs found: fault, tries, outcome, and its case.

A case calls `record`; the rows gather in BUILD/reliability.json, the newest of a fault replacing the
one before. `faults.py` writes them as the table of docs/reliability.md (`make soak` does): the rows of
build, and how often the same was tried in build-debug.
"""
import fcntl
import json
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # also run as a program

from framework.programs import ROOT, Programs  # noqa: E402

DOC = ROOT / "docs/reliability.md"
BEGIN, END = "<!-- table: written by make soak -->", "<!-- end of the table -->"


def crash_points(*folders):
    """Names of the points of death that the sources of some folders have."""
    found = set()
    for folder in folders:
        for path in sorted((ROOT / folder).glob("*.c")):
            found |= set(re.findall(r'TT_CRASH_POINT\("([a-z.]+)"\)', path.read_text()))
    assert found, folders
    return sorted(found)


def crash_build():
    """Programs that have points of death; None where they were not built (`make debug`)."""
    build = ROOT / "build-debug"
    return Programs(build) if (build / "app/teiten-collector").exists() else None


def gathered(build):
    return Path(build) / "reliability.json"


def record(fault, tries, outcome):
    """Notes that `fault` was tried so often, and in one line what came of it. To be called after the
    case has verified it: what failed is not recorded."""
    case = os.environ.get("PYTEST_CURRENT_TEST", "").rsplit(" ", 1)[0].split("[")[0].split("/")[-1]
    with open(gathered(os.environ.get("TEITEN_BUILD", ROOT / "build")), "a+", encoding="utf-8") as f:
        fcntl.flock(f, fcntl.LOCK_EX)  # suites may run beside each other
        f.seek(0)
        text = f.read()
        rows = json.loads(text) if text else {}
        rows[fault] = {"tries": int(tries), "outcome": str(outcome), "case": case}
        f.seek(0)
        f.truncate()
        json.dump(rows, f, indent=1, sort_keys=True)
        f.write("\n")


def rows_of(build):
    path = gathered(ROOT / build)
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def table(rows, sanitized):
    lines = ["| fault | tries | sanitized | outcome | case |", "|---|---|---|---|---|"]
    for fault, row in sorted(rows.items()):
        case = row["case"].replace("TestSuite_", "").replace(".py", "").split("::")
        more = f"{sanitized[fault]['tries']:,}" if fault in sanitized else ""
        lines.append(f"| {fault} | {row['tries']:,} | {more} | {row['outcome']} | `{case[0]}`: `{case[-1]}` |")
    return "\n".join(lines)


def write():
    rows, sanitized = rows_of("build"), rows_of("build-debug")
    if not rows:
        sys.exit(f"{gathered(ROOT / 'build')}: expected what the fault runs record")
    text = DOC.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    DOC.write_text(f"{head}{BEGIN}\n{table(rows, sanitized)}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    print(f"{len(rows)} faults in {DOC.relative_to(ROOT)}, {len(rows.keys() & sanitized)} of them tried on the "
          "sanitized build too")


if __name__ == "__main__":
    write()
