# SPDX-License-Identifier: Apache-2.0
"""A Side whose wire has several queues: test/ports/queue_bridge is at its end. Which queue a frame leaves on is what a
test plays with: the gateway's worker for that queue receives it, whoever owns it."""
import socket


class QueueSide:
    """`path`: the bridge's socket; `queues`: on which frames leave, in turn."""

    def __init__(self, path, mac, gateway_mac, queues):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.sock.connect(path)
        self.mac = bytes.fromhex(mac.replace(":", ""))
        self.gateway = bytes.fromhex(gateway_mac.replace(":", ""))
        self.queues, self.sent = queues, 0

    def send(self, packet, dst=None, queue=None):
        """As wire.Side; `queue` when it is not the next one's turn."""
        rest = getattr(packet, "rest", None)
        if rest is None:
            data = bytes(packet)
            rest = (b"\x86\xdd" if data[0] >> 4 == 6 else b"\x08\x00") + data
        if queue is None:
            queue = self.queues[self.sent % len(self.queues)]
            self.sent += 1
        self.sock.send(bytes([queue]) + (dst or self.gateway) + self.mac + rest)

    def receive(self):
        out = []
        while True:
            try:
                message = self.sock.recv(65535, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return out
            if not message:
                raise ConnectionError("the bridge is gone")
            if message[1:7] == self.mac and message[13:15] in (b"\x08\x00", b"\x86\xdd"):
                out.append(message[15:])
