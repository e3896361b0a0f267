# SPDX-License-Identifier: BSD-3-Clause
"""Source regions: whole sets against another reader, and how sets are fetched."""
import hashlib
import http.server
import ipaddress
import json
import os
import random
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
from framework import rir
from framework.capture import MACS, pcap
from framework.suite import TestSuite
from scapy.all import IP, TCP, Ether, IPv6


class Server:
    """HTTPS on a port of its own with a certificate of its own CA; what it does with a path is told."""

    def __init__(self, folder, files):
        self.files = files  # path -> bytes
        self.fault = {}  # path -> function(handler, body)
        self.asked = []
        self.folder = folder
        self.make_certificates()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                if self.path in server.fault:
                    server.fault[self.path](self, server.files.get(self.path, b""))
                elif self.path in server.files:
                    server.send(self, server.files[self.path])
                else:
                    self.send_error(404)

            def log_message(self, *args):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, daemon=True)
        self.thread.start()

    def make_certificates(self):
        def openssl(*args):
            subprocess.run(["openssl", *args], cwd=self.folder, check=True, capture_output=True)
        (self.folder / "san").write_text("subjectAltName=IP:127.0.0.1\n")
        for name in ("ca", "other"):
            openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN=test {name}")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1")
        openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", "server.pem", "-days", "2", "-extfile", "san")

    @staticmethod
    def send(handler, body, length=None):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)

    def url(self, path):
        return f"https://127.0.0.1:{self.http.server_port}{path}"

    def close(self):
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


def with_sums(files):
    """The side files as registries write them: some as md5sum does, some as BSD does."""
    out = dict(files)
    for i, (path, body) in enumerate(files.items()):
        digest, name = hashlib.md5(body).hexdigest(), path.rsplit("/", 1)[1]
        line = f"MD5 ({name}) = {digest}\n" if i % 2 else f"{digest}  {name}\n"
        out[path + ".md5"] = line.encode()
    return out


class TestRegions(TestSuite):
    def registry_files(self, date="20241217", rows=3000, seed=1):
        folder = self.dir / f"made-{date}-{seed}"
        rir.write_set(folder, date, rows, seed)
        return {f"/{p.name.split('-')[1]}/delegated": p.read_bytes() for p in folder.iterdir()}

    def serve(self, **options):
        server = Server(self.dir, with_sums(self.registry_files()))
        conf = {"kind": "regions", "v": 1, "directory": "rir", "ca_file": "ca.pem", "timeout_s": 20,
                "files": [{"registry": r, "url": server.url(f"/{r}/delegated")} for r in rir.REGISTRIES],
                **options}
        (self.dir / "regions.json").write_text(json.dumps(conf))
        return server

    def update(self, status=0):
        done = self.teiten.run("teiten", "regions", "update", "-c", self.dir / "regions.json", ok=False,
                               timeout=240)
        assert done.status == status, done
        if status:
            assert done.out == "" and len(done.messages) == 1, done
            assert done.messages[0].endswith(f"{self.dir}/rir stays as it was"), done
        return done

    def sets(self):
        """What is in the folder, hidden ones too."""
        return {p.name: {f.name: f.read_bytes() for f in p.iterdir()} for p in (self.dir / "rir").iterdir()}

    def test_update(self):
        """
        Steps: fetch five files; again; once more after the registries published others of that day and
               of the next.
        Verify: a set by the latest date of its files; the same files are no new set; others of the same
                date replace it in one step; the next day's stand beside.
        """
        server = self.serve()
        try:
            first = self.update()
            assert first.out.splitlines()[-1] == f"{self.dir}/rir/2024-12-17: new set"
            was = self.sets()
            assert list(was) == ["2024-12-17"]
            assert was["2024-12-17"] == {f"delegated-{r}-latest": server.files[f"/{r}/delegated"]
                                         for r in rir.REGISTRIES}
            assert len(server.asked) == 10  # five and their checksums
            assert self.update().out.splitlines()[-1].endswith(": is there already")
            assert self.sets() == was
            server.files = with_sums(self.registry_files(seed=2))
            self.update()
            assert list(self.sets()) == ["2024-12-17"] and self.sets() != was
            server.files = with_sums(self.registry_files("20241218", seed=3))
            self.update()
            assert sorted(self.sets()) == ["2024-12-17", "2024-12-18"]
            lookup = subprocess.run([self.teiten.build / "lib/region_lookup", self.dir / "rir"],
                                    input="", capture_output=True, text=True, check=True)
            assert json.loads(lookup.stdout)["date"] == "2024-12-18"
        finally:
            server.close()

    def test_one_bad_file_changes_nothing(self):
        """
        Steps: a set in force; then each fault at one of the five: absent, cut in transfer, cut before
               it was published, another registry's, garbage, empty, huge, slow, a wrong checksum, none,
               a redirection to plain HTTP, a server of another CA.
        Verify: one line that names the address, status 1, and the set in force is byte for byte there.
        """
        server = self.serve(max_mb=1)
        path, side = "/apnic/delegated", "/apnic/delegated.md5"

        def body_is(data, fits=True):
            def change():
                server.files[path] = data
                if fits:
                    server.files[side] = hashlib.md5(data).hexdigest().encode()
            return change

        def fault(where, fn):
            return lambda: server.fault.__setitem__(where, fn)

        def redirect(handler, body):
            handler.send_response(302)
            handler.send_header("Location", "http://127.0.0.1:1/delegated")
            handler.end_headers()

        def slow(handler, body):
            handler.send_response(200)
            handler.end_headers()
            try:
                for i in range(300):
                    handler.wfile.write(body[i:i + 1])
                    time.sleep(0.1)
            except OSError:
                pass

        def endless(handler, body):
            handler.send_response(200)
            handler.end_headers()
            try:
                for _ in range(64):
                    handler.wfile.write(body)
            except OSError:
                pass

        good = with_sums(self.registry_files("20241220", seed=5))
        data = good[path]
        cases = [
            ("answered 404, expected 200", lambda: server.files.pop(path)),
            ("delegated.md5: the server answered 404", lambda: server.files.pop(side)),
            ("", fault(path, lambda h, b: server.send(h, b[:len(b) // 2], len(b)))),
            ("the file was cut", body_is(data[:len(data) // 2])),
            ("the file was cut", body_is(data[:data.rindex(b"\n", 0, -2) + 1])),
            ("is of the registry \"arin\", expected \"apnic\"", body_is(good["/arin/delegated"])),
            (":1: has 1 fields", body_is(b"<html>maintenance</html>\n")),
            ("holds no rows", body_is(b"")),
            ("is longer than 1048576 bytes", body_is(b"#" * (1 << 20) + b"#")),
            ("is longer than 1048576 bytes", fault(path, endless)),
            ("imed out", fault(path, slow)),
            ("its MD5 is", body_is(data + b"\n", fits=False)),
            ("holds no checksum", lambda: server.files.__setitem__(side, b"soon\n")),
            ("is longer than 4095 bytes", lambda: server.files.__setitem__(side, b"0" * 5000)),
            ("http", fault(path, redirect)),
        ]
        try:
            self.update()
            was = self.sets()
            conf = json.loads((self.dir / "regions.json").read_text())
            for text, change in cases:
                server.files, server.fault = dict(good), {}
                change()
                if text == "imed out":
                    (self.dir / "regions.json").write_text(json.dumps({**conf, "timeout_s": 3}))
                message = self.update(status=1).messages[0]
                (self.dir / "regions.json").write_text(json.dumps(conf))
                assert text in message and server.url(path) in message, (text, message)
                assert self.sets() == was, text
            server.files, server.fault = dict(good), {}
            (self.dir / "regions.json").write_text(json.dumps({**conf, "ca_file": "other.pem"}))
            assert "certificate" in self.update(status=1).messages[0]
            assert self.sets() == was
            (self.dir / "regions.json").write_text(json.dumps(conf))
            self.update()
            assert sorted(self.sets()) == ["2024-12-17", "2024-12-20"]
        finally:
            server.close()

    def test_bogons(self):
        """
        Steps: packets from special-purpose addresses of IPv4 and IPv6, from addresses that no file has and from
               a registered one; top by source and by region, show.
        Verify: bogons are marked by source, take no rank and are listed last, no more than asked for; they are
                marked in show; by region they are in the row --, unranked, which tells how many they are.
        """
        folder = self.dir / "rir"
        folder.mkdir(exist_ok=True)
        (folder / "delegated-apnic-latest").write_text(
            "2|apnic|20241201|1|19830101|20241201|+1000\napnic|JP|ipv4|11.0.0.0|256|20100101|allocated\n")
        sent = {"11.0.0.1": 1, "9.9.9.9": 2, "10.1.2.3": 4, "100.64.0.1": 8, "240.0.0.1": 16, "2a00::1": 32,
                "fc00::1": 64, "2001:db8::7": 128}
        bogons = {"10.1.2.3", "100.64.0.1", "240.0.0.1", "fc00::1", "2001:db8::7"}
        frames = [bytes(Ether(**MACS)
                        / (IPv6(src=s, dst="2001:db8::9") if ":" in s else IP(src=s, dst="198.51.100.9"))
                        / TCP(sport=1024, dport=23, flags="S")) for s, n in sent.items() for _ in range(n)]
        db = self.dir / "bogons.db"
        self.teiten.replay(db, pcap(self.dir / "bogons.pcap", [(f, None, (1734480000 + i) * 10**9)
                                                               for i, f in enumerate(frames)]), rir=folder)
        rows = self.teiten.top(db, "source")["rows"]
        assert {r["source"]: r["packets"] for r in rows} == sent
        assert {r["source"] for r in rows if r["bogon"]} == bogons
        assert [(r["rank"], r["source"]) for r in rows[:3]] == [(1, "2a00::1"), (2, "9.9.9.9"), (3, "11.0.0.1")]
        assert {(r["rank"], r["bogon"]) for r in rows[3:]} == {(None, True)}
        first = self.teiten.top(db, "source", n=2)["rows"]
        assert [(r["rank"], r["packets"]) for r in first] == [(1, 32), (2, 2), (None, 128), (None, 64)]
        names = [r["key"]["source"] for r in self.teiten.series(db, by="source", step="month", number=1)["rows"]]
        assert names == ["2a00::1", "2001:db8::7"]
        regions = {r["region"]: r for r in self.teiten.top(db, "region")["rows"]}
        assert (regions["--"]["rank"], regions["--"]["packets"]) == (None, sum(sent.values()) - 1)
        assert regions["--"]["bogon_packets"] == sum(sent[b] for b in bogons)
        assert "bogon_packets" not in regions["JP"]
        csv = {r["region"]: r["bogon_packets"] for r in self.teiten.top_csv(db, "region")}
        assert csv == {"JP": "", "--": str(sum(sent[b] for b in bogons))}
        for source in sent:
            shown = self.teiten.run("teiten", "show", source, "--db", db, "--format", "json").last
            assert shown["bogon"] == (source in bogons), source

    def test_epochs_by_the_set_in_force_then(self):
        """
        Steps: two dated sets that register an address in different regions; packets before the first, under
               each, and of a third region; top by region, and filters by list and by group of regions.
        Verify: each packet has the region of the set in force then; every answer names the sets that judged its
                span, also where that cuts a batch; a group is the sum of its regions.
        """
        for date, code in (("20241201", "JP"), ("20241218", "KR")):
            folder = self.dir / "dated" / date
            folder.mkdir(parents=True)
            (folder / "delegated-apnic-latest").write_text(
                f"2|apnic|{date}|2|19830101|{date}|+1000\napnic|{code}|ipv4|11.0.0.0|256|20100101|allocated\n"
                "apnic|TW|ipv4|11.0.1.0|256|20100101|allocated\n")
        day, at = 86400, 1734480000  # 2024-12-18T00:00:00Z
        frames = [(at - 30 * day, "11.0.0.1")] + [(at - 1, "11.0.0.1")] * 2 + [(at, "11.0.0.1")] * 4
        frames += [(at + day, "11.0.0.2")] * 8 + [(at + day, "11.0.1.1")] * 16 + [(at + day, "9.9.9.9")] * 32
        packets = [(bytes(Ether(**MACS) / IP(src=s, dst="198.51.100.9")
                          / TCP(sport=1024, dport=23, flags="S")), None, t * 10**9) for t, s in frames]
        db = self.dir / "dated.db"
        self.teiten.replay(db, pcap(self.dir / "dated.pcap", packets), rir=self.dir / "dated")
        top = self.teiten.top(db, "region")
        assert {r["region"]: r["packets"] for r in top["rows"]} == {"JP": 3, "KR": 12, "TW": 16, "--": 32}
        assert top["rir"] == "2024-12-01,2024-12-18"
        assert [r["rank"] for r in top["rows"] if r["region"] == "--"] == [None]
        assert self.teiten.series(db, by="region", step="month")["rir"] == top["rir"]
        for command in (["changes"], ["show", "11.0.0.1"]):
            done = self.teiten.run("teiten", *command, "--db", db, "--format", "json")
            assert json.loads(done.out)["rir"] == top["rir"], command
            assert top["rir"] in self.teiten.run("teiten", *command, "--db", db).out
        batch, = self.teiten.sql(db, "SELECT rir FROM batch WHERE rows > 0")  # one, that spans below cut
        assert batch["rir"] == top["rir"]
        for span, sets in ((("2024-11-01", "2024-12-18"), "2024-12-01"), (("2024-12-18", "2024-12-20"), "2024-12-18"),
                           (("2024-11-01", "2024-11-30"), "2024-12-01"),
                           (("2024-12-17T23:59:00Z", "2024-12-18T00:01:00Z"), top["rir"])):
            ask = ("--db", db, "--from", span[0], "--to", span[1], "--format", "json")
            for command in (["top", "--by", "port"], ["top", "--by", "region"], ["series", "--step", "hour"], ["changes"]):
                told = json.loads(self.teiten.run("teiten", *command, *ask).out)["rir"]
                whole = command[0] == "changes" and "T" in span[0]  # of whole days
                assert told == (top["rir"] if whole else sets), (command, span)
        (self.dir / "regions.json").write_text(json.dumps({"kind": "regions", "v": 1, "groups": [
            {"name": "east", "regions": ["JP", "KR"]}]}))

        def total(region, **more):
            return sum(r["packets"] for r in self.teiten.top(db, "port", region=region, **more)["rows"])
        assert total("JP,TW") == 19 and total("kr") == 12 and total("--") == 32 and total("JP,--") == 35
        assert total("east", regions=self.dir / "regions.json") == 15
        assert total("east,TW", regions=self.dir / "regions.json") == 31
        for args in (["east"], ["east,", "--regions", self.dir / "regions.json"],
                     ["west", "--regions", self.dir / "regions.json"], ["JP", "--regions", "/nonexistent"]):
            done = self.teiten.run("teiten", "top", "--db", db, "--by", "port", "--region", *args, ok=False)
            assert done.status == 2 and len(done.messages) == 1, done

    def test_usage(self):
        """
        Steps: another verb, no folder, an address that is not HTTPS, a registry twice.
        Verify: one line, status 2.
        """
        (self.dir / "bad.json").write_text(json.dumps({"kind": "regions", "v": 1, "files": [
            {"registry": "apnic", "url": "http://ftp.apnic.net/x"}]}))
        (self.dir / "twice.json").write_text(json.dumps({"kind": "regions", "v": 1, "files": [
            {"registry": "apnic", "url": "https://a/x"}, {"registry": "apnic", "url": "https://b/x"}]}))
        for args, text in [(["fetch"], "expected update"), (["update"], "--rir"),
                           (["update", "-c", self.dir / "bad.json"], "$.files[0].url"),
                           (["update", "-c", self.dir / "twice.json"], "$.files[1]")]:
            done = self.teiten.run("teiten", "regions", *args, ok=False)
            assert done.status == 2 and len(done.messages) == 1 and text in done.messages[0], done

    def compare(self, folder):
        records = rir.read_set(folder)
        expected = rir.answers(records)
        asked = list(expected)
        random.Random(7).shuffle(asked)
        text = "".join(f"{ipaddress.IPv6Address(a) if six else ipaddress.IPv4Address(a)}\n" for six, a in asked)
        done = subprocess.run([self.teiten.build / "lib/region_lookup", folder], input=text, text=True,
                              capture_output=True, check=True)
        head, *regions = done.stdout.splitlines()
        head = json.loads(head)
        assert head["records"] == len(records)
        wrong = [(a, r, expected[a]) for a, r in zip(asked, regions) if r != expected[a]]
        assert len(regions) == len(asked) and not wrong, (len(wrong), wrong[:5])
        print(f"{folder}: {len(records)} records, {len(asked)} addresses, loaded in {head['seconds']} s")
        return head

    def test_every_range_at_its_ends(self):
        """
        Steps: five files of the registries' own size (650,000 rows with what real ones have: counts that
               are no power of two, 7 to 9 fields, empty dates, ZZ, EU, CR LF), read by another reader.
        Verify: region at the first and last address of every range and one past; loaded in under 2 s.
        """
        folder = self.dir / "set"
        rir.write_set(folder, "20260801", 650000)
        head = self.compare(folder)
        assert head["records"] > 300000 and head["date"] == "2026-08-01"
        # sanitizers and other tests beside it take their time
        if "debug" not in str(self.teiten.build):
            assert head["seconds"] < 2, head

    def test_real_files(self):
        """
        Steps: the registries' own files, where TEITEN_DATA has them.
        Verify: the same.
        """
        base = Path(os.environ.get("TEITEN_DATA", "/nonexistent")) / "rir"
        folders = [p for p in (base / "2013", base / "2026-derived") if p.is_dir()]
        if not folders:
            pytest.skip("TEITEN_DATA has no rir/: generated files were compared")
        for folder in folders:
            assert self.compare(folder)["seconds"] < 2
