# SPDX-License-Identifier: BSD-3-Clause
"""Programs give up what they do not need: users, capabilities, new privileges, descriptors."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from framework.collector import Collector
from framework.peers import Feed, feed_packets
from framework.site import wait_for
from framework.suite import TestSuite
from framework.topology import Veth

NOBODY = 65534
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def threads(pid):
    """{field: values of all threads} of a process."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            key, _, value = line.partition(":")
            found.setdefault(key, set()).add(value.strip())
    return found


def powerless(pid):
    status = threads(pid)
    ids = "\t".join([str(NOBODY)] * 4)
    assert status["Uid"] == {ids} and status["Gid"] == {ids}, status
    assert status["Groups"] <= {"", str(NOBODY)}
    for caps in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert status[caps] == {"0" * 16}, caps
    assert status["NoNewPrivs"] == {"1"}


class TestPrivileges(TestSuite):
    def folder(self):
        """A folder that nobody may write to and reach, which pytest's own is not."""
        path = Path(tempfile.mkdtemp(prefix="teiten-privileges-"))
        os.chown(path, NOBODY, NOBODY)
        os.chmod(path, 0o755)
        self.made.append(path)
        return path

    def setup_method(self):
        self.made = []

    def teardown_method(self):
        for path in self.made:
            shutil.rmtree(path)

    def test_the_collector_becomes_nobody(self):
        """
        Steps: root starts a collector with "user" and a key that only root can read; it receives.
        Verify: every thread is that user's without capabilities and cannot gain any; the database is
                that user's; as many descriptors as the system allows.
        """
        where = self.folder()
        with Collector(self.teiten, where, f"ipc://{where}/link", user="nobody", group="nogroup") as c:
            powerless(c.process.pid)
            limits = Path(f"/proc/{c.process.pid}/limits").read_text()
            soft, hard = next(x for x in limits.splitlines() if x.startswith("Max open files")).split()[3:5]
            assert soft == hard
            feed = Feed(self.teiten, c.listen, batches=20, rows=30)
            assert feed.wait() == 0, feed.err
            c.end()
        assert c.db.stat().st_uid == NOBODY
        assert c.totals() == (20, 600, feed_packets(20, 30))

    def test_a_user_that_is_not_there(self):
        """
        Steps: a user, a group that the system does not know; a group without a user.
        Verify: refused in one line that names it.
        """
        for conf, said in ((dict(user="no-such-user"), "no-such-user"),
                           (dict(user="nobody", group="no-such-group"), "no-such-group"),
                           (dict(group="nogroup"), "nogroup")):
            path = self.dir / "c.json"
            path.write_text(json.dumps({"kind": "collector", "v": 1, "db": str(self.dir / "x.db"),
                                        "listen": f"ipc://{self.dir}/l", **conf}))
            done = self.teiten.run("teiten-collector", "-c", path, ok=False)
            assert done.status in (1, 2) and len(done.messages) == 1 and said in done.err, done
            assert not (self.dir / "x.db").exists()

    @pytest.mark.netns
    def test_the_probe_becomes_nobody_once_its_uplinks_are_open(self):
        """
        Steps: root starts a probe on a veth pair with "user"; packets; SIGHUP with another sensor; SIGTERM.
        Verify: no thread has a privilege left; what arrives is observed, spooled and delivered; the
                reload works; it ends well.
        """
        from framework.capture import MACS, pcap
        from scapy.all import IP, TCP, Ether
        where = self.folder()
        sensors = {"kind": "sensors", "v": 1, "sensors": [
            {"id": "isp", "country": "JP", "network": "ISP", "groups": ["g"], "since": "2020-01-01",
             "match": {"uplink": "up0", "prefixes": ["198.51.100.0/24"]}}]}
        frames = [bytes(Ether(**MACS) /
                        IP(src=f"203.0.0.{i}", dst="198.51.100.9") / TCP(sport=2000, dport=23, flags="S"))
                  for i in range(100)]
        (where / "sensors.json").write_text(json.dumps(sensors))
        with Collector(self.teiten, where, f"ipc://{where}/link", user="nobody", group="nogroup") as collector, \
                Veth("priv") as veth:
            os.chmod(where / "link", 0o777)
            conf = where / "probe.json"
            conf.write_text(json.dumps({
                "kind": "probe", "v": 1, "probe": "tokyo", "epoch_s": 2, "sensors": "sensors.json",
                "user": "nobody", "group": "nogroup",
                "uplinks": [{"id": "up0", "device": veth.device}],
                "lcores": {"main": 0, "workers": veth.lcores}, "flow": {"ipv4": 4096, "ipv6": 1024},
                "publish": {"endpoint": f"ipc://{where}/pub"},
                "collector": {"endpoint": collector.listen, "spool": str(where / "spool.db")}}))
            with open(self.dir / "probe.err", "w+") as err:
                probe = veth.popen(self.teiten.path("teiten-probe"), "-c", conf, stderr=err,
                                   stdout=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(where)})
            try:
                def said():
                    return (self.dir / "probe.err").read_text()
                wait_for(lambda: probe.poll() is not None or ": running:" in said(), 30, said)
                powerless(probe.pid)
                veth.send(pcap(self.dir / "t.pcap", frames))
                sensors["sensors"][0]["id"] = "renamed"
                (where / "sensors.json").write_text(json.dumps(sensors))
                probe.send_signal(signal.SIGHUP)
                wait_for(lambda: "reloaded: 1 sensors" in said(), 30, said)
                veth.send(pcap(self.dir / "t.pcap", frames))
                wait_for(lambda: collector.totals()[2] == 200, 60, lambda: f"{collector.totals()}: {said()}")
                probe.send_signal(signal.SIGTERM)
                assert probe.wait(30) == 0, said()
            finally:
                if probe.poll() is None:
                    probe.kill()
                    probe.wait()
            collector.end()
        rows = {r["sensor"]: r["packets"] for r in self.teiten.top(collector.db, "sensor")["rows"]}
        assert sum(rows.values()) == 200 and rows.get("renamed", 0) >= 100, rows
        assert (where / "spool.db").stat().st_uid == NOBODY
