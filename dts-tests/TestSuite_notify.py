# SPDX-License-Identifier: BSD-3-Clause
"""Feeds: the sources of a watch for those who answer for them."""
import csv
import datetime
import io
import json
from zoneinfo import ZoneInfo

from framework import intelmq
from framework.capture import MACS, pcap
from framework.suite import TestSuite
from scapy.all import DNS, DNSQR, DNSRR, IP, TCP, UDP, Ether

SENSOR = "198.51.100.9"
TOKYO = ZoneInfo("Asia/Tokyo")
COLUMNS = ("timestamp,protocol,src_ip,src_port,src_asn,src_geo,src_region,src_city,src_hostname,src_naics,"
           "src_sector,device_vendor,device_type,device_model,severity,dst_ip,dst_port,dst_asn,dst_geo,"
           "dst_region,dst_city,dst_hostname,dst_naics,dst_sector,public_source,infection,family,tag,"
           "application,version,event_id,count").split(",")


def at(day, hour, minute, second):
    return int(datetime.datetime(2024, 12, day, hour, minute, second, tzinfo=TOKYO).timestamp())


def answer(source, port):
    dns = DNS(id=7, qr=1, ra=1, qd=DNSQR(qname="example.org"), an=DNSRR(rrname="example.org", rdata="192.0.2.1"))
    return bytes(Ether(**MACS) / IP(src=source, dst=SENSOR) / UDP(sport=53, dport=port) / dns)


def syn(source, sport, dport, seq):
    return bytes(Ether(**MACS) / IP(src=source, dst=SENSOR, id=4711)
                 / TCP(sport=sport, dport=dport, flags="S", seq=seq))


def utc(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


class TestNotify(TestSuite):
    # source, time, what
    REFLECTION = [("11.0.0.1", at(18, 3, 4, 5), 40001), ("11.0.0.1", at(18, 22, 0, 7), 40001),
                  ("11.0.0.2", at(18, 0, 0, 0), 40002), ("11.1.0.1", at(18, 23, 59, 59), 40003),
                  ("11.2.0.1", at(18, 12, 0, 0), 40004), ("11.0.0.9", at(17, 23, 59, 59), 40005),
                  ("11.0.0.1", at(19, 1, 0, 0), 40006), ("11.0.0.3", at(19, 2, 0, 0), 40007),
                  ("11.0.0.1", at(25, 1, 0, 0), 40008)]
    MIRAI = [("11.0.0.4", at(18, 5, 0, 0), 23), ("11.0.0.4", at(18, 5, 0, 1), 23)]
    SCAN = [("11.1.0.5", at(18, 6, 0, 0), 445)]

    def database(self, asn="asn.csv"):
        destination = int.from_bytes(bytes(map(int, SENSOR.split("."))), "big")
        frames = [(t, answer(s, p)) for s, t, p in self.REFLECTION]
        frames += [(t, syn(s, 50123, p, destination)) for s, t, p in self.MIRAI]
        frames += [(t, syn(s, 50124, p, 99)) for s, t, p in self.SCAN]
        frames = [(f, None, t * 10**9) for t, f in sorted(frames)]
        watch = {"sensors": ["*"], "measure": "sources", "by": ["sensor"], "keep_sources": True}
        watches = [
            {"name": "dns", "title": {"en": "DNS reflection", "ja": "DNS応答"}, **watch,
             "where": {"class": ["reflection"], "ports": ["udp/53"]},
             "feed": {"identifier": "dns-open-resolver", "tlp": "AMBER", "cooldown_days": 7}},
            {"name": "mirai", **watch, "where": {"class": ["scan"], "tool": ["mirai"]},
             "feed": {"identifier": "mirai", "tlp": "CLEAR", "cooldown_days": 0}},
            {"name": "smb", **watch, "where": {"class": ["scan"], "ports": ["tcp/445"]},
             "feed": {"identifier": "smb", "tlp": "AMBER+STRICT"}},
            {"name": "quiet", **watch, "where": {"class": ["scan"]}}]
        (self.dir / "watches.json").write_text(json.dumps({"kind": "watches", "v": 1, "watches": watches}))
        (self.dir / "rir").mkdir()
        (self.dir / "rir/delegated-apnic-latest").write_text(
            "2|apnic|20241217|2|19830101|20241217|+1000\napnic|*|ipv4|*|2|summary\n"
            "apnic|JP|ipv4|11.0.0.0|65536|20100101|allocated\napnic|KR|ipv4|11.1.0.0|65536|20100101|allocated\n")
        (self.dir / "asn.csv").write_text("11.0.0.0,11.0.0.255,64500,\"Example, Inc.\"\n"
                                          "11.1.0.0,11.1.255.255,64501,OTHER\n")
        (self.dir / "contacts.json").write_text(json.dumps({
            "kind": "contacts", "v": 1,
            "sender": {"name": {"en": "Example CERT", "ja": "サンプルCERT"}, "email": "cert@example.org"},
            "contacts": [{"name": "isp-a", "title": {"en": "ISP A", "ja": "A社"}, "language": "ja",
                          "email": ["abuse@isp-a.example", "noc@isp-a.example"], "asn": [64500]},
                         {"name": "isp-b", "email": "abuse@isp-b.example", "asn": [64501]}]}))
        db = self.dir / "n.db"
        self.teiten.replay(db, pcap(self.dir / "n.pcap", frames), watches=self.dir / "watches.json",
                           rir=self.dir / "rir", asn=asn and self.dir / asn, timezone="Asia/Tokyo")
        return db

    def feed(self, db, day, watch, format="intelmq", out="out", ok=True, **options):
        options.setdefault("contacts", self.dir / "contacts.json")
        args = [a for k, v in options.items() for a in (f"--{k}", v) if v is not None]
        return self.teiten.run("teiten", "feed", "--db", db, "--day", day, "--watch", watch, "--format", format,
                               "-o", self.dir / out, *args, ok=ok)

    def files(self, out="out"):
        return {p.name: p.read_text() for p in (self.dir / out).iterdir() if not p.name.startswith(".")}

    def events(self, out="out"):
        return {name: [json.loads(line) for line in text.splitlines()]
                for name, text in self.files(out).items() if name.endswith(".jsonl")}

    def test_intelmq(self):
        """
        Steps: DNS answers from three networks around a local day, a Mirai-like and another probe.
        Verify: a file for each AS and contact; every event keeps IntelMQ's rules; times, counts, ports,
                registry, network and contact are those of the packets and files; nothing of the sensor.
        """
        db = self.database()
        done = self.feed(db, "2024-12-18", "dns", rir=self.dir / "rir", asn=self.dir / "asn.csv")
        assert done.last == {"day": "2024-12-18", "watch": "dns", "groups": 2, "told": 3, "cooling": 0, "unassigned": 1}
        rows = self.teiten.top(db, "asn", class_="reflection")["rows"]  # names stay with the database
        assert [(r["asn"], r["as_name"]) for r in rows] == [(64500, "Example, Inc."), (64501, "OTHER"), (None, None)]
        assert "Example, Inc." in self.teiten.run("teiten", "top", "--db", db, "--by", "asn", "--class", "all").out
        events = self.events()
        assert sorted(events) == ["2024-12-18-dns-isp-a-as64500.jsonl", "2024-12-18-dns-isp-b-as64501.jsonl",
                                  "2024-12-18-dns-unassigned-as0.jsonl"]
        for event in (e for rows in events.values() for e in rows):
            assert intelmq.problems(event) == []
        first, second = events["2024-12-18-dns-isp-a-as64500.jsonl"]
        assert second["source.ip"] == "11.0.0.2"
        expected = {
            "time.source": utc(at(18, 3, 4, 5)).isoformat(), "source.ip": "11.0.0.1", "source.port": 53,
            "source.asn": 64500, "source.as_name": "Example, Inc.", "source.network": "11.0.0.0/24",
            "source.registry": "APNIC", "source.geolocation.cc": "JP",
            "source.abuse_contact": "abuse@isp-a.example, noc@isp-a.example", "destination.port": 40001,
            "protocol.transport": "udp", "protocol.application": "dns", "feed.provider": "Example CERT",
            "classification.taxonomy": "vulnerable", "classification.type": "ddos-amplifier",
            "classification.identifier": "dns-open-resolver", "tlp": "AMBER", "extra.count": 2,
            "extra.first_seen": utc(at(18, 3, 4, 5)).isoformat(),
            "extra.last_seen": utc(at(18, 22, 0, 7)).isoformat(), "extra.timezone": "Asia/Tokyo",
            "extra.rir": "2024-12-17"}
        assert {k: first.get(k) for k in expected} == expected
        assert first["feed.accuracy"] < 100 and "dns_ra" in first["extra.traits"]
        watch = json.loads(self.teiten.run("teiten", "watch", "show", "dns", "--db", db, "--format", "json").out)
        assert watch["rir"] == "2024-12-17"
        assert "regions of 2024-12-17" in self.teiten.run("teiten", "watch", "show", "dns", "--db", db).out
        alone = events["2024-12-18-dns-unassigned-as0.jsonl"][0]
        assert alone["source.ip"] == "11.2.0.1"
        assert not {"source.asn", "source.as_name", "source.network", "source.abuse_contact",
                    "source.geolocation.cc"} & set(alone)
        assert self.feed(db, "2024-12-18", "mirai", out="m").last["told"] == 1
        (event,), = self.events("m").values()
        assert intelmq.problems(event) == []
        assert (event["classification.taxonomy"], event["classification.type"], event["malware.name"],
                event["source.port"], event["destination.port"], event["extra.count"], event["tlp"]) == \
            ("malicious-code", "infected-system", "mirai", 50123, 23, 2, "WHITE")
        self.feed(db, "2024-12-18", "smb", out="s")
        (event,), = self.events("s").values()
        assert intelmq.problems(event) == [] and "malware.name" not in event
        assert (event["classification.type"], event["tlp"], event["extra.tlp"]) == \
            ("scanner", "AMBER", "AMBER+STRICT")
        for out in ("out", "m", "s"):
            for name, text in self.files(out).items():
                assert SENSOR not in text and "default" not in text, name

    def test_shadowserver(self):
        """
        Steps: the same day in Shadowserver's columns, twice.
        Verify: names of files, columns in order, values; nothing of the sensor; the second time the same.
        """
        db = self.database()
        self.feed(db, "2024-12-18", "dns", format="shadowserver")
        files = self.files()
        name = "2024-12-18-event4_honeypot_darknet-isp-a-dns-as64500.csv"
        assert name in files and len(files) == 5
        rows = list(csv.reader(io.StringIO(files[name])))
        assert rows[0] == COLUMNS and len(rows) == 3 and all(len(r) == len(COLUMNS) for r in rows)
        row = dict(zip(COLUMNS, rows[1]))
        told = {k: v for k, v in row.items() if v}
        assert len(told.pop("event_id")) == 32
        assert told == {
            "timestamp": utc(at(18, 3, 4, 5)).strftime("%Y-%m-%d %H:%M:%S"), "protocol": "udp",
            "src_ip": "11.0.0.1", "src_port": "53", "src_asn": "64500", "src_geo": "JP", "severity": "medium",
            "dst_port": "40001", "public_source": "Example CERT", "application": "dns", "count": "2",
            "tag": f"dns-open-resolver;last_seen={utc(at(18, 22, 0, 7)):%Y-%m-%d %H:%M:%S};tlp=AMBER"}
        assert len({r[30] for n, t in files.items() if n.endswith(".csv")
                    for r in list(csv.reader(io.StringIO(t)))[1:]}) == 4
        self.feed(db, "2024-12-18", "dns", format="shadowserver")
        assert self.files() == files
        self.feed(db, "2024-12-18", "mirai", format="shadowserver", out="m")
        text, = (t for n, t in self.files("m").items() if n.endswith(".csv"))
        row = dict(zip(COLUMNS, list(csv.reader(io.StringIO(text)))[1]))
        assert (row["infection"], row["family"], row["src_port"], row["dst_port"], row["dst_ip"]) == \
            ("mirai", "mirai", "50123", "23", "")
        assert not any(SENSOR in t for t in {**files, **self.files("m")}.values())

    def test_cool_down(self):
        """
        Steps: the day before, the day, the day after, and seven days later, with a cool-down of seven days;
               the same day in both formats.
        Verify: a source is told once a day and again only after the cool-down; the same day tells the same.
        """
        db = self.database()
        assert self.feed(db, "2024-12-17", "dns").last["told"] == 1
        assert self.feed(db, "2024-12-18", "dns").last["told"] == 3
        assert self.feed(db, "2024-12-18", "dns", format="shadowserver").last["told"] == 3
        after = self.feed(db, "2024-12-19", "dns").last
        assert (after["told"], after["cooling"]) == (1, 1)
        assert [e["source.ip"] for e in self.events()["2024-12-19-dns-isp-a-as64500.jsonl"]] == ["11.0.0.3"]
        again = self.feed(db, "2024-12-25", "dns").last  # seven days after
        assert (again["told"], again["cooling"]) == (1, 0)
        self.feed(db, "2024-12-18", "dns", out="other")
        other = self.feed(db, "2024-12-19", "dns", out="other").last  # told from there too
        assert (other["told"], other["cooling"]) == (1, 1)
        assert self.feed(db, "2024-12-20", "dns", out="empty").last["groups"] == 0
        assert self.files("empty") == {}

    def test_days_out_of_order(self):
        """
        Steps: a day, the day before it that was forgotten, the day again.
        Verify: what the day told first stands: the day before does not cool its sources down.
        """
        db = self.database()
        first = self.feed(db, "2024-12-19", "dns").last
        assert (first["told"], first["cooling"]) == (2, 0)
        files = {n: t for n, t in self.files().items() if n.endswith(".txt")}
        assert self.feed(db, "2024-12-18", "dns").last["told"] == 3  # 11.0.0.1 among them
        again = self.feed(db, "2024-12-19", "dns").last
        assert (again["told"], again["cooling"]) == (2, 0)
        assert {n: t for n, t in self.files().items() if n in files} == files

    def test_networks_that_come_later(self):
        """
        Steps: a database made without a file of networks; feeds with one.
        Verify: its AS groups, names and finds contacts, as if it had been there.
        """
        db = self.database(asn=None)
        assert self.teiten.top(db, "asn", class_="reflection")["rows"][0]["asn"] is None
        done = self.feed(db, "2024-12-18", "dns", asn=self.dir / "asn.csv").last
        assert (done["groups"], done["told"], done["unassigned"]) == (2, 3, 1)
        event = self.events()["2024-12-18-dns-isp-a-as64500.jsonl"][0]
        assert (event["source.asn"], event["source.as_name"]) == (64500, "Example, Inc.")
        assert "AS64500 (Example, Inc.)" in self.files()["2024-12-18-dns-isp-a-as64500.txt"]

    def test_letters(self):
        """
        Steps: letters in the contacts' languages, and all in English.
        Verify: addressed, marked, with numbers, network and times; where there is nobody to write to there is no letter.
        """
        db = self.database()
        self.feed(db, "2024-12-18", "dns", asn=self.dir / "asn.csv")
        files = self.files()
        japanese = files["2024-12-18-dns-isp-a-as64500.txt"]
        for text in ("宛先: A社 <abuse@isp-a.example, noc@isp-a.example>", "[TLP:AMBER] DNS応答", "AS64500 (Example, Inc.)",
                     "2件のアドレス", "2024-12-17T15:00:00Z", "2024-12-18T13:00:07Z", "サンプルCERT", "cert@example.org",
                     "2024-12-18-dns-isp-a-as64500.jsonl"):
            assert text in japanese, text
        english = files["2024-12-18-dns-isp-b-as64501.txt"]
        for text in ("To: isp-b <abuse@isp-b.example>", "Subject: [TLP:AMBER] DNS reflection", "1 address of your",
                     "AS64501 (OTHER)", "2024-12-18T14:59:59Z", "Example CERT", "not told again for 7 days"):
            assert text in english, text
        assert {n for n in files if "unassigned" in n} == {"2024-12-18-dns-unassigned-as0.jsonl"}
        self.feed(db, "2024-12-18", "dns", out="en", lang="en")
        assert "To: ISP A <" in self.files("en")["2024-12-18-dns-isp-a-as64500.txt"]
        assert "\n\nOn 2024-12-18 (Asia/Tokyo) our sensors" in self.files("en")["2024-12-18-dns-isp-b-as64501.txt"]

    def test_letters_without_networks(self):
        """
        Steps: letters to the contact of a region, where no file tells networks.
        Verify: the subject leaves them out, the text says that they are not known.
        """
        db = self.database(asn=None)
        (self.dir / "jp.json").write_text(json.dumps({
            "kind": "contacts", "v": 1, "contacts": [{"name": "jp", "email": "abuse@jp.example", "regions": ["JP"]}]}))
        for lang, head, line in (("en", "Subject: [TLP:AMBER] DNS reflection, 2024-12-18\n", "Network:   unknown"),
                                 ("ja", "件名: [TLP:AMBER] DNS応答（2024-12-18）\n", "ネットワーク:   不明")):
            self.feed(db, "2024-12-18", "dns", out=lang, lang=lang, contacts=self.dir / "jp.json",
                      rir=self.dir / "rir")
            letter = self.files(lang)["2024-12-18-dns-jp-as0.txt"]
            assert head in letter and line in letter, letter

    def test_a_contact_that_comes_later(self):
        """
        Steps: a day's feed without contacts, then with contacts, then with one for what was left, twice.
        Verify: what nobody answers for has a file and no letter, is not told and does not cool down: the first
                feed that has a contact for it tells it, the next does not.
        """
        db = self.database()
        alone = self.feed(db, "2024-12-18", "dns", contacts=None).last
        assert (alone["groups"], alone["told"], alone["unassigned"], alone["cooling"]) == (0, 0, 4, 0)
        assert sorted(self.files()) == [f"2024-12-18-dns-unassigned-as{n}.jsonl" for n in (0, 64500, 64501)]
        assert sum(len(rows) for rows in self.events().values()) == 4
        assert not (self.dir / "out/.told-dns").exists()
        some = self.feed(db, "2024-12-18", "dns", out="some").last
        assert (some["told"], some["unassigned"], some["cooling"]) == (3, 1, 0)
        contacts = json.loads((self.dir / "contacts.json").read_text())
        contacts["contacts"].append({"name": "late", "prefixes": ["11.2.0.0/16"]})
        (self.dir / "more.json").write_text(json.dumps(contacts))
        told = self.dir / "some/.told-dns"
        day = ("2024-12-18", "dns")
        for n in (1, 2):
            late = self.feed(db, *day, out="late", told=told, contacts=self.dir / "more.json").last
            assert (late["told"], late["unassigned"], late["cooling"]) == (4, 0, 0), n  # the day again tells the same
        assert self.files("late")["2024-12-18-dns-late-as0.txt"].startswith("To: late\n")
        contacts["contacts"][-1]["name"] = "unassigned"
        (self.dir / "more.json").write_text(json.dumps(contacts))
        done = self.feed(db, *day, out="bad", contacts=self.dir / "more.json", ok=False)
        assert done.status == 2 and "more.json: $.contacts[2].name" in done.err and not (self.dir / "bad").exists()

    def test_wrong_input(self):
        """
        Steps: an unknown watch, one without feed, a time for a day, a contact file of each wrong kind, one
               that contradicts itself, a told file that is none, a format that is none.
        Verify: one line that says what and where, status 2, nothing on stdout, no files.
        """
        db = self.database()

        def refused(*texts, day="2024-12-18", watch="dns", **options):
            done = self.feed(db, day, watch, ok=False, out="none", **options)
            assert done.status == 2 and done.out == "" and len(done.messages) == 1, done
            assert all(t in done.messages[0] for t in texts), (texts, done)
            assert not (self.dir / "none").exists() or self.files("none") == {}

        refused("watch nobody", "not in this database", watch="nobody")
        refused("watch quiet", "no feed", watch="quiet")
        refused("--day", day="2024-12-18T03:00:00Z")
        refused("--day", day="yesterday")
        refused("--format", format="stix")
        bad = self.dir / "bad"
        twice = {"kind": "contacts", "v": 1, "contacts": [{"name": "a", "asn": [64500]}, {"name": "b", "asn": [64500]}]}
        for text, message in (("", ":1:0"), ("{", ":1:"), ('{"kind":"watches","v":1,"watches":[]}', "$.kind"),
                              (json.dumps(twice), "$.contacts[1].asn[0]: is 64500, expected another than in $.contacts[0].asn"),
                              (json.dumps({**twice, "contacts": [{"name": "a", "prefixes": ["1.2.3.4/8"]}]}),
                               "$.contacts[0].prefixes[0]")):
            bad.write_text(text)
            refused(str(bad), message, contacts=bad)
        bad.write_text("2024-12-18 192.0.2.1\nyesterday 192.0.2.2\n")
        refused(f"{bad}:2: is \"yesterday 192.0.2.2\"", told=bad)
        refused("/nonexistent", contacts="/nonexistent")
