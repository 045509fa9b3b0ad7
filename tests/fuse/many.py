#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""More files than the server keeps at hand: all stay what they are, those without a name included."""

import os
import sys

import mounting
from mounting import same

import harness
from harness import ok

FOLDERS, FILES = 21, 1000  # the server keeps 16384


def name(folder, file):
    return f"m/w/{folder}/{file}"


def make():
    for folder in range(FOLDERS):
        os.mkdir(f"m/w/{folder}")
        for file in range(FILES):
            fd = os.open(name(folder, file), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            if file % 100 == 0:
                os.write(fd, b"%d" % (folder * FILES + file))
            os.close(fd)


def look(kind, numbers):
    wrong = [n for n, number in numbers.items() if os.stat(n).st_ino != number]
    ok(not wrong, f"{kind}: every file has the number that it had", wrong[:5])
    wrong = []
    for folder in range(FOLDERS):
        for file in range(0, FILES, 100):
            with open(name(folder, file), "rb") as opened:
                if opened.read() != b"%d" % (folder * FILES + file):
                    wrong.append((folder, file))
    ok(not wrong, f"{kind}: and the contents that it had", wrong[:5])


def main():
    kind = sys.argv[1]
    mounting.start()
    image = mounting.make("disk.img", kind)
    mounting.mount(image, "m")
    here = os.getcwd()
    os.makedirs("m/w/old/cwd")
    held = os.open("m/w/old/file", os.O_CREAT | os.O_RDWR)
    os.write(held, b"held")
    os.link("m/w/old/file", "m/w/old/link")
    os.chdir("m/w/old/cwd")
    up = os.open(here, os.O_RDONLY)
    os.fchdir(up)
    inside = os.open("m/w/old/cwd", os.O_PATH)
    make()
    numbers = {name(i, j): os.stat(name(i, j)).st_ino for i in range(FOLDERS) for j in range(0, FILES, 7)}
    look(kind, numbers)
    os.unlink("m/w/old/file")
    same(os.stat("m/w/old/link").st_nlink, 1)
    os.unlink("m/w/old/link")
    os.rmdir("m/w/old/cwd")
    os.rename(name(0, 1), name(20, 999))
    same(os.fstat(held).st_nlink, 0)
    same(os.pread(held, 10, 0), b"held")
    same(os.listdir(f"/proc/self/fd/{inside}"), [])
    os.mkdir("m/w/old/again")
    look(kind, {n: number for n, number in numbers.items() if n != name(20, 999)})
    same(os.fstat(held).st_size, 4)
    same(os.stat(f"/proc/self/fd/{inside}").st_nlink in (0, 1), True)
    ok(True, f"{kind}: what has no name any more is there as long as it is in use")
    os.close(held)
    os.close(inside)
    os.close(up)
    result = mounting.umount("m")
    ok(result.code == 0, f"{kind}: umount", result)
    harness.check(image, kind)
    mounting.finish()


main()
