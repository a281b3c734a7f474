#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""DNS over TLS (RFC 7858), towards clients and towards upstreams; certificates of a CA of the test's own.
dns_tls.py [SCRIPT [ONLY]]"""
import itertools
import pathlib
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time

import dns.edns
import dns.message

from dnscase import A, SOA
from dnsexpect import Suite, equal, expect, option_of, true
from dnslab import CLIENT6, SERVER6, Client, Server, Upstream, local_addresses, read_message

suite = Suite()
case = suite.case
LIMITS = "limits = { aaaa_timeout_ms = 900; total_timeout_ms = 2000; retransmit_ms = 300; tcp_idle = 2; };"
ports = itertools.count(400)
folder = pathlib.Path(tempfile.mkdtemp(prefix="isthmus-dns."))


def zone(q):
    if q.type == "A":
        n = 150 if q.name.labels[0] == b"big" else 1
        return q.answer(an=[f"{q.name} 300 A {A}" if n == 1 else f"{q.name} 300 A 198.51.100.{i + 1}" for i in range(n)])
    return q.answer(ns=[SOA])


def openssl(*args):
    subprocess.run(["openssl", *map(str, args)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder)


def certificates():
    folder.chmod(0o755)
    for ca in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{ca}.key",
                "-out", f"{ca}.pem", "-days", "2", "-subj", f"/CN={ca}")
    for name, alt in (("server", f"DNS:dns.example.net,IP:{SERVER6},IP:192.0.2.53"), ("upstream", "DNS:up.example.net,IP:127.0.0.1")):
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", f"/CN={name}")
        (folder / "ext").write_text(f"subjectAltName={alt}\n")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem",
                "-days", "2", "-extfile", "ext")
    for f in folder.iterdir():
        f.chmod(0o644)


def context(ca="ca.pem"):
    c = ssl.create_default_context(cafile=folder / ca)
    c.set_alpn_protocols(["dot"])
    return c


class TlsUpstream(Upstream):
    """Speaks TLS on its TCP port, and notes what comes over UDP."""

    def serve_stream(self, stream):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(folder / "upstream.pem", folder / "upstream.key")
        c.set_alpn_protocols(["dot"])
        try:
            tls = c.wrap_socket(stream, server_side=True)
            lock = threading.Lock()
            while True:
                wire = read_message(tls)

                def send(data):
                    with lock:
                        tls.sendall(struct.pack("!H", len(data)) + data)
                self.take(wire, "tls", send)
        except (EOFError, OSError, ssl.SSLError):
            stream.close()


def dot(port, sni="dns.example.net", ca="ca.pem"):
    s = socket.create_connection((SERVER6, port), 4, (CLIENT6, 0))
    return context(ca).wrap_socket(s, server_hostname=sni)


def ask(tls, query):
    tls.sendall(struct.pack("!H", len(query.to_wire())) + query.to_wire())
    r = dns.message.from_wire(read_message(tls), one_rr_per_rrset=True)
    equal("ID", query.id, r.id)
    return r


def listener(port):
    return (f'listen = [ "[{SERVER6}]:{port}", "tls://[{SERVER6}]:{port + 50}" ]; tls_certificate = "{folder}/server.pem"; '
            f'tls_key = "{folder}/server.key";')


@case("T-2308-008 T-2308-015: a TLS listener: the same answers, the connection stays, nothing in clear")
def _(_):
    port = next(ports)
    upstream = Upstream(port=port, other=zone)
    server = Server(listener(port) + LIMITS, port=port, upstream=("127.0.0.1", port))
    try:
        client = Client(port)
        with dot(port + 50) as tls:
            equal("ALPN", "dot", tls.selected_alpn_protocol())
            for i in range(3):
                expect(ask(tls, client.query(f"a{i}.example")), "NOERROR rd ra", [f"a{i}.example. 300 AAAA 2001:db8:64::c000:201"])
            equal("answers", 150, len(ask(tls, client.query("big.example")).answer))
            # padded answers to who pads (RFC 7830), keepalive
            r = ask(tls, client.query("a0.example", options=[dns.edns.GenericOption(12, b"\0" * 20), dns.edns.GenericOption(11, b"")]))
            equal("length", 0, len(r.to_wire()) % 468 if option_of(r, 12) is None else 0)
            true("padding", option_of(r, 12) is not None)
            equal("idle timeout", 20, struct.unpack("!H", option_of(r, 11))[0])
            # pipelined
            queries = [client.query(f"p{i}.example", ident=i + 1) for i in range(20)]
            tls.sendall(b"".join(struct.pack("!H", len(q.to_wire())) + q.to_wire() for q in queries))
            equal("IDs", set(range(1, 21)), {struct.unpack("!H", read_message(tls)[:2])[0] for _ in range(20)})
            start = time.monotonic()
            equal("closed when idle", b"", tls.recv(10))
            true("after tcp_idle", 1.5 < time.monotonic() - start < 4)
        # clear text on the TLS port: no answer, over TCP or UDP
        clear = Client(port + 50, timeout=1)
        equal("TCP", None, clear.exchange(client.query("clear.example").to_wire(), "tcp"))
        try:
            equal("UDP", None, clear.exchange(client.query("clear.example").to_wire(), "udp"))
        except ConnectionRefusedError:
            pass
        equal("asked", [], upstream.asked("clear.example"))
        # half a handshake, garbage
        for junk in (b"\x16\x03\x01", b"\0" * 100, b"GET / HTTP/1.0\r\n\r\n"):
            with socket.create_connection((SERVER6, port + 50), 2) as s:
                s.sendall(junk)
        expect(client.ask("after.example"), "NOERROR rd ra")
        with dot(port + 50) as tls:
            expect(ask(tls, client.query("after2.example")), "NOERROR rd ra")
        # kdig, which is not ours
        out = subprocess.run(["kdig", f"@{SERVER6}", "-p", str(port + 50), "+tls", f"+tls-ca={folder}/ca.pem", "+tls-hostname=dns.example.net",
                              "+short", "k.example", "AAAA"], capture_output=True, text=True, check=False)
        equal("kdig", "2001:db8:64::c000:201", out.stdout.strip())
    finally:
        equal("exit status", 0, server.stop())
        upstream.close()


@case("T-2308-008: an upstream over TLS: asked on one connection, by the name of its certificate or its address")
def _(_):
    port = next(ports)
    upstream = TlsUpstream(port=port, other=zone)
    for endpoint in (f"tls://127.0.0.1:{port}#up.example.net", f"tls://127.0.0.1:{port}"):
        server = Server(f'upstreams = [ "{endpoint}" ]; tls_ca = "{folder}/ca.pem";' + LIMITS, port=port)
        try:
            upstream.seen.clear()
            client = Client(port)
            for i in range(5):
                expect(client.ask(f"u{i}.example"), "NOERROR rd ra", [f"u{i}.example. 300 AAAA 2001:db8:64::c000:201"])
            equal("answers", 150, len(client.ask("big.example", via="tcp").answer))
            equal("over", {"tls"}, {q.via for q in upstream.seen})
        finally:
            server.stop()
    upstream.close()


@case("T-2308-008: a certificate of another CA or name is an error, and nothing goes in clear")
def _(_):
    port = next(ports)
    upstream = TlsUpstream(port=port, other=zone)
    for endpoint, ca, why in ((f"tls://127.0.0.1:{port}#other.example.net", "ca.pem", "mismatch"),
                              (f"tls://127.0.0.1:{port}#up.example.net", "other.pem", "issuer|self-signed|verify")):
        server = Server(f'upstreams = [ "{endpoint}" ]; tls_ca = "{folder}/{ca}";' + LIMITS, port=port)
        try:
            upstream.seen.clear()
            expect(Client(port).ask("secret.example"), "SERVFAIL rd ra", [])
            equal("asked", [], upstream.seen)
            log = server.log.read_text()
            true(f"said: {log}", "TLS" in log and any(w in log for w in why.split("|")))
        finally:
            server.stop()
    upstream.close()


@case("T-2308-008: an upstream that does not speak TLS, or closes, is a failure; another one is asked")
def _(_):
    port, other = next(ports), next(ports)
    clear, good = Upstream(port=port, other=zone), TlsUpstream(port=other, other=zone)
    server = Server(f'upstreams = [ "tls://127.0.0.1:{port}#up.example.net", "tls://127.0.0.1:{other}#up.example.net" ]; '
                    f'tls_ca = "{folder}/ca.pem";' + LIMITS, port=port)
    try:
        clear.on_stream = lambda s: s.sendall(b"HTTP/1.1 400 no\r\n\r\n")
        client = Client(port)
        for i in range(3):
            expect(client.ask(f"f{i}.example"), "NOERROR rd ra", [f"f{i}.example. 300 AAAA 2001:db8:64::c000:201"])
        equal("in clear", [], clear.seen)
        # it closes between two questions, and with one on its way
        good.streams[-1].close()
        time.sleep(0.1)
        expect(client.ask("f4.example"), "NOERROR rd ra")
    finally:
        server.stop()


@case("T-2308-008: files that are missing are named at the start")
def _(_):
    port = next(ports)
    for text, says in ((f'listen = [ "tls://[{SERVER6}]:{port}" ];', "tls_certificate"),
                       (f'listen = [ "tls://[{SERVER6}]:{port}" ]; tls_certificate = "/nowhere.pem"; tls_key = "/nowhere.key";', "/nowhere.pem"),
                       (f'listen = [ "tls://[{SERVER6}]:{port}" ]; tls_certificate = "{folder}/server.pem"; tls_key = "{folder}/upstream.key";',
                        "upstream.key"),
                       (f'upstreams = [ "tls://127.0.0.1:{port}" ]; tls_ca = "/nowhere.pem";', "/nowhere.pem")):
        try:
            Server(text, port=port).stop()
        except AssertionError as e:
            true(str(e), says in str(e).split("nat64 =")[0])
        else:
            true(f"{text} is refused", False)


def signed(name, alt="DNS:dns.example.net"):
    """NAME.pem and NAME.key, a new pair."""
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", f"/CN={name}")
    (folder / f"{name}.ext").write_text(f"subjectAltName={alt}\n")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", str(next(ports)), "-out",
            f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext")
    for end in ("pem", "key"):
        (folder / f"{name}.{end}").chmod(0o644)


def common_name(tls):
    return dict(x[0] for x in tls.getpeercert()["subject"])["commonName"]


@case("T-2308-008: a reload reads certificate and key again: connections stay, a bad file changes nothing")
def _(_):
    port = next(ports)
    for name in ("first", "second", "third"):
        signed(name)
    live = {end: folder / f"live.{end}" for end in ("pem", "key")}

    def put(pem, key):
        for end, name in (("pem", pem), ("key", key)):
            live[end].write_bytes((folder / f"{name}.{end}").read_bytes() if name else b"no certificate\n")
            live[end].chmod(0o644)
    put("first", "first")
    files = f'tls_certificate = "{live["pem"]}"; tls_key = "{live["key"]}";'
    text = f'listen = [ "[{SERVER6}]:{port}", "tls://[{SERVER6}]:{port + 50}" ]; threads = 2;' + LIMITS
    upstream = Upstream(port=port, other=zone)
    server = Server(text + files, port=port, upstream=("127.0.0.1", port))
    try:
        client = Client(port)
        with dot(port + 50) as old:
            equal("at the start", "first", common_name(old))
            put("second", "second")
            server.reload(text + files)
            with dot(port + 50) as new:
                equal("after the reload", "second", common_name(new))
                expect(ask(new, client.query("new.example")), "NOERROR rd ra", ["new.example. 300 AAAA 2001:db8:64::c000:201"])
            expect(ask(old, client.query("old.example")), "NOERROR rd ra", ["old.example. 300 AAAA 2001:db8:64::c000:201"])
            # what cannot be used is named, and nothing of the file is taken
            for pem, key, says in (("third", "second", "live.key is not the key of"), ("", "second", "live.pem: "),
                                   ("second", "", "live.key: ")):
                put(pem, key)
                n = server.log.read_text().count("not reloaded")
                server.write(text + files, 'prefixes = [ "2001:db8:65::/96" ];')
                server.process.send_signal(signal.SIGHUP)
                server.wait_for("not reloaded", times=n + 1)
                true(says, says in server.log.read_text().split("not reloaded")[-1])
                with dot(port + 50) as new:
                    equal("the one before", "second", common_name(new))
                expect(client.ask(f"{says.split(':')[0].replace(' ', '-')}.example"), "NOERROR rd ra")
                true("the prefix before", "2001:db8:64::" in str(client.ask("prefix.example").answer[0]))
            expect(ask(old, client.query("old2.example")), "NOERROR rd ra")
        # other files
        server.reload(text + f'tls_certificate = "{folder}/third.pem"; tls_key = "{folder}/third.key";')
        out = subprocess.run(["kdig", f"@{SERVER6}", "-p", str(port + 50), "+tls", f"+tls-ca={folder}/ca.pem", "+tls-hostname=dns.example.net",
                              "-d", "k.example", "AAAA"], capture_output=True, text=True, check=False)
        true(out.stdout + out.stderr, "CN=third" in out.stdout + out.stderr and "2001:db8:64::c000:201" in out.stdout)
    finally:
        equal("exit status", 0, server.stop())
        upstream.close()


@case("T-2308-008: a key that only root may read serves from the start on; a reload keeps it, and says so")
def _(_):
    port = next(ports)
    signed("rootonly")
    (folder / "rootonly.key").chmod(0o600)
    text = listener(port).replace("server.", "rootonly.") + LIMITS
    upstream = Upstream(port=port, other=zone)
    server = Server(text, port=port, upstream=("127.0.0.1", port))
    try:
        server.reload(text, 'prefixes = [ "2001:db8:65::/96" ];')
        true("said so", "rootonly.key cannot be read by the user nobody" in server.log.read_text())
        with dot(port + 50) as tls:
            expect(ask(tls, Client(port).query("r.example")), "NOERROR rd ra", ["r.example. 300 AAAA 2001:db8:65::c000:201"])
    finally:
        server.stop()
        upstream.close()


def main(argv):
    local_addresses()
    certificates()
    try:
        return suite.run(None, *argv[1:], threads=6)
    finally:
        for f in folder.iterdir():
            f.unlink()
        folder.rmdir()


sys.exit(main(sys.argv))
