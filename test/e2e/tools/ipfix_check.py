#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Holds IPFIX messages against RFC 7011 and RFC 8158, with a decoder of its own.

  ipfix_check.py FILE DOMAIN [LONGEST]

Each message: version, length, export time, domain; not longer than LONGEST; the sequence number is that of data records
before it, those of options included (one transport session: the count begins at 0); sets fill it; a data set has
its template before it; templates are never withdrawn and never change; each natEvent has the elements that RFC 8158 section 4.6
wants, in the sizes of its table 1. Prints the events with how often they came.
"""
import collections
import struct
import sys
import time

SIZES = {323: 8, 230: 1, 4: 1, 7: 2, 11: 2, 227: 2, 228: 2, 361: 2, 362: 2, 27: 16, 28: 16, 225: 4, 226: 4, 283: 4, 144: 4, 166: 8,
         **dict.fromkeys(range(466, 482), 4)}
TIME, EVENT, X, T = 323, 230, 27, 225
MUST = {3: {283}, 6: {X, T, 4, 7, 227}, 7: {X, T, 4, 7, 227}, 10: {X, T}, 11: {X, T}, 12: {T, 4}, 13: {466}, 14: {X, T}, 15: {X, T},
        16: {X, T, 361, 362}, 17: {X, T, 361, 362}, 18: {467}}


def read_template(body, options):
    number, n = struct.unpack(">HH", body[:4])
    at, scopes = (6, struct.unpack(">H", body[4:6])[0]) if options else (4, 0)
    if number < 256 or n == 0:
        sys.exit(f"template {number} with {n} fields")
    if options and not 0 < scopes <= n:
        sys.exit(f"options template {number} with {scopes} scopes")
    fields = []
    for _ in range(n):
        element, size = struct.unpack(">HH", body[at:at + 4])
        if SIZES.get(element) != size:
            sys.exit(f"template {number}: element {element} of {size} octets")
        fields.append((element, size))
        at += 4
    return number, tuple(fields), at


def read_record(fields, body, events):
    values, at = {}, 0
    for element, size in fields:
        values[element] = int.from_bytes(body[at:at + size], "big")
        at += size
    if EVENT not in values:
        events["options"] += 1
        return
    event = values[EVENT]
    wanted = MUST.get(event)
    if wanted is None or not wanted | {TIME} <= values.keys():
        sys.exit(f"natEvent {event} with elements {sorted(values)}")
    if event in (10, 11, 14, 15, 16, 17) and values.keys() & {11, 28, 226, 228}:
        sys.exit(f"natEvent {event} with a destination")
    if abs(values[TIME] / 1000 - time.time()) > 600:
        sys.exit(f"observationTimeMilliseconds {values[TIME]}")
    events[event] += 1


def main(path, domain, longest):
    data = open(path, "rb").read()
    templates, events, expected, newest = {}, collections.Counter(), 0, 0
    while data:
        version, length, when, sequence, of = struct.unpack(">HHIII", data[:16])
        if version != 10 or length < 20 or length > longest or of != domain:
            sys.exit(f"version {version}, {length} octets, domain {of}")
        if abs(when - time.time()) > 600 or when < newest:
            sys.exit(f"export time {when}")
        if sequence != expected:
            sys.exit(f"sequence number {sequence}, and there were {expected} data records before")
        newest = when
        message, data = data[16:length], data[length:]
        while message:
            number, size = struct.unpack(">HH", message[:4])
            if size < 5 or size > len(message):
                sys.exit(f"set {number} of {size} octets, of {len(message)} left")
            body, message = message[4:size], message[size:]
            while len(body) >= 4 and number in (2, 3):
                template, fields, used = read_template(body, number == 3)
                if templates.setdefault(template, fields) != fields:
                    sys.exit(f"template {template} has changed")
                body = body[used:]
            if number in (2, 3):
                continue
            if number not in templates:
                sys.exit(f"data of template {number} before it")
            width = sum(size for _, size in templates[number])
            while len(body) >= width:
                read_record(templates[number], body, events)
                body = body[width:]
                expected += 1
            if body.strip(b"\0"):
                sys.exit(f"set {number}: padding that is not 0")
    print(", ".join(f"{event}: {n}" for event, n in sorted(events.items(), key=str)) + f"; {len(templates)} templates")


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 65535)
