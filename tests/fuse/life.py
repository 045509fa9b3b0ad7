#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Ends of mounts: workers and supervisors that are killed under load, signals, many mounts one after the other."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time

import mounting

import harness
from harness import ok
from mounting import ended, supervisor, wait_until, worker

class Load:
    """A thread that makes files until it cannot any more."""

    def __init__(self, folder):
        self.folder = folder
        self.error = None
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        i = 0
        try:
            while True:
                with open(f"{self.folder}/{i % 50}", "wb") as file:
                    file.write(b"%d" % i * 3000)
                i += 1
        except OSError as error:
            self.error = error.errno

    def end(self):
        self.thread.join(mounting.PATIENCE)
        return self.error


def repair(image, kind):
    """A journal is replayed, after which the checker must find nothing."""
    result = harness.run("ls", f"{image}:/w/synced")
    ok(result.code == 0, f"{kind}: what was synced is there", result)
    result = mounting.mount(image, "m")
    ok(result.code == 0, f"{kind}: it can be mounted again", result)
    ok(open("m/w/synced", "rb").read() == b"synced" * 1000, f"{kind}: with its contents")
    ok(mounting.umount("m").code == 0, f"{kind}: and unmounted")
    harness.check(image, kind)


def killed_worker(image, kind):
    process = harness.spawn("mount", "-f", image, "m")
    ok(wait_until(lambda: mounting.mounted("m") and os.path.isdir("m/w")), f"{kind}: mounted in the foreground")
    with open("m/w/synced", "wb") as file:
        file.write(b"synced" * 1000)
        file.flush()
        os.fsync(file.fileno())
    load = Load("m/w")
    time.sleep(0.3)
    os.kill(worker(process.pid), signal.SIGKILL)
    result = harness.collect(process)
    ok(result.code == 1 and "killed by signal 9" in result.err, f"{kind}: a killed worker is told", result)
    ok(not mounting.mounted("m"), f"{kind}: the mount point is free")
    error = load.end()
    ok(error in (errno.ENOTCONN, errno.ECONNABORTED, errno.ENOENT, errno.EIO), f"{kind}: who used it got an error", error)
    repair(image, kind)


def killed_supervisor(image, kind):
    mounting.mount(image, "m")
    pid = supervisor("m")
    served_by = worker(pid)
    os.kill(pid, signal.SIGKILL)
    ok(wait_until(lambda: ended(served_by)), f"{kind}: a worker ends with its supervisor")
    result = mounting.umount("m")
    ok(result.code == 0 and not mounting.mounted("m"), f"{kind}: umount frees what it left", result)
    ok(mounting.mount(image, "m").code == 0 and mounting.umount("m").code == 0, f"{kind}: and the next mount works")


def signalled(image, kind):
    mounting.mount(image, "m")
    pid = supervisor("m")
    with open("m/w/before", "wb") as file:
        file.write(b"b" * 100000)
    os.kill(pid, signal.SIGTERM)
    ok(wait_until(lambda: ended(pid)), f"{kind}: a signal ends a mount")
    ok(not mounting.mounted("m"), f"{kind}: and frees its place")
    harness.check(image, kind)
    process = harness.spawn("mount", "-f", image, "m")
    wait_until(lambda: mounting.mounted("m") and os.path.isdir("m/w"))
    held = open("m/w/before", "r+b")
    process.send_signal(signal.SIGINT)
    result = harness.collect(process)
    ok(result.code == 130 and "is in use" in result.err, f"{kind}: also while a file is open", result)
    ok(not mounting.mounted("m"), f"{kind}: which frees the place, too")
    try:
        held.read()
        ok(False, f"{kind}: reading the file fails then")
    except OSError as error:
        ok(error.errno in (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO), f"{kind}: reading the file fails then", error)
    try:
        held.close()
    except OSError:
        pass
    harness.check(image, kind)


def host_unmounts(image, kind):
    mounting.mount(image, "m")
    pid = supervisor("m")
    with open("m/w/last", "wb") as file:
        file.write(b"l" * 1000000)
    subprocess.run(["fusermount3", "-u", "m"] if os.geteuid() else ["umount", "m"], check=True)
    ok(wait_until(lambda: ended(pid)), f"{kind}: fusermount3 -u ends a mount as well")
    harness.check(image, kind)


def panicked(kind):
    """A file system that ends its kernel: a directory whose inode is nothing, and an option that takes that hard."""
    image = mounting.make("panic.img", kind)
    harness.tool("/usr/sbin/debugfs", "-w", "-R", "clri /w", image)
    process = harness.spawn("mount", "-f", "-o", "errors=panic", image, "m")
    wait_until(lambda: mounting.mounted("m"))
    try:
        os.listdir("m")
        os.stat("m/w")
        ok(False, f"{kind}: a kernel that ends is an error for who used it")
    except OSError as error:
        ok(True, f"{kind}: a kernel that ends is an error for who used it", error)
    result = harness.collect(process)
    ok(result.code == 1 and "panic forced after error" in result.err, f"{kind}: and its last words are told", result)
    ok(not mounting.mounted("m"), f"{kind}: the mount point is free")


def together(kind):
    points = [f"m{i}" for i in range(8)]
    images = [mounting.make(f"disk{i}.img", kind) for i in range(len(points))]
    codes = [mounting.mount(image, point).code for image, point in zip(images, points)]
    for point in points:
        with open(f"{point}/w/file", "w", encoding="utf-8") as file:
            file.write(point)
    ok(codes == [0] * len(points), f"{kind}: {len(points)} mounts at once", codes)
    ok(all(open(f"{p}/w/file", encoding="utf-8").read() == p for p in points), f"{kind}: each with contents of its own")
    result = mounting.umount(points[0])
    for point in points[1:]:
        result = mounting.umount(point)
    ok(result.code == 0, f"{kind}: all unmounted", result)


def main():
    kind = sys.argv[1]
    mounting.start()
    os.mkdir("m")
    image = mounting.make("disk.img", kind)
    killed_worker(image, kind)
    killed_supervisor(image, kind)
    signalled(image, kind)
    host_unmounts(image, kind)
    if kind == "ext4":
        panicked(kind)
        together(kind)
    mounting.finish()


main()
