# SPDX-License-Identifier: BSD-3-Clause
"""What a running probe tells of itself: DPDK's telemetry socket, and poll gaps in health."""
import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
from framework.capture import MACS, pcap
from framework.programs import ROOT
from framework.site import Running, leftovers, nothing_left, sensor, traffic, wait_for
from framework.suite import TestSuite
from scapy.all import IP, TCP, Ether

pytestmark = [pytest.mark.netns, pytest.mark.sanitized,
              pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")]


class Client:
    """A client of DPDK's telemetry protocol: one packet asks, one packet answers."""

    def __init__(self, prefix, pid, folder="/var/run/dpdk"):
        # others of the same prefix have sockets with a number behind the name
        for path in sorted(Path(folder, prefix).glob("dpdk_telemetry.v2*")):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                self.socket.connect(str(path))
            except OSError:
                continue
            self.path, self.hello = path, json.loads(self.socket.recv(65536))
            if self.hello["pid"] == pid:
                return
            self.socket.close()
        raise AssertionError(f"no telemetry socket of {pid} in {folder}/{prefix}")

    def ask(self, command):
        self.socket.send(command.encode())
        answer = json.loads(self.socket.recv(self.hello["max_output_len"]))
        return answer[command.split(",")[0]]


class TestTelemetry(TestSuite):
    def test_counters_of_the_telemetry_socket(self):
        """
        Steps: two uplinks, 900 and 300 packets and a few of every other fate; ask all commands, ask
               for things that are not there, ask with DPDK's own client.
        Verify: numbers are those sent, and those of health; nothing is left behind at the end.
        """
        before = leftovers(self.dir / "tmp")
        sensors = [sensor("isp", "198.51.100.0/24", match={"prefixes": ["198.51.100.0/24"]}),
                   sensor("quiet", "198.18.7.0/24")]
        with Running(self.teiten, self.dir, name="tele", sensors=sensors, links=2) as site:
            site.veth.send(pcap(self.dir / "a.pcap", traffic(900)))
            site.veth.send(pcap(self.dir / "b.pcap", traffic(300)[:300]), link=1)
            site.wait_total(904)
            site.wait_total(300, uplink="up1")
            t = Client("teiten-tele", site.pid)
            assert {"/teiten/health", "/teiten/uplinks", "/teiten/workers", "/teiten/sensors"} <= set(t.ask("/"))
            doc = (ROOT / "docs/operations.md").read_text()
            assert all(f"| `{c}" in doc for c in t.ask("/") if c.startswith("/teiten"))
            assert t.ask("/teiten/uplinks") == ["up0", "up1"]
            # malformed, not IP, and two that no sensor wants (IPv6 too)
            one, two = t.ask("/teiten/uplink,up0"), t.ask("/teiten/uplink,up1")
            assert {k: one[k] for k in ("packets", "observed", "malformed", "non_ip", "unassigned", "q0_packets")} == \
                {"packets": 904, "observed": 900, "malformed": 1, "non_ip": 1, "unassigned": 2, "q0_packets": 904}
            assert two["packets"] == two["observed"] == 300 and two["link"] == "up"
            assert one["imissed"] == one["ierrors"] == one["rx_nombuf"] == one["q0_imissed"] == 0
            health = t.ask("/teiten/health")
            assert health["packets"] == 1204 and health["probe"] == "tele" and health["epochs"] > 0
            assert health["observed"] == site.totals("up0")["observed"] + site.totals("up1")["observed"]
            lcores = t.ask("/teiten/workers")
            assert lcores == site.veth.lcores
            worker = t.ask(f"/teiten/worker,{lcores[0]}")
            assert worker["gap_us_p50"] <= worker["gap_us_p99"] <= worker["gap_us_max"]
            assert worker["busy_permille"] + worker["asleep_permille"] <= 1000
            # of the epoch at hand, which may just have begun
            wait_for(lambda: sum(t.ask(f"/teiten/poll_gaps,{lcores[0]}").values()) > 0, 10, "no poll gaps")
            assert t.ask("/teiten/sensors") == ["isp", "quiet"]
            assert t.ask("/teiten/sensors,1") == ["quiet"]
            isp, quiet = t.ask("/teiten/sensor,isp"), t.ask("/teiten/sensor,quiet")
            assert (isp["state"], isp["scan_packets"], isp["lost"]) == ("up", 1200, 0)
            assert quiet["scan_packets"] == 0 and quiet["last_packet"] == ""
            for wrong in ("/teiten/uplink,up7", "/teiten/uplink", "/teiten/worker,x", "/teiten/sensor,nobody"):
                assert t.ask(wrong) is None
            if t.path.name == "dpdk_telemetry.v2":
                said = subprocess.run(["dpdk-telemetry.py", "-f", "teiten-tele"], input="/teiten/uplinks\nquit\n",
                                      stdout=subprocess.PIPE, text=True, check=True, timeout=120).stdout
                assert '"up1"' in said
            site.end()
        nothing_left(self.dir / "tmp", before)

    def test_a_probe_that_is_killed_leaves_nothing_in_the_way(self):
        """
        Steps: kill a probe, start it again under its name.
        Verify: the new one has the socket, and nothing is left when it ends.
        """
        before = leftovers(self.dir / "tmp")
        with Running(self.teiten, self.dir, name="again") as site:
            Client("teiten-again", site.pid)
            site.probe.kill()
            site.probe.wait()
        with Running(self.teiten, self.dir, name="again") as site:
            assert Client("teiten-again", site.pid).ask("/teiten/uplinks") == ["up0"]
            site.end()
        nothing_left(self.dir / "tmp", before)

    def test_telemetry_can_be_turned_off(self):
        """
        Steps: eal.telemetry false.
        Verify: there is no socket.
        """
        with Running(self.teiten, self.dir, name="notele", conf={"eal": {"telemetry": False}}) as site:
            assert not Path("/var/run/dpdk/teiten-notele").exists()
            site.end()

    def test_preflight_of_this_machine(self):
        """
        Steps: --preflight for a veth, and for this machine's NIC that the kernel drives (or one that
               is not there), as text and as JSON.
        Verify: what it says of the driver is what /sys says; status 1 where it will not work.
        """
        conf = self.dir / "p.json"

        def preflight(device, *args):
            conf.write_text(json.dumps({"kind": "probe", "v": 1, "probe": "p",
                                        "uplinks": [{"id": "up0", "device": device}]}))
            return self.teiten.run("teiten-probe", "-c", conf, "--preflight", *args, ok=False)
        done = preflight("net_af_packet0,iface=any", "--json")
        assert done.status == 0 and done.last["worst"] in ("ok", "advice"), done
        nics = [d for d in Path("/sys/bus/pci/devices").glob("*") if (d / "class").read_text().startswith("0x02")
                and (d / "driver").exists() and (d / "driver").resolve().name not in ("vfio-pci", "mlx5_core")]
        address, driver = (nics[0].name, (nics[0] / "driver").resolve().name) if nics else ("0000:99:00.0", "")
        done = preflight(address, "--json")
        found = next(c for c in done.last["checks"] if c["check"] == "driver")
        assert done.status == 1 and found["level"] == "error" and address in found["finding"]
        assert driver in found["finding"] and "dpdk-devbind.py" in found["remedy"]
        text = preflight(address)
        assert text.status == 1 and f"error    driver: {found['finding']}\n         {found['remedy']}\n" in text.out
        started = self.teiten.run("teiten-probe", "-c", conf, ok=False)
        assert started.status == 1 and f"driver: {found['finding']}; mend: {found['remedy']}" in started.err

    def test_no_worker_waits_for_the_harvest_of_a_million(self):
        """
        Steps: packets come a thousand a second; start a worker that polls without rest and reads a
               capture of a million sources besides, which takes less than an epoch of four seconds; look when
               the million is in the database.
        Verify: the worker gave its core away of its own will only while DPDK started it, so it never
                waited for a harvest; nothing is lost; poll gaps are in health, and in order.
        """
        n = 1_000_000
        big = self.dir / "million.pcap"
        write_sources(big, n)
        frame = bytes(Ether(**MACS) / IP(src="203.9.9.9", dst="198.51.100.9") / TCP(sport=9, dport=23, flags="S"))
        pcap(self.dir / "few.pcap", [frame] * 60000)
        sending = []

        def conf(veth):
            sending.append(subprocess.Popen(veth.sender(self.dir / "few.pcap", pause_us=900)))
            return {"idle": "busy", "flow": {"ipv4": 917504, "ipv6": 1024},
                    "uplinks": [{"id": "up0", "device": veth.device}, {"id": "big", "device": str(big)}]}
        try:
            with Running(self.teiten, self.dir, name="pause", conf=conf, epoch_s=4,
                         sensors=[sensor("isp", "198.51.100.0/24", match={"prefixes": ["198.51.100.0/24"]})]) as site:
                site.listener.wait("health.", lambda h: h["link"]["acked"] and not h["spool"]["batches"] and
                                   sum(u["packets"] for u in h["uplinks"]))
                count = "SELECT ifnull(sum(observed), 0) AS n FROM tally WHERE uplink = 'big'"
                wait_for(lambda: int(self.teiten.sql(site.db, count)[0]["n"]) == n, 30, site.said)
                waited = waits(site.worker())
                gaps = [h["workers"][0]["poll_gap_us"] for h in site.listener.of("health.")]
                most = max(h["workers"][0]["table_used"] for h in site.listener.of("health."))
                site.end()
        finally:
            sending[0].kill()
            sending[0].wait()
        total = site.totals()
        assert total["packets"] > 1000 and total["imissed"] == total["rx_nombuf"] == 0, total
        rows = {r["source"]: r["packets"] for r in self.teiten.top(site.db, "source", n=2)["rows"]}
        assert rows["203.9.9.9"] == total["packets"]
        assert self.teiten.top(site.db, "sensor")["rows"][0]["packets"] == n + total["packets"]
        assert most > 500_000
        assert waited <= 8, waited
        assert all(g["p50"] <= g["p90"] <= g["p99"] <= g["p999"] <= g["max"] for g in gaps)
        assert min(g["p99"] for g in gaps) < 1000


def waits(task):
    """How often a thread gave its core away of its own will."""
    text = (task / "status").read_text()
    return int(text.split("\nvoluntary_ctxt_switches:")[1].split()[0])


def write_sources(path, n):
    """A capture of n SYNs, each of another source, of now."""
    import numpy
    frame = bytes(Ether(**MACS) / IP(src="0.0.0.0", dst="198.51.100.9") / TCP(sport=9, dport=23, flags="S"))
    records = numpy.zeros(n, dtype=[("head", "<u4", 4), ("frame", "u1", len(frame))])
    records["head"] = (int(time.time()), 0, len(frame), len(frame))
    records["frame"] = numpy.frombuffer(frame, "u1")
    i = numpy.arange(n, dtype=numpy.uint32)
    for byte in range(3):
        records["frame"][:, 29 - byte] = i >> (8 * byte) & 255
    records["frame"][:, 26] = 11
    with open(path, "wb") as f:
        f.write(pcap(path.with_suffix(".head"), []).read_bytes())
        records.tofile(f)
