#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes what is generated in docs/ from the built programs: `docs.py BUILD`."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def output(*cmd):
    return subprocess.run(cmd, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(build):
    (ROOT / "docs/configuration.md").write_text(output(build / "lib/conf_manual"))
    cli = ROOT / "docs/cli.md"
    mark = "# Commands\n\n"
    head = cli.read_text().split(mark)[0]
    cli.write_text(head + mark + output(build / "app/teiten", "help", "--markdown"))


if __name__ == "__main__":
    main(ROOT / sys.argv[1])
