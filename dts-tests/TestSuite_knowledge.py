# SPDX-License-Identifier: BSD-3-Clause
"""What was published about services, beside what arrives for them."""
import json
import shutil
import subprocess

import pytest
from framework.capture import MACS, START, pcap
from framework.suite import TestSuite
from scapy.all import IP, TCP, Ether


def entry(cve, date, ransomware="Unknown"):
    return {"cveID": cve, "vendorProject": "MikroTik", "product": "RouterOS", "vulnerabilityName": f"About {cve}",
            "dateAdded": date, "shortDescription": "", "knownRansomwareCampaignUse": ransomware, "cwes": []}


class TestKnowledge(TestSuite):
    def files(self):
        kev = {"title": "a catalogue", "catalogVersion": "2024.12.18", "dateReleased": "2024-12-18T10:00:00Z",
               "count": 2, "vulnerabilities": [entry("CVE-2018-14847", "2021-12-01"),
                                               entry("CVE-2024-0001", "2024-11-20", "Known")]}
        services = {"kind": "services", "v": 1, "services": [
            {"proto": "tcp", "port": 8291, "name": None, "about": {"en": "Winbox"}, "products": ["RouterOS"],
             "malware": ["Example"], "cves": ["CVE-2018-14847", "CVE-2024-0001", "CVE-2023-30799"],
             "source": "by hand"}]}
        (self.dir / "kev.json").write_text(json.dumps(kev))
        (self.dir / "services.json").write_text(json.dumps(services))
        (self.dir / "iana.csv").write_text("Service Name,Port Number,Transport Protocol,Description\n"
                                           "from-iana,8728,tcp,\"Two\nlines\"\n")
        frames = [bytes(Ether(**MACS) / IP(src=f"203.0.113.{n % 9}", dst="198.51.100.9")
                        / TCP(sport=1024, dport=port, flags="S"))
                  for n, port in enumerate([8291] * 20 + [8728] * 10 + [23] * 5)]
        db = self.dir / "k.db"
        self.teiten.replay(db, pcap(self.dir / "k.pcap", [(f, None, (START + i) * 10**9)
                                                          for i, f in enumerate(frames)]),
                           services=self.dir / "services.json")
        return db

    @pytest.mark.sanitized
    def test_beside_traffic(self):
        """
        Steps: top by port with and without the catalogue, as JSON, CSV and table; show of the service with
               and without a database.
        Verify: how many vulnerabilities of a service are exploited and since when; names of the registry's
                file; traffic of the service is that of top.
        """
        db, kev = self.files(), self.dir / "kev.json"
        rows = {r["port"]: r for r in self.teiten.top(db, "port", kev=kev, iana=self.dir / "iana.csv")["rows"]}
        assert (rows[8291]["exploited"], rows[8291]["exploited_last"]) == (2, "2024-11-20")
        assert (rows[23]["exploited"], rows[23]["exploited_last"]) == (0, None)
        assert rows[8728]["service"] == "from-iana"
        assert "exploited" not in self.teiten.top(db, "port")["rows"][0]
        csv = {r["port"]: r for r in self.teiten.top_csv(db, "port", kev=kev)}
        assert csv["8291"]["exploited"] == "2" and csv["23"]["exploited_last"] == ""
        table = self.teiten.run("teiten", "top", "--db", db, "--by", "port", "--kev", kev).out
        assert "2 CVEs, last 2024-11-20" in table
        shown = self.teiten.run("teiten", "show", "--port", "tcp/8291", "--db", db, "--kev", kev,
                                "--format", "json").last
        assert [(c["cve"], c["exploited"]) for c in shown["cves"]] == [
            ("CVE-2024-0001", "2024-11-20"), ("CVE-2018-14847", "2021-12-01"), ("CVE-2023-30799", None)]
        assert shown["cves"][0]["ransomware"] and shown["kev"] == "2024-12-18"
        assert (shown["packets"], shown["sources"]) == (rows[8291]["packets"], rows[8291]["sources"])
        alone = self.teiten.run("teiten", "show", "--port", "tcp/8291", "--format", "json",
                                "--services", self.dir / "services.json").last
        assert alone["products"] == ["RouterOS"] and "packets" not in alone
        assert "Winbox" in self.teiten.run("teiten", "show", "--port", "tcp/8291").out  # the installed table

    def test_in_the_report(self):
        """
        Steps: the report with and without the catalogue.
        Verify: what is known of the first services stands in the page and in report.json, with the catalogue
                its entries and their days, those of the quarter in bold; without it no day.
        """
        db = self.files()

        def report(name, *args):
            folder = self.dir / name
            self.teiten.run("teiten", "report", "--db", db, "--period", "2024Q4", "--lang", "en", *args, "-o", folder)
            return json.loads((folder / "report.json").read_text()), (folder / "report.html").read_text()
        told, page = report("with", "--kev", self.dir / "kev.json")
        known = {(k["proto"], k["port"]): k for k in told["knowledge"]}["tcp", 8291]
        assert (known["products"], known["malware"], told["kev"]) == (["RouterOS"], ["Example"], "2024-12-18")
        assert [(c["cve"], c["exploited"]) for c in known["cves"]] == [
            ("CVE-2024-0001", "2024-11-20"), ("CVE-2018-14847", "2021-12-01"), ("CVE-2023-30799", None)]
        page = page.replace('<span class="cve">', "").replace("</span>", "").replace(' class="cve"', "")
        assert "<td>Winbox</td><td>Example</td><td><b>CVE-2024-0001 (2024-11-20)</b>, " \
            "CVE-2018-14847 (2021-12-01), CVE-2023-30799</td>" in page
        told, page = report("without")
        assert told["kev"] is None
        page = page.replace('<span class="cve">', "").replace("</span>", "")
        assert "<td>CVE-2018-14847, CVE-2024-0001, CVE-2023-30799</td>" in page  # as services.json has them
        assert "2024-11-20" not in page

    def test_by_malware(self):
        """
        Steps: packets to ports of two families, one port of both, of three sources; top and series by family
               and of one family; report.
        Verify: counts are those made by hand; a port of both counts for each, packets to other ports for
                none; an unknown family, and services.json without any, are said in one line.
        """
        path = self.dir / "families.json"
        services = [{"proto": "tcp", "port": port, "malware": names, "source": "by hand"}
                    for port, names in ((23, ["Mirai", "Other"]), (2323, ["Mirai"]), (445, ["Other"]))]
        path.write_text(json.dumps({"kind": "services", "v": 1, "services": services}))
        ports = [23] * 7 + [2323] * 5 + [445] * 4 + [80] * 30
        frames = [bytes(Ether(**MACS) / IP(src=f"203.0.113.{n % 3}", dst="198.51.100.9")
                        / TCP(sport=1024, dport=port, flags="S", seq=9)) for n, port in enumerate(ports)]
        db = self.dir / "m.db"
        self.teiten.replay(db, pcap(self.dir / "m.pcap", [(f, None, (START + i) * 10**9)
                                                          for i, f in enumerate(frames)]), services=path)

        def told(result):
            return [(r["rank"], r["malware"], r["services"], r["packets"], r["sources"]) for r in result["rows"]]
        want = [(1, "Mirai", "tcp/23 tcp/2323", 12, 3), (2, "Other", "tcp/23 tcp/445", 11, 3)]
        assert told(self.teiten.top(db, "malware")) == want
        assert told(self.teiten.top(db, "malware", read="rollups")) == want
        assert [(r["malware"], r["packets"]) for r in self.teiten.top_csv(db, "malware")] == [
            ("Mirai", "12"), ("Other", "11")]
        for name, of in (("mirai", {23: 7, 2323: 5}), ("Other", {23: 7, 445: 4})):
            rows = self.teiten.top(db, "port", malware=name)["rows"]
            assert {r["port"]: r["packets"] for r in rows} == of
            for by in ({}, {"by": "sensor"}):
                points = self.teiten.series(db, malware=name, **by)["rows"][0]["points"]
                assert [p["packets"] for p in points] == [sum(of.values())]
        rows = self.teiten.series(db, by="malware")["rows"]
        assert [(r["key"], [p["packets"] for p in r["points"]]) for r in rows] == [
            ({"malware": "Mirai"}, [12]), ({"malware": "Other"}, [11])]
        assert "tcp/23 tcp/2323" in self.teiten.run("teiten", "top", "--db", db, "--by", "malware").out
        self.teiten.run("teiten", "report", "--db", db, "--period", "2024Q4", "-o", self.dir / "out")
        doc = json.loads((self.dir / "out/report.json").read_text())
        assert told(doc["malware"]) == want and doc["tools"]["rows"] == []
        assert (self.dir / "out/tables/malware.csv").read_text().splitlines()[1].startswith(
            "1,,Mirai,tcp/23 tcp/2323,12,")
        assert "<td>Mirai</td><td>23/TCP, 2323/TCP</td>" in (self.dir / "out/report.html").read_text()
        path.write_text(json.dumps({"kind": "services", "v": 1, "services": []}))
        for args, text in ((["--malware", "worm"], "'worm', expected one that services.json names: Mirai, Other"),
                           (["--by", "malware", "--services", path], "names no malware")):
            done = self.teiten.run("teiten", "series", "--db", db, *args, ok=False)
            assert done.status == 2 and done.out == "" and len(done.messages) == 1, done
            assert text in done.messages[0], done

    def test_wrong_files(self):
        """
        Steps: catalogue and registry's file: absent, empty, cut, of another kind.
        Verify: one line that names the file, status 2, nothing on stdout.
        """
        db, bad = self.files(), self.dir / "bad"
        whole = (self.dir / "kev.json").read_text()
        for option, texts in (("kev", ["", whole[:-30], "[]", whole.replace('"count": 2', '"count": 3')]),
                              ("iana", ["", "a,b\n", "Service Name,Port Number,Transport Protocol\nx,99999,tcp\n"])):
            for text in [None, *texts]:
                bad.unlink(missing_ok=True)
                if text is not None:
                    bad.write_text(text)
                for command in (["top", "--db", db, "--by", "port"], ["show", "--port", "tcp/23"]):
                    done = self.teiten.run("teiten", *command, f"--{option}", bad, ok=False)
                    assert done.status == 2 and done.out == "" and len(done.messages) == 1, done
                    assert str(bad) in done.messages[0], done

    @pytest.mark.sanitized
    def test_names_of_the_system(self):
        """
        Steps: a system (an /etc of its own) whose services(5) is absent, right, has a bad row among right ones,
               names a port twice, has a zero byte, is a folder; then --iana with a right file in that form.
        Verify: what is right of it names ports; what is wrong is one warning with file and row, status 0; the
                names of the file that is given take their place.
        """
        db = self.files()
        etc = self.dir / "etc"
        shutil.copytree("/etc", etc, symlinks=True, ignore=shutil.ignore_patterns("ssl", "alternatives", "services"))
        file = etc / "services"

        def top(*args):
            p = subprocess.run(["unshare", "-m", "sh", "-c", 'mount --bind "$1" /etc && shift && exec "$@"', "sh", str(etc),
                                self.teiten.path("teiten"), "top", "--db", str(db), "--by", "port", "--format", "json",
                                *map(str, args)], capture_output=True, text=True)
            assert p.returncode == 0, p
            return {r["port"]: r["service"] for r in json.loads(p.stdout)["rows"]}, p.stderr.splitlines()

        def warned(row):
            return ["teiten: warning: top: /etc/services" + row]

        assert top() == ({8291: None, 8728: None, 23: None}, [])
        right = "# of the system\ntel\t23/tcp\tother\nrtmp 1/ddp # AppleTalk\nby-udp 8728/udp\n"
        for text, names, told in (
                (right, {23: "tel", 8728: None}, []),
                (right + "bad 99999/tcp\nmik 8728/tcp\nworse\n", {23: "tel", 8728: "mik"},
                 warned(':5: has "bad 99999/tcp", expected a name and port/protocol, as telnet 23/tcp')),
                (right + "again 23/tcp\n", {23: "tel", 8728: None},
                 warned(":5: names 23/tcp as row 2 does, expected once")),
                (right + "\0", {23: None, 8728: None}, warned(":5: has a zero byte, expected text in UTF-8"))):
            file.write_text(text)
            assert top() == ({8291: None, **names}, told), text
        file.unlink()
        file.mkdir()
        assert top() == ({8291: None, 23: None, 8728: None}, warned(": Is a directory"))
        file.rmdir()
        file.write_text(right)
        given = self.dir / "given"
        given.write_text("mikrotik 8728/tcp\n")
        assert top("--iana", given) == ({8291: None, 23: "tel", 8728: "mikrotik"}, [])
