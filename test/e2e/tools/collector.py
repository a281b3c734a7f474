#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A collector of syslog messages: each goes as a line into FILE. They are parsed by RFC 5424's
grammar; the first that does not fit ends the program with status 1.

  collector.py udp|tcp|unix ADDRESS[:PORT] FILE
  collector.py tls ADDRESS:PORT FILE CERTIFICATE KEY [CA]     CA: who comes must have a certificate of it
"""
import re
import socket
import ssl
import sys

NAME = r'[\x21\x23-\x3c\x3e-\x5c\x5e-\x7e]{1,32}'
PARAM = rf'{NAME}="(?:[^"\\\]]|\\["\\\]])*"'
MESSAGE = re.compile(
    rf'<(\d{{1,3}})>1 \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{{1,6}}Z [\x21-\x7e]{{1,255}} isthmus \d+ '
    rf'{NAME} \[nat64@32473(?: {PARAM})*\]')


def keep(message, out):
    text = message.decode("utf-8")
    if not MESSAGE.fullmatch(text):
        sys.exit(f"not RFC 5424: {text}")
    out.write(text + "\n")
    out.flush()


def datagrams(sock, out):
    print("ready", flush=True)
    while True:
        keep(sock.recv(65535), out)


def stream(listener, out):
    print("ready", flush=True)
    while True:
        try:
            peer, _ = listener.accept()
        except (ssl.SSLError, OSError) as e:
            print(e, flush=True)
            continue
        data = b""
        while got := peer.recv(65536):
            data += got
            while (m := re.match(rb"(\d+) ", data)) and len(data) >= m.end() + int(m[1]):
                keep(data[m.end():m.end() + int(m[1])], out)
                data = data[m.end() + int(m[1]):]


def over_tls(listener, certificate, key, ca=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    if ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ca)
    return context.wrap_socket(listener, server_side=True)


def main(kind, where, path, *tls):
    with open(path, "a", encoding="utf-8") as out:
        if kind == "unix":
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            sock.bind(where)
            return datagrams(sock, out)
        address, port = where.rsplit(":", 1)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if kind == "udp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        sock.bind((address, int(port)))
        if kind == "udp":
            return datagrams(sock, out)
        sock.listen()
        return stream(over_tls(sock, *tls) if tls else sock, out)


main(*sys.argv[1:])
