# SPDX-License-Identifier: BSD-3-Clause
"""Two namespaces on one wire (veth), the far one with many addresses."""
import os
import subprocess

from .wan import Wan, ip


class Lan:
    """`near` (10.78.0.1) and `far` (10.78.0.2, and 10.78.1.1 and on)."""
    NEAR, FAR = "10.78.0.1", "10.78.0.2"
    popen = staticmethod(Wan.popen)

    def __init__(self, name, addresses=0):
        self.near, self.far = f"tt-{name}-{os.getpid()}-n", f"tt-{name}-{os.getpid()}-f"
        self.addresses = addresses

    def __enter__(self):
        for ns in (self.near, self.far):
            ip("netns", "add", ns)
            ip("-n", ns, "link", "set", "lo", "up")
        ip("-n", self.near, "link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", self.far)
        for ns, address in ((self.near, self.NEAR), (self.far, self.FAR)):
            ip("-n", ns, "addr", "add", f"{address}/16", "dev", "lan0")
            ip("-n", ns, "link", "set", "lan0", "up")
        for i in range(1, self.addresses + 1):
            ip("-n", self.far, "addr", "add", f"10.78.1.{i}/16", "dev", "lan0")
        return self

    def __exit__(self, *exc):
        for ns in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", ns], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
