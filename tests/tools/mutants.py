#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Damaged images by seed: each command on them ends with an answer, within bounds, and nothing else is touched.

usage: mutants.py KIND-FIRST+COUNT    as in "mutants.py ext4-17+1", which repeats seed 17
"""

import base64
import lzma
import os
import pickle
import re
import sys
import time
import traceback

import bounded
import harness
import kinds
import mutate
from harness import ok, run

# name: (kind, options for mkfs)
VARIANTS = {"ext4-plain": ("ext4", ["-O", "^metadata_csum"])}
# Beside the check of each mutant: every so many seeds, this.
MORE = {3: ["info", "disk.img"], 5: ["ls", "-lR", "disk.img"], 7: ["cp", "-r", "disk.img:/", "out"]}
EVERY = 8
KEPT = 3  # mutants of each process that are written to the log, as UUIDs and times make no two images the same
HANDS = 4  # processes at most
# Mutants that one command checks, with a worker for each: one start of a program for all. When that does not go well, they
# are checked one by one.
TOGETHER = 8


def make_tree():
    """What has metadata of many forms; kinds that have less of them get less."""
    os.makedirs("tree/dir/deeper/deepest")
    os.makedirs("tree/many")
    contents = mutate.CONTENT * 128
    for size in (1, 300, 4096, 50000, 400000):
        kinds.write(f"tree/size-{size}", (contents * (size // len(contents) + 1))[:size])
    for i in range(150):
        kinds.write(f"tree/many/a name that takes some space {i}", contents[:i])
    kinds.write("tree/dir/deeper/deepest/file", contents)


def add_more():
    os.symlink("size-300", "tree/link")
    os.symlink("x" * 200, "tree/dir/long-link")
    os.link("tree/size-300", "tree/dir/hard-link")
    os.mkfifo("tree/dir/fifo")
    with open("tree/dir/holes", "wb") as file:
        for i in range(30):
            file.seek(i * 20000)
            file.write(mutate.CONTENT * 32)
    try:
        for i in range(8):
            os.setxattr("tree/size-4096", f"user.attribute{i}", b"value" * i)
    except OSError:
        pass  # the host's file system has none


def unpack(target):
    """Put the tree into the image, in the same order each time."""
    kinds.tool("tar", "--sort=name", "--mtime=@1600000000", "--xattrs", "-cf", "tree.tar", "tree")
    return run("untar", "-f", "tree.tar", target)


def make_base(name):
    """disk.img, filled with what this kind can hold."""
    kind, options = VARIANTS.get(name, (name, []))
    make_tree()
    if kind in kinds.READABLE:
        add_more()
        kinds.make(kind, "disk.img")
    else:
        kinds.make(kind, "disk.img", *options)
        filled = unpack("disk.img:/")
        if filled.code not in (0, 3) and kind != "hfs":  # 3: owners are lost; HFS is full early, which will do
            raise RuntimeError(filled)
        add_more()
        run("mkdir", "disk.img:/more")
        unpack("disk.img:/more")  # as far as it goes
    kinds.tool("rm", "-rf", "tree")
    return mutate.Base("disk.img"), kind


def packed_image(path):
    """An image, compressed, as uuencode(1) writes it."""
    packer = lzma.LZMACompressor(preset=1)
    packed = b""
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            packed += packer.compress(block)
    return base64.encodebytes(packed + packer.flush()).decode()


def surroundings():
    """All that the commands might touch, and may not."""
    found = {}
    for place in ("..", ".", "guarded", "guarded/directory"):
        for entry in os.scandir(place):
            st = entry.stat(follow_symlinks=False)
            found[entry.path] = (st.st_mode, st.st_size, st.st_mtime_ns)
    return found


class Findings:
    """What became of some seeds."""

    def __init__(self):
        self.wrong = []  # texts
        self.ended = []
        self.kept = {}  # name: contents
        self.changed = False  # something was written to the image
        self.answers = {}
        self.commands = 0
        self.cpu = 0
        self.memory = 0
        self.slowest = (0, "")

    def add(self, other):
        self.wrong += other.wrong
        self.ended += other.ended
        self.kept.update(other.kept)
        self.changed |= other.changed
        for answer, count in other.answers.items():
            self.answers[answer] = self.answers.get(answer, 0) + count
        self.commands += other.commands
        self.cpu += other.cpu
        self.memory = max(self.memory, other.memory)
        self.slowest = max(self.slowest, other.slowest)


class Series:
    """Seeds of one kind, some together, in a directory with disk-0.img and so on."""

    def __init__(self, name, base, kind):
        self.name = name
        self.base = base
        self.kind = kind
        self.found = Findings()
        os.makedirs("guarded/directory")
        kinds.write("guarded/file", b"of the host's\n")

    def execute(self, name, args, codes):
        """Run a command. Returns its result, and what is wrong with it, or None."""
        found = self.found
        before = surroundings()
        result = bounded.run(*args)
        wrong = result.wrong(codes)
        found.commands += 1
        found.cpu += result.cpu
        found.slowest = max(found.slowest, (round(result.cpu, 2), f"{name}: {args[0]}"))
        found.memory = max(found.memory, result.memory)
        for line in result.err.splitlines() or [""]:
            answer = re.sub(r"\d+", "N", line)
            found.answers[answer] = found.answers.get(answer, 0) + 1
        after = surroundings()
        for path in ("./out", "../inner"):  # "out" is made for what is copied
            before.pop(path, None)
            after.pop(path, None)
        if after != before and not wrong:
            wrong = f"touched: {[path for path in {**before, **after} if before.get(path) != after.get(path)]}"
        return result, wrong

    def tell(self, seeds, mutants, paths, args, result, wrong):
        """What is known of a command that did not go well."""
        found = self.found
        name = "+".join(str(seed) for seed in seeds)
        if result.kernel_ended:
            found.ended.append(f"seed {name}: {' '.join(args)}: {result.err.splitlines()[-2:]}")
        if wrong:
            if len(found.wrong) < KEPT:
                for seed, path in zip(seeds, paths):
                    found.kept[f"{self.name}-{seed}"] = packed_image(path)
            told = "\n".join(str(mutant) for mutant in mutants)
            found.wrong.append(f"seed {name}: {' '.join(args)}: {wrong}\n{told}\n{result}\n"
                              f"repeat: tests/tools/mutants.py {self.name}-{seeds[0]}+1")

    def check(self, seeds, mutants, paths):
        """Together; when that does not go well, one by one, to know which it was. Returns whether all is well."""
        args = ["check", *paths]
        result, wrong = self.execute(seeds[0], args, (0, 1))
        if not wrong and not result.kernel_ended:
            return True
        if len(seeds) == 1 or all([self.check([seed], [mutant], [path]) for seed, mutant, path in zip(seeds, mutants, paths)]):
            self.tell(seeds, mutants, paths, args, result, wrong)
        return False

    def look(self, seed, mutant, path):
        """Some more, for some."""
        if seed % EVERY not in MORE:
            return
        args = [arg.replace("disk.img", path) for arg in MORE[seed % EVERY]]
        os.mkdir("out")
        result, wrong = self.execute(seed, args, (0, 1, 3))
        if wrong or result.kernel_ended:
            self.tell([seed], [mutant], [path], args, result, wrong)
        kinds.tool("chmod", "-R", "u+rwx", "out")
        kinds.tool("rm", "-rf", "out")

    def run(self, seeds):
        mutants = [mutate.Mutant(self.base, self.kind, seed) for seed in seeds]
        paths = [f"disk-{number}.img" for number in range(len(seeds))]
        for mutant, path in zip(mutants, paths):
            mutant.apply(path)
        self.check(seeds, mutants, paths)
        for seed, mutant, path in zip(seeds, mutants, paths):
            self.look(seed, mutant, path)
            mutant.undo(path)


def work(series, seeds, result):
    """A process of its own: some seeds, and what was found goes to @result."""
    for number in range(1, min(TOGETHER, len(seeds))):
        kinds.tool("cp", "--sparse=always", "disk-0.img", f"disk-{number}.img")
    for first in range(0, len(seeds), TOGETHER):
        series.run(seeds[first:first + TOGETHER])
    series.found.changed = not all(series.base.is_at(f"disk-{number}.img") for number in range(min(TOGETHER, len(seeds))))
    pickle.dump(series.found, result)


def share_out(name, base, kind, seeds):
    """Seeds to as many processes as there are processors. Returns what they found."""
    hands = max(1, min(HANDS, len(os.sched_getaffinity(0)), len(seeds) // TOGETHER))
    results = []
    for hand in range(hands):
        os.makedirs(f"hand-{hand}/inner")  # what is above it is watched, too
        kinds.tool("cp", "--sparse=always", "disk.img", f"hand-{hand}/inner/disk-0.img")
        read, write = os.pipe()
        if not os.fork():
            try:
                os.chdir(f"hand-{hand}/inner")
                with open(write, "wb") as result:
                    work(Series(name, base, kind), [seed for seed in seeds if seed // TOGETHER % hands == hand], result)
                os._exit(0)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
        os.close(write)
        results.append(read)
    found = Findings()
    for read in results:
        with open(read, "rb") as result:
            found.add(pickle.load(result))
        os.wait()
    return found


def main():
    name, first, count = re.fullmatch(r"(.*)-(\d+)\+(\d+)", sys.argv[1]).groups()
    harness.start()
    os.environ["RUMPUS_COMMAND_LINE"] = "rump.hung_ms=3000"  # who waits for nothing at all need not wait for minutes
    kinds.find_programs()
    base, kind = make_base(name)
    whole = run("check", "disk.img")
    ok(whole.code == 0, f"{name}: as it was made, no error is found", whole)
    started = time.monotonic()
    found = share_out(name, base, kind, range(int(first), int(first) + int(count)))
    seconds = time.monotonic() - started
    for kept, text in found.kept.items():
        print(f"begin-base64 644 {kept}.img.xz\n{text}====", file=sys.stderr, flush=True)
    ok(not found.wrong, f"{name}: {found.commands} commands on {count} mutants end with an answer", "\n\n".join(found.wrong))
    ok(not found.changed, f"{name}: nothing was written to the image")
    if int(count) > 20:
        ok(len(found.answers) > 3, f"{name}: {len(found.answers)} different answers", found.answers)
    for text in found.ended:
        print(f"# kernel ended, {text}")
    print(f"# {name}: {seconds:.1f} s, {found.cpu / found.commands * 1000:.0f} ms of processor time for each command, "
          f"slowest {found.slowest[0]} s (seed {found.slowest[1]}), {found.memory >> 20} MiB at most")
    harness.done()


if __name__ == "__main__":
    main()
