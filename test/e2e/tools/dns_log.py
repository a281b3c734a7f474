#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The query log: what its lines say, rotation, and files that take nothing. Each case has a server and an upstream of its
own. dns_log.py [SCRIPT [ONLY]]"""
import datetime
import itertools
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

from dnscase import A, AAAA, SOA
from dnsexpect import Suite, equal, expect, true
from dnslab import CLIENT4, CLIENT6, Client, Server, Upstream, local_addresses

suite = Suite()
case = suite.case
ports = itertools.count(600)


def zone(q):
    return q.answer(an=[f"{q.name} 300 A {A}"]) if q.type == "A" else q.answer(ns=[SOA])


class Lab:
    """A server with its upstream; `with`."""

    def __init__(self, dns64=""):
        self.port = next(ports)
        self.upstream = Upstream(port=self.port, other=zone)
        self.server = Server(dns64, port=self.port, upstream=("127.0.0.1", self.port))

    def client(self, source=CLIENT6, via="udp"):
        return Client(self.port, source, via, 4)

    def reload(self, dns64=""):
        self.server.reload(dns64)

    def counter(self, name):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(5)
            s.connect(f"{self.server.dir}/dns64.sock")
            s.sendall(b'{"jsonrpc": "2.0", "id": 1, "method": "counters", "params": {}}\n')
            return json.loads(s.makefile().readline())["result"][name]["value"]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        alive = self.server.is_alive()
        log = self.server.log.read_text()
        self.server.stop()
        self.upstream.close()
        if kind is None:
            true(f"isthmus-dns64 ended: {log}", alive)


def query_log(file, more=""):
    return f'query_log = {{ file = "{file}"; {more} }};'


def folder_for_all():
    folder = tempfile.mkdtemp(prefix="isthmus-dns.")
    os.chmod(folder, 0o777)
    return folder


def wait_until(what, good, seconds=4):
    end = time.monotonic() + seconds
    while not good():
        true(what, time.monotonic() < end)
        time.sleep(0.01)


def logged(file, least):
    """The lines of the file, as soon as there are so many."""
    def lines():
        with open(file, encoding="utf-8") as f:
            return f.readlines()
    wait_until(f"{least} lines", lambda: os.path.exists(file) and len(lines()) >= least)
    return [json.loads(line) for line in lines() if line.endswith("\n")]


def flood(client, n, name="flood.example"):
    """Asks so often, 64 at a time; the seconds that each round took."""
    client.ask(name)
    times = []
    with client.udp() as s:
        wire = client.query(name).to_wire()
        for _ in range(0, n, 64):
            start = time.monotonic()
            for _ in range(64):
                s.send(wire)
            for _ in range(64):
                s.recv(4096)
            times.append(time.monotonic() - start)
    return times


def check_numbers(lines, lost):
    """Records and gaps follow one another without a hole, and the gaps are what was lost."""
    equal("lost, as the lines say", lost, sum(x["lost"] for x in lines if x.get("note") == "gap"))
    seq = 0
    for x in lines:
        equal("numbers", seq + 1, x.get("seq", x.get("seq_first")))
        seq = x.get("seq", x.get("seq_last"))


@case("the query log: one JSON line for each question, or for every n-th")
def _(_):
    folder = folder_for_all()
    file = os.path.join(folder, "queries.json")
    office = 'views = ( { name = "office"; clients = [ "198.51.100.0/24" ]; } );'
    with Lab(office + query_log(file)) as lab:
        lab.client().ask("log.example")
        lab.client().ask("log.example")
        lab.client(CLIENT4, "tcp").ask("log.example", "A")
        lab.client().ask("nord.example", rd=False)
        lab.client().ask('a\\"b.example', "A")
        lines = logged(file, 5)
        equal("lines", [(CLIENT6, "udp", "default", "log.example.", "AAAA", "NOERROR", "synthesized", False),
                        (CLIENT6, "udp", "default", "log.example.", "AAAA", "NOERROR", "synthesized", True),
                        (CLIENT4, "tcp", "office", "log.example.", "A", "NOERROR", "plain", False),
                        (CLIENT6, "udp", "default", "nord.example.", "AAAA", "REFUSED", "no_recursion_wanted", False),
                        (CLIENT6, "udp", "default", 'a\\"b.example.', "A", "NOERROR", "plain", False)],
              [tuple(x[k] for k in ("client", "via", "view", "name", "type", "rcode", "why", "cached")) for x in lines])
        equal("numbers", [(0, i + 1) for i in range(5)], [(x["worker"], x["seq"]) for x in lines])
        now = datetime.datetime.now(datetime.timezone.utc)
        true("times", all(abs((now - datetime.datetime.fromisoformat(x["time"].replace("Z", "+00:00"))).total_seconds()) < 10 for x in lines))
        true("microseconds", 10 < lines[0]["us"] < 2000000 and lines[1]["us"] < 20000)
        equal("mode", 0o640, stat.S_IMODE(os.stat(file).st_mode))
        lab.reload(office + query_log(file, "sample = 5;"))
        for _ in range(20):
            lab.client().ask("log.example")
        equal("every fifth", 9, len(logged(file, 9)))
        lab.reload(office + query_log(file, 'clients = "network";'))
        lab.client().ask("log.example")
        lab.client(CLIENT4).ask("log.example")
        equal("networks", ["2001:db8::/56", "198.51.100.0/24"], [x["client"] for x in logged(file, 11)[9:]])
        lab.reload(office + query_log(file, 'clients = "none";'))
        lab.client().ask("log.example")
        true("no client", "client" not in logged(file, 12)[11])
        lab.reload(office)
        lab.client().ask("log.example")
        time.sleep(0.1)
        equal("off", 12, len(logged(file, 12)))
    shutil.rmtree(folder)


@case("the query log is rotated by size, and followed when somebody else moves it, with SIGUSR1 at once")
def _(_):
    folder = folder_for_all()
    file = os.path.join(folder, "queries.json")
    with Lab(query_log(file, "max_size_mib = 1; max_files = 2;")) as lab:
        client = lab.client()
        client.ask("before.example")
        logged(file, 1)
        os.rename(file, file + ".moved")
        lab.server.process.send_signal(signal.SIGUSR1)
        wait_until("a new file after SIGUSR1", lambda: os.path.exists(file), 0.7)
        client.ask("after.example")
        equal("the new file", ["after.example."], [x["name"] for x in logged(file, 1)])
        os.rename(file, file + ".moved")
        wait_until("a new file without a signal", lambda: os.path.exists(file), 4)
        # 3.5 MiB of lines in all: FILE, FILE.1 and FILE.2 are kept, in pieces of whole lines
        wire = client.query("x" * 60 + "." + "y" * 60 + ".example").to_wire()
        s = client.udp()
        sent = 0
        while not os.path.exists(file + ".2") or os.path.getsize(file) < 200000:
            for _ in range(64):
                s.send(wire)
            sent += 64
            for _ in range(64):
                s.recv(4096)
            true("no rotation", sent < 40000)
        time.sleep(0.1)
        equal("files", ["queries.json", "queries.json.1", "queries.json.2", "queries.json.moved"], sorted(os.listdir(folder)))
        seen = []
        for f in (file + ".2", file + ".1", file):
            true(f"{f}: {os.path.getsize(f)}", os.path.getsize(f) <= 1 << 20)
            seen += [json.loads(line)["seq"] for line in open(f, encoding="utf-8")]
        equal("no line is missing", list(range(seen[0], seen[0] + len(seen))), seen)
        s.close()
    shutil.rmtree(folder)


@case("the query log: a disk that is full delays no answer, and a line says how many are missing")
def _(_):
    folder = folder_for_all()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=777", "none", folder], check=True)
    file = os.path.join(folder, "queries.json")
    try:
        with Lab(query_log(file)) as lab:
            client = lab.client()
            times = flood(client, 16000)
            true(f"answers: {max(times)}", max(times) < 1.5)
            lost = lab.counter("query_log_lost_records")
            true(f"{lost} lost", lost > 1000)
            true("said so", "No space left on device; queries are answered" in lab.server.log.read_text())
            subprocess.run(["mount", "-o", "remount,size=16m", folder], check=True)  # room again
            end = time.monotonic() + 8
            wait_until("said so too", lambda: "takes lines again" in lab.server.log.read_text())
            lines = []
            while not any(x.get("name") == "room.example." for x in lines):
                true("room.example", time.monotonic() < end)
                client.ask("room.example")
                lines = logged(file, 1)
            check_numbers(lines, lab.counter("query_log_lost_records"))
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
        os.rmdir(folder)


@case("the query log: a FIFO that nobody reads delays no answer; who reads it later is told what is missing")
def _(_):
    folder = folder_for_all()
    file = os.path.join(folder, "queries.fifo")
    os.mkfifo(file)
    os.chmod(file, 0o666)
    with Lab(query_log(file)) as lab:
        client = lab.client()
        times = flood(client, 16000)
        true(f"answers: {max(times)}", max(times) < 1.5)
        lost = lab.counter("query_log_lost_records")
        true(f"{lost} lost", lost > 1000)
        fd = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
        text, end = b"", time.monotonic() + 8
        while b"late.example" not in text:
            true("late.example", time.monotonic() < end)
            try:
                text += os.read(fd, 1 << 20)
            except BlockingIOError:
                client.ask("late.example")
        lost = lab.counter("query_log_lost_records")
        os.close(fd)
        check_numbers([json.loads(line) for line in text[:text.rindex(b"\n")].decode().splitlines()], lost)
    shutil.rmtree(folder)


@case("the query log: a file that cannot be opened is an error at the start, and at a reload, which changes nothing")
def _(_):
    with Lab() as lab:
        lab.server.write(query_log("/nowhere/queries.json"))
        lab.server.process.send_signal(signal.SIGHUP)
        lab.server.wait_for("not reloaded: dns64.query_log.file: /nowhere/queries.json: No such file or directory")
        expect(lab.client().ask("log.example"), "NOERROR rd ra", [f"log.example. 300 AAAA {AAAA}"])
    try:
        Lab(query_log("/nowhere/queries.json"))
    except AssertionError as e:
        true(str(e), "dns64.query_log.file: /nowhere/queries.json: No such file or directory" in str(e))
    else:
        true("it has started", False)


local_addresses()
sys.exit(suite.run(None, *sys.argv[1:], threads=8))
