#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Signals, closed pipes, and workers that end: nothing hangs, images stay whole."""

import os
import re
import signal
import time

import harness
from harness import check, collect, digest, expect, ok, run, spawn, worker_of

LARGE = 600 << 20


def written(image):
    return os.stat(image).st_blocks * 512


def copy_under_way(image):
    """A cp into @image that has written some, and has much to write yet."""
    before = written(image)
    process = spawn("cp", "large", f"{image}:/file")
    limit = time.monotonic() + 60
    while written(image) < before + (8 << 20) and time.monotonic() < limit and process.poll() is None:
        time.sleep(0.005)
    return process


def gone(pid):
    """It has ended, though perhaps nobody has collected it yet."""
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as status:
                if status.read().rpartition(")")[2].split()[0] == "Z" and len(os.listdir(f"/proc/{pid}/task")) == 1:
                    return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


def first_signal(number, code):
    name = signal.Signals(number).name
    image = harness.mkfs("disk.img", "ext4", 1 << 30)
    process = copy_under_way(image)
    process.send_signal(number)
    result = collect(process, 30)
    ok(result.code == code, f"{name} while copying: exit {code}", result)
    dumped = harness.tool("/usr/sbin/dumpe2fs", "-h", image).stdout
    ok("needs_recovery" not in dumped, f"{name} while copying: the image was unmounted", dumped)
    check(image, "ext4")
    listed = run("ls", image)
    ok(listed.code == 0 and "file" not in listed.text.split(), f"{name} while copying: no half of a file is left", listed)


def echoed_signal():
    """As timeout(1) sends them: to its child, then to the group that the child is in."""
    image = harness.mkfs("disk.img", "ext4", 1 << 30)
    process = copy_under_way(image)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGHUP)
    result = collect(process, 30)
    ok(result.code == 143 and not result.err, "signals right after the first are taken for the same", result)
    dumped = harness.tool("/usr/sbin/dumpe2fs", "-h", image).stdout
    ok("needs_recovery" not in dumped, "the image was unmounted", dumped)
    check(image, "ext4")


def second_signal():
    image = harness.mkfs("disk.img", "ext4", 1 << 30)
    process = copy_under_way(image)
    worker = worker_of(process)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    time.sleep(0.51)
    process.send_signal(signal.SIGINT)
    result = collect(process, 10)
    ok(result.code == 130, "two SIGINTs while copying: exit 130", result)
    ok(time.monotonic() - started < 5 and gone(worker), "two SIGINTs while copying: the worker ends at once")
    expect("after that the image can be read: its journal is replayed", 0, "ls", image)
    expect("and written to", 0, "mkdir", f"{image}:/after")
    check(image, "ext4")


def killed_worker():
    image = harness.mkfs("disk.img", "ext4", 1 << 30)
    process = copy_under_way(image)
    # The parent of a signal from outside a process namespace is no part of it: SIGKILL is all that is sure to work.
    os.kill(worker_of(process), signal.SIGKILL)
    result = collect(process, 10)
    ok(result.code == 1 and re.search(r"worker was killed by signal 9", result.err), "a killed worker is reported", result)
    ok("last message of its kernel" in result.err and "not unmounted" in result.err,
       "with the kernel's last message, and what became of the image", result)
    expect("the image can be used again", 0, "mkdir", f"{image}:/after")
    check(image, "ext4")


def stuck_worker():
    image = harness.mkfs("disk.img", "ext4", 1 << 30)
    process = copy_under_way(image)
    os.kill(worker_of(process), signal.SIGSTOP)
    process.send_signal(signal.SIGINT)
    result = collect(process, 30)
    ok(result.code == 130 and "is stuck, and was killed" in result.err and "not unmounted" in result.err,
       "a worker that does not react to SIGINT is killed", result)
    expect("and the image can be used again", 0, "mkdir", f"{image}:/after")
    check(image, "ext4")


def killed_parent():
    image = harness.mkfs("disk.img", "ext4", 1 << 30)
    process = copy_under_way(image)
    worker = worker_of(process)
    process.kill()
    collect(process, 10)
    ok(gone(worker), "the worker dies with its parent")
    expect("and the image can be used again", 0, "mkdir", f"{image}:/after")
    check(image, "ext4")


def reading(image):
    sums = digest(image)
    process = spawn("cat", f"{image}:/large")
    time.sleep(0.5)  # by now it waits for us to read
    process.send_signal(signal.SIGINT)
    result = collect(process, 10)
    ok(result.code == 130, "SIGINT while blocked in a pipe: exit 130", result.err)
    ok(digest(image) == sums, "a reader that was interrupted changed nothing")

    process = spawn("cp", f"{image}:/large", "taken-out")
    limit = time.monotonic() + 30
    while not (os.path.exists("taken-out") and os.stat("taken-out").st_size) and time.monotonic() < limit:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    result = collect(process, 10)
    ok(result.code == 130 or (result.code == 0 and os.stat("taken-out").st_size == LARGE),
       "SIGINT while copying out: exit 130", result)
    ok(result.code == 0 or not os.path.exists("taken-out"), "and no half of a file is left")
    if os.path.exists("taken-out"):
        os.unlink("taken-out")

    process = spawn("cp", f"{image}:/large", "taken-out")
    worker = worker_of(process)
    limit = time.monotonic() + 30
    while not (os.path.exists("taken-out") and os.stat("taken-out").st_size) and time.monotonic() < limit:
        time.sleep(0.005)
    os.kill(worker, signal.SIGKILL)
    result = collect(process, 10)
    ok(result.code == 1 and not os.path.exists("taken-out"), "nor when the worker is killed", result)


def closed_pipe(image):
    process = spawn("cat", f"{image}:/large")
    process.stdout.read(10)
    process.stdout.close()
    process.stdout = None
    result = collect(process, 10)
    ok(result.code == -signal.SIGPIPE and not result.err, "cat | head: ends by SIGPIPE, without a word", result)
    process = spawn("ls", "-lR", image)
    process.stdout.close()
    process.stdout = None
    result = collect(process, 10)
    ok(result.code == -signal.SIGPIPE and not result.err, "ls | head: the same", result)
    with open("/dev/full", "wb") as full:
        result = run("cat", f"{image}:/large", stdout=full)
    ok(result.code == 1 and re.search("standard output.*no space", result.err), "cat to a full disk fails", result)
    with open("/dev/full", "wb") as full:
        result = run("ls", "-l", image, stdout=full)
    ok(result.code == 1 and "standard output" in result.err, "ls to a full disk fails", result)


def closed_messages(image):
    """What nobody reads any more is no reason to leave an image mounted."""
    with open("there", "wb") as file:
        file.write(b"there\n")
    process = spawn("cp", *[f"missing{i}" for i in range(2000)], "there", f"{image}:/")
    process.stderr.close()
    process.stderr = None
    result = collect(process, 30)
    ok(result.code == 1, "a writing command outlives the reader of its messages", result)
    dumped = harness.tool("/usr/sbin/dumpe2fs", "-h", image).stdout
    ok("needs_recovery" not in dumped, "and unmounts the image", dumped)
    expect("it has what was to be copied", 0, "cat", f"{image}:/there", message="^$")


def terminal(image):
    """On a terminal, names must not control it, and the worker must not hold it."""
    main, other = os.openpty()
    result = run("cat", f"{image}:/short", stdout=other)
    os.close(other)
    ok(result.code == 0 and os.read(main, 100) == b"short\r\n", "cat to a terminal", result)
    os.close(main)


def main():
    harness.start()
    with open("large", "wb") as file:
        for _ in range(LARGE >> 20):
            file.write(os.urandom(1 << 20))
    first_signal(signal.SIGINT, 130)
    first_signal(signal.SIGTERM, 143)
    echoed_signal()
    second_signal()
    killed_worker()
    stuck_worker()
    killed_parent()
    image = harness.mkfs("disk.img", "ext4", 1 << 30)
    with open("short", "wb") as file:
        file.write(b"short\n")
    expect("copy in undisturbed", 0, "cp", "large", "short", f"{image}:/", message="^$")
    reading(image)
    closed_pipe(image)
    closed_messages(image)
    terminal(image)
    harness.done()


main()
