#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The progress line: on a terminal only, only when it takes long, and gone when something else is said."""

import fcntl
import io
import os
import re
import select
import signal
import struct
import subprocess
import tarfile
import termios
import time

import harness
from harness import expect, ok, run

NAME = "a-directory/" + "\u00e9" * 60 + "/\x1b[31mfile"


def spawn(image, *options, columns=100):
    """untar that waits for its archive, with a terminal for its messages."""
    main, other = os.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen([harness.program(), "untar", *options, image], stdin=subprocess.PIPE, stderr=other,
                               stdout=subprocess.DEVNULL, start_new_session=True)
    os.close(other)
    return process, main


def feed(process):
    """One small file, and the end not yet."""
    text = io.BytesIO()
    with tarfile.open(fileobj=text, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo(NAME)
        info.size = 2 << 20
        archive.addfile(info, io.BytesIO(bytes(2 << 20)))
    whole = text.getvalue()
    process.stdin.write(whole[:-(1 << 20)])
    process.stdin.flush()
    return whole[-(1 << 20):]


def read_until(main, pattern, limit):
    """What the terminal gets, until it has @pattern, ends, or @limit seconds have passed."""
    shown = b""
    end = time.monotonic() + limit
    while time.monotonic() < end and not (pattern and re.search(pattern, shown, re.DOTALL)):
        if not select.select([main], [], [], 0.2)[0]:
            continue
        try:
            piece = os.read(main, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    return shown


def screen(shown):
    """The last line as it stands there."""
    line = shown.split(b"\n")[-1]
    return re.split(rb"\r(?:\x1b\[K)?", line)[-1].decode()


def main():
    harness.start()
    image = harness.mkfs("disk.img", "ext4", 64 << 20)
    for columns in (100, 60):
        process, terminal = spawn(image, columns=columns)
        rest = feed(process)
        shown = read_until(terminal, rb"files.*files", 60)
        ok(re.search(rb"MiB.*/s.*1 files", shown, re.DOTALL), f"{columns} columns: bytes, rate and files are shown", shown)
        lines = [line for line in re.split(rb"[\r\n]", shown.replace(b"\x1b[K", b"")) if line]
        ok(all(len(line.decode()) < columns for line in lines), f"{columns} columns: the line fits", lines)
        ok(b"file" in lines[-1] and (columns > 90 or b"..." in lines[-1]), f"{columns} columns: with the end of the name", lines[-1])
        ok(b"\x1b[31m" not in shown, "names do not control the terminal")
        process.stdin.write(rest)
        process.stdin.close()
        shown += read_until(terminal, None, 30)
        ok(process.wait() == 0 and screen(shown) == "", f"{columns} columns: and gone at the end", repr(shown[-100:]))
        os.close(terminal)
    process, terminal = spawn(image)
    feed(process)
    shown = read_until(terminal, rb"1 files", 60)
    process.send_signal(signal.SIGINT)
    shown += read_until(terminal, None, 30)
    ok(process.wait() == 130 and screen(shown) == "", "gone after SIGINT", repr(shown[-100:]))
    os.close(terminal)
    process, terminal = spawn(image)
    feed(process)
    shown = read_until(terminal, rb"1 files", 60)
    process.stdin.close()
    shown += read_until(terminal, None, 30)
    ok(process.wait() == 1 and re.search(rb"\r\x1b\[Krumpus: standard input: [^\r]*Trunc", shown), "gone before a message", repr(shown[-300:]))
    os.close(terminal)
    process, terminal = spawn(image, "-q")
    rest = feed(process)
    shown = read_until(terminal, b".", 2.5)
    process.stdin.write(rest)
    process.stdin.close()
    shown += read_until(terminal, None, 30)
    ok(process.wait() == 0 and not shown, "-q: nothing", shown)
    os.close(terminal)
    process = subprocess.Popen([harness.program(), "untar", image], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    rest = feed(process)
    time.sleep(2)
    process.stdin.write(rest)
    process.stdin.close()
    told = process.stderr.read()
    ok(process.wait() == 0 and not told, "to a pipe: nothing", told)
    harness.done()


main()
