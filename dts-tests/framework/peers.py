# SPDX-License-Identifier: BSD-3-Clause
"""Ends of the link made by hand from docs/link.md: nothing of the C code is in them."""
import json
import struct
import subprocess
import time

import zmq
from framework.suite import PATIENCE

HELLO, WELCOME, BATCH, ACK, REFUSE, WHO = range(1, 7)
LATER, BAD, NEVER = 1, 2, 3


def head(kind, value=0, boot=0, seq=0, version=1):
    return struct.pack("<2sBBIQQ", b"TL", kind, version, value, boot, seq)


def hello(probe, boot=0xaa, lowest=1, highest=1, version=1, clock_ns=None):
    clock_ns = time.time_ns() if clock_ns is None else clock_ns
    return head(HELLO, 0, boot, 0, version) + struct.pack("<HHq32s", lowest, highest, clock_ns, probe.encode())


def parse(frame):
    """(type, version, value, boot, seq, what follows) of a frame."""
    magic, kind, version, value, boot, seq = struct.unpack_from("<2sBBIQQ", frame)
    assert magic == b"TL"
    return kind, version, value, boot, seq, frame[24:]


def curve(socket, keys, server_key):
    """Makes a client of a socket; keys: (public, secret) as Z85 bytes."""
    socket.curve_publickey, socket.curve_secretkey = keys
    socket.curve_serverkey = server_key


class Dealer:
    """A probe by hand."""

    def __init__(self, endpoint, keys=None, server_key=None, timeout_ms=30000):
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvtimeo = timeout_ms
        if keys:
            curve(self.socket, keys, server_key)
        self.socket.connect(endpoint)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.socket.close()
        self.context.term()

    def send(self, *frames):
        self.socket.send_multipart(list(frames))

    def hear(self):
        """The next frame taken apart; None where nothing comes."""
        try:
            return parse(self.socket.recv())
        except zmq.Again:
            return None

    def ask(self, *frames):
        self.send(*frames)
        return self.hear()


def key_pair(programs, path):
    """A pair of `teiten keygen`: (path, public key, (public, secret) for a socket)."""
    public = programs.run("teiten", "keygen", path).out.strip()
    return str(path), public, (public.encode(), path.read_text().split()[0].encode())


class Feed:
    """lib/link's client with known batches (link_feed); its last words are `result`."""

    def __init__(self, programs, endpoint, namespace=None, nice=0, **options):
        cmd = [str(programs.build / "lib/link_feed"), "--endpoint", endpoint]
        for key, value in options.items():
            cmd += ["--" + key.replace("_", "-"), str(value)]
        if namespace:
            cmd = ["ip", "netns", "exec", namespace, *cmd]
        self.process = subprocess.Popen(cmd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        stdin=subprocess.DEVNULL)

    def wait(self, timeout=60):
        self.out, self.err = self.process.communicate(timeout=timeout * PATIENCE)
        self.said = [json.loads(line) for line in self.out.splitlines()]
        self.result = self.said[-1] if self.said else None
        return self.process.returncode

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        if not self.process.stdout.closed:
            self.process.communicate()


def feed_packets(batches, rows):
    """What link_feed puts into so many batches: row i has 1 + i mod 7 packets."""
    return batches * sum(1 + i % 7 for i in range(rows))


def recorded(test, probe):
    """A batch as link_feed encodes it (boot f0, number 1, 30 rows), caught by a ROUTER."""
    context = zmq.Context()
    router = context.socket(zmq.ROUTER)
    router.linger, router.rcvtimeo = 0, 60000
    endpoint = f"ipc://{test.dir}/recorder"
    router.bind(endpoint)
    feed = Feed(test.teiten, endpoint, probe=probe, batches=1, rows=30)
    try:
        peer, _ = router.recv_multipart()
        router.send_multipart([peer, head(WELCOME, 4, 0xf0)])
        while True:
            frames = router.recv_multipart()
            if len(frames) == 3:
                return frames[2]
    finally:
        feed.kill()
        router.close()
        context.term()


def crc32c(data, crc=0):
    """CRC-32 (Castagnoli) without inversions: rte_hash begins with 0; RFC 3720 with 2^32-1, and inverts the end."""
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc
