# SPDX-License-Identifier: BSD-3-Clause
"""IntelMQ's rules for the fields of an event, written from its documentation (3.x)."""
import datetime
import ipaddress
import re

TYPES = {  # classification.type -> classification.taxonomy
    "scanner": "information-gathering", "infected-system": "malicious-code", "ddos-amplifier": "vulnerable",
    "ddos": "availability", "other": "other"}


def is_time(v):
    return isinstance(v, str) and bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", v)) \
        and bool(datetime.datetime.fromisoformat(v))


def is_text(v):
    return isinstance(v, str) and v == v.strip() and len(v) > 0


def is_lower(v):
    return is_text(v) and v == v.lower()


def is_integer(low, high):
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and low <= v <= high


def is_address(v):
    try:
        return str(ipaddress.ip_address(v)) == v and v != "0.0.0.0"
    except ValueError:
        return False


def is_network(v):
    try:
        return str(ipaddress.ip_network(v)) == v
    except ValueError:
        return False


RULES = {
    "time.source": is_time, "time.observation": is_time,
    "feed.name": is_text, "feed.provider": is_text,
    "feed.accuracy": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool) and 0 <= v <= 100,
    "classification.taxonomy": lambda v: is_lower(v) and v in TYPES.values(),
    "classification.type": lambda v: is_lower(v) and v in TYPES,
    "classification.identifier": is_text,
    "source.ip": is_address, "source.port": is_integer(0, 65535), "source.asn": is_integer(1, 4294967295),
    "source.as_name": is_text, "source.network": is_network,
    "source.registry": lambda v: v in ("AFRINIC", "APNIC", "ARIN", "LACNIC", "RIPE"),
    "source.geolocation.cc": lambda v: isinstance(v, str) and bool(re.fullmatch("[A-Z]{2}", v)),
    "source.abuse_contact": lambda v: isinstance(v, str) and all(
        re.fullmatch(r"[^@\s,]+@[^@\s,]+", one) for one in v.split(", ")),
    "destination.port": is_integer(0, 65535),
    "protocol.transport": lambda v: v in ("tcp", "udp", "icmp", "ipv6-icmp", "udp-lite") or (
        is_text(v) and bool(re.fullmatch(r"\d{1,3}", v))),
    "protocol.application": lambda v: is_lower(v) and bool(re.fullmatch("[ -~]{1,100}", v)),
    "malware.name": lambda v: is_lower(v) and bool(re.fullmatch("[ -~]+", v)),
    "event_description.text": is_text,
    "tlp": lambda v: v in ("WHITE", "GREEN", "AMBER", "RED"),
}
REQUIRED = ["time.source", "time.observation", "feed.name", "classification.taxonomy", "classification.type",
            "source.ip"]


def problems(event):
    """What IntelMQ would refuse in an event."""
    out = [f"{k} is missing" for k in REQUIRED if k not in event]
    for key, value in event.items():
        if not re.fullmatch(r"[a-z_][a-z_0-9]+(\.[a-z_0-9]+)*", key):
            out.append(f"{key} is no name")
        elif key.startswith("extra."):
            if value in ("", None, [], {}):
                out.append(f"{key} is empty")
        elif key not in RULES:
            out.append(f"{key} is unknown")
        elif not RULES[key](value):
            out.append(f"{key} is {value!r}")
    if TYPES.get(event.get("classification.type")) != event.get("classification.taxonomy"):
        out.append("type and taxonomy do not fit")
    return out
