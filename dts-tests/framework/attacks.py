# SPDX-License-Identifier: BSD-3-Clause
"""What strangers do to an endpoint: `attacks.py WHAT HOST PORT ADDRESSES SERVER_KEY` says when it has tried
AT_ONCE times, goes on until SIGTERM, and then says how often it tried."""
import json
import os
import random
import signal
import socket
import sys
import time

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(15) + b"\x00" + bytes(31)  # ZMTP 3.0, 64 bytes
MAX_OPEN = 4000
AT_ONCE = 300


class Crowd:
    """Connections from many addresses; the oldest make room."""

    def __init__(self, host, port, addresses):
        self.to, self.addresses, self.open, self.tries = (host, port), addresses, [], 0

    def connect(self):
        s = socket.socket()
        s.setblocking(False)
        self.tries += 1
        s.bind((f"10.78.1.{1 + self.tries % self.addresses}", 0))
        s.connect_ex(self.to)
        self.open.append(s)
        if len(self.open) > MAX_OPEN:
            self.open.pop(0).close()
        return s

    def say(self, s, data):
        try:
            return s.send(data) >= 0
        except BlockingIOError:
            return True
        except OSError:
            s.close()
            if s in self.open:
                self.open.remove(s)
            return False


def greet(crowd, _):
    """A whole greeting, then silence."""
    fresh = [crowd.connect() for _ in range(20)]
    time.sleep(0.01)
    for s in fresh:
        crowd.say(s, GREETING)


def drip(crowd, _):
    """A byte a second of the greeting on every connection."""
    for _ in range(20):
        crowd.connect()
    time.sleep(0.01)
    for s in random.sample(crowd.open, min(len(crowd.open), 100)):
        crowd.say(s, b"\xff")


def garbage(crowd, _):
    fresh = [crowd.connect() for _ in range(20)]
    time.sleep(0.01)
    for s in fresh:
        crowd.say(s, os.urandom(random.randrange(1, 2000)))


def huge(crowd, _):
    """The greeting, then a command that claims 2^62 bytes, or 15 MiB, and sends some."""
    fresh = [crowd.connect() for _ in range(10)]
    time.sleep(0.02)
    for s in fresh:
        size = random.choice((1 << 62, 15 << 20))
        if crowd.say(s, GREETING):
            crowd.say(s, b"\x06" + size.to_bytes(8, "big") + b"\x05HELLO" + bytes(1000))


def flood(crowd, _):
    """The greeting, then commands of 15 MiB, all of which is sent as fast as it is taken."""
    for _ in range(5):
        crowd.starting = [*getattr(crowd, "starting", []), crowd.connect()][-100:]
    time.sleep(0.02)
    for s in crowd.starting:
        if crowd.say(s, GREETING):
            crowd.say(s, b"\x06" + (15 << 20).to_bytes(8, "big") + b"\x05HELLO")
    crowd.starting = []
    for s in random.sample(crowd.open, min(len(crowd.open), 100)):
        crowd.say(s, bytes(1 << 18))


def with_zmq(crowd, server_key, keys):
    """Whole handshakes of libzmq, each from another address."""
    import zmq
    context = crowd.__dict__.setdefault("context", zmq.Context())
    context.max_sockets = 4096
    for _ in range(4):
        d = context.socket(zmq.DEALER)
        d.linger = 0
        if keys:
            d.curve_publickey, d.curve_secretkey = zmq.curve_keypair()
            d.curve_serverkey = server_key.encode()
        crowd.tries += 1
        d.connect(f"tcp://10.78.1.{1 + crowd.tries % crowd.addresses}:0;{crowd.to[0]}:{crowd.to[1]}")
        crowd.open.append(d)
        if len(crowd.open) > 200:
            crowd.open.pop(0).close()
    time.sleep(0.01)


def strangers(crowd, server_key):
    with_zmq(crowd, server_key, True)


def keyless(crowd, server_key):
    with_zmq(crowd, server_key, False)


def main(what, host, port, addresses, server_key):
    import resource
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.nice(19)  # it is not the machine that is under attack
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    crowd, round_ = Crowd(host, int(port), int(addresses)), globals()[what]
    told = False
    while not stop:
        round_(crowd, server_key)
        if not told and crowd.tries >= AT_ONCE:
            told = True
            print("begun", flush=True)
    print(json.dumps({"tries": crowd.tries}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
