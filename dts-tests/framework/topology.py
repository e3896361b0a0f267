# SPDX-License-Identifier: BSD-3-Clause
"""The default topology: two network namespaces and a veth pair, made and removed by the suite."""
import os
import socket
import subprocess
import sys
from pathlib import Path


def configured():
    """What conf.yaml says of the system under test: (DPDK device with {iface}, worker lcores)."""
    import yaml  # not in main(), which sends
    conf = yaml.safe_load((Path(__file__).resolve().parent.parent / "conf.yaml").read_text())
    assert conf["topology"] == "veth", "conf.yaml: topology: expected veth, the only one so far"
    sut = next(n for n in conf["nodes"] if n["name"] == "sut")
    return sut["ports"][0]["device"], sut["lcores"]


def ip(*args):
    subprocess.run(["ip", *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class Veth:
    """`sut` and `tester` namespaces joined by a veth pair; the kernel itself sends nothing on it."""

    def __init__(self, name):
        self.sut, self.tester = f"tt-{name}-{os.getpid()}-s", f"tt-{name}-{os.getpid()}-t"
        self.iface, self.peer = "teiten0", "tester0"
        device, self.lcores = configured()
        self.device = device.format(iface=self.iface)

    def __enter__(self):
        for ns in (self.sut, self.tester):
            ip("netns", "add", ns)
            for key in ("all", "default"):
                self.run(ns, "sysctl", "-qw", f"net.ipv6.conf.{key}.disable_ipv6=1")
        ip("-n", self.sut, "link", "add", self.iface, "type", "veth", "peer", "name", self.peer,
           "netns", self.tester)
        for ns, iface in ((self.sut, self.iface), (self.tester, self.peer)):
            ip("-n", ns, "link", "set", iface, "mtu", "9000", "up")
            ip("-n", ns, "link", "set", iface, "arp", "off")
        return self

    def __exit__(self, *exc):
        for ns in (self.sut, self.tester):
            subprocess.run(["ip", "netns", "del", ns], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    @staticmethod
    def run(ns, *cmd, **kw):
        return subprocess.run(["ip", "netns", "exec", ns, *cmd], check=True, **kw)

    def popen(self, *cmd, **kw):
        """Starts a program in the sut's namespace."""
        return subprocess.Popen(["ip", "netns", "exec", self.sut, *map(str, cmd)], text=True,
                                stdin=subprocess.DEVNULL, **kw)

    def send(self, capture, pause_us=200):
        """Sends every packet of a pcap file once from the tester's end."""
        self.run(self.tester, "/usr/bin/python3", __file__, str(capture), self.peer, str(pause_us))


def main(path, iface, pause_us):
    import struct
    import time
    data = open(path, "rb").read()
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((iface, 0))
    at = 24
    while at < len(data):
        n = struct.unpack_from("<I", data, at + 8)[0]
        s.send(data[at + 16:at + 16 + n])
        at += 16 + n
        if pause_us:
            time.sleep(pause_us / 1e6)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
