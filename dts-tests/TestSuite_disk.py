# SPDX-License-Identifier: BSD-3-Clause
"""Disks that are full, read-only, slow or damaged: nothing is lost, it is said, and it goes on."""
import calendar
import errno
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from framework.faults import record
from framework.site import Site, wait_for
from framework.suite import TestSuite

SENSORS = [{"id": f"s{i}", "country": "JP", "network": "n", "groups": [], "since": "2020-01-01",
            "match": {"uplink": "up0", "prefixes": [f"198.51.{100 + i}.0/24"]}} for i in range(3)]
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="mounts and namespaces need root")


class Small:
    """A small file system of its own, with room for as much as a case leaves."""

    def __init__(self, path, size_mb):
        self.path, self.size = Path(path), size_mb << 20

    def __enter__(self):
        self.path.mkdir()
        self.mount("-t", "tmpfs", "-o", f"size={self.size}", "teiten-test")
        return self

    def mount(self, *args):
        subprocess.run(["mount", *args, str(self.path)], check=True)

    def leave(self, kib):
        """Fills it up but for so much; what others write meanwhile makes it less."""
        with open(self.path / "ballast", "wb") as f:
            while True:
                free = os.statvfs(self.path)
                n = free.f_bavail * free.f_frsize - (kib << 10)
                try:
                    os.posix_fallocate(f.fileno(), 0, max(n, 4096))
                    return
                except OSError as e:
                    if e.errno != errno.ENOSPC:
                        raise
                    if n <= 4096:
                        return  # full

    def free(self):
        (self.path / "ballast").unlink()

    def __exit__(self, *exc):
        subprocess.run(["umount", "-l", str(self.path)], check=True)


class ReadOnly:
    """Makes every write of a process to some files fail with EROFS, which is what it sees of a file
    system that went read-only under its open files (the kernel does not let anybody remount one on
    which files are being written). Workers are left alone: they write nothing."""

    WRITES = "pwrite64,write,ftruncate,fallocate,fsync,fdatasync"

    def __init__(self, process, *files):
        threads = [t for t in Path(f"/proc/{process.pid}/task").iterdir()
                   if "worker" not in (t / "comm").read_text()]
        paths = [f"{f}{suffix}" for f in files for suffix in ("", "-wal", "-shm", "-journal")]
        self.strace = subprocess.Popen(
            ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={self.WRITES}", "-e",
             f"inject={self.WRITES}:error=EROFS", *(x for p in paths for x in ("-P", p)),
             *(x for t in threads for x in ("-p", t.name))])
        wait_for(lambda: all("TracerPid:\t0" not in (t / "status").read_text() for t in threads), 20,
                 "strace does not attach")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.strace.terminate()
        self.strace.wait()


class Broken:
    """An ext4 of its own that goes read-only at its first error, as most are mounted."""

    def __init__(self, path, image):
        self.path, self.image = Path(path), Path(image)

    def __enter__(self):
        self.path.mkdir()
        with open(self.image, "wb") as f:
            f.truncate(64 << 20)
        subprocess.run(["mkfs.ext4", "-q", str(self.image)], check=True)
        self.mount()
        return self

    def mount(self):
        subprocess.run(["mount", "-o", "loop,errors=remount-ro", str(self.image), str(self.path)], check=True)

    def break_it(self):
        source = subprocess.run(["findmnt", "-no", "SOURCE", str(self.path)], check=True,
                                stdout=subprocess.PIPE, text=True).stdout.strip()
        Path(f"/sys/fs/ext4/{Path(source).name}/trigger_fs_error").write_text("test")

    def mend(self):
        """Checks a copy and mounts that: a namespace made meanwhile may hold on to the broken one."""
        subprocess.run(["umount", "-l", str(self.path)], check=True)
        self.image = shutil.copy(self.image, f"{self.image}.copy")
        # 1: errors were corrected
        assert subprocess.run(["e2fsck", "-fy", self.image], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL).returncode in (0, 1)
        self.mount()

    def __exit__(self, *exc):
        subprocess.run(["umount", "-l", str(self.path)], check=True)


class TestDisk(TestSuite):
    def generate(self, seed=1, packets=12000):
        self.sensors = self.dir / "sensors.json"
        self.sensors.write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": SENSORS}))
        capture, truth = self.dir / "g.pcap", self.dir / "g.json"
        self.teiten.gen("--sensors", self.sensors, "--seed", seed, "--packets", packets, "--seconds", 60,
                        "--sources", 4000, "--mix", "malformed=0,non_ip=0,unassigned=0,fragment=0,reflection=0",
                        "--truth", truth, capture)
        return capture, json.loads(truth.read_text())

    def check(self, db, truth, times):
        """Raw and rollups hold what was sent `times` times."""
        want = Counter()
        for row in truth["services"]:
            want[row["class"]] += row["packets"] * times
        for read in ("raw", "rollups"):
            rows = self.teiten.top(db, "class", class_="scan,backscatter,other", read=read)["rows"]
            assert {r["class"]: r["packets"] for r in rows} == {k: v for k, v in want.items() if v}, read
        sources = {r["source"]: (r["packets"], r["bytes"]) for r in
                   self.teiten.top(db, "source", class_="all", read="raw")["rows"]}
        assert sources == {r["source"]: (r["packets"] * times, r["bytes"] * times)
                           for r in truth["sources"] if r["packets"]}

    def deliver(self, site, capture):
        assert site.send(capture).wait(60) == 0

    @pytest.mark.netns
    @ROOT_ONLY
    @pytest.mark.parametrize("rounds", [2, pytest.param(20, marks=pytest.mark.soak)])
    def test_a_full_store_refuses_and_goes_on(self, rounds):
        """
        Steps: the database on a small tmpfs; fill it up while a probe delivers; make room; again.
        Verify: the probe goes on counting, both say so, nothing is taken half; when there is room all of
                it arrives by itself and is what was sent, from raw and rollups.
        """
        capture, truth = self.generate()
        with Small(self.dir / "small", 64) as disk, Site(self.teiten, self.dir, self.sensors) as site:
            site.db = disk.path / "t.db"
            site.write("collector.json", {"kind": "collector", "v": 1, "db": str(site.db), "listen": site.link,
                                          "checkpoint_s": 1})
            site.start_collector()
            site.start_probe()
            self.deliver(site, capture)
            for r in range(rounds):
                before = len(site.said())  # what is still on its way may be refused at once
                disk.leave(60 * (r % 3))
                self.deliver(site, capture)
                # a batch an epoch: that so many wait is not that a commit is slow
                wait_for(lambda: self.waiting(site) > 5, 20, lambda: site.said())
                if r == 0:
                    wait_for(lambda: "teiten-collector: " in site.said() and "no space left" in site.said(), 10,
                             site.said)
                    wait_for(lambda: "cannot take batches now" in site.said()[before:], 10, site.said)
                assert site.probe.poll() is None and site.collector.poll() is None
                self.teiten.top(site.db, "class", class_="all")  # readers go on
                disk.free()
                wait_for(lambda: self.waiting(site) == 0, 40, lambda: site.said())
                assert "takes batches again" in site.said()[before:]
            site.end()
            self.check(site.db, truth, 1 + rounds)
        record("store's disk full (tmpfs)", rounds,
               "batches refused, kept by the probe, stored when there was room; both said so; exact")

    def waiting(self, site):
        """Batches in the probe's spool."""
        return site.health("spool", "batches")

    @pytest.mark.netns
    @ROOT_ONLY
    def test_a_full_spool_keeps_batches_in_memory(self):
        """
        Steps: the spool on a tmpfs that is full, the collector away; then the collector comes back, then
               room.
        Verify: the probe goes on counting and says so; all that was sent is stored.
        """
        capture, truth = self.generate(seed=2)
        with Small(self.dir / "small", 8) as disk, Site(self.teiten, self.dir, self.sensors) as site:
            conf = json.loads((self.dir / "probe.json").read_text())
            conf["collector"]["spool"] = str(disk.path / "spool.db")
            site.write("probe.json", conf)
            site.start_probe()
            self.deliver(site, capture)
            wait_for(lambda: self.waiting(site) > 1, 20, site.said)
            disk.leave(0)
            self.deliver(site, capture)
            self.deliver(site, capture)
            wait_for(lambda: "kept in memory" in site.said(), 20, site.said)
            site.start_collector()
            wait_for(lambda: self.waiting(site) == 0, 40, site.said)
            disk.free()
            self.deliver(site, capture)
            site.end()
            self.check(site.db, truth, 4)
        record("spool's disk full (tmpfs), collector away", 1,
               "batches kept in memory and said so; all stored when the collector came back; exact")

    @pytest.mark.netns
    @ROOT_ONLY
    def test_a_read_only_store_is_told_and_nothing_is_lost(self):
        """
        Steps: start the collector on a file system that is read-only; make it writable; start it again.
        Verify: one line and status 1; the probe keeps its batches; then all are stored.
        """
        capture, truth = self.generate(seed=3)
        with Small(self.dir / "small", 64) as disk, Site(self.teiten, self.dir, self.sensors) as site:
            site.db = disk.path / "t.db"
            site.write("collector.json", {"kind": "collector", "v": 1, "db": str(site.db), "listen": site.link})
            disk.mount("-o", "remount,ro")
            site.start_probe()
            before = len(site.said())
            site.start_collector()
            assert site.collector.wait(60) == 1
            lines = [line for line in site.said()[before:].splitlines() if line.startswith("teiten-collector")]
            assert len(lines) == 1 and str(site.db) in lines[0] and "Read-only" in lines[0], lines
            self.deliver(site, capture)
            wait_for(lambda: self.waiting(site) > 1, 20, site.said)
            disk.mount("-o", "remount,rw")
            site.start_collector()
            wait_for(lambda: self.waiting(site) == 0, 40, site.said)
            site.end()
            self.check(site.db, truth, 1)
        record("store on a read-only file system", 1, "refused in one line; all stored once it was writable; exact")

    @pytest.mark.netns
    @ROOT_ONLY
    @pytest.mark.parametrize("rounds", [1, pytest.param(10, marks=pytest.mark.soak)])
    def test_a_store_that_becomes_read_only_while_it_runs(self, rounds):
        """
        Steps: a probe delivers; every write to the database fails with EROFS from now on; it is writable
               again; the whole again.
        Verify: the collector runs on, refuses batches and says so, readers go on; the probe counts on,
                keeps its batches and says so; then all goes on by itself; raw and rollups equal what was
                sent, to the packet.
        """
        capture, truth = self.generate(seed=6)
        with Site(self.teiten, self.dir, self.sensors) as site:
            site.start_collector()
            site.start_probe()
            self.deliver(site, capture)
            wait_for(lambda: self.waiting(site) == 0, 40, site.said)
            for _ in range(rounds):
                before = len(site.said())
                with ReadOnly(site.collector, site.db):
                    self.deliver(site, capture)
                    wait_for(lambda: self.waiting(site) > 3, 30, site.said)
                    counted = self.stored(site.db)
                    assert site.probe.poll() is None and site.collector.poll() is None
                    self.deliver(site, capture)
                    assert self.stored(site.db) == counted, "stored on a read-only file system"
                wait_for(lambda: self.waiting(site) == 0, 60, site.said)
                wait_for(lambda: "takes batches again" in site.said()[before:], 10, site.said)
            told = site.said()
            assert re.search(f"teiten-collector: {site.db}: .*Read-only file system", told), told
            assert re.search("cannot take batches now: .*Read-only file system", told), told
            site.end()
            self.check(site.db, truth, 1 + 2 * rounds)
        record("store that becomes read-only while it runs (EROFS)", rounds,
               "batches refused, kept by the probe, stored when it was writable; both said so; exact")

    def stored(self, db):
        return self.teiten.sql(db, "SELECT count(*) AS n FROM batch")[0]["n"]

    @pytest.mark.netns
    @ROOT_ONLY
    def test_a_spool_that_becomes_read_only_while_it_runs(self):
        """
        Steps: a probe delivers; every write to its spool fails with EROFS, first with the collector there,
               then with it away; the collector comes back; the spool is writable again.
        Verify: the probe goes on counting and says so; batches go on from memory; all that was sent is
                stored once; the spool is empty in the end.
        """
        capture, truth = self.generate(seed=7)
        with Site(self.teiten, self.dir, self.sensors) as site:
            site.start_collector()
            site.start_probe()
            self.deliver(site, capture)
            with ReadOnly(site.probe, site.spool):
                self.deliver(site, capture)
                wait_for(lambda: "Read-only file system; the batch is kept in memory" in site.said(), 20, site.said)
                wait_for(lambda: self.waiting(site) == 0, 40, site.said)
                site.collector.terminate()
                assert site.collector.wait(30) == 0, site.said()
                self.deliver(site, capture)
                wait_for(lambda: self.waiting(site) > 2, 30, site.said)
                site.start_collector()
                wait_for(lambda: self.waiting(site) == 0, 60, site.said)
            self.deliver(site, capture)
            wait_for(lambda: self.waiting(site) == 0, 40, site.said)
            site.end()
            self.check(site.db, truth, 4)
            left = sqlite3.connect(site.spool).execute("SELECT count(*) FROM batch").fetchone()[0]
            assert left == 0, f"{left} batches are in the spool for ever"
        record("spool that becomes read-only while it runs (EROFS)", 1,
               "batches kept in memory and said so; all stored; spool empty in the end; exact")

    @pytest.mark.netns
    @ROOT_ONLY
    @pytest.mark.skipif(not (Path("/dev/loop-control").exists() and Path("/sys/fs/ext4").exists()),
                        reason="no loop devices or no ext4 here")
    def test_a_file_system_that_fails_under_the_store(self):
        """
        Steps: the database on an ext4 that goes read-only by an error while a probe delivers; the
               collector is ended, the file system checked and mounted again, the collector started.
        Verify: the collector runs on, refuses batches and says so, the probe keeps them; then all of it is
                stored once.
        """
        capture, truth = self.generate(seed=8)
        with Site(self.teiten, self.dir, self.sensors) as site:
            # before the mount: the probe's namespace is to have no part in it
            site.start_probe()
            with Broken(self.dir / "ext4", self.dir / "image") as disk:
                site.db = disk.path / "t.db"
                site.write("collector.json", {"kind": "collector", "v": 1, "db": str(site.db),
                                              "listen": site.link, "checkpoint_s": 1})
                site.start_collector()
                self.deliver(site, capture)
                disk.break_it()
                self.deliver(site, capture)
                wait_for(lambda: self.waiting(site) > 1, 20, site.said)
                wait_for(lambda: "cannot take batches now" in site.said(), 10, site.said)
                assert site.probe.poll() is None and site.collector.poll() is None
                assert f"{site.db}: " in site.said() and "Read-only file system" in site.said()
                site.collector.terminate()
                site.collector.wait(60)
                disk.mend()
                site.start_collector()
                wait_for(lambda: self.waiting(site) == 0, 40, site.said)
                site.end()
                self.check(site.db, truth, 2)
        record("store's file system goes read-only by an error (ext4)", 1,
               "batches refused, kept by the probe; all stored once it was mended; exact")

    @pytest.mark.netns
    @ROOT_ONLY
    def test_a_slow_disk_only_delays(self):
        """
        Steps: every fdatasync of the collector takes 0.7 s more (strace injects the delay).
        Verify: the probe goes on, nothing is sent in vain for ever, all is stored once.
        """
        capture, truth = self.generate(seed=4)
        with Site(self.teiten, self.dir, self.sensors) as site:
            site.start_collector()
            site.start_probe()
            slow = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null", "-p", str(site.collector.pid),
                                     "-e", "trace=fdatasync,fsync", "-e",
                                     "inject=fdatasync,fsync:delay_exit=700000"])
            try:
                for _ in range(2):
                    self.deliver(site, capture)
                assert site.probe.poll() is None
                wait_for(lambda: self.waiting(site) <= 3, 60, site.said)
            finally:
                slow.terminate()
                slow.wait()
            site.end()
            self.check(site.db, truth, 2)
        record("store's disk slow (0.7 s more for each fdatasync)", 1, "later, and exact")

    @pytest.mark.netns
    @ROOT_ONLY
    def test_a_slow_spool_leaves_no_epoch_out(self):
        """
        Steps: packets all the while; every 16th fdatasync of the thread that spools takes 3.5 s more, so that
               epochs of a second end while it waits.
        Verify: each epoch is told, in order and without a gap, and is up time; every packet is in health and
                in the database once: what waited for a disk had not stood still.
        """
        capture, truth = self.generate(seed=9)
        with Site(self.teiten, self.dir, self.sensors) as site:
            site.start_collector()
            site.start_probe()
            harvester = next(t.name for t in Path(f"/proc/{site.pid}/task").iterdir()
                             if (t / "comm").read_text() == "teiten-harvest\n")
            slow = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-p", harvester, "-e", "trace=fdatasync",
                                     "-e", "inject=fdatasync:delay_exit=3500000:when=3+16"])
            try:
                for _ in range(4):
                    self.deliver(site, capture)
                site.wait_fate(4 * truth["packets"], seconds=120)
            finally:
                slow.terminate()
                slow.wait()
            site.end()
            starts = [calendar.timegm(time.strptime(h["start"], "%Y-%m-%dT%H:%M:%SZ"))
                      for h in site.listener.of("health.")]
        assert starts == list(range(starts[0], starts[0] + len(starts))), (starts, site.said())
        assert "the clock went on by" not in site.said()
        self.check(site.db, truth, 4)
        assert self.teiten.sql(site.db, "SELECT count(*) AS n FROM clock_step") == [{"n": "0"}]
        record("spool's disk slow (3.5 s more for every 16th fdatasync)", 1, "no epoch left out, and exact")

    # ---- damage

    def damaged(self, make):
        """Runs what reads and writes a database on one that `make` damaged; (status, last line) each."""
        db = self.dir / "damaged.db"
        for old in self.dir.glob("damaged.db*"):
            old.unlink()
        shutil.copy(self.dir / "whole.db", db)
        make(db)
        out = {}
        for name, args in (("check", ["check", db]),
                           ("raw", ["top", "--db", db, "--by", "source", "--read", "raw", "--format", "json"]),
                           ("rollups", ["top", "--db", db, "--by", "port", "--read", "rollups", "--format", "json"]),
                           ("sql", ["sql", "--db", db, "SELECT sum(packets) FROM observation"])):
            done = self.teiten.run("teiten", *args, ok=False)
            assert done.status in (0, 1) or db.stat().st_size < 16, (name, done)  # no database at all: 2
            assert done.status == 0 or len(done.messages) == 1 and str(db) in done.err, (name, done)
            out[name] = done
        status, err = self.collect(db)
        assert status in (0, 1, 2), (status, err)
        assert status == 0 or err.strip(), "said nothing"
        return out

    def collect(self, db, until=lambda: True):
        """Lets a collector that no probe comes to open a database; (status, what it said)."""
        conf, door = self.dir / "c.json", self.dir / "nobody"
        conf.write_text(json.dumps({"kind": "collector", "v": 1, "db": str(db), "raw_days": 36600,
                                    "listen": f"ipc://{door}"}))
        door.unlink(missing_ok=True)
        p = self.teiten.popen("teiten-collector", "-c", conf)
        try:
            wait_for(lambda: p.poll() is not None or door.exists() and until(), 30, "the collector does not start")
        finally:
            p.terminate()
            _, err = p.communicate(timeout=120)
        return p.returncode, err

    def whole(self):
        capture, self.truth = self.generate(seed=5)
        db = self.dir / "whole.db"
        assert self.collect(db)[0] == 0
        self.teiten.replay(db, capture, s=self.sensors)
        # until the hours that are over are in the tables
        pieces = "SELECT count(*) AS n FROM segment"
        assert self.collect(db, lambda: self.teiten.sql(db, pieces)[0]["n"] == "0")[0] == 0
        assert self.teiten.run("teiten", "check", db).out.startswith(f"{db}: ok (database, ")

    @pytest.mark.parametrize("tries", [20, pytest.param(500, marks=pytest.mark.soak)])
    def test_a_damaged_page_is_told_in_one_line(self, tries):
        """
        Steps: overwrite 512 bytes anywhere in a database; read it, check it, let a collector open it.
        Verify: nothing crashes; an error is one line that names the file; `teiten check` finds what the
                answers stumble over and says what can be read.
        """
        self.whole()
        rng, found = random.Random(1), 0
        size = (self.dir / "whole.db").stat().st_size

        def harm(db):
            with open(db, "r+b") as f:
                f.seek(rng.randrange(100, size - 512))
                f.write(rng.randbytes(512))
        for _ in range(tries):
            out = self.damaged(harm)
            assert out["check"].status or not any(out[k].status for k in ("raw", "rollups", "sql")), out
            if out["check"].status:
                assert "raw batches" in out["check"].err, out["check"]
            found += out["check"].status
        assert found >= tries // 4
        record("512 bytes of a database overwritten, anywhere", tries,
               f"no crash; told in one line, with what can be read, in {found} of them (free space in the others)")

    def test_check_says_what_can_be_read_whatever_is_damaged(self):
        """
        Steps: overwrite the schema, then the first page of each table and index, one at a time.
        Verify: `teiten check` ends with status 1 and one line that names the file and how much of it can
                be read, also where no other command gets past the page.
        """
        self.whole()
        db, whole = self.dir / "damaged.db", self.dir / "whole.db"
        with sqlite3.connect(whole) as c:
            size, = c.execute("PRAGMA page_size").fetchone()
            pages = c.execute("SELECT name, rootpage FROM sqlite_master WHERE rootpage > 1").fetchall()
        assert {"setting", "secret", "sensor", "batch"} <= {name for name, _ in pages}
        for name, page in [("schema", 1), *pages]:
            shutil.copy(whole, db)
            with open(db, "r+b") as f:
                f.seek((page - 1) * size + (100 if page == 1 else 0))
                f.write(random.Random(page).randbytes(512))
            done = self.teiten.run("teiten", "check", db, ok=False)
            assert done.status == 1 and len(done.messages) == 1, (name, done)
            assert re.match(rf"teiten: {db}: damaged: \d+ of \d+ raw batches and \d+ of \d+ tables can be read ",
                            done.err), (name, done)
        record("first page of a table or index overwritten, each in turn", 1 + len(pages),
               "`teiten check` says in one line how much can be read")

    def test_a_half_written_file_is_told_in_one_line(self):
        """
        Steps: cut a database at any length; make it empty; leave half of its log.
        Verify: as above; an empty file becomes a new database.
        """
        self.whole()
        size = (self.dir / "whole.db").stat().st_size
        tries = 0
        for n in (1, 15, 16, 99, 100, 4096, 8192, size // 2, size - 8192, size - 1):
            out = self.damaged(lambda db: os.truncate(db, n))
            assert all(out[k].status for k in out), (n, out)
            tries += 1
        db = self.dir / "half.db"
        db.write_bytes(b"")
        assert self.collect(db)[0] == 0 and db.stat().st_size > 0
        record("database cut at any length", tries, "told in one line that names the file")
