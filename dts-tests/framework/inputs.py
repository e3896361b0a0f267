# SPDX-License-Identifier: BSD-3-Clause
"""Files that people give to the programs: a right one of each kind, and how each goes wrong."""
import gzip
import json
import random
import struct
import zlib
from dataclasses import dataclass, field


def doc(kind, **members):
    return (json.dumps({"kind": kind, "v": 1, **members}, indent=1, ensure_ascii=False) + "\n").encode()


WATCH = {"name": "dns", "title": {"en": "Name"}, "sensors": ["*"], "measure": "sources", "keep_sources": True,
         "where": {"class": ["reflection"], "ports": ["udp/53"]}, "feed": {"identifier": "dns-open-resolver"}}
SERVICE = {"proto": "tcp", "port": 8291, "name": "winbox", "about": {"en": "Name"}, "source": "by hand"}
ASN = (b'11.0.0.0,11.0.0.255,64500,"Name, Inc."\n11.0.0.128,11.0.0.191,64502,Inner\n'
       b"11.1.0.0,11.1.255.255,64501,Other\n2001:db8::,2001:db8::ffff,64503,Six\n")
LIST = b"# Name\n203.0.113.0/24\n198.51.100.7\n2001:db8::/32\n"
SCANNERS = doc("scanners", scanners=[{"name": "shodan", "prefixes": ["203.0.113.0/24"]}])
RIR = (b"2|apnic|20241217|4|19830101|20241217|+1000\napnic|*|ipv4|*|2|summary\napnic|*|ipv6|*|1|summary\n"
       b"apnic|*|asn|*|1|summary\n# Name\napnic|JP|ipv4|11.0.0.0|65536|20100101|allocated\n"
       b"apnic|KR|ipv4|11.1.0.0|65536|20100101|allocated|Name\napnic|JP|asn|64500|1|20100101|allocated\n"
       b"apnic|JP|ipv6|2001:200::|32|20100101|allocated\n")
KEV_ROW = {"cveID": "CVE-2018-14847", "vendorProject": "MikroTik", "product": "RouterOS",
           "vulnerabilityName": "Name", "dateAdded": "2021-12-01", "knownRansomwareCampaignUse": "Unknown"}
IANA = (b"Service Name,Port Number,Transport Protocol,Description\nName,8728,tcp,\"Two\nlines\"\n"
        b"ranged,9000-9002,udp,\n,9003,tcp,Reserved\n")
VERDICTS = (b"address,date,open,product,note\n11.0.0.1,2024-12-18,yes,BIND,Name\n"
            b"11.0.0.2,2024-12-18,no,,\"two\nlines\"\n")
NOTE = b"# Name\n\nIt was *quiet*: {{table1.rows.0.packets}} packets.\n"


ETC = b"# Name\nName 8728/tcp other # alias\nranged\t9000/udp\nrtmp 1/ddp\n"
SVG = (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">\n<title>Name</title>\n'
       b'<circle cx="4" cy="4" r="3"/>\n</svg>\n')


def chunk(name, data, crc=None):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data) if crc is None else crc)


IHDR, IDAT = struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0), zlib.compress(b"\0\0\xff" * 2)


def png(*chunks):
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)


PNG = png((b"IHDR", IHDR), (b"IDAT", IDAT), (b"IEND", b""))


def sensor(number, **members):
    return {"id": f"s{number}", "name": {"en": "Name"}, "match": {"prefixes": [f"198.51.100.{number}/32"]}, **members}


def sensors(*rows, **members):
    return doc("sensors", sensors=rows, **members)


def kev(*rows):
    return json.dumps({"title": "Name", "catalogVersion": "1", "dateReleased": "2024-12-18T10:00:00Z",
                       "count": len(rows), "vulnerabilities": rows}).encode()


@dataclass
class Kind:
    """`folder`: programs are given the folder that the file lies in. `cuts`: where a cut shows, else any place."""
    name: str
    file: str
    data: bytes
    folder: bool = False
    cuts: tuple = ()
    # rows that contradict each other, and what is said of them
    against: dict = field(default_factory=dict)
    text: bool = True  # the word Name stands where text does
    fine: tuple = ()  # faults that are none
    any_text: bool = False  # every text is one


def gz(data):
    return gzip.compress(data, mtime=0)


def services(*rows):
    return doc("services", services=rows)


def contacts(*rows):
    return doc("contacts", contacts=rows)


KINDS = [
    Kind("asn", "asn.csv", ASN, cuts=(3, 15, 30, len(ASN) - 12), against={
        b"11.0.0.0,11.0.0.255,64500,A\n11.0.0.0,11.0.0.255,64501,B\n": ":2: "}),
    Kind("asn-gz", "asn.csv.gz", gz(ASN), text=False, against={
        gz(b"11.0.0.0,11.0.0.255,64500,A\n11.0.0.0,11.0.0.255,64501,B\n"): ":2: "}),
    Kind("scanners", "scanners.json", SCANNERS.replace(b'"shodan"', b'"shodan", "title": "Name"'), text=False),
    Kind("scanner-list", "shodan.txt", LIST, folder=True, cuts=(10, 20, len(LIST) - 2), fine=("no UTF-8",)),
    Kind("rir", "delegated-apnic-latest", RIR, folder=True, fine=("no UTF-8",), against={
        RIR.replace(b"KR|ipv4|11.1", b"KR|ipv4|11.0"): ":7: ", RIR.replace(b"|ipv4|*|2", b"|ipv4|*|9"): "",
        RIR.replace(b"|4|1983", b"|9|1983").replace(b"summary\n", b"sum\n"): ""}),
    Kind("services", "services.json", services(SERVICE), against={
        services(SERVICE, {**SERVICE, "name": "other"}): "$.services[1]"}),
    Kind("kev", "kev.json", kev(KEV_ROW), against={
        kev(KEV_ROW, {**KEV_ROW, "dateAdded": "2022-12-01"}): "CVE-2018-14847",
        kev(KEV_ROW).replace(b'"count": 1', b'"count": 2'): "$.count"}),
    Kind("iana", "iana.csv", IANA, cuts=(10, 40, 60, len(IANA) - 30), against={
        IANA + b"back,9002-9000,tcp,\n": ":6: ", IANA + b"far,65536,tcp,\n": ":6: "}),
    Kind("iana-etc", "services", ETC, cuts=(10, 16, 18, len(ETC) - 3), against={
        ETC + b"ranged 9001/udp\nfurther 9000/udp\n": ":6: names 9000/udp as row 3 does", ETC + b"far 65536/tcp\n": ":5: ",
        ETC + b"odd 7/what\n": ":5: ", ETC + b"23/tcp telnet\n": ":5: ", ETC + b"alone\n": ":5: "}),
    Kind("sensors", "sensors.json", sensors(sensor(1), sensor(2)), against={
        sensors(sensor(1), sensor(2, id="s1")): "$.sensors[1]", sensors(sensor(1), sensor(1, id="s2")): "$.sensors[1]",
        sensors(sensor(1), sensor(2, since="2024-12-01", until="2024-11-01")): "$.sensors[1]",
        sensors(sensor(1), maintenance=[{"sensors": ["s2"], "from": "2024-12-01", "to": "2024-12-02"}]):
            "$.maintenance[0]",
        sensors(sensor(1), maintenance=[{"sensors": ["s1"], "from": "2024-12-02", "to": "2024-12-01"}]):
            "$.maintenance[0]"}),
    Kind("logo-svg", "logo.svg", SVG, against={
        SVG + b"<svg/>": ":6: ", b"<!-- <svg></svg> -->\n<html></html>\n": "neither PNG nor SVG"}),
    Kind("logo-png", "logo.png", PNG, text=False, against={
        png((b"IHDR", IHDR), (b"IEND", b"")): "byte 45", png((b"IDAT", IDAT), (b"IEND", b"")): "byte 8",
        png((b"IHDR", IHDR), (b"IHDR", IHDR), (b"IDAT", IDAT), (b"IEND", b"")): "byte 33",
        png((b"IHDR", IHDR), (b"IDAT", IDAT, 1), (b"IEND", b"")): "byte 33", PNG + b"x": f"byte {len(PNG)}"}),
    Kind("regions", "regions.json", doc("regions", names=[{"region": "JP", "en": "Name"}],
                                        groups=[{"name": "east", "regions": ["JP", "KR"]}]), against={
        doc("regions", names=[{"region": "JP", "en": "A"}, {"region": "JP", "en": "B"}]): "$.names[1]",
        doc("regions", groups=[{"name": "east", "regions": ["JP"]}, {"name": "east", "regions": ["KR"]}]):
            "$.groups[1]"}),
    Kind("watches", "watches.json", doc("watches", watches=[WATCH]), against={
        doc("watches", watches=[WATCH, {**WATCH, "measure": "bytes"}]): "$.watches[1]"}),
    Kind("report", "config.json", doc("report", title={"en": "Name"}), against={
        b'{"kind": "report", "v": 1, "top": 5, "top": 6}': ":1:"}),
    Kind("previous", "previous.json", b"", text=False),  # a report's own: the suite makes it
    Kind("notes", "overview.md", NOTE, folder=True, cuts=(35,), fine=("absent", "empty", "an endless row"), any_text=True),
    Kind("contacts", "contacts.json", contacts({"name": "isp-a", "title": {"en": "Name"}, "asn": [64500]}), against={
        contacts({"name": "isp-a", "asn": [64500]}, {"name": "isp-b", "asn": [64500]}): "$.contacts[1]",
        contacts({"name": "isp-a"}, {"name": "isp-a"}): "$.contacts[1]"}),
    Kind("verdicts", "verdicts.csv", VERDICTS, cuts=(3, 20, 33, 45, len(VERDICTS) - 8), against={
        VERDICTS + b"11.0.0.1,2024-12-18,no,,\n": "row 2"}),
]
BY_NAME = {k.name: k for k in KINDS}


# ---- what is done to a file: each makes `path`

def cut_points(kind):
    n = len(kind.data.rstrip())
    return kind.cuts or (1, n // 4, n // 2, 3 * n // 4, n - 1)


def put(path, data):
    path.write_bytes(data)


def spoilt(kind, byte):
    if kind.text:
        return kind.data.replace(b"Name", b"N" + byte + b"me", 1)
    return kind.data[:20] + byte + kind.data[20:]


def sparse(path, kind):
    with open(path, "wb") as f:
        f.truncate(5 << 30)


def unreadable(path, kind):
    put(path, kind.data)
    path.chmod(0)


def no_folder(path, kind):
    path.parent.rmdir()


def file_for_folder(path, kind):
    path.parent.rmdir()
    put(path.parent, kind.data)


FAULTS = {
    "absent": lambda path, kind: None,
    "a folder": lambda path, kind: path.mkdir(),
    "empty": lambda path, kind: put(path, b""),
    "noise": lambda path, kind: put(path, random.Random(kind.name).randbytes(5000)),
    "a zero byte": lambda path, kind: put(path, spoilt(kind, b"\0")),
    "no UTF-8": lambda path, kind: put(path, spoilt(kind, b"\xff")),
    "sparse": sparse,
    "an endless row": lambda path, kind: put(path, kind.data[:5] + b"x" * (20 << 20)),
    "unreadable": unreadable,
    "no folder": no_folder,
    "a file for a folder": file_for_folder,
}
FOLDER_FAULTS = ("no folder", "a file for a folder")


def family(kind):
    """Kinds that the same option takes."""
    return kind.name.split("-")[0] if kind.name != "scanner-list" else kind.name


def faults(kind):
    """(what, function of path and kind that makes it)"""
    for what, make in FAULTS.items():
        if what not in kind.fine and (kind.folder or what not in FOLDER_FAULTS):
            yield what, make
    for n in cut_points(kind):
        yield f"cut at {n}", lambda path, kind, n=n: put(path, kind.data[:n])
    for other in KINDS:
        if not kind.any_text and family(other) != family(kind):
            yield f"a file of {other.name}", lambda path, kind, other=other: put(path, other.data)
