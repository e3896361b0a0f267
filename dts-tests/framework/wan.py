# SPDX-License-Identifier: BSD-3-Clause
"""A long way between two network namespaces: real packets of real connections, delayed, lost,
reordered or cut. Between two TUN devices stands this process, so that no module of the kernel is
needed (netem is not everywhere)."""
import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454ca, 1, 0x1000, 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def ip(*args):
    subprocess.run(["ip", *args], check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def tun_in(namespace, name):
    """A TUN device of a namespace, as a descriptor of this process."""
    made = []

    def enter():  # a thread of its own: setns is for good
        ns = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        if LIBC.setns(ns, CLONE_NEWNET):
            made.append(OSError(ctypes.get_errno(), "setns"))
        else:
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
            made.append(fd)
        os.close(ns)

    t = threading.Thread(target=enter)
    t.start()
    t.join()
    if not made or isinstance(made[0], OSError):
        raise made[0] if made else OSError(f"{namespace}: no TUN device")
    return made[0]


class Wan:
    """`near` (10.77.0.1) and `far` (10.77.0.2) namespaces; delay_s, jitter_s (which reorders), loss
    (0 to 1) and cut can be set at any time. More addresses of the far side: 10.77.1.0/24."""
    NEAR, FAR = "10.77.0.1", "10.77.0.2"

    def __init__(self, name, delay_s=0.0, jitter_s=0.0, loss=0.0, seed=1):
        self.near, self.far = f"tt-{name}-{os.getpid()}-n", f"tt-{name}-{os.getpid()}-f"
        self.delay_s, self.jitter_s, self.loss, self.cut = delay_s, jitter_s, loss, False
        self.random = random.Random(seed)
        self.carried = self.dropped = self.reordered = 0
        self.stopping = False

    def __enter__(self):
        self.fds = []
        for ns, address in ((self.near, self.NEAR), (self.far, self.FAR)):
            ip("netns", "add", ns)
            ip("-n", ns, "link", "set", "lo", "up")
            self.fds.append(tun_in(ns, "wan0"))
            ip("-n", ns, "addr", "add", f"{address}/16", "dev", "wan0")
            ip("-n", ns, "link", "set", "wan0", "mtu", "1500", "up")
        self.thread = threading.Thread(target=self.carry, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stopping = True
        self.thread.join()
        for fd in self.fds:
            os.close(fd)
        for ns in (self.near, self.far):
            subprocess.run(["ip", "netns", "del", ns], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def take(self, side, on_way):
        """Reads what one side has to send; every packet gets its time of arrival, or none."""
        for _ in range(64):
            try:
                packet = os.read(self.fds[side], 65536)
            except BlockingIOError:
                return
            if self.cut or self.random.random() < self.loss:
                self.dropped += 1
                continue
            due = time.monotonic() + self.delay_s + self.random.random() * self.jitter_s
            self.number += 1
            heapq.heappush(on_way, (due, self.number, 1 - side, packet))

    def carry(self):
        on_way, self.number, last = [], 0, [0, 0]
        while not self.stopping:
            wait = min(max(on_way[0][0] - time.monotonic(), 0), 0.05) if on_way else 0.05
            ready, _, _ = select.select(self.fds, [], [], wait)
            for side in (0, 1):
                if self.fds[side] in ready:
                    self.take(side, on_way)
            now = time.monotonic()
            while on_way and on_way[0][0] <= now:
                _, number, side, packet = heapq.heappop(on_way)
                self.reordered += number < last[side]
                last[side] = max(number, last[side])
                try:
                    os.write(self.fds[side], packet)
                    self.carried += 1
                except OSError:
                    self.dropped += 1  # its queue is full, as a router's

    @staticmethod
    def popen(namespace, *cmd, **kw):
        kw = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
              "text": True, **kw}
        return subprocess.Popen(["ip", "netns", "exec", namespace, *map(str, cmd)], **kw)
