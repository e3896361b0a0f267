# SPDX-License-Identifier: BSD-3-Clause
"""Capture files written byte by byte, so that no library decides what is in them."""
import struct

MACS = dict(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
ETHERNET, RAW, SLL, SLL2 = 1, 101, 113, 276
START = 1734490800  # 2024-12-18T03:00:00Z


def record(order, data, ns, length, unit):
    data = bytes(data)
    return struct.pack(order + "IIII", ns // 10**9 & 0xffffffff, ns % 10**9 // unit, len(data),
                       length if length is not None else len(data)) + data


def pcap(path, packets, link=ETHERNET, order="<", nanoseconds=False, snaplen=262144, start=START,
         step_ns=1_000_000):
    """Writes packets: bytes, or (bytes, original length), or (bytes, original length, ns).

    Without a time each packet comes step_ns after the one before. Returns the path.
    """
    unit = 1 if nanoseconds else 1000
    out = bytearray(struct.pack(order + "IHHiIII", 0xa1b23c4d if nanoseconds else 0xa1b2c3d4,
                                2, 4, 0, 0, snaplen, link))
    for i, p in enumerate(packets):
        p = p if isinstance(p, tuple) else (p, None)
        ns = p[2] if len(p) > 2 else start * 10**9 + i * step_ns
        length = p[1] if p[1] is not None else len(bytes(p[0]))
        out += record(order, bytes(p[0])[:snaplen], ns, length, unit)
    path.write_bytes(out)
    return path


def block(order, kind, body):
    body += b"\0" * (-len(body) % 4)
    total = len(body) + 12
    return struct.pack(order + "II", kind, total) + body + struct.pack(order + "I", total)


def nothing_new(path, at):
    """A capture of one frame that no sensor takes, at this second: time has gone on."""
    return pcap(path, [(b"\xff" * 12 + struct.pack(">H", 0x0806) + bytes(46), None, at * 10**9)])


def pcapng(path, packets, links=(ETHERNET,), order="<", tsresol=None, start=START,
           step_ns=1_000_000):
    """Like pcap(), for (bytes, interface) packets; tsresol is the option's byte (6: microseconds)."""
    out = bytearray(block(order, 0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1)))
    for link in links:
        options = b"" if tsresol is None else \
            struct.pack(order + "HHB3xHH", 9, 1, tsresol, 0, 0)
        out += block(order, 1, struct.pack(order + "HHI", link, 0, 0) + options)
    per_second = 10**6 if tsresol is None else \
        (2 ** (tsresol & 127) if tsresol & 128 else 10 ** tsresol)
    for i, (data, interface) in enumerate(packets):
        data = bytes(data)
        ns = start * 10**9 + i * step_ns
        ticks = ns * per_second // 10**9
        body = struct.pack(order + "IIIII", interface, ticks >> 32, ticks & 0xffffffff, len(data),
                           len(data)) + data
        out += block(order, 6, body)
    path.write_bytes(out)
    return path
