# SPDX-License-Identifier: BSD-3-Clause
"""Every file that people give to the programs, gone wrong in every way, to every command that reads it."""
import hashlib
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from framework import inputs
from framework.capture import MACS, pcap
from framework.inputs import BY_NAME, KINDS
from framework.programs import Programs, cpu_seconds
from framework.suite import TestSuite
from scapy.all import DNS, IP, TCP, UDP, Ether

AT = 1734490800  # 2024-12-18T03:00:00Z
QUICK_S, SMALL_MB = 10, 256  # to refuse what is wrong, however large
LARGE_MB = 1024  # to read what is right, and large

# the commands that read a file of a kind: {db} is a database, {file} the file or its folder, {dir} an empty folder,
# @KIND:MEMBER a configuration of a kind whose member names the file
REPORT = "teiten report --db {db} --period 2024Q4 -o {dir}/out"
FEED = "teiten feed --db {db} --day 2024-12-18 --watch dns --format intelmq -o {dir}/out"
TOP = "teiten top --db {db} --by port"
REPLAY = "teiten replay --db {db} {pcap}"
NEW = "teiten replay --db {dir}/new.db {pcap}"
COLLECTOR = "teiten-collector --db {dir}/new.db --listen ipc://{dir}/s"
CHECK = "teiten check {file}"
CONFIGURED = f"{REPORT} -c @report:"
COLLECTS = "teiten-collector -c @collector:"
READERS = {
    "asn": (f"{REPLAY} --asn {{file}}", f"{NEW} --asn {{file}}", f"{COLLECTOR} --asn {{file}}", f"{FEED} --asn {{file}}"),
    "scanners": (f"{REPLAY} --scanners {{file}}", f"{NEW} --scanners {{file}}", f"{COLLECTOR} --scanners {{file}}", CHECK),
    "scanner-list": (f"{REPLAY} --scanners {{file}}", f"{NEW} --scanners {{file}}", f"{COLLECTOR} --scanners {{file}}"),
    "rir": (f"{REPLAY} --rir {{file}}", f"{NEW} --rir {{file}}", f"{COLLECTOR} --rir {{file}}", f"{FEED} --rir {{file}}"),
    "services": (f"{REPLAY} --services {{file}}", f"{NEW} --services {{file}}", f"{TOP} --services {{file}}",
                 f"{REPORT} --services {{file}}", "teiten show --port tcp/23 --services {file}", CHECK),
    "kev": (f"{TOP} --kev {{file}}", f"{REPORT} --kev {{file}}", "teiten show --port tcp/23 --kev {file}"),
    "iana": (f"{TOP} --iana {{file}}", f"{REPORT} --iana {{file}}", "teiten show --port tcp/23 --iana {file}"),
    "regions": (f"{TOP} --region JP --regions {{file}}", f"{REPORT} --regions {{file}}",
                "teiten regions update -c {file} --rir {dir}/rir", CHECK),
    "watches": (f"{REPLAY} --watches {{file}}", f"{NEW} --watches {{file}}", f"{COLLECTOR} --watches {{file}}",
                "teiten watch backfill dns --from 2024-12-01 --db {db} --watches {file}", CHECK),
    "report": (f"{REPORT} -c {{file}}", CHECK),
    "previous": (f"{REPORT} --previous {{file}}",),
    "notes": (f"{REPORT} --notes {{file}}",),
    "contacts": (f"{FEED} --contacts {{file}}", CHECK),
    "verdicts": ("teiten annotate --db {db} --watch dns {file}",),
}
READERS["iana-etc"] = READERS["iana"]
READERS["sensors"] = (f"{REPLAY} -s {{file}}", f"{NEW} -s {{file}}", "teiten-gen --sensors {file} --packets 1 {dir}/g.pcap",
                      CHECK)
READERS["logo-svg"] = READERS["logo-png"] = ()
PROBES = "teiten-probe --preflight -c @probe:"  # whether the machine suits is not this suite's question
BY_CONFIGURATION = {CONFIGURED: {"services": ("services",), "kev": ("kev",), "iana": ("iana", "iana-etc"),
                                 "regions": ("regions",), "notes": ("notes",), "logo": ("logo-svg", "logo-png")},
                    COLLECTS: {"asn": ("asn",), "scanners": ("scanners", "scanner-list"), "rir": ("rir",),
                               "watches": ("watches",)},
                    PROBES: {"sensors": ("sensors",), "rir": ("rir",)}}
for command, members in BY_CONFIGURATION.items():
    for member, kinds in members.items():
        for name in kinds:
            READERS[name] += (command + member,)
READERS["asn-gz"] = READERS["asn"]
CONFIGURATIONS = {"report": {}, "collector": {"db": "{dir}/new.db", "listen": "ipc://{dir}/s"},
                  "probe": {"probe": "p", "uplinks": [{"id": "up0", "device": "net_null0"}]}}


def database(programs, folder):
    """A database with a watch, and a report of a quarter before."""
    frames = [(AT + i, Ether(**MACS) / IP(src=f"11.0.0.{i % 5}", dst="198.51.100.9")
               / TCP(sport=7, dport=(23, 8291, 8728)[i % 3], flags="S")) for i in range(60)]
    frames += [(AT + 60 + i, Ether(**MACS) / IP(src="11.0.0.1", dst="198.51.100.9") / UDP(sport=53, dport=4000)
                / DNS(qr=1, id=7)) for i in range(4)]
    capture = pcap(folder / "c.pcap", [(bytes(f), None, t * 10**9) for t, f in frames])
    (folder / "watches.json").write_bytes(BY_NAME["watches"].data)
    db = folder / "c.db"
    programs.replay(db, capture, watches=folder / "watches.json")
    programs.run("teiten", "report", "--db", db, "--period", "2024-07-01..2024-10-01", "-o", folder / "before")
    BY_NAME["previous"].data = (folder / "before/report.json").read_bytes()
    return db, capture


class TestBadFiles(TestSuite):
    @classmethod
    def set_up_suite(cls):
        cls.base = Path(tempfile.mkdtemp(prefix="teiten-bad-files-"))
        cls.db, cls.capture = database(Programs.from_environment(), cls.base)
        cls.kept = shutil.copy(cls.db, cls.base / "kept.db")

    @classmethod
    def tear_down_suite(cls):
        shutil.rmtree(cls.base)

    def call(self, words, without_rights=False, most_mb=SMALL_MB, timeout=240):
        """(status, stdout, lines of stderr, processor's seconds) of a command; one that serves is ended."""
        program, *rest = words
        command = [self.teiten.path(program), *map(str, rest)]
        if "debug" not in str(self.teiten.build):  # sanitizers have memory of their own
            command = ["prlimit", f"--data={most_mb << 20}", *command]
        if without_rights:  # root may read all
            command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
        with open(self.dir / "stdout", "w+") as out, open(self.dir / "stderr", "w+") as err:
            start, used = time.monotonic(), cpu_seconds()
            p = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
            try:
                while p.poll() is None:
                    if (self.dir / "w/s").exists():
                        p.terminate()
                    assert time.monotonic() - start < timeout, (command, "does not end")
                    time.sleep(0.001)
            finally:
                p.kill()
                p.wait()
            out.seek(0), err.seek(0)
            return p.returncode, out.read(), err.read().splitlines(), cpu_seconds() - used

    def commands(self, kind, path, most=None):
        """The readers of a kind as words, each with the empty folder that it may write into."""
        for reader in READERS[kind.name][:most]:
            work = self.dir / "w"
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            names = {"db": self.db, "file": path.parent if kind.folder else path, "dir": work, "pcap": self.capture}
            yield [self.configured(w[1:], names) if w[0] == "@" else w.format(**names) for w in reader.split()], work

    def configured(self, word, names):
        """A configuration whose member names the file."""
        kind, member = word.split(":")
        conf = {k: v.format(**names) if isinstance(v, str) else v for k, v in CONFIGURATIONS[kind].items()}
        path = self.dir / f"{kind}.json"
        path.write_text(json.dumps({"kind": kind, "v": 1, **conf, member: str(names["file"])}))
        return path

    def place(self, kind):
        """Where a file of a kind goes, in an empty folder."""
        folder = self.dir / "in"
        folder.unlink() if folder.is_file() else shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder / kind.file

    def refused(self, kind, path, what, place=""):
        """What is wrong with how the readers of a file refuse it."""
        for words, work in self.commands(kind, path, 1 if what.startswith("a file of") else None):
            before = self.state(work)
            status, out, err, seconds = self.call(words, what == "unreadable")
            said = f"{what}: {' '.join(words[:2])}: {status} {out!r} {err}"
            if status != 2 or out or len(err) != 1 or place not in err[0] or \
                    str(path.parent if kind.folder else path) not in err[0]:
                yield said
            if self.state(work) != before:
                yield f"{said}: left or changed {self.state(work)}"
                shutil.copy(self.kept, self.db)
            if seconds > QUICK_S:
                yield f"{said}: took {seconds:.1f} s"

    def state(self, work):
        return hashlib.sha256(self.db.read_bytes()).hexdigest(), sorted(work.rglob("*"))

    @pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
    def test_gone_wrong(self, kind):
        """
        Steps: a file that is not there, a folder, empty, noise, with a zero byte, no UTF-8, 5 GiB of nothing, a
               row without end, unreadable, cut at several places, of each other kind, contradicting itself; to
               every command that reads files of that kind.
        Verify: one line on stderr that names the file, nothing on stdout, status 2; nothing is written, no
                database is made or changed; in bounded time and memory.
        """
        wrong = []
        for what, make in inputs.faults(kind):
            path = self.place(kind)
            make(path, kind)
            wrong += self.refused(kind, path, what)
        for data, place in kind.against.items():
            path = self.place(kind)
            path.write_bytes(data)
            wrong += self.refused(kind, path, "contradicts itself", place)
        assert not wrong, "\n".join(wrong)

    @pytest.mark.parametrize("kind", KINDS, ids=lambda k: k.name)
    def test_right(self, kind):
        """
        Steps: a right file of each kind to the same commands.
        Verify: every one takes it: what the other cases refuse is refused for what was done to it.
        """
        path = self.place(kind)
        path.write_bytes(kind.data)
        for words, work in self.commands(kind, path):
            if words[1:3] == ["regions", "update"] or words[1] == "--preflight":
                continue  # it would ask the registries; says what it finds
            # without hugepages a replay's tables count as data
            status, out, err, _ = self.call(words, most_mb=LARGE_MB)
            told = [line for line in err if "has no file of" not in line and "skipped" not in line]
            assert status == 0 and not told, (words, status, out, err)
        shutil.copy(self.kept, self.db)

    def test_large_ones(self):
        """
        Steps: files of tens of MiB: a million rows of AS, a hundred thousand exploited vulnerabilities, prefixes by
               the hundred thousand, as many verdicts; one row of each contradicts another at the far end.
        Verify: they are read, the bad ones refused by naming the last row; in bounded time.
        """
        rows = b"".join(b"%d.%d.%d.0,%d.%d.%d.255,%d,Name of a network\n" % (a, b, c, a, b, c, 64500 + b)
                        for a in range(20, 36) for b in range(256) for c in range(256))
        kev = inputs.kev(*({**inputs.KEV_ROW, "cveID": f"CVE-2024-{i:06}"} for i in range(100000)))
        lists = b"".join(b"11.%d.%d.%d/32\n" % (a, b, c) for a in range(16) for b in range(256) for c in range(256))
        verdicts = inputs.VERDICTS + b"".join(b"12.%d.%d.%d,2024-12-18,no,,\n" % (a, b, c)
                                              for a in range(4) for b in range(256) for c in range(256))
        assert len(rows) > 40 << 20 and len(kev) > 15 << 20 and len(lists) > 10 << 20
        for name, data, last, place in (
                ("asn", rows, b"20.0.0.0,20.0.0.255,1,Other\n", f":{rows.count(10) + 1}: "),
                ("kev", kev, b"x", ":1:"), ("scanner-list", lists, b"11.0.0.256\n", f":{lists.count(10) + 1}: "),
                ("verdicts", verdicts, b"12.0.0.0,2024-12-18,yes,,\n", f":{verdicts.count(10)}: ")):
            kind = BY_NAME[name]
            path = self.place(kind)
            path.write_bytes(data + last)
            words, work = list(self.commands(kind, path))[-1]
            status, out, err, seconds = self.call(words, most_mb=LARGE_MB)
            assert status == 2 and not out and len(err) == 1 and place in err[0] and seconds < 30, (status, out, err)
            path.write_bytes(data)
            status, out, err, seconds = self.call(words, most_mb=LARGE_MB)
            assert status == 0 and not err and seconds < 30, (words, status, err, seconds)
        shutil.copy(self.kept, self.db)
