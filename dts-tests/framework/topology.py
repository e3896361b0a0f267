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

    def __init__(self, name, links=1):
        self.sut, self.tester = f"tt-{name}-{os.getpid()}-s", f"tt-{name}-{os.getpid()}-t"
        self.ifaces = [f"teiten{i}" for i in range(links)]
        self.peers = [f"tester{i}" for i in range(links)]
        device, self.lcores = configured()
        self.devices = [device.format(iface=x).replace("0,", f"{i},", 1) for i, x in enumerate(self.ifaces)]
        self.iface, self.peer, self.device = self.ifaces[0], self.peers[0], self.devices[0]

    def __enter__(self):
        for ns in (self.sut, self.tester):
            ip("netns", "add", ns)
            for key in ("all", "default"):
                self.run(ns, "sysctl", "-qw", f"net.ipv6.conf.{key}.disable_ipv6=1")
        for i in range(len(self.ifaces)):
            self.plug(i)
        return self

    def plug(self, i):
        """Makes the veth pair of a link."""
        ip("-n", self.sut, "link", "add", self.ifaces[i], "type", "veth", "peer", "name", self.peers[i],
           "netns", self.tester)
        for ns, iface in ((self.sut, self.ifaces[i]), (self.tester, self.peers[i])):
            ip("-n", ns, "link", "set", iface, "mtu", "9000", "up")
            ip("-n", ns, "link", "set", iface, "arp", "off")

    def unplug(self, i):
        """Removes it, with both its ends."""
        ip("-n", self.sut, "link", "del", self.ifaces[i])

    def set_peer(self, i, state):
        """Takes the carrier of a link away ("down") or gives it back ("up")."""
        ip("-n", self.tester, "link", "set", self.peers[i], state)

    def has_link(self, i):
        """What the kernel says of the probe's end; up to a second behind set_peer()."""
        return "LOWER_UP" in subprocess.run(["ip", "-n", self.sut, "link", "show", self.ifaces[i]], check=True,
                                            stdout=subprocess.PIPE, text=True).stdout

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

    def send(self, capture, pause_us=200, link=0, out_of=None):
        """Sends every packet of a pcap file once from the tester's end, or out of an interface of the
        sut that is itself a device's (a tap)."""
        subprocess.run(self.sender(capture, pause_us, link, out_of), check=True)

    def sender(self, capture, pause_us=200, link=0, out_of=None):
        """The command that does it."""
        ns, iface = (self.sut, out_of) if out_of else (self.tester, self.peers[link])
        return ["ip", "netns", "exec", ns, "/usr/bin/python3", __file__, str(capture), iface, str(pause_us)]


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
