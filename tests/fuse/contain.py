#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What befalls a mount stays with it: servers that hang or die, disks that do not answer or shrink."""

import errno
import itertools
import os
import shutil
import signal
import subprocess
import threading
import time

import mounting
from mounting import error_of, read, start_foreground as start, wait_until, worker, write_synced

import harness
from harness import ok

GONE = (errno.ENOTCONN, errno.ECONNABORTED, errno.EIO)
numbers = itertools.count()  # for names that nobody has asked for
WATCHDOG = "watchdog=4"  # seconds; a kernel that gets on does something more often even on a busy machine


def stop(pid):
    """A request that comes before it has stopped might be taken yet."""
    def has_stopped(thread):
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] == "T"
    os.kill(pid, signal.SIGSTOP)
    wait_until(lambda: all(map(has_stopped, os.listdir(f"/proc/{pid}/task"))))


def hanging(image):
    process = start(image, "m", "-o", WATCHDOG)
    write_synced("m/w/synced")
    stop(worker(process.pid))
    ok(error_of(os.stat, "m/w/unknown") in GONE, "who waits for a server that hangs gets an error in the end")
    result = harness.collect(process)
    ok(result.code == 1 and "done nothing for 4 seconds, while requests wait" in result.err, "which the user is told", result)
    ok("last message of its kernel: EXT4-fs" in result.err and "was not unmounted" in result.err, "and what is known", result)
    ok(not mounting.mounted("m"), "the mount point is free")
    process = start(image, "m", "-o", "watchdog=0")
    stop(worker(process.pid))
    seen = []
    waiting = threading.Thread(target=lambda: seen.append(error_of(os.stat, "m/w/unknown")))
    waiting.start()
    waiting.join(6)
    ok(not seen and process.poll() is None, "without a watchdog it is waited for")
    os.kill(worker(process.pid), signal.SIGCONT)
    waiting.join(mounting.PATIENCE)
    ok(seen == [errno.ENOENT], "until it goes on", seen)
    ok(mounting.umount("m").code == 0 and harness.collect(process).code == 0, "as if nothing had been")


def idle(image):
    process = start(image, "m", "-o", "watchdog=1")
    time.sleep(1)  # the host sends some requests without waiting for the answer
    stop(worker(process.pid))
    try:
        process.wait(3)
    except subprocess.TimeoutExpired:
        pass
    ok(process.poll() is None, "a server that has nothing to do does not hang")
    os.kill(worker(process.pid), signal.SIGCONT)
    mounting.umount("m")
    harness.collect(process)


def back(process, before):
    """Whether another worker than @before serves, read-only. What the host remembers of the dead one's is no answer."""
    def served():
        with open("/proc/self/mountinfo") as table:
            lines = [line for line in table if line.split()[4] == os.path.abspath("m")]
        return (lines and " ro," in lines[-1] and worker(process.pid) not in (None, before) and
                error_of(os.stat, f"m/w/unknown-{next(numbers)}") == errno.ENOENT)
    return wait_until(served)


def restarted(image):
    digest = None
    process = start(image, "m", "--restart", "-o", WATCHDOG)
    write_synced("m/w/synced", b"again" + mounting.SYNCED)
    held = open("m/w/synced", "rb")
    before = worker(process.pid)
    os.kill(before, signal.SIGKILL)
    ok(back(process, before), "a server that was killed has a successor")
    digest = harness.digest(image)
    ok(read("m/w/synced") == b"again" + mounting.SYNCED, "which has what was synced, by the journal")
    ok(error_of(os.mkdir, "m/w/new") == errno.EROFS, "and writes nothing")
    ok(error_of(held.read) in GONE, "what was open fails")
    error_of(held.close)
    result = harness.run("mounts")
    ok("ext4, ro" in result.text and "served again 1 times" in result.text, "mounts tells of it", result)
    before = worker(process.pid)
    stop(before)
    ok(error_of(os.stat, "m/w/unknown") in GONE and back(process, before), "one that hangs has one, too")
    result = mounting.umount("m")
    ok(result.code == 1 and "killed by signal 9" in result.err, "umount tells what happened meanwhile", result)
    result = harness.collect(process)
    ok(result.code == 1 and "is served again, read-only" in result.err, "so does the supervisor", result)
    ok(harness.digest(image) == digest, "successors do not change the image")
    ok(mounting.mount(image, "m").code == 0 and read("m/w/synced") == b"again" + mounting.SYNCED and mounting.umount("m").code == 0,
       "which is as after a power cut")
    harness.check(image, "ext4")


def without_kernel(image):
    """A successor that cannot even begin is none, and is not tried again and again."""
    kernel = os.path.abspath("kernel.img")
    shutil.copy(harness.kernel_image(), kernel)
    process = start(image, "m", "--restart", env={**os.environ, "RUMPUS_IMAGE": kernel})
    os.unlink(kernel)
    os.kill(worker(process.pid), signal.SIGKILL)
    result = harness.collect(process)
    ok(result.code == 1 and result.err.count("the kernel image cannot be opened") == 1, "a server dies, and its kernel is not there any more", result)
    ok(not mounting.mounted("m"), "the mount point is free")


def unmounted_between(image):
    """Whoever unmounts what a dead server has left wants no other one there."""
    for _ in range(50):
        process = start(image, "m", "--restart")
        before = worker(process.pid)
        os.kill(before, signal.SIGKILL)
        while not (successor := next((child for child in reversed(mounting.children(process.pid)) if child != before), None)):
            pass  # the first that the supervisor starts is it, long before it is sealed; the second helps it, and ends
        os.kill(successor, signal.SIGSTOP)
        if error_of(os.stat, "m/w/unknown") == errno.ENOTCONN:
            break
        os.kill(successor, signal.SIGCONT)  # it was there already
        mounting.umount("m")
        harness.collect(process)
    else:
        raise RuntimeError("no successor could be stopped before it served")
    ending = harness.spawn("umount", "m")
    wait_until(lambda: not mounting.mounted("m"))
    os.kill(successor, signal.SIGCONT)
    result = harness.collect(ending)
    ok(result.code == 1 and "killed by signal 9" in result.err, "umount after a server has died, before its successor serves", result)
    result = harness.collect(process)
    ok(result.code == 1 and "served again" not in result.err and not mounting.mounted("m"), "there is no other one then", result)


def panicked():
    """A kernel that panics has a successor, which serves what is not broken, and may panic as well."""
    image = mounting.make("panic.img", "ext4")
    ok(harness.run("mkdir", f"{image}:/bad").code == 0, "a directory")
    harness.tool("/usr/sbin/debugfs", "-w", "-R", "clri /bad", image)
    said = open("panics", "wb+")
    process = start(image, "m", "--restart", "-o", "errors=panic", stderr=said)
    write_synced("m/w/synced")
    for turn in ("a kernel that panics", "and one that panics again"):
        before = worker(process.pid)
        ok(error_of(os.stat, "m/bad") in GONE, f"{turn} is an error for who used it")
        ok(back(process, before), "it has a successor", read("panics"))
        ok(read("m/w/synced") == mounting.SYNCED and error_of(os.mkdir, "m/w/new") == errno.EROFS, "which serves what is whole, read-only")
    ok(b"panic forced after error" in read("panics") and b"served again, read-only" in read("panics"), "the user is told why", read("panics"))
    result = mounting.umount("m")
    ok(result.code == 1 and "panic forced after error" in result.err, "and again at the end", result)
    harness.collect(process)
    said.close()


def signalled(image):
    """Faults that somebody sends, not what the kernel has them for."""
    for number in (signal.SIGSEGV, signal.SIGBUS):
        process = start(image, "m")
        write_synced("m/w/synced")
        os.kill(worker(process.pid), number)
        result = harness.collect(process)
        ok(result.code == 1 and f"killed by signal {number.value} " in result.err, f"a {number.name} from outside ends the server", result)
        ok("was not unmounted" in result.err and not mounting.mounted("m"), "as any other signal does", result)


def given_up(image):
    process = start(image, "m", "--restart")
    write_synced("m/w/synced")
    for turn in range(4):
        before = worker(process.pid)
        os.kill(before, signal.SIGKILL)
        if turn < 3 and not back(process, before):
            break
    result = harness.collect(process)
    ok(result.code == 1 and "has died 4 times in a row" in result.err, "one that dies again and again has none in the end", result)
    ok(not mounting.mounted("m"), "and the mount point is free")
    process = start(image, "m", "--restart")
    os.rename(image, "elsewhere.img")
    os.kill(worker(process.pid), signal.SIGKILL)
    result = harness.collect(process)
    os.rename("elsewhere.img", image)
    ok(result.code == 1 and "no such file" in result.err and not mounting.mounted("m"), "nor has one whose image is gone", result)


def stuck(image):
    """The disk of one mount is a file on another one, whose server is stopped."""
    lower = mounting.make("lower.img", "ext4", "-O", "^has_journal")
    mounting.mount(lower, "lower")
    below = mounting.supervisor("lower")
    upper = mounting.make("lower/w/upper.img", "ext4")
    said = open("said", "wb+")
    process = start(upper, "m", "-o", WATCHDOG, stderr=said)
    write_synced("m/w/synced")
    mounting.mount(image, "other")
    stop(worker(below))
    seen = []
    waiting = threading.Thread(target=lambda: seen.append(error_of(write_synced, "m/w/more")))
    waiting.start()
    ok(wait_until(lambda: b"disk has not answered for 4 seconds" in read("said")), "of a disk that does not answer the user is told")
    waiting.join(2)
    ok(not seen and process.poll() is None, "it is waited for")
    answers = []
    for name in ("m/unknown", "m/w/../another"):
        asking = threading.Thread(target=lambda: answers.append(error_of(os.stat, name)), daemon=True)
        asking.start()
        asking.join(mounting.PATIENCE)
    ok(answers == [errno.ENOENT] * 2 and not seen, "who needs no disk is answered meanwhile", answers)
    write_synced("other/w/meanwhile")
    ok(read("other/w/meanwhile") == mounting.SYNCED, "by its mount alone")
    result = harness.run("mounts")
    ok(result.text.count(" requests, ") == 3, "all mounts can be listed", result)
    os.kill(worker(below), signal.SIGCONT)
    waiting.join(mounting.PATIENCE)
    ok(seen == [0] and read("m/w/more") == mounting.SYNCED, "and when it answers, all goes on", seen)
    ok(mounting.umount("m").code == 0, "it can be unmounted")
    ok(harness.collect(process).code == 0 and b"disk answers again" in read("said"), "the user is told that, too", read("said"))
    said.close()
    ok(mounting.umount("lower").code == 0 and mounting.umount("other").code == 0, "so can the others")


def truncated():
    image = mounting.make("short.img", "ext4")
    mounting.mount(image, "m")
    write_synced("m/w/data", os.urandom(8 << 20))
    mounting.umount("m")
    process = start(image, "m", "-o", "watchdog=1")
    os.truncate(image, 1 << 20)
    ok(error_of(read, "m/w/data") == errno.EIO, "of an image that was truncated, what is gone cannot be read")
    result = mounting.umount("m")
    ok(not mounting.mounted("m"), "it can be unmounted", result)
    result = harness.collect(process)
    ok("cannot be read or written everywhere: " in result.err, "the user is told", result)


def main():
    mounting.start()
    os.mkdir("m")
    image = mounting.make("disk.img", "ext4")
    hanging(image)
    idle(image)
    restarted(image)
    without_kernel(image)
    unmounted_between(image)
    panicked()
    signalled(image)
    given_up(image)
    stuck(image)
    truncated()
    mounting.finish()


main()
