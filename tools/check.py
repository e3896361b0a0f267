#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs the checks and counts them: `check.py all`, or any of the stages by name.

Each stage is a function that records passes and failures; a stage that records nothing has failed.
The last line is `N passed, N failed`.
"""
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import sizes

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "360"))  # CPU seconds for all fuzzers together
JOBS = os.cpu_count() or 2


class Tally:
    def __init__(self):
        self.passed = 0
        self.failed = []

    def add(self, name, ok, output=""):
        if ok:
            self.passed += 1
        else:
            self.failed.append(name)
            print(f"FAILED {name}\n{output.rstrip()[-6000:]}\n", flush=True)


def run(cmd, timeout=1800, **kw):
    """Runs a command; returns (ok, what it printed). One that does not end is killed with all it started,
    else what it left behind would keep the pipe open and this waiting."""
    p = subprocess.Popen(cmd, cwd=kw.pop("cwd", ROOT), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                         text=True, errors="replace", stdin=subprocess.DEVNULL, start_new_session=True, **kw)
    try:
        out, _ = p.communicate(timeout=timeout)
        return p.returncode == 0, out
    except BaseException as e:
        os.killpg(p.pid, signal.SIGKILL)
        out, _ = p.communicate()
        if isinstance(e, subprocess.TimeoutExpired):
            return False, f"{out}\nno end after {timeout} s"
        raise


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT,
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return [f for f in out.splitlines() if (ROOT / f).exists()]


def make(t, name, *args):
    ok, out = run(["make", "--no-print-directory", *args])
    t.add(name, ok, out)
    return ok


def junit(t, path, prefix):
    """Counts the test cases of a JUnit file; says which failed, and that a skip is no pass."""
    n = 0
    for case in ET.parse(path).getroot().iter("testcase"):
        n += 1
        bad = [e for e in case if e.tag in ("failure", "error")]
        text = "\n".join((e.get("message") or "") + "\n" + (e.text or "") for e in bad)
        t.add(f"{prefix}{case.get('classname', '')}.{case.get('name')}", not bad, text)
        for e in case:
            if e.tag == "skipped":
                print(f"skipped {case.get('name')}: {e.get('message')}", flush=True)
    return n


# ---- stages

def stage_lint(t):
    c_files = tracked("*.c", "*.h")
    ok, out = run(["clang-format-14", "--dry-run", "-Werror", *c_files])
    t.add("lint: layout of C code (make format)", ok, out)
    spdx = [f for f in tracked("*.c", "*.h", "*.py", "*.sh", "meson.build", "Makefile")
            if "SPDX-License-Identifier: BSD-3-Clause" not in (ROOT / f).read_text()[:200]]
    t.add("lint: SPDX line in every source file", not spdx, "\n".join(spdx))
    ok, out = run(["/usr/bin/python3", "-m", "pyflakes", *tracked("*.py")])
    t.add("lint: Python names are defined and used", ok, out)
    headers_alone(t)
    layering(t)
    ok, out = run([str(BUILD / "lib/conf_manual")])
    t.add("lint: docs/configuration.md is what the option tables say (make docs)",
          ok and out == (ROOT / "docs/configuration.md").read_text(), out[-500:])
    links = [f"{md}: {target}" for md in tracked("*.md") for target in
             re.findall(r"\]\(([^)#:]+)\)", (ROOT / md).read_text())
             if not (ROOT / md).parent.joinpath(target).exists()]
    t.add("lint: links in Markdown lead somewhere", not links, "\n".join(links))
    threat_model(t)
    decoders(t)
    units(t)
    long = list(sizes.too_long(tracked("*.c", "*.h", "*.py"), ROOT))
    t.add("lint: files and functions of house size", not long, "\n".join(long))
    long = [md for md in ["README.md"] if len((ROOT / md).read_text().splitlines()) > 250]
    t.add("lint: README of at most 250 lines", not long)


def threat_model(t):
    """Every test that docs/threat-model.md names exists."""
    rows = [line for line in (ROOT / "docs/threat-model.md").read_text().splitlines() if line.startswith("| ")]
    named = {name for row in rows[1:] for name in re.findall(r"`(\w+)`", row.rstrip("| ").rsplit("|", 1)[1])}
    known = set()
    for f in tracked("dts-tests/TestSuite_*.py", "lib/*_test.c", "app/*_test.c", "*/fuzz_*.c"):
        known |= set(re.findall(r"^(?:    def|static void) (\w+)\(", (ROOT / f).read_text(), re.M))
        known.add(Path(f).stem)
    t.add("lint: the tests of docs/threat-model.md exist", named and named <= known, f"not there: {named - known}")


def decoders(t):
    """docs/testing.md names every fuzzer with what it calls, and every decoder that a library exports."""
    rows = re.findall(r"^\|[^|]+\| (`[^|]+) \| `(fuzz_\w+)` \|$", (ROOT / "docs/testing.md").read_text(), re.M)
    called = {fuzzer: re.findall(r"`(\w+)`", cells.split("(")[0]) for cells, fuzzer in rows}
    sources = {Path(f).stem: (ROOT / f).read_text() for f in tracked("lib/*/fuzz_*.c", "app/*/fuzz_*.c")}
    t.add("lint: docs/testing.md lists the fuzzers", called.keys() == sources.keys(), f"{called.keys() ^ sources.keys()}")
    idle = [f"{f}: {n}" for f, names in called.items() for n in names
            if not re.search(rf"\b{n}\b", sources.get(f, ""))]
    t.add("lint: fuzzers call what docs/testing.md says", not idle, "\n".join(idle))
    exported = set()
    for h in tracked("lib/*/include/*.h"):
        exported |= set(re.findall(r"\b(tt_\w*(?:parse|decode|unpack|peek|loads?))\(", (ROOT / h).read_text()))
    missing = exported - {n for cells, _ in rows for n in re.findall(r"`(\w+)`", cells)}
    t.add("lint: every decoder has a fuzzer in docs/testing.md", exported and not missing, "\n".join(missing))


def units(t):
    """systemd accepts the units, and finds little that they may do."""
    if not shutil.which("systemd-analyze"):
        t.add("lint: systemd-analyze is there", False, "expected the package systemd")
        return
    with tempfile.TemporaryDirectory() as tmp:
        bindir = Path(tmp) / "bin"
        bindir.symlink_to(BUILD / "app")  # the tree's own path may have spaces
        for name, most in (("collector", 1.5), ("probe", 4.0)):
            text = (ROOT / f"config/systemd/teiten-{name}.service.in").read_text()
            unit = Path(tmp) / f"teiten-{name}.service"
            unit.write_text(text.replace("@bindir@", str(bindir)))
            ok, out = run(["systemd-analyze", "verify", "--man=no", str(unit)])
            t.add(f"lint: systemd accepts teiten-{name}.service", ok and not out.strip(), out)
            ok, out = run(["systemd-analyze", "security", "--offline=true", str(unit)])
            level = re.search(r"exposure level for .*: ([\d.]+)", out)
            t.add(f"lint: teiten-{name}.service is exposed by {most} at most", level and float(level[1]) <= most,
                  out[-200:])


def lib_flags():
    """Include flags by library, read from meson's own description of the build."""
    import json
    _, out = run(["meson", "introspect", "--targets", str(BUILD)])
    flags = {}
    for target in json.loads(out):
        m = re.fullmatch(r"tt_(\w+)", target["name"])
        if m and target["type"] == "static library":
            for src in target["target_sources"]:
                flags[m[1]] = [p for p in src["parameters"] if p.startswith(("-I", "-D", "-isystem"))]
                flags[m[1]] += [f"-I{ROOT}/lib/{m[1]}/include"]
    return flags


def headers_alone(t):
    """Every public header compiles by itself with nothing but its own layer's include path."""
    flags = lib_flags()
    for h in tracked("lib/*/include/*.h"):
        lib = h.split("/")[1]
        if lib not in flags:
            continue
        ok, out = compile_text(["-Wall", "-Werror", *flags[lib]], f'#include "{ROOT / h}"\n')
        t.add(f"lint: {h} compiles alone", ok, out)


def layering(t):
    """An include that skips a layer must not compile; collector and CLI must not link DPDK."""
    flags = lib_flags()
    skips = [("base", "tt_packet.h"), ("packet", "tt_sensor.h"), ("wire", "tt_flow.h"),
             ("store", "tt_flow.h"), ("store", "rte_hash.h"), ("conf", "tt_wire.h"),
             ("report", "tt_link.h")]
    for lib, header in skips:
        if lib not in flags:
            t.add(f"lint: {lib} exists", False, "not built")
            continue
        ok, out = compile_text(flags[lib], f"#include <{header}>\n")
        t.add(f"lint: lib/{lib} cannot include {header}",
              not ok and "No such file" in out, out or "it compiled")
    for program in ("app/teiten", "app/teiten-collector"):
        ok, out = run(["ldd", str(BUILD / program)])
        t.add(f"lint: {program} does not link DPDK", ok and "librte" not in out, out)


def compile_text(flags, text):
    p = subprocess.run(["gcc", "-std=gnu17", "-fsyntax-only", *flags, "-x", "c", "-"], cwd=BUILD,
                       input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return p.returncode == 0, p.stdout


def meson_tests(t, build, prefix, env=None):
    log = ROOT / build / "meson-logs" / "testlog.junit.xml"
    log.unlink(missing_ok=True)
    _, out = run(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs",
                  "--num-processes", str(JOBS), "--timeout-multiplier", "4"], env={**os.environ, **(env or {})})
    if not log.exists() or not junit(t, log, prefix):
        t.add(f"{prefix}ran", False, out)
    elif "Fail:" in out and not re.search(r"^Fail:\s+0", out, re.M):
        print(out[-6000:], flush=True)


def stage_build(t):
    make(t, "build: gcc, warnings are errors", "all")


def stage_unit(t):
    meson_tests(t, "build", "unit ")


def stage_debug(t):
    if make(t, "build: ASan and UBSan", "debug"):
        meson_tests(t, "build-debug", "sanitized ",
                    {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
                     "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"})


def stage_clang(t):
    if not (ROOT / "build-clang/build.ninja").exists():
        ok, out = run(["meson", "setup", "build-clang", "-Dwerror=true"], env={**os.environ, "CC": "clang"})
        if not ok:
            t.add("build: clang set-up", False, out)
            return
    ok, out = run(["ninja", "-C", "build-clang", "--quiet"])
    t.add("build: clang, warnings are errors", ok, out)


def stage_fuzz(t):
    if not (ROOT / "build-fuzz/build.ninja").exists():
        ok, out = run(["meson", "setup", "build-fuzz", "-Dfuzz=true", "-Doptimization=1"],
                      env={**os.environ, "CC": "clang"})
        if not ok:
            t.add("fuzz: set-up", False, out)
            return
    ok, out = run(["ninja", "-C", "build-fuzz", "--quiet"])
    if not ok:
        t.add("fuzz: build", False, out)
        return
    sources = tracked("lib/*/fuzz_*.c", "app/*/fuzz_*.c")
    each = max(5, FUZZ_SECONDS // max(1, len(sources)))

    def one(src):
        top, lib, name = *src.split("/")[:2], Path(src).stem
        found = ROOT / "build-fuzz/found" / f"{lib}-{name}"
        found.mkdir(parents=True, exist_ok=True)
        corpus = ROOT / top / lib / "corpus" / name.removeprefix("fuzz_")
        dirs = [str(found)] + ([str(corpus)] if corpus.is_dir() else [])
        return run([str(ROOT / f"build-fuzz/{top}/{lib}_{name}"), f"-max_total_time={each}",
                    "-timeout=10", "-rss_limit_mb=3000", "-max_len=16384", "-print_final_stats=1",
                    f"-artifact_prefix={found}/", *dirs], timeout=each + 120)

    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        for src, (ok, out) in zip(sources, pool.map(one, sources)):
            runs = re.search(r"number_of_executed_units: (\d+)", out)
            print(f"fuzz {src}: {runs[1] if runs else 0} runs in {each} s", flush=True)
            t.add(f"fuzz: {src}", ok and runs and int(runs[1]) > 0, out)


def pytest(t, name, *args, env=None, timeout=7200):
    log = BUILD / f"{name}.junit.xml"
    log.unlink(missing_ok=True)
    _, out = run(["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short",
                  f"--junitxml={log}", *args], timeout=timeout, env={**os.environ, **(env or {})})
    print("\n".join(out.rstrip().splitlines()[-3:]), flush=True)
    if not log.exists() or not junit(t, log, f"{name} "):
        t.add(f"{name} ran", False, out)


def stage_speed(t):
    """Instructions per packet of the data path against app/bench/instructions.json."""
    ok, out = run(["/usr/bin/python3", "tools/instructions.py", str(BUILD)], timeout=900)
    print(out.rstrip(), flush=True)
    t.add("speed: instructions per packet", ok, out)


def stage_smoke(t):
    pytest(t, "smoke", "dts-tests", "-m", "smoke and not soak", timeout=170)


def stage_dts(t):
    pytest(t, "dts", "dts-tests")


def stage_dts_debug(t):
    """The functional suites again on the ASan and UBSan build."""
    pytest(t, "dts-debug", "dts-tests", "-m", "sanitized and not soak", env={"TEITEN_BUILD": str(ROOT / "build-debug")})


def soak(t, name, marked, env=None):
    """Each suite in a pytest of its own, so that one that fails or hangs hides nothing of the others; a line
    for each when it is over, and all of them at the end. ONLY=kill,link chooses suites."""
    only = os.environ.get("ONLY", "")
    gathered = Path((env or {}).get("TEITEN_BUILD", BUILD)) / "reliability.json"
    if not only:
        gathered.unlink(missing_ok=True)  # the table is of this run
    rows = []
    for suite in tracked("dts-tests/TestSuite_*.py"):
        short = Path(suite).stem.removeprefix("TestSuite_")
        if not re.search(marked, (ROOT / suite).read_text()) or only and short not in only.split(","):
            continue
        part, start = Tally(), time.monotonic()
        print(f"-- {name} {short}", flush=True)
        pytest(part, f"{name}-{short}", suite, "-m", "not soak" if env else "soak or not soak", env=env, timeout=7200)
        t.passed += part.passed
        t.failed += part.failed
        rows.append(f"   {name} {short:12} {part.passed:4} passed {len(part.failed):4} failed "
                    f"{time.monotonic() - start:6.0f} s")
    print("\n".join(rows), flush=True)


def stage_soak(t):
    """The suites that record faults, with their long cases."""
    soak(t, "soak", r"import .*\brecord\b")


def stage_soak_debug(t):
    """Every suite on the ASan and UBSan build."""
    soak(t, "soak-debug", "", env={"TEITEN_BUILD": str(ROOT / "build-debug")})


def stage_reliability(t):
    """docs/reliability.md, from what the runs recorded; not from a choice of suites."""
    if os.environ.get("ONLY"):
        print("   the table is written by whole runs only")
        t.passed += 1
        return
    ok, out = run(["/usr/bin/python3", "dts-tests/framework/faults.py"])
    t.add("docs/reliability.md", ok, out)
    print(out.rstrip(), flush=True)


STAGES = {"build": stage_build, "lint": stage_lint, "unit": stage_unit, "debug": stage_debug,
          "clang": stage_clang, "speed": stage_speed, "fuzz": stage_fuzz,
          "dts": stage_dts, "dts-debug": stage_dts_debug}
OTHERS = {"smoke": stage_smoke, "soak": stage_soak, "soak-debug": stage_soak_debug,
          "reliability": stage_reliability}  # not of `all`


def main():
    names = sys.argv[1:] or ["all"]
    if names == ["all"]:
        names = list(STAGES)
    total = Tally()
    for name in names:
        stage = {**STAGES, **OTHERS}.get(name)
        if not stage:
            sys.exit(f"check.py: no stage {name}; there are: {' '.join([*STAGES, *OTHERS])}")
        t, start = Tally(), time.monotonic()
        print(f"== {name}", flush=True)
        stage(t)
        if not t.passed and not t.failed:
            t.add(f"{name} checked something", False)
        print(f"   {name}: {t.passed} passed, {len(t.failed)} failed, "
              f"{time.monotonic() - start:.0f} s", flush=True)
        total.passed += t.passed
        total.failed += t.failed
    for name in total.failed:
        print(f"failed: {name}")
    print(f"{total.passed} passed, {len(total.failed)} failed")
    sys.exit(1 if total.failed or not total.passed else 0)


if __name__ == "__main__":
    main()
