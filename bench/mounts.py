# SPDX-License-Identifier: BSD-2-Clause
"""Rows of bench/run about rumpus mount: the same work on a loop mount by the host's kernel, and on fuse2fs."""

import json
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


READERS = 4
READ_SECONDS = 1
CACHED = 64 << 20  # bytes that are read


def cached_reads(bench, server, name):
    """Reads a second of a file that the host has in its cache, as all of them are who read it by this mount."""
    image, point = bench.image(f"{name}.img"), bench.path(f"at-{name}")
    os.makedirs(point, exist_ok=True)
    server.up(image, point)
    try:
        with open(f"{point}/data", "wb") as file:
            file.write(os.urandom(CACHED))
            os.fsync(file.fileno())
        read(f"{point}/data")
        done = subprocess.run([os.path.join(bench.build, "bench/random"), f"{point}/data", str(READERS), str(READ_SECONDS)],
                              stdout=subprocess.PIPE, text=True, check=True)
        return float(done.stdout)
    finally:
        server.down(point)


def row_cached(bench):
    if os.geteuid():
        raise OSError("a loop mount needs root")
    sides = (Ours(bench), "ours"), (Loop(), "peer")
    ours, theirs = zip(*[[cached_reads(bench, server, name) for server, name in sides] for _ in range(bench.runs)])
    mine, peers = median(ours), median(theirs)
    yield (f"4 KiB random reads, cached, {READERS} threads, beside loop", f"{mine / 1e3:.0f} k/s", f"{peers / 1e3:.0f} k/s",
           f"{mine / peers:.2f} x", "0.7 x", "1.0 x")


def processes(bench, point):
    """Supervisor and worker."""
    listed = json.loads(subprocess.run([bench.rumpus, "mounts", "--json"], stdout=subprocess.PIPE, check=True).stdout)
    pid = next(told["process"] for told in listed if told["directory"] == os.path.realpath(point))
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [pid, *map(int, file.read().split())]


def memory(pid):
    """PSS and RSS in MiB."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        told = dict(re.findall(r"^(\w+): +(\d+) kB$", file.read(), re.MULTILINE))
    return int(told["Pss"]) / 1024, int(told["Rss"]) / 1024


def row_start(bench):
    """The command until the mount works, and what it takes then, alone on the machine or not: PSS shares what is shared."""
    server, image, point = Ours(bench), bench.image("start.img"), bench.path("at-start")
    os.makedirs(point, exist_ok=True)
    seconds, sizes = [], []
    for _ in range(bench.runs + 1):
        seconds.append(elapsed(server.up, image, point))
        try:
            sizes.append([sum(column) for column in zip(*map(memory, processes(bench, point)))])
        finally:
            server.down(point)
    yield "rumpus mount, whole command", f"{median(seconds[1:]) * 1e3:.1f} ms", "-", "-", "60 ms", "25 ms"
    pss, rss = (median(column) for column in zip(*sizes[1:]))
    yield "resident after it (PSS)", f"{pss:.1f} MiB", "-", f"RSS {rss:.1f}", "24 MiB", "12 MiB"


def row_nodes(bench):
    """What a server that holds inodes instead of descriptors could spare at most: the difference of the two."""
    program = os.path.join(bench.build, "bench/nodes")
    figures = ([], [])
    for _ in range(bench.runs):
        done = subprocess.run([program, bench.image("nodes.img")], stdout=subprocess.PIPE, check=True, text=True)
        for column, word in zip(figures, done.stdout.split()):
            column.append(float(word))
    by_node, by_open_file = map(median, figures)
    yield ("calls for one file of an archive, beside an open file's alone", f"{by_node * 1e6:.1f} us",
           f"{by_open_file * 1e6:.1f} us", f"{by_open_file / by_node:.2f} x", "-", "-")


# ---- ways to hand contents over, that could be taken instead of those that are

HANDED_MIB = 256
WAYS = {"copy": "by a buffer", "straight": "from the kernel's memory", "splice": "by splice"}


class Handover:
    """A server without a file system, by one of the ways of bench/handover.c."""

    def __init__(self, bench, way):
        self.point = bench.path("at-handover")
        os.makedirs(self.point, exist_ok=True)
        self.process = subprocess.Popen([os.path.join(bench.build, "bench/handover"), self.point, way])
        while not os.path.ismount(self.point):
            if self.process.poll() is not None:
                raise OSError("the server of bench/handover did not start")
            time.sleep(0.01)

    def __enter__(self):
        return f"{self.point}/file"

    def __exit__(self, *_):
        run("umount", self.point)
        self.process.wait()


def move(path, flags, call):
    """MiB/s of all of the file, in pieces of 1 MiB."""
    descriptor = os.open(path, flags)
    seconds = elapsed(lambda: [call(descriptor) for _ in range(HANDED_MIB)])
    os.close(descriptor)
    return HANDED_MIB / seconds


def hand_over(bench, way):
    data = bytearray(1 << 20)
    with Handover(bench, way) as path:
        return (move(path, os.O_RDONLY, lambda descriptor: os.readv(descriptor, [data])),
                move(path, os.O_WRONLY, lambda descriptor: os.write(descriptor, data)))


def read_small(bench, way):
    with Handover(bench, way) as path:
        done = subprocess.run([os.path.join(bench.build, "bench/random"), path, str(READERS), str(READ_SECONDS)],
                              stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def row_handover(bench):
    """Splice, and a connection for each thread: what they would be worth."""
    if os.geteuid():
        raise OSError("it mounts as root")
    figures = {way: [] for way in WAYS}
    for _ in range(bench.runs):
        for way, column in figures.items():
            column.append(hand_over(bench, way))
    reads, writes = ({way: median([pair[i] for pair in column]) for way, column in figures.items()} for i in (0, 1))
    # What is written comes by the library's buffer without splice, whichever the other way is.
    for what, way, speeds in ("read", "straight", reads), ("read", "splice", reads), ("write", "splice", writes):
        yield (f"{what} {WAYS[way]}, beside {WAYS['copy']}", f"{speeds[way]:.0f} MiB/s", f"{speeds['copy']:.0f} MiB/s",
               f"{speeds[way] / speeds['copy']:.2f} x", "-", "-")
    own, shared = zip(*[[read_small(bench, way) for way in ("small-own", "small")] for _ in range(bench.runs)])
    yield (f"4 KiB reads, {READERS} threads: own connections beside one", f"{median(own) / 1e3:.0f} k/s",
           f"{median(shared) / 1e3:.0f} k/s", f"{median(own) / median(shared):.2f} x", "-", "-")
