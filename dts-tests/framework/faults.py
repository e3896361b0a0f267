# SPDX-License-Identifier: BSD-3-Clause
"""What the fault runs found: fault, tries, outcome, and the case that tried it.

A case calls `record`; the rows gather in BUILD/reliability.json, the newest of a fault replacing the
one before. `faults.py` writes them as the table of docs/reliability.md (`make soak` does).
"""
import fcntl
import json
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOC = ROOT / "docs/reliability.md"
BEGIN, END = "<!-- table: written by make soak -->", "<!-- end of the table -->"


def gathered():
    return Path(os.environ.get("TEITEN_BUILD", ROOT / "build")) / "reliability.json"


def record(fault, tries, outcome):
    """Notes that `fault` was tried so often, and in one line what came of it. To be called after the
    case has verified it: what failed is not recorded."""
    case = os.environ.get("PYTEST_CURRENT_TEST", "").rsplit(" ", 1)[0].split("[")[0].split("/")[-1]
    with open(gathered(), "a+", encoding="utf-8") as f:
        fcntl.flock(f, fcntl.LOCK_EX)  # suites may run beside each other
        f.seek(0)
        text = f.read()
        rows = json.loads(text) if text else {}
        rows[fault] = {"tries": int(tries), "outcome": str(outcome), "case": case}
        f.seek(0)
        f.truncate()
        json.dump(rows, f, indent=1, sort_keys=True)
        f.write("\n")


def table(rows):
    lines = ["| fault | tries | outcome | case |", "|---|---|---|---|"]
    for fault, row in sorted(rows.items()):
        case = row["case"].replace("TestSuite_", "").replace(".py", "").split("::")
        lines.append(f"| {fault} | {row['tries']:,} | {row['outcome']} | `{case[0]}`: "
                     f"`{case[-1]}` |")
    return "\n".join(lines)


def write():
    path = gathered()
    if not path.exists():
        sys.exit(f"{path}: expected what the fault runs record")
    text = DOC.read_text(encoding="utf-8")
    head, rest = text.split(BEGIN)
    rows = json.loads(path.read_text(encoding="utf-8"))
    DOC.write_text(f"{head}{BEGIN}\n{table(rows)}\n{END}{rest.split(END)[1]}", encoding="utf-8")
    print(f"{len(rows)} faults in {DOC.relative_to(ROOT)}")


if __name__ == "__main__":
    write()
