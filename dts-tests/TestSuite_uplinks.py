# SPDX-License-Identifier: BSD-3-Clause
"""Many uplinks, queues and workers; links and devices that go and return; what is lost outside."""
import calendar
import json
import os
import random
import signal
import threading
import time
from collections import Counter

import pytest
from framework.capture import MACS, pcap
from framework.faults import record
from framework.site import Running, Site, sensor, wait_for
from framework.suite import TestSuite
from scapy.all import IP, TCP, UDP, Ether, Raw

pytestmark = [pytest.mark.netns,
              pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]
TARGET = "198.51.100.9"


def anywhere(name="all", **kw):
    return sensor(name, "198.51.100.0/24", **kw)


def syn(i, dst=TARGET, size=0):
    return bytes(Ether(**MACS) / IP(src=f"203.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}", dst=dst) /
                 TCP(sport=1024 + i % 60000, dport=(23, 80, 443)[i % 3], flags="S") / Raw(b"x" * size))


def crowd(n=3000, sources=700):
    """Packets of `sources` sources, several each, and what must become of them by source and port."""
    frames, truth = [], Counter()
    for i in range(n):
        frames.append(syn(i % sources))
        truth[f"203.0.{(i % sources) >> 8}.{i % sources & 255}", (23, 80, 443)[i % sources % 3]] += 1
    return frames, truth


ROWS = "SELECT source, port, sum(packets) AS packets, sum(bytes) AS bytes, class FROM observation " \
       "GROUP BY source, port, class"

# name: (devices by veth and capture directory, workers)
SPREADS = {
    "one": (lambda v, d: v.device, [1]),
    "queues": (lambda v, d: f"{v.device},qpairs=3", [1]),
    "workers": (lambda v, d: f"{v.device},qpairs=2", [1, 2]),
    "pcap": (lambda v, d: f"net_pcap0,rx_pcap={d}/a.pcap,rx_pcap={d}/b.pcap", [1, 2]),
}


class TestUplinks(TestSuite):
    @pytest.mark.parametrize("spread", SPREADS)
    def test_the_same_observations_whatever_the_spread(self, spread):
        """
        Steps: 3,000 packets of 700 sources, received by one queue; by three queues of one worker;
               by two queues of two workers, spread by the kernel; by two queues that share sources
               without any order.
        Verify: the observations are those counted in Python; with several queues more than one
                received something; the fates add up.
        """
        frames, truth = crowd()
        device, workers = SPREADS[spread]
        pcap(self.dir / "all.pcap", frames)
        pcap(self.dir / "a.pcap", frames[::2])
        pcap(self.dir / "b.pcap", frames[1::2])

        def conf(veth):
            queues = device(veth, self.dir).count("rx_pcap=")
            # all of it in any ring, should the workers' core have other things to do
            ring = {} if queues else {"descriptors": 4096}
            return {"uplinks": [{"id": "up0", "device": device(veth, self.dir), "queues": queues, **ring}],
                    "lcores": {"main": 0, "workers": workers}}
        # several workers on whatever cores there are: those of one core share it
        wrap = ["taskset", "-c", "1"] if len(workers) > 1 else []
        with Running(self.teiten, self.dir, name=f"s-{spread}", sensors=[anywhere()], conf=conf, wrap=wrap) as site:
            if spread != "pcap":
                site.veth.send(self.dir / "all.pcap", pause_us=50)
            total = site.wait_total(len(frames))
            status = self.teiten.run("teiten", "status", site.pub).out
            queues = Counter()
            for h in site.listener.of("health."):
                for q in h["uplinks"][0]["queues"]:
                    queues[q["queue"]] += q["packets"]
            site.end()
        assert total["packets"] == total["observed"] == len(frames), site.said()
        assert sum(queues.values()) == len(frames)
        assert all(word in status for word in ("loss", "asleep", "poll gap p50/p99/max"))
        assert ("up0/1" in status) == (len(queues) > 1), status
        assert len([n for n in queues.values() if n]) == len(queues) == (1 if spread == "one" else
                                                                         3 if spread == "queues" else 2)
        rows = self.teiten.sql(site.db, ROWS)
        assert {(r["source"], int(r["port"])): int(r["packets"]) for r in rows} == dict(truth)
        assert all(r["class"] == "scan" and int(r["bytes"]) == int(r["packets"]) * len(frames[0]) for r in rows)

    @pytest.mark.parametrize("kind", ["packet", "pcap"])
    def test_frames_over_two_kib(self, kind):
        """
        Steps: frames of up to 8,900 bytes, also ones whose payload tells what it is only behind the
               first 2 KiB of the frame, on devices that give them in one buffer and in several.
        Verify: bytes are the wire's; the response is recognised.
        """
        frames = [syn(i, size=s) for i, s in enumerate((0, 1400, 2000, 2040, 2100, 4000, 8800))]
        late = b"<" + b" " * 2020 + b"ProbeMatch"
        frames.append(bytes(Ether(**MACS) / IP(src="203.9.9.9", dst=TARGET) / UDP(sport=3702, dport=9) / Raw(late)))
        pcap(self.dir / "big.pcap", frames)
        device = {"packet": lambda v: v.device, "pcap": lambda v: f"net_pcap0,rx_pcap={self.dir}/big.pcap"}[kind]
        with Running(self.teiten, self.dir, name=f"big-{kind}", sensors=[anywhere()],
                     conf=lambda v: {"uplinks": [{"id": "up0", "device": device(v)}]}) as site:
            if kind != "pcap":
                site.veth.send(self.dir / "big.pcap")
            total = site.wait_total(len(frames))
            site.end()
        assert total["observed"] == len(frames), site.said()
        rows = {r["source"]: r for r in self.teiten.sql(site.db, ROWS)}
        assert sum(int(r["bytes"]) for r in rows.values()) == sum(map(len, frames))
        assert rows["203.9.9.9"]["class"] == "reflection"

    def test_a_start_waits_for_links(self):
        """
        Steps: start a probe while its uplink has no carrier, which comes three seconds later; start one whose
               configuration waits a second only, and give it the carrier when it runs.
        Verify: the first runs when the link is up and not before; the second says that it goes on without;
                both count everything from then on.
        """
        pcap(self.dir / "ten.pcap", [syn(i) for i in range(10)])
        for name, seconds, told in (("patient", 60, False), ("hasty", 1, True)):
            with Site(self.teiten, self.dir, [anywhere("one")], name=name, conf={"link_wait_s": seconds}) as site:
                site.start_collector()
                site.veth.set_peer(0, "down")
                wait_for(lambda: not site.veth.has_link(0), 10, "the link stays up")
                starting = threading.Thread(target=site.start_probe)
                starting.start()
                if told:
                    starting.join()
                time.sleep(3)
                assert (": running:" in site.said()) == told, site.said()
                site.veth.set_peer(0, "up")
                starting.join()
                site.listener.wait("health.", lambda h: h["uplinks"][0]["link"] == "up", 30)
                assert ("0 of 1 links are up, the others may come at any time" in site.said()) == told
                site.veth.send(self.dir / "ten.pcap", link=0)
                assert site.wait_total(10)["observed"] == 10
                site.end()

    def test_a_port_that_goes_away_and_returns(self):
        """
        Steps: two uplinks; take the carrier of the second away and give it back; remove its
               interface altogether and make it anew; packets on both all the time.
        Verify: the first counts everything; health says the second's link is down and its sensor
                too, completeness is 0 there; what comes after each return is counted, by itself.
        """
        sensors = [anywhere("first"), {**anywhere("second"), "match": {"uplink": "up1", "prefixes": ["198.51.100.0/24"]}}]
        pcap(self.dir / "ten.pcap", [syn(i) for i in range(10)])
        with Running(self.teiten, self.dir, name="away", sensors=sensors, links=2) as site:
            def state(link, sensor_state):
                seen = len(site.listener.of("health."))
                site.listener.wait("health.", lambda h: h in site.listener.of("health.")[seen:] and
                                   [u["link"] for u in h["uplinks"]] == ["up", link] and
                                   {s["id"]: s["state"] for s in h["sensors"]}["second"] == sensor_state, 30)

            def send(*links):
                for link in links:
                    site.veth.send(self.dir / "ten.pcap", link=link)
            send(0, 1)
            state("up", "up")
            site.veth.set_peer(1, "down")
            state("down", "down")
            send(0)
            site.veth.set_peer(1, "up")
            state("up", "up")
            send(0, 1)
            site.veth.unplug(1)
            state("down", "down")
            send(0)
            site.veth.plug(1)
            state("up", "up")
            send(0, 1)
            assert site.wait_total(50)["observed"] == 50
            assert site.wait_total(30, uplink="up1")["observed"] == 30
            down = [m for m in site.listener.of("stats.away.second.") if m["state"] == "down"]
            others = site.listener.of("stats.away.first.")
            site.end()
        assert down and all(m["completeness"] == 0 for m in down)
        heard = next(i for i, m in enumerate(others) if m["state"] == "up")  # silent before its first packet
        assert all(m["state"] == "up" and m["completeness"] == 1 for m in others[heard:])
        assert "uplink up1: the link is down" in site.said() and "is back" in site.said()
        top = {s: self.teiten.top(site.db, "sensor", sensor=s) for s in ("first", "second")}
        assert [top[s]["rows"][0]["packets"] for s in top] == [50, 30]
        assert top["second"]["completeness"] < top["first"]["completeness"]

    def test_drops_of_the_kernel_are_known_losses(self):
        """
        Steps: stop the probe, send more than its ring holds, let it go on.
        Verify: received and imissed together are what was sent; completeness says so, and is the
                same in the database.
        """
        n = 3000
        pcap(self.dir / "flood.pcap", [syn(i) for i in range(n)])
        with Running(self.teiten, self.dir, name="drops", sensors=[anywhere()],
                     conf=lambda v: {"uplinks": [{"id": "up0", "device": v.device, "descriptors": 1024}]}) as site:
            site.probe_signal(signal.SIGSTOP)
            site.veth.send(self.dir / "flood.pcap", pause_us=0)
            site.probe_signal(signal.SIGCONT)
            total = site.wait_total(1, "imissed")
            total = site.wait_total(n - total["imissed"])
            stats = [m for m in site.listener.of("stats.drops.all.")]
            queues = [q for h in site.listener.of("health.") for q in h["uplinks"][0]["queues"]]
            site.end()
        assert total["imissed"] > 0 and total["packets"] + total["imissed"] == n, (total, site.said())
        assert sum(q["imissed"] for q in queues) == total["imissed"]
        assert all(0 <= m["completeness"] <= 1 for m in stats)
        assert min(m["completeness"] for m in stats) < 1
        assert self.teiten.top(site.db, "port")["completeness"] < 1

    def test_what_a_spool_gives_up_is_missing_at_its_own_uplink(self):
        """
        Steps: two uplinks with a sensor each; the collector is away, the spool has room for 1 MB; five
               rounds of 30,000 sources by the first uplink and 1,000 by the second, by turns; then the
               collector comes.
        Verify: for each uplink and epoch what is stored and what was given up are together what health said
                was observed there; each sensor's completeness is what its own uplink lost, in its own epochs.
        """
        sensors = [{**anywhere(name), "match": {"uplink": up, "prefixes": ["198.51.100.0/24"]}}
                   for name, up in (("first", "up0"), ("second", "up1"))]
        frame, seen, rng = bytearray(syn(0)), Counter(), random.Random(3)

        def crowd_of(base, n):
            for i in range(base, base + n):
                frame[26:30] = (0xcb000000 + i * 2654435761 % 0x1000000).to_bytes(4, "big")
                frame[22], frame[34:38], frame[48:50] = i & 63 | 64, rng.randbytes(4), rng.randbytes(2)
                yield bytes(frame)
        with Site(self.teiten, self.dir, sensors, name="shares", links=2, conf=lambda v: {
                "flow": {"ipv4": 131072, "ipv6": 8192},
                "uplinks": [{"id": f"up{i}", "device": d, "descriptors": 32768} for i, d in enumerate(v.devices)],
                "collector": {"endpoint": f"ipc://{self.dir}/shares.link", "spool": str(self.dir / "shares.spool"),
                              "spool_mb": 1}}) as site:
            site.start_probe()
            site.listener.wait("health.")
            for turn in range(5):
                for link, n in ((0, 30000), (1, 1000)):
                    before = site.totals(f"up{link}")["observed"]
                    pcap(self.dir / "crowd.pcap", crowd_of(turn << 16, n))
                    site.veth.send(self.dir / "crowd.pcap", pause_us=0, link=link)
                    site.wait_fate(before + n, uplink=f"up{link}")
            wait_for(lambda: site.health("spool", "lost") > 0, 30, site.said)
            site.start_collector()
            wait_for(lambda: site.health("spool", "batches") == 0, 60, site.said)
            site.end()
            health = site.listener.of("health.")
        for h in health:
            for u in h["uplinks"]:
                seen[u["id"], epoch_of(h)] += u["observed"]
        there, lost = Counter(), Counter()
        for r in self.teiten.sql(site.db, "SELECT sensor, epoch, sum(packets) AS n FROM observation GROUP BY 1, 2"):
            there[{"first": "up0", "second": "up1"}[r["sensor"]], int(r["epoch"])] += int(r["n"])
        for r in self.teiten.sql(site.db, "SELECT uplink, epoch, spool_lost AS n FROM tally WHERE spool_lost > 0"):
            lost[r["uplink"], int(r["epoch"])] += int(r["n"])
        assert +(there + lost) == +seen
        of = {u: sum(n for (uplink, _), n in lost.items() if uplink == u) for u in ("up0", "up1")}
        assert of["up0"] > 10000 and 0 < of["up1"] < 5000, of
        alone = {e for (u, e) in lost if u == "up0"} - {e for (u, e) in lost if u == "up1"}
        assert alone, "never lost at one uplink alone"
        for name, up in (("first", "up0"), ("second", "up1")):
            for e in {e for (_, e) in lost} | {max(e for (_, e) in seen)}:
                received = seen[up, e]
                want = 1 - lost[up, e] / received if received else 1
                top = self.teiten.top(site.db, "class", sensor=name, class_="all", from_=rfc(e), to=rfc(e + 1))
                # silent before its first packet: no up time, so no completeness
                assert top["completeness"] is None and not received or \
                    abs(top["completeness"] - want) < 1e-6, (name, e, top["completeness"], want)
        record("spool full, two uplinks", len(lost),
               f"{of['up0']:,} and {of['up1']:,} packets given up, each missing at its own uplink, sensor and epoch")

    @pytest.mark.parametrize("idle", ["adaptive", "interrupt"])
    @pytest.mark.parametrize("kind", ["packet", "tap"])
    def test_an_idle_probe_leaves_the_machine_to_others(self, idle, kind):
        """
        Steps: a probe without traffic for two seconds, up to five times as others make naps cost more; then
               no more packets at once than its ring holds, whoever runs meanwhile (a kernel's ring of 4,096
               frames; a tap's queue of 1,000).
        Verify: it used a few percent of one core; its worker slept, or waited for a core that others had;
                no packet of the burst is lost.
        """
        n = 900 if kind == "tap" else 4000
        device = {"packet": lambda v: v.device, "tap": lambda v: "net_tap0,iface=tap0"}[kind]
        ring = {} if kind == "tap" else {"descriptors": 4096}  # unless asked, 32 MiB: 2,048 jumbo frames
        pcap(self.dir / "burst.pcap", [syn(i) for i in range(n)])
        with Running(self.teiten, self.dir, name=f"i-{idle[:5]}-{kind}", sensors=[anywhere()],
                     conf=lambda v: {"idle": idle, "uplinks": [{"id": "up0", "device": device(v), **ring}]}) as site:
            time.sleep(1)
            waited, since = run_delay(site.worker()), time.monotonic()
            shares = [cpu_share(site.pid, 2)]
            while min(shares) >= 0.06 and len(shares) < 5:
                shares.append(cpu_share(site.pid, 2))
            waited = (run_delay(site.worker()) - waited) / (time.monotonic() - since)
            site.veth.send(self.dir / "burst.pcap", pause_us=0, out_of="tap0" if kind == "tap" else None)
            total = site.wait_total(n)
            asleep = [w["asleep"] for h in site.listener.of("health.")[1:] for w in h["workers"]]
            site.end()
        assert min(shares) < 0.06, shares
        assert total["observed"] == n and total["imissed"] == 0, (total, site.said())
        assert "nap instead" not in site.said()
        assert max(asleep) + waited > 0.8, (asleep, waited)

    @pytest.mark.parametrize("uplink, message", [
        ({"device": "net_tap0", "mtu": 9000}, "mtu is 9000, expected at most 1504 on this device"),
        ({"device": "net_tap0", "queues": 17}, "queues is 17, expected at most 16 on this device"),
        ({"device": "net_af_packet0,iface=nothere"}, 'device "net_af_packet0,iface=nothere" cannot be opened'),
    ])
    def test_what_a_device_cannot_do_is_told(self, uplink, message):
        """
        Steps: ask devices for more than they can.
        Verify: exit status 1 and one line that names the place, what it is and what was expected.
        """
        conf = self.dir / "p.json"
        conf.write_text(json.dumps({"kind": "probe", "v": 1, "probe": "p", "flow": {"ipv4": 4096, "ipv6": 1024},
                                    "uplinks": [{"id": "up0", **uplink}]}))
        done = self.teiten.run("teiten-probe", "-c", conf, ok=False)
        assert done.status == 1 and f"{conf}: $.uplinks[0]: " in done.err and message in done.err
        assert len(done.messages) == 1, done

    def test_a_device_without_interrupts_is_told(self):
        """
        Steps: idle `interrupt` on net_null, which has none.
        Verify: one line says that its workers nap instead.
        """
        with Running(self.teiten, self.dir, name="nointr", sensors=[anywhere()],
                     conf={"idle": "interrupt", "uplinks": [{"id": "up0", "device": "net_null0,no-rx=1"}]}) as site:
            site.end()
        assert site.said().count("has no receive interrupts, its workers nap instead") == 1


def epoch_of(message):
    return calendar.timegm(time.strptime(message["start"], "%Y-%m-%dT%H:%M:%SZ"))


def rfc(t):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(t))


def cpu_seconds(pid):
    """Processor time of a process with all its threads."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_delay(task):
    """Seconds that a thread was ready to run and others ran."""
    return int((task / "schedstat").read_text().split()[1]) / 1e9


def cpu_share(pid, seconds):
    """Share of a core that a process takes during so many seconds from now."""
    before, start = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    return (cpu_seconds(pid) - before) / (time.monotonic() - start)
