#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a full-screen program on a terminal of its own, changes its size, types q: terminal.py ROWS COLUMNS COMMAND...

Prints how many bytes the first picture and a later one took, the exit status, and whether the screen was put back."""
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time


def read_for(fd, seconds):
    out, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.05)[0]:
            try:
                out += os.read(fd, 65536)
            except OSError:
                break
    return out


def main():
    rows, columns = int(sys.argv[1]), int(sys.argv[2])
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "vt100"
        os.execv(sys.argv[3], sys.argv[3:])
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    end, first = time.monotonic() + 5, b""
    while b"Isthmus" not in first and time.monotonic() < end:
        first += read_for(fd, 0.1)
    first += read_for(fd, 0.2)
    read_for(fd, 0.8)
    later = read_for(fd, 0.6)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows + 6, columns + 20, 0, 0))
    os.kill(pid, signal.SIGWINCH)
    resized = b"\033[2J" in read_for(fd, 0.5)
    os.write(fd, b"q")
    rest = read_for(fd, 1.0)
    _, status = os.waitpid(pid, 0)
    print(f"first {len(first)} later {len(later)} status {os.waitstatus_to_exitcode(status)} "
          f"restored {b'[?1049l' in rest} resized {resized}")


main()
