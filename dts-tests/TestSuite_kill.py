# SPDX-License-Identifier: BSD-3-Clause
"""Kill -9 of probe and collector, anywhere: the database is the generator's books, raw and rollups."""
import json
import os
import random
import time

import pytest
from framework.capture import MACS, nothing_new, pcap
from framework.faults import crash_build, crash_points, record
from framework.programs import counts
from framework.site import Site, wait_for
from framework.suite import TestSuite
from scapy.all import IP, TCP, Ether

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
SENSORS = [{"id": f"s{i}", "country": "JP", "network": "n", "groups": [], "since": "2020-01-01",
            "match": {"uplink": "up0", "prefixes": [f"198.51.{100 + i}.0/24"]}} for i in range(3)]
NAMES = ("class", "port", "region", "source", "sensor")
CLOSING = ("store.settle", "store.survey", "store.swap")  # points of a day that is closed


class TestKill(TestSuite):
    def generate(self, seed, packets, name="g.pcap"):
        """A capture and the generator's books. Without fragments: the kernel's end of a veth pair joins
        them."""
        sensors = self.dir / "sensors.json"
        sensors.write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": SENSORS}))
        capture, truth = self.dir / name, self.dir / f"{name}.json"
        self.teiten.gen("--sensors", sensors, "--seed", seed, "--packets", packets, "--seconds", 60,
                        "--mix", "malformed=0,non_ip=0,unassigned=0,fragment=0,reflection=0", "--truth", truth, capture)
        return capture, json.loads(truth.read_text()), sensors

    def answers(self, db, read):
        """What all rankings say, by name."""
        out = {}
        for by in NAMES:
            if by == "source" and read == "rollups":
                continue  # no rollup has sources
            rows = self.teiten.top(db, by, class_="all", read=read)["rows"]
            out[by] = sorted((json.dumps([r.get(k) for k in ("class", "proto", "port", "type", "code", "region",
                                                             "source", "sensor")]),
                              r["packets"], r["bytes"], r["sources"]) for r in rows)
        return out

    def check(self, db, truth, times=1):
        """Raw and rollups against the books; each source was sent `times` times."""
        def books(rows, key):
            return {r[key]: (r["packets"] * times, r["bytes"] * times, r["sources"])
                    for r in rows if r["packets"]}
        raw, rollups = self.answers(db, "raw"), self.answers(db, "rollups")
        for by in rollups:
            assert [r[:3] for r in rollups[by]] == [r[:3] for r in raw[by]], by
            for (key, *_, estimate), (*_, exact) in zip(rollups[by], raw[by]):
                # exact while small, then a sketch with 1.6 % of standard error
                assert estimate == exact or exact > 512 and abs(estimate / exact - 1) < 0.08, (by, key)
        for by, key in (("class", "classes"), ("source", "sources"), ("sensor", "sensors")):
            got = counts(self.teiten.top(db, by, class_="all", read="raw"), by)
            want = books(truth[key], by)
            if by == "class":
                got = {k: v for k, v in got.items() if k in want}
            assert got == want, by
        assert self.teiten.sql(db, "SELECT count(*) AS n FROM (SELECT boot, seq FROM batch GROUP BY boot, "
                                   "seq HAVING count(*) > 1)") == [{"n": "0"}]

    # ---- the collector dies, the probe goes on

    def collector_dies(self, programs, crashes, rng, seed, random_kills=0):
        """Kills the collector again and again while a probe delivers; returns how often."""
        capture, truth, sensors = self.generate(seed, 12000)
        died = []
        with Site(self.teiten, self.dir, sensors, collector_programs=programs) as site:
            site.start_collector()
            site.start_probe()
            sender = site.send(capture)
            for crash in list(crashes) + [None] * random_kills:
                site.kill(site.collector)
                site.start_collector(crash)
                end = time.monotonic() + (60 if crash else rng.random() * 0.8)
                while time.monotonic() < end and site.collector.poll() is None:
                    time.sleep(0.01)
                    if sender.poll() is not None:
                        assert sender.returncode == 0
                        sender = site.send(capture)
                        self.sent += 1
                if crash is None or site.collector.poll() is not None:
                    died.append(crash or "random")
            site.kill(site.collector)
            assert sender.wait(120) == 0
            site.start_collector()
            self.delivered(site)
            site.end()
        self.check(site.db, truth, times=self.sent)
        return died

    @ROOT_ONLY
    @pytest.mark.netns
    @pytest.mark.parametrize("rounds", [1, pytest.param(8, marks=pytest.mark.soak)])
    def test_a_collector_that_dies_anywhere_loses_and_doubles_nothing(self, rounds):
        """
        Steps: while a probe observes generated traffic kill the collector at random moments and start it
               again; the same at every named point of collector and store.
        Verify: the database is what was sent, exactly, from raw and from rollups.
        """
        tries = 0
        for r in range(rounds):
            self.sent = 1
            self.dir = self.dir.parent / f"{self.dir.name}-{r}"
            self.dir.mkdir()
            tries += len(self.collector_dies(self.teiten, [], random.Random(r), 100 + r, random_kills=16))
        record("collector killed (-9) at random moments, probe goes on", tries,
               "nothing lost, nothing twice; raw and rollups equal what was sent")

    @ROOT_ONLY
    @pytest.mark.netns
    @pytest.mark.parametrize("rounds", [1, pytest.param(8, marks=pytest.mark.soak)])
    def test_a_collector_that_dies_at_a_named_point(self, rounds):
        """
        Steps: as above, the collector dying at each named point of store and link.
        Verify: as above.
        """
        programs = crash_build()
        if not programs:
            pytest.skip("no programs with points of death: make debug")
        points = [p for p in crash_points("lib/store", "app/collector")
                  if not p.startswith(CLOSING)]
        tries, seen = 0, set()
        for r in range(rounds):
            self.sent = 1
            rng = random.Random(r)
            self.dir = self.dir.parent / f"{self.dir.name}-{r}"
            self.dir.mkdir()
            died = self.collector_dies(programs, [f"{p}:{rng.randint(1, 3)}" for p in points], rng, 200 + r)
            tries += len(died)
            seen |= {d.split(":")[0] for d in died}
        assert seen == set(points), set(points) - seen
        record("collector killed (-9) before and after put, commit, checkpoint, acknowledgement", tries,
               "nothing lost, nothing twice; raw and rollups equal what was sent")

    # ---- the probe dies

    @ROOT_ONLY
    @pytest.mark.netns
    @pytest.mark.parametrize("rounds", [4, pytest.param(40, marks=pytest.mark.soak)])
    @pytest.mark.parametrize("what", ["probe", "both"])
    def test_a_probe_that_dies_loses_what_it_had_not_harvested(self, what, rounds):
        """
        Steps: send a burst to a port of its own, wait until its epoch is stored in the spool, send
               another one and kill the probe (and the collector) at a random moment of it; start again.
        Verify: every burst that was harvested is there, exactly; of the others no more than was sent; no
                up-time of that run covers an epoch that was not delivered.
        """
        lost = self.probe_dies(self.teiten, what, [None] * rounds)
        record(f"{what} killed (-9) at random moments, live", rounds,
               f"what was harvested is exact; the epoch at hand is lost ({lost} of {rounds * 150} packets of "
               "that epoch) and no up-time covers it")

    @ROOT_ONLY
    @pytest.mark.netns
    @pytest.mark.parametrize("rounds", [1, pytest.param(8, marks=pytest.mark.soak)])
    def test_a_probe_that_dies_at_a_named_point(self, rounds):
        """
        Steps: as above, the probe dying at each named point of harvest, spool and link.
        Verify: as above.
        """
        if not crash_build():
            pytest.skip("no programs with points of death: make debug")
        points = crash_points("lib/link", "app/probe")
        crashes = [f"{p}:{n}" for p in points for n in range(2, 2 + rounds)]
        lost = self.probe_dies(crash_build(), "probe", crashes)
        record("probe killed (-9) before and after harvest, spool, send, forget", len(crashes),
               f"what was harvested is exact; the epoch at hand is lost ({lost} of {len(crashes) * 150} "
               "packets of that epoch) and no up-time covers it")

    def burst(self, port, n):
        base = bytearray(bytes(Ether(**MACS) / IP(src="203.0.113.1", dst="198.51.100.9") /
                               TCP(sport=1, dport=port, flags="S")))
        return pcap(self.dir / f"{port}.pcap", [(bytes(base), None, 10**9)] * n)

    def delivered(self, site):
        """Waits until the probe's spool is empty."""
        wait_for(lambda: site.health("spool", "batches") == 0, 60, site.said)

    def packets(self, site):
        if not site.db.exists():
            return {}
        done = self.teiten.run("teiten", "top", "--db", site.db, "--by", "port", "-n", 0, "--format", "json",
                               "--read", "raw", ok=False)
        if done.status:
            return {}
        return {r["port"]: r["packets"] for r in json.loads(done.out)["rows"]}

    def probe_dies(self, programs, what, crashes):
        rng = random.Random(len(crashes))
        sensors = self.dir / "sensors.json"
        sensors.write_text(json.dumps({"kind": "sensors", "v": 1, "sensors": SENSORS}))
        kept, partial = [], []
        with Site(programs, self.dir, sensors) as site:
            site.start_collector()
            for i, crash in enumerate(crashes):
                site.start_probe(crash)
                safe, risky = 1000 + i, 5000 + i
                assert site.send(self.burst(safe, 100)).wait(120) == 0
                if crash is None:
                    wait_for(lambda: self.packets(site).get(safe) == 100, 20, lambda: f"{self.packets(site)}: {site.said()[-2000:]}")
                    kept.append(safe)
                    sender = site.send(self.burst(risky, 150), pause_us=1000)
                    time.sleep(0.1 + rng.random() * 1.2)
                    site.kill(site.probe, *([site.collector] if what == "both" else []))
                    assert sender.wait(120) == 0
                    if what == "both":
                        site.start_collector()
                else:
                    partial.append(safe)
                    sender = site.send(self.burst(risky, 150), pause_us=1000)
                    assert sender.wait(120) == 0
                    site.probe.wait(60)
                    assert site.probe.returncode != 0, (crash, "did not die")
                partial.append(risky)
            site.start_probe()
            self.delivered(site)
            site.end()
        got = self.packets(site)
        assert {p: got.get(p) for p in kept} == {p: 100 for p in kept}
        for p in partial:
            assert got.get(p, 0) <= (100 if p < 5000 else 150), p
        for read in ("raw", "rollups"):
            rows = self.teiten.top(site.db, "port", read=read)["rows"]
            assert {r["port"]: r["packets"] for r in rows} == got
        # up-time never reaches past what was delivered
        assert self.teiten.sql(site.db, "SELECT count(*) AS n FROM uptime AS u WHERE u.\"end\" > (SELECT "
                                        "max(t.epoch + t.epoch_s) FROM tally AS t WHERE t.boot = u.boot)") == [{"n": "0"}]
        return sum(150 - got.get(p, 0) for p in partial if p >= 5000)

    # ---- replay dies

    @pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.soak)])
    def test_a_replay_that_dies_at_a_named_point_is_redone(self, rounds):
        """
        Steps: replay three captures into a database that a collector made, with probe or collector dying
               at each named point; run the command again.
        Verify: the answers are the generator's books, from raw and from rollups.
        """
        programs = crash_build()
        if not programs:
            pytest.skip("no programs with points of death: make debug")
        capture, truth, sensors = self.generate(300, 30000)
        points = [p for p in crash_points("lib/store", "app/collector", "lib/link")
                  if not p.startswith(("spool.", *CLOSING))]
        tries = 0
        for r in range(rounds):
            rng = random.Random(r)
            for p in points:
                n = rng.randint(1, 1 + (r > 0))
                db = self.dir / f"{p}-{r}.db"
                self.live_database(db)
                env = {"TEITEN_CRASH": f"{p}:{n}", "TMPDIR": str(self.dir)}
                args = ["replay", "-s", sensors, "--db", db, capture]
                done = programs.run("teiten", *args, ok=False, env=env, timeout=120)
                tries += done.status != 0
                assert done.status or n > 1, (p, "did not die")
                self.teiten.replay(db, capture, s=sensors)
                self.check(db, truth)
        record("replay: probe or collector killed (-9) at named points", tries,
               "the next run of the command redoes it; raw and rollups equal what was generated")

    def collect(self, programs, db, **kw):
        """A collector that no probe comes to, and that keeps what is old."""
        conf = self.dir / "collect.json"
        scanners = self.dir / "scanners.json"
        scanners.write_text(json.dumps({"kind": "scanners", "v": 1, "behaviour": {"ports_per_day": 1}}))
        conf.write_text(json.dumps({"kind": "collector", "v": 1, "db": str(db), "raw_days": 36600,
                                    "scanners": str(scanners), "listen": f"ipc://{self.dir}/nobody"}))
        return programs.popen("teiten-collector", "-c", conf, **kw)

    def live_database(self, db):
        """A database whose rollups are written, as a collector makes it."""
        p = self.collect(self.teiten, db)
        wait_for(db.exists, 10, "no database")
        p.terminate()
        p.communicate(timeout=120)
        assert p.returncode == 0

    @pytest.mark.parametrize("rounds", [1, pytest.param(15, marks=pytest.mark.soak)])
    def test_a_collector_that_dies_while_a_day_is_closed(self, rounds):
        """
        Steps: replay into a database that a collector made; then let collectors die while they settle who
               was a surveyor on the days, exchange the rollups' pieces and move them into the tables.
        Verify: after each death raw and rollups say the same, with, without and of only surveyors, and the
                latter two add up; in the end all is in the tables, and so it is without raw.
        """
        programs = crash_build()
        if not programs:
            pytest.skip("no programs with points of death: make debug")
        capture, truth, sensors = self.generate(400, 20000)
        db, tries = self.dir / "t.db", 0
        points = [p for p in crash_points("lib/store") if p.startswith(CLOSING) and p != "store.survey.pass"]
        assert len(points) == 9
        for r in range(rounds):
            for point in points:
                db.unlink(missing_ok=True)
                self.live_database(db)
                self.teiten.replay(db, capture, s=sensors, scanners=self.dir / "scanners.json")
                assert self.pieces(db) > 0
                # the generator's minute may lie in two days, which are not known to each other
                for n in (1, 2) if point.startswith("store.s") and "survey" not in point else (1,):
                    p = self.collect(programs, db, env={**os.environ, "TEITEN_CRASH": f"{point}:{n}"})
                    p.communicate(timeout=120)
                    assert p.returncode == -9, (point, n)
                    tries += 1
                    self.check(db, truth)
                    self.check_surveyors(db)
                p = self.collect(self.teiten, db)
                wait_for(lambda: self.pieces(db) == 0, 20, "pieces are left")
                p.terminate()
                p.communicate(timeout=120)
                self.check(db, truth)
                self.check_surveyors(db)
        settled = self.teiten.sql(db, "SELECT state, surveyors FROM survey")
        assert {s["state"] for s in settled} == {"1"} and sum(int(s["surveyors"]) for s in settled) > 100
        before = self.surveyors(db, "rollups")
        last = int(self.teiten.sql(db, "SELECT max(epoch_max) AS n FROM batch")[0]["n"])
        self.teiten.replay(db, nothing_new(self.dir / "later.pcap", last + 2 * 86400), s=sensors)
        self.collect_until_raw_is_gone(db)
        assert self.surveyors(db, "auto") == before
        record("collector killed (-9) while a day is closed: surveyors settled, pieces exchanged and moved into the "
               "tables", tries, "raw and rollups equal what was generated after each, with, without and of only "
               "surveyors")

    def surveyors(self, db, read):
        """Rows with, without and of only surveyors: {by: {key: (packets, bytes)}} each."""
        return [{by: {k: v[:2] for k, v in counts(self.teiten.top(
            db, by, class_="all", read=read, surveyors=s), *key).items() if k not in ("malformed", "non_ip")}
            for by, key in (("port", ("proto", "port", "type", "code")), ("region", ("region",)),
                            ("sensor", ("sensor",)))} for s in ("with", "without", "only")]

    def check_surveyors(self, db):
        """Raw equals rollups, and the parts add up to the whole; who is one is counted here."""
        raw, rollups = self.surveyors(db, "raw"), self.surveyors(db, "rollups")
        assert raw == rollups
        for by, rows in raw[0].items():
            for key, value in rows.items():
                parts = [part[by].get(key, (0, 0)) for part in raw[1:]]
                assert value == tuple(a + b for a, b in zip(*parts)), (by, key)
        who, packets = {}, {}
        for row in self.teiten.sql(db, "SELECT date(start) AS day, source, class, proto, port, packets FROM "
                                       "observation WHERE NOT spilled"):
            key = row["day"], row["source"]
            packets[key] = packets.get(key, 0) + int(row["packets"])
            if row["class"] == "scan" and row["proto"] in ("tcp", "udp"):
                who.setdefault(key, set()).add((row["proto"], row["port"]))
        truth = sum(packets[k] for k, ports in who.items() if len(ports) > 1)
        assert truth > 0 and sum(p for p, _ in raw[2]["sensor"].values()) == truth

    def collect_until_raw_is_gone(self, db):
        conf = self.dir / "expire.json"
        conf.write_text(json.dumps({"kind": "collector", "v": 1, "db": str(db), "raw_days": 1,
                                    "listen": f"ipc://{self.dir}/expire"}))
        p = self.teiten.popen("teiten-collector", "-c", conf)
        wait_for(lambda: self.teiten.sql(db, "SELECT count(*) AS n FROM raw") == [{"n": "0"}], 20, "raw is there")
        p.terminate()
        p.communicate(timeout=120)

    def pieces(self, db):
        return int(self.teiten.sql(db, "SELECT count(*) AS n FROM segment")[0]["n"])
