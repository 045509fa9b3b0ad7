#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What an attacker who runs code inside the server can do: each attempt, by a thread of a server at work, ends it."""

import os
import subprocess

import mounting

import harness
from harness import ok

INJECT = os.path.join(os.environ["RUMPUS_BUILD"], "tests/fuse/inject")


def names():
    return subprocess.run([INJECT], stdout=subprocess.PIPE, text=True, check=True).stdout.split()


def attack(image, call, who, thread):
    """@thread: 0 for the first one, -1 for the last."""
    process = mounting.start_foreground(image, "m", **who)
    worker = mounting.worker(process.pid)
    threads = sorted(int(word) for word in os.listdir(f"/proc/{worker}/task"))
    done = harness.tool(INJECT, str(threads[thread]), call)
    if done.returncode:
        process.terminate()
    result = harness.collect(process)
    return done.returncode == 0 and result.code == 1 and "a system call that its sandbox forbids" in result.err, done.stdout, result


def harmless(image, who):
    """The same way is no harm with a call that is allowed: it is the call that ends a server."""
    process = mounting.start_foreground(image, "m", **who)
    done = harness.tool(INJECT, str(mounting.worker(process.pid)), "sched_yield")
    ok(done.returncode == 0 and os.path.isdir("m/w"), "a call that is allowed ends nothing", done.stdout)
    ok(mounting.umount("m").code == 0 and harness.collect(process).code == 0, "the server goes on after it")


def main():
    mounting.start(as_root=True)
    os.mkdir("m")
    image = mounting.make("disk.img", "ext4")
    for path in ("m", image, "."):
        os.chown(path, harness.NOBODY, harness.NOBODY)
    os.chmod("run", 0o777)
    users = [("root", {}), ("a user", {"user": harness.NOBODY, "group": harness.NOBODY, "extra_groups": []})]
    harmless(image, users[0][1])
    for i, call in enumerate(name for name in names() if name != "sched_yield"):
        name, who = users[i % 2]
        passed, said, result = attack(image, call, who, -(i // 2 % 2))
        ok(passed, f"{call} ends the server of {name}", f"{said}\n{result}")
        ok(not mounting.mounted("m"), "and frees its mount point")
    harness.check(image, "ext4") if mounting.mount(image, "m").code == 0 and mounting.umount("m").code == 0 else ok(False, "still good")
    mounting.finish()


main()
