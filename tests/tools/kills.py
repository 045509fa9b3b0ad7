#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Workers that are killed at random while they write: images stay whole, and what earlier commands wrote is there.

usage: kills.py KIND[-SEED]
"""

import os
import random
import re
import select
import signal
import sys
import time

import harness
import kinds
from harness import collect, ok, run, spawn, tool, worker_of

ROUNDS = 34
TRIES = 4 * ROUNDS  # more than half of the workers are killed before they are done
GROWTH = 1.05  # of the time that a command is thought to take, with each that was killed
CHECKS = {"f2fs": kinds.WRITABLE["f2fs"][2], **harness.CHECK}
WAYS = {"cp": ["cp", "-r", "victim", "disk.img:/"], "untar": ["untar", "-f", "victim.tar", "disk.img:/"]}


def make_trees(source):
    """What is copied: many small files, and one that is not; and an archive of the same."""
    os.makedirs("victim/dir")
    for i in range(300):
        kinds.write(f"victim/dir/{i}", source.randbytes(source.randrange(12000)))
    kinds.write("victim/large", source.randbytes(6 << 20))
    tool("tar", "-cf", "victim.tar", "victim")


def whole_command(way):
    """Seconds that it takes undisturbed."""
    started = time.monotonic()
    done = run(*WAYS[way])
    if done.code:
        raise RuntimeError(done)
    return time.monotonic() - started


def killed(way, after):
    """Start a command and kill its worker some seconds later. Returns its result, and whether it had ended before."""
    process = spawn(*WAYS[way])
    worker = worker_of(process)
    watched = os.pidfd_open(process.pid)
    ended = bool(select.select([watched], [], [], after)[0])
    os.close(watched)
    if not ended:
        try:
            os.kill(worker, signal.SIGKILL)
        except ProcessLookupError:
            pass
    return collect(process), ended


class Image:
    """@marks: files that commands have written which ended well."""

    def __init__(self, kind):
        self.kind = kind
        self.marks = {}
        self.wrong = []
        kinds.make(kind, "disk.img")
        self.command("mkdir", "disk.img:/marks")

    def command(self, *args):
        result = run(*args)
        if result.code:
            self.wrong.append(f"{' '.join(args)}: {result}")

    def mark(self, number, data):
        name = f"disk.img:/marks/{number}"
        kinds.write("mark", data)
        self.command("cp", "mark", name)
        self.marks[name] = data

    def verify(self, what):
        """The next command replays; then everything is as it should be."""
        self.command("rm", "-rf", "disk.img:/victim")
        got = run("cat", *self.marks)
        if got.code or got.out != b"".join(self.marks.values()):
            self.wrong.append(f"{what}: marks are lost: {got.err}")
        checked = tool(*CHECKS[self.kind], "disk.img")
        if checked.returncode:
            self.wrong.append(f"{what}: {checked.stdout}")


def main():
    kind, seed = re.fullmatch(r"(.*?)(?:-(\d+))?", sys.argv[1]).groups()
    seed = int(seed) if seed else int.from_bytes(os.urandom(4), "big")
    print(f"# tests/tools/kills.py {kind}-{seed} does about the same again")
    source = random.Random(seed)
    harness.start()
    kinds.find_programs()
    make_trees(source)
    image = Image(kind)
    image.mark(0, b"from the beginning")
    kills = tries = 0
    seconds = {}
    for way in WAYS:
        seconds[way] = whole_command(way)
        image.verify(f"{way}, undisturbed")
    while kills < ROUNDS and tries < TRIES and not image.wrong:
        tries += 1
        way = source.choice(list(WAYS))
        image.mark(tries, source.randbytes(source.randrange(1, 30000)))
        after = source.uniform(0, seconds[way])
        started = time.monotonic()
        result, ended = killed(way, after)
        # The machine is not always as busy as when it was measured: else most would be done long before they are killed.
        seconds[way] = time.monotonic() - started if ended else seconds[way] * GROWTH
        if result.code and "worker was killed by signal 9" not in result.err:
            image.wrong.append(f"{way}: {result}")
        kills += result.code != 0
        image.verify(f"round {tries}: {way}, killed after {after * 1000:.0f} ms")
    ok(not image.wrong, f"{kind}: after each of {kills} kills the image is whole, with what was written before", "\n".join(image.wrong))
    ok(kills == ROUNDS, f"{kind}: {kills} of {tries} commands were killed under way")
    harness.done()


main()
