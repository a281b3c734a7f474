#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Parts of the DNS64 tests: a resolver that does as it is told, isthmus-dns64 as a process, and a client. What is
expected of answers: dnsexpect.py.

Nothing of the program under test is used: messages are dnspython's, or octets written by hand."""
import pathlib
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from dnsexpect import rrsets

TOP = pathlib.Path(__file__).resolve().parent.parent.parent.parent
SERVER6, SERVER4 = "2001:db8:53::53", "192.0.2.53"
CLIENT6, CLIENT4 = "2001:db8::1", "198.51.100.200"


def local_addresses(*more):
    """The addresses of server and clients, on the loopback device of this namespace."""
    for address in (SERVER6, SERVER4, CLIENT6, CLIENT4, *more):
        length = "128" if ":" in address else "32"
        subprocess.run(["ip", "addr", "add", f"{address}/{length}", "dev", "lo", *(["nodad"] if ":" in address else [])],
                       check=False, stderr=subprocess.DEVNULL)


class Query:
    """One question as it came to the upstream."""

    def __init__(self, wire, via, send, peer=None):
        self.wire, self.via, self.send, self.peer = wire, via, send, peer
        self.message = dns.message.from_wire(wire)
        self.name = self.message.question[0].name
        self.type = dns.rdatatype.to_text(self.message.question[0].rdtype)
        self.cd = bool(self.message.flags & dns.flags.CD)
        self.time = time.monotonic()

    def reply(self, rcode="NOERROR", an=(), ns=(), ar=(), flags="", edns=True, options=()):
        """A message to send; `flags`: of aa ra ad tc."""
        r = dns.message.make_response(self.message)
        if not edns or self.message.edns < 0:
            r.use_edns(-1)
        else:
            r.use_edns(0, dns.flags.DO, 1232, options=list(options))
        r.flags &= ~dns.flags.CD
        for word in flags.split():
            r.flags |= getattr(dns.flags, word.upper())
        r.set_rcode(dns.rcode.from_text(rcode))
        r.answer, r.authority, r.additional = rrsets(*an), rrsets(*ns), rrsets(*ar)
        return r

    def answer(self, *args, **more):
        """Sends it; over UDP truncated where it is longer than the question allows."""
        r = self.reply(*args, **more)
        wire = to_wire(r)
        if self.via == "udp" and len(wire) > max(512, self.message.payload if self.message.edns >= 0 else 512):
            r.answer, r.authority, r.additional = [], [], []
            r.flags |= dns.flags.TC
            wire = to_wire(r)
        self.send(wire)


def to_wire(message):
    """As it is, without dnspython's own truncation, and with RRsets in their order."""
    return message.to_wire(max_size=65535)


class Upstream:
    """Serves UDP and TCP at one address. `zone` (name, type) -> function of a Query; type "*": any. What is
    not in it is answered by `other`, a function, or not at all. `seen`: every question."""

    def __init__(self, address="127.0.0.1", port=5300, other=None, tcp=True):
        self.zone, self.other, self.seen = {}, other, []
        self.address, self.port = address, port
        self.lock = threading.Lock()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.udp = socket.socket(family, socket.SOCK_DGRAM)
        self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self.udp.bind((address, port))
        self.tcp = None
        self.streams = []
        self.on_stream = None  # a function of (socket): takes the connection over
        threading.Thread(target=self.serve_udp, daemon=True).start()
        if tcp:
            self.tcp = socket.create_server((address, port), family=family)
            threading.Thread(target=self.serve_tcp, daemon=True).start()

    def close(self):
        for s in [self.udp, self.tcp, *self.streams]:
            if s is not None:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                s.close()

    def on(self, name, kind, function):
        self.zone[dns.name.from_text(name), kind] = function
        return self

    def asked(self, name, kind=None):
        wanted = dns.name.from_text(name)
        with self.lock:
            return [q for q in self.seen if q.name == wanted and kind in (None, q.type)]

    def take(self, wire, via, send, peer=None):
        try:
            q = Query(wire, via, send, peer)
        except dns.exception.DNSException as e:
            print("upstream: a query that is none:", e, wire.hex(), flush=True)
            return
        with self.lock:
            self.seen.append(q)
        function = self.zone.get((q.name, q.type)) or self.zone.get((q.name, "*")) or self.other
        if function:
            function(q)

    def serve_udp(self):
        while True:
            try:
                wire, peer = self.udp.recvfrom(65535)
            except OSError:
                return
            if not wire:
                return  # closed

            def send(data, peer=peer):
                try:
                    self.udp.sendto(data, peer)
                except OSError:
                    pass
            self.take(wire, "udp", send, peer)

    def serve_tcp(self):
        while True:
            try:
                stream, _ = self.tcp.accept()
            except OSError:
                return
            self.streams.append(stream)
            threading.Thread(target=self.on_stream or self.serve_stream, args=(stream,), daemon=True).start()

    def serve_stream(self, stream):
        try:
            while True:
                wire = read_message(stream)
                self.take(wire, "tcp", lambda data: stream.sendall(struct.pack("!H", len(data)) + data),
                          stream.getpeername())
        except (EOFError, OSError):
            stream.close()


def exactly(stream, size):
    data = b""
    while len(data) < size:
        part = stream.recv(size - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def read_message(stream):
    return exactly(stream, struct.unpack("!H", exactly(stream, 2))[0])


class Server:
    """isthmus-dns64 with a configuration. `dns64`: lines of its section; `nat64`: of the other."""

    def __init__(self, dns64="", nat64='prefixes = [ "2001:db8:64::/96" ];', port=53, upstream=("127.0.0.1", 5300)):
        self.port, self.upstream = port, upstream
        self.dir = tempfile.mkdtemp(prefix="isthmus-dns.")
        pathlib.Path(self.dir).chmod(0o755)
        self.file = pathlib.Path(self.dir, "isthmus.conf")
        self.log = pathlib.Path(self.dir, "log")
        self.write(dns64, nat64)
        with self.log.open("w") as log:
            self.process = subprocess.Popen([TOP / "build/dns64/isthmus-dns64", "-c", self.file],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.wait_for("ready")

    def write(self, dns64="", nat64='prefixes = [ "2001:db8:64::/96" ];'):
        keys = {"listen": f'[ "[{SERVER6}]:{self.port}", "{SERVER4}:{self.port}" ]',
                "upstreams": f'[ "{self.upstream[0]}:{self.upstream[1]}" ]',
                "allow": '[ "::/0", "0.0.0.0/0" ]', "user": '"nobody"', "socket": f'"{self.dir}/dns64.sock"'}
        lines = [f"{k} = {v};" for k, v in keys.items() if f"{k} =" not in dns64]
        self.file.write_text(f"nat64 = {{ {nat64} }};\ndns64 = {{\n" + "\n".join(lines) + f"\n{dns64}\n}};\n")
        self.file.chmod(0o644)

    def wait_for(self, text, seconds=10, times=1):
        end = time.monotonic() + seconds
        while self.log.read_text().count(text) < times:
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"isthmus-dns64 does not say {text!r}: {self.log.read_text()} {self.file.read_text()}")
            time.sleep(0.005)

    def reload(self, dns64="", nat64='prefixes = [ "2001:db8:64::/96" ];'):
        n = self.log.read_text().count("reloaded")
        self.write(dns64, nat64)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for("reloaded", times=n + 1)
        time.sleep(0.02)  # each thread takes the rules with its mail

    def resident_kib(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1])
        return 0

    def is_alive(self):
        return self.process.poll() is None

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        status = self.process.returncode
        for f in pathlib.Path(self.dir).iterdir():
            f.unlink()
        pathlib.Path(self.dir).rmdir()
        return status


class Client:
    """Asks one server, from one address, over UDP or TCP."""

    def __init__(self, port=53, source=CLIENT6, via="udp", timeout=8):
        self.port, self.source, self.via, self.timeout = port, source, via, timeout
        self.family = socket.AF_INET6 if ":" in source else socket.AF_INET
        self.server = SERVER6 if ":" in source else SERVER4

    def query(self, name, kind="AAAA", do=False, cd=False, ad=False, rd=True, edns=True, size=1232, cls="IN", options=(),
              version=0, ident=None):
        if isinstance(kind, str) and kind.startswith("TYPE"):
            kind = int(kind[4:])
        q = dns.message.make_query(name, kind, cls)
        q.flags = (dns.flags.RD if rd else 0) | (dns.flags.CD if cd else 0) | (dns.flags.AD if ad else 0)
        if ident is not None:
            q.id = ident
        if edns:
            q.use_edns(version, dns.flags.DO if do else 0, size, options=list(options))
        return q

    def udp(self):
        s = socket.socket(self.family, socket.SOCK_DGRAM)
        s.bind((self.source, 0))
        s.connect((self.server, self.port))
        s.settimeout(self.timeout)
        return s

    def tcp(self):
        s = socket.socket(self.family, socket.SOCK_STREAM)
        s.bind((self.source, 0))
        s.settimeout(self.timeout)
        s.connect((self.server, self.port))
        return s

    def exchange(self, wire, via=None):
        """Octets there and octets back; None: no answer in time."""
        via = via or self.via
        s = self.udp() if via == "udp" else self.tcp()
        with s:
            try:
                if via == "udp":
                    s.send(wire)
                    return s.recv(65535)
                s.sendall(struct.pack("!H", len(wire)) + wire)
                return read_message(s)
            except (socket.timeout, EOFError, ConnectionError):
                return None

    def ask(self, name, kind="AAAA", via=None, **more):
        q = self.query(name, kind, **more)
        wire = self.exchange(q.to_wire(), via)
        if wire is None:
            return None
        r = dns.message.from_wire(wire, one_rr_per_rrset=True)
        r.wire = wire
        if r.id != q.id:
            raise AssertionError(f"ID {r.id} to {q.id}")
        if wire[12:12 + len(q.to_wire()) - 12 - (11 if q.edns >= 0 else 0)][:len(q.question[0].name.to_wire()) + 4] != \
                q.to_wire()[12:12 + len(q.question[0].name.to_wire()) + 4]:
            raise AssertionError("the question is not the client's, octet by octet")
        if (r.edns >= 0) != (q.edns >= 0):
            raise AssertionError("OPT in the answer: only if, and always when, the query had one")
        if r.edns >= 0 and (r.edns != 0 or r.payload != 1232 or bool(r.ednsflags & dns.flags.DO) != bool(more.get("do"))):
            raise AssertionError(f"OPT: version {r.edns}, size {r.payload}, flags {r.ednsflags:#x}")
        if (via or self.via) == "udp" and len(wire) > (max(512, min(1232, more.get("size", 1232))) if q.edns >= 0 else 512):
            raise AssertionError(f"{len(wire)} octets over UDP")
        return r
