# SPDX-License-Identifier: BSD-3-Clause
"""Packets a second of one worker against what conf.yaml expects, on two cabled NIC ports.

Without such ports the expectations are skipped, and the same code measures a veth pair and a virtual
device, which say nothing about a NIC.
"""
import os
import subprocess
from pathlib import Path

import pytest
import yaml
from framework.performance import Forwarder, capture, distinct, measure, repeated, verdict
from framework.suite import TestSuite
from framework.topology import Veth

CONF = yaml.safe_load((Path(__file__).parent / "conf.yaml").read_text())["performance"]
PORTS = CONF["ports"]
SECONDS = 2


def tester_args(device):
    return ["-a", device] if ":" in device else ["--no-pci", "--vdev", device]


class TestPerformance(TestSuite):
    def rate(self, sut, tester, flows, cores, tester_cores, wrap=(), popen=subprocess.Popen):
        """Mpps that the probe takes on device `sut` while frames of so many sources leave `tester`,
        which is cabled to it, as fast as it sends."""
        path = capture(self.dir / "flows.pcap", distinct(flows))
        with Forwarder([*tester_args(tester), "--vdev", repeated(path)], tester_cores, flows + 30_000,
                       wrap, fast=bool(PORTS)) as t:
            t.say("set fwd io", "start")
            mpps, up = measure(self.teiten.path("teiten-probe"), self.dir,
                               {"id": "up0", "device": sut}, cores, SECONDS, popen)
            said = t.end()
        assert up["observed"] and up["used"] <= flows, f"{up}: {said[-800:]}"
        return mpps, up

    @pytest.mark.skipif(not PORTS, reason="conf.yaml: performance.ports names no two cabled NIC ports")
    @pytest.mark.parametrize("flows,expected", CONF["expected"].items())
    def test_expected_rate_on_cabled_ports(self, flows, expected):
        """
        Steps: send 64-byte frames of that many sources at line rate from one port to the other.
        Verify: one worker takes what conf.yaml expects, less the tolerance; all flows are in its
                table; every packet received has one fate.
        """
        cores = CONF["lcores"]
        mpps, up = self.rate(PORTS["sut"], PORTS["tester"], flows, cores["sut"], cores["tester"])
        assert up["used"] == flows
        verdict(mpps, expected, CONF["tolerance"])

    @pytest.mark.netns
    @pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")
    def test_the_same_on_a_veth_pair(self):
        """
        Steps: the same with net_af_packet on both ends of a veth pair, and 500 sources.
        Verify: a rate is measured, every packet received has one fate, all flows are in the table.
        """
        with Veth("speed") as veth:
            mpps, up = self.rate(
                veth.device, f"net_af_packet0,iface={veth.peer}", 500, (0, veth.lcores[0]), (0, 0),
                wrap=("ip", "netns", "exec", veth.tester),
                popen=lambda cmd, **kw: veth.popen(*cmd, **kw))
        assert up["used"] == 500 and up["observed"] == up["packets"] and mpps > 0.001

    def test_a_worker_alone_on_net_pcap(self):
        """
        Steps: let the probe poll net_pcap with infinite_rx=1; judge its rate by half of it, and by
               twice.
        Verify: all flows are in the table, nothing is lost; the first verdict holds, the second
                names rate, expectation and tolerance.
        """
        path = capture(self.dir / "flows.pcap", distinct(2000))
        mpps, up = measure(self.teiten.path("teiten-probe"), self.dir,
                           {"id": "up0", "device": repeated(path), "buffers": 6000}, (0, 1), SECONDS)
        assert up["used"] == 2000 and up["observed"] == up["packets"]
        assert up["imissed"] == up["ierrors"] == up["rx_nombuf"] == 0
        verdict(mpps, mpps / 2, 0.05)
        with pytest.raises(AssertionError, match=rf"{mpps:.2f} Mpps, expected {2 * mpps:.2f} Mpps less 5 %"):
            verdict(mpps, mpps * 2, 0.05)
