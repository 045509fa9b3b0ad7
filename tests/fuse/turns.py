#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mounts one after the other leave nothing behind. usage: turns.py COUNT"""

import os
import subprocess
import sys

import mounting

import harness
from harness import ok


def processes():
    """Those of this test's user that are rumpus."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.stat(f"/proc/{name}").st_uid == os.geteuid() and os.readlink(f"/proc/{name}/exe") == harness.program():
                found.append(int(name))
        except OSError:
            pass
    return found


def mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return len(list(table))


def once(turn):
    """Unmounted by each of the three ways, after a write of what is there in the end."""
    if mounting.mount("disk.img", "m").code:
        return False
    with open(f"m/w/{turn % 7}", "w", encoding="utf-8") as file:
        file.write(str(turn))
    if turn % 3 == 1:
        pid = mounting.supervisor("m")
        subprocess.run(["fusermount3", "-u", "m"] if os.geteuid() else ["umount", "m"], check=True)
        return mounting.wait_until(lambda: mounting.ended(pid))
    if turn % 3 == 2:
        pid = mounting.supervisor("m")
        os.kill(pid, 15)
        return mounting.wait_until(lambda: mounting.ended(pid) and not mounting.mounted("m"))
    return mounting.umount("m").code == 0


def main():
    turns = int(sys.argv[1])
    mounting.start()
    os.mkdir("m")
    mounting.make("disk.img", "ext4")
    before = mounts()
    failed = [turn for turn in range(turns) if not once(turn)]
    ok(not failed, f"{turns} mounts one after the other", failed[:10])
    ok(mounting.wait_until(lambda: not processes()), "leave no process", processes())
    ok(mounts() == before, "nor mount", f"{before} before, {mounts()} now")
    ok(os.listdir("run/rumpus") == [], "nor socket", os.listdir("run/rumpus"))
    mounting.mount("disk.img", "m")
    numbers = {}
    for turn in range(turns - 7, turns):
        with open(f"m/w/{turn % 7}", encoding="utf-8") as file:
            numbers[turn] = file.read()
    ok(all(text == str(turn) for turn, text in numbers.items()), "and lose nothing", numbers)
    mounting.umount("m")
    harness.check("disk.img", "ext4")
    mounting.finish()


main()
