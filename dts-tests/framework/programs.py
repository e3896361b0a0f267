# SPDX-License-Identifier: BSD-3-Clause
"""The built programs, called as a person or a script would call them."""
import csv
import io
import json
import os
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Done:
    """A finished program."""
    status: int
    out: str
    err: str

    @property
    def last(self):
        """The last line of stdout as JSON."""
        return json.loads(self.out.strip().splitlines()[-1])

    @property
    def messages(self):
        return self.err.strip().splitlines()


class Programs:
    def __init__(self, build):
        self.build = Path(build)

    @classmethod
    def from_environment(cls):
        return cls(os.environ.get("TEITEN_BUILD", ROOT / "build"))

    def path(self, name):
        return str(self.build / "app" / name)

    def run(self, name, *args, timeout=120, ok=True, env=None, cwd=None):
        p = subprocess.run([self.path(name), *map(str, args)], stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, text=True, timeout=timeout, cwd=cwd,
                           stdin=subprocess.DEVNULL, env={**os.environ, **(env or {})})
        done = Done(p.returncode, p.stdout, p.stderr)
        if ok:
            assert done.status == 0, f"{name} {' '.join(map(str, args))}: {done}"
        return done

    def popen(self, name, *args, **kw):
        return subprocess.Popen([self.path(name), *map(str, args)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, **kw)

    # -- the command line

    def replay(self, db, *captures, ok=True, timeout=300, **options):
        return self.run("teiten", "replay", *flags(options), "--db", db, *captures, ok=ok,
                        timeout=timeout)

    def top(self, db, by, **filters):
        """The JSON object of `teiten top`, all rows unless told otherwise."""
        filters.setdefault("n", 0)
        n = filters.pop("n")
        done = self.run("teiten", "top", "--db", db, "--by", by, "-n", n, "--format", "json",
                        *flags(filters))
        return json.loads(done.out)

    def series(self, db, **filters):
        done = self.run("teiten", "series", "--db", db, "--format", "json", *flags(filters))
        return json.loads(done.out)

    def top_csv(self, db, by, **filters):
        done = self.run("teiten", "top", "--db", db, "--by", by, "-n", 0, "--format", "csv",
                        *flags(filters))
        return list(csv.DictReader(io.StringIO(done.out)))

    def sql(self, db, query):
        """Rows of a query as dictionaries of text."""
        done = self.run("teiten", "sql", "--db", db, "--format", "csv", query)
        return list(csv.DictReader(io.StringIO(done.out)))

    def gen(self, *args, timeout=300):
        return self.run("teiten-gen", *args, timeout=timeout)


def cpu_seconds():
    """Processor time of all programs that have ended: what else the machine does is not in it."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def flags(options):
    """Keyword arguments as options: from_="…" is --from, None is left out, True is a bare flag."""
    out = []
    for key, value in options.items():
        name = "--" + key.rstrip("_").replace("_", "-")
        if key == "s" or key == "c":
            name = "-" + key
        if value is None or value is False:
            continue
        out += [name] if value is True else [name, str(value)]
    return out


def counts(result, *key):
    """{key fields: (packets, bytes, sources)} of the rows of a top."""
    rows = {}
    for row in result["rows"]:
        k = tuple(row.get(f) for f in key)
        assert k not in rows, f"row twice: {k}"
        rows[k[0] if len(k) == 1 else k] = (row["packets"], row["bytes"], row.get("sources"))
    return rows
