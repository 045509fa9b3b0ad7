# SPDX-License-Identifier: BSD-2-Clause
"""Rows of bench/run about rumpus mount: the same work on a loop mount by the host's kernel, and on fuse2fs."""

import os
import re
import shutil
import subprocess
import time

DATA_MIB = 512
PIECE = bytes(64 << 10)
TREE = "/usr/include"

# What is measured, and how many times as fast as each peer it must be, and is aimed to be.
MEASURES = {
    "mount": ("mount, whole command", None, None),
    "write": ("512 MiB in 64 KiB writes + fsync", ("0.6 x", "1.0 x"), ("1.5 x", "4.0 x")),
    "read": ("the same read, not in any cache", ("0.6 x", "1.0 x"), ("1.5 x", "4.0 x")),
    "unpack": (f"tar unpacks {TREE}", ("0.3 x", "0.6 x"), ("8.0 x", "15 x")),
    "find": ("find over it", None, ("4.0 x", "8.0 x")),
    "remove": ("rm -r of it", None, ("4.0 x", "8.0 x")),
}


def elapsed(function, *args):
    start = time.monotonic()
    function(*args)
    return time.monotonic() - start


def run(*args, **more):
    subprocess.run(args, check=True, stdout=subprocess.DEVNULL, **more)


def write(path):
    with open(path, "wb", buffering=0) as file:
        for _ in range((DATA_MIB << 20) // len(PIECE)):
            file.write(PIECE)
        os.fsync(file.fileno())


def read(path):
    with open(path, "rb", buffering=0) as file:
        while file.read(len(PIECE)):
            pass


class Ours:
    def __init__(self, bench):
        self.bench = bench
        self.memory = []
        os.environ["XDG_RUNTIME_DIR"] = bench.path("run")
        os.makedirs(bench.path("run"), 0o700, exist_ok=True)

    def up(self, image, point):
        run(self.bench.rumpus, "mount", image, point)

    def down(self, point):
        listed = subprocess.run([self.bench.rumpus, "mounts"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.memory += re.findall(rf" on {re.escape(os.path.abspath(point))}, .* ([0-9.]+ [KM]iB) of memory", listed)
        run(self.bench.rumpus, "umount", point)


class Loop:
    def up(self, image, point):
        run("mount", "-t", "ext4", "-o", "loop", image, point)

    def down(self, point):
        run("umount", point)


class Fuse2fs:
    """Ends some time after its mount, and only then is the image its own no more."""

    def up(self, image, point):
        run("fuse2fs", image, point, stderr=subprocess.DEVNULL)

    def down(self, point):
        run("fusermount3", "-u", point)
        while subprocess.run(["pgrep", "-x", "fuse2fs"], stdout=subprocess.DEVNULL, check=False).returncode == 0:
            time.sleep(0.02)


def work(bench, server, name):
    """Seconds that each measure takes."""
    image, point, archive = bench.image(f"{name}.img"), bench.path(f"at-{name}"), bench.path("tree.tar")
    os.makedirs(point, exist_ok=True)
    if not os.path.exists(archive):
        run("tar", "-C", TREE, "-cf", archive, ".")
    took = {"mount": elapsed(server.up, image, point)}
    try:
        took["write"] = elapsed(write, f"{point}/data")
        server.down(point)
        bench.drop(image)
        server.up(image, point)
        took["read"] = elapsed(read, f"{point}/data")
        os.mkdir(f"{point}/tree")
        took["unpack"] = elapsed(run, "tar", "-C", f"{point}/tree", "-xf", archive)
        took["find"] = elapsed(run, "find", f"{point}/tree", "-printf", "%s")
        took["remove"] = elapsed(run, "rm", "-r", f"{point}/tree")
    finally:
        server.down(point)
    return took


def median(figures):
    return sorted(figures)[len(figures) // 2]


def compare(bench, peer, name, which):
    ours, rounds = Ours(bench), ([], [])
    for _ in range(bench.runs):
        rounds[0].append(work(bench, ours, "ours"))
        rounds[1].append(work(bench, peer, "peer"))
    for measure, (text, *bounds) in MEASURES.items():
        mine, theirs = (median([took[measure] for took in side]) for side in rounds)
        must, aim = bounds[which] or ("-", "-")
        yield (f"{text}, beside {name}", f"{mine * 1e3:.0f} ms", f"{theirs * 1e3:.0f} ms", f"{theirs / mine:.2f} x", must, aim)
    yield "resident at its end", ours.memory[-1] if ours.memory else "?", "-", "-", "128 MiB", "-"


def row_loop(bench):
    if os.geteuid():
        raise OSError("a loop mount needs root")
    yield from compare(bench, Loop(), "loop", 0)


def row_fuse2fs(bench):
    if not shutil.which("fuse2fs"):
        raise OSError("no fuse2fs; the package is called fuse2fs")
    yield from compare(bench, Fuse2fs(), "fuse2fs", 1)
