# SPDX-License-Identifier: BSD-3-Clause
"""PUB streams: many readers, slow ones, greedy ones, and a data plane that does not notice."""
import json
import os
import re
import signal
import subprocess
import time
from collections import Counter, defaultdict

import pytest
import zmq
from framework.capture import pcap
from framework.collector import Collector
from framework.faults import record
from framework.peers import Feed, curve, key_pair
from framework.site import Running, sensor, traffic, wait_for
from framework.suite import TestSuite
from TestSuite_security import free_port

SENSORS = 400
SEQ = re.compile(rb'"seq":(\d+)')


@pytest.mark.sanitized
@pytest.mark.netns
@pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
class TestReaders(TestSuite):
    def test_a_hundred_subscribers_and_a_slow_one(self):
        """
        Steps: a probe with 400 sensors publishes (a mark of 1,500 messages); a hundred subscribers, and
               `teiten sub` that stands still for some seconds; packets all the while.
        Verify: the hundred miss nothing; the slow one misses messages and says exactly how many; every
                packet is observed and no frame was missed.
        """
        sensors = [sensor("isp", "198.51.100.0/24")]
        sensors += [sensor(f"s{i}", f"10.{i >> 8}.{i & 255}.0/24") for i in range(SENSORS)]
        frames = traffic(300)
        with Running(self.teiten, self.dir, name="subs", sensors=sensors,
                     conf=lambda _: {"publish": {"endpoint": f"ipc://{self.dir}/subs.pub", "hwm": 1500}}) as site:
            context = zmq.Context()
            context.max_sockets = 2000
            subs = [context.socket(zmq.SUB) for _ in range(100)]
            for s in subs:
                s.linger, s.rcvhwm = 0, 100000
                s.subscribe(b"stats.subs.")
                s.connect(site.pub)
            out = open(self.dir / "slow.out", "w")
            slow = subprocess.Popen([self.teiten.path("teiten"), "sub", site.pub, "live.", "-t"],
                                    stdout=out, stderr=subprocess.PIPE, text=True)

            def heard():
                return (self.dir / "slow.out").read_text().rpartition("\n")[0]
            try:
                wait_for(lambda: len({line.split()[0] for line in heard().splitlines()}) > SENSORS, 20, heard)
                slow.send_signal(signal.SIGSTOP)
                for _ in range(6):
                    site.veth.send(pcap(self.dir / "t.pcap", frames))
                    time.sleep(1)
                time.sleep(5)
                slow.send_signal(signal.SIGCONT)
                wait_for(lambda: gaps(heard()), 20, "the slow one misses nothing")
                slow.terminate()
                _, err = slow.communicate(timeout=60)
                site.wait_fate(6 * 300)
                site.end()  # so that there is an end to what they hear
                got = [read_all(s) for s in subs]
            finally:
                if slow.poll() is None:
                    slow.kill()
                context.destroy(linger=0)
            health = site.listener.of("health.")
        assert len(got) == 100 and all(len(g) == SENSORS + 1 for g in got)
        for g in got:
            for seqs in g.values():
                assert seqs == list(range(seqs[0], seqs[0] + len(seqs)))
        missed = gaps((self.dir / "slow.out").read_text())
        said = [int(n.replace(",", "")) for n in re.findall(r"\((\d+) in all\)", err)]
        assert missed > 0 and said and said[-1] == missed, (missed, err[-500:])
        up = Counter()
        for h in health:
            up.update({k: v for k, v in h["uplinks"][0].items() if isinstance(v, int)})
        assert up["observed"] == 6 * 300 and up["imissed"] == up["rx_nombuf"] == 0, up
        record("slow subscriber beside a hundred", 1,
               f"{missed:,} of its own messages missed, told exactly; the others missed none")


def read_all(s):
    """{topic: [seq]} of what a subscriber has."""
    got = defaultdict(list)
    while s.poll(0):
        topic, body = s.recv_multipart()
        got[topic].append(int(SEQ.search(body)[1]))
    return got


def gaps(text):
    """What is missing in the lines of `teiten sub -t`."""
    last, missed = {}, 0
    for line in text.splitlines():
        topic, body = line.split(" ", 1)
        seq = json.loads(body)["seq"]
        missed += seq - last.get(topic, seq - 1) - 1
        last[topic] = seq
    return missed


class TestGreedy(TestSuite):
    def test_a_reader_with_too_many_subscriptions(self):
        """
        Steps: a reader on the list subscribes to 3,000 topics; another one reads beside it.
        Verify: its connection is ended, counted and told; the other misses nothing.
        """
        pairs = {n: key_pair(self.teiten, self.dir / f"{n}.key") for n in ("server", "probe", "greedy", "good")}
        publish = f"tcp://127.0.0.1:{free_port()}"
        with Collector(self.teiten, self.dir, f"tcp://127.0.0.1:{free_port()}", publish=publish,
                       secret_key_file=pairs["server"][0],
                       probe_keys=[{"probe": "probe", "key": pairs["probe"][1]}],
                       reader_keys=[{"reader": n, "key": pairs[n][1]} for n in ("greedy", "good")]) as collector:
            context = zmq.Context()
            subs = {}
            for name in ("greedy", "good"):
                subs[name] = s = context.socket(zmq.SUB)
                s.linger, s.rcvtimeo, s.sndhwm = 0, 30000, 0  # else libzmq drops its own subscriptions
                s.reconnect_ivl = 5000
                curve(s, pairs[name][2], pairs["server"][1].encode())
                for i in range(3000 if name == "greedy" else 0):
                    s.subscribe(f"stats.probe.nosuch{i}.".encode())
                s.subscribe(b"health.")
            subs["greedy"].connect(publish)
            try:
                wait_for(lambda: "greedy: too many subscriptions" in collector.said(), 20, collector.said)
                shaken = subs["good"].get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
                subs["good"].connect(publish)
                assert shaken.poll(30000), collector.said()
                subs["good"].disable_monitor()
                time.sleep(0.5)  # its subscription follows
                feed = Feed(self.teiten, collector.listen, probe="probe", key=pairs["probe"][0],
                            server_key=pairs["server"][1], batches=50, rows=5, rate=50)
                assert feed.wait(30) == 0, feed.err
                healths = []
                while not healths or healths[-1]["seq"] < 50:
                    healths.append(json.loads(subs["good"].recv_multipart()[1]))
            finally:
                context.destroy(linger=0)
            collector.end()
        seqs = [h["seq"] for h in healths]
        assert len(seqs) > 20 and seqs == list(range(seqs[0], 51)), seqs
        assert healths[-1]["collector"]["refused"]["messages"] >= 1
        assert "greedy: too many subscriptions" in collector.said()
        assert collector.said().count("too many subscriptions") <= 2
