# SPDX-License-Identifier: BSD-2-Clause
"""Rows about networks: ours over tap, shm, slirp and within a kernel, beside veth, loopback and slirp4netns."""

import os
import shutil
import statistics
import subprocess

MIB = 1 << 20


class Nets:
    """The measuring program, in a directory where a bus can be made."""

    def __init__(self, bench, skip):
        self.bench = bench
        self.skip = skip
        self.program = os.path.join(bench.build, "bench/net")
        self.image = os.path.join(bench.build, "lib/rumpus/linux-net.img")
        if not os.path.exists(self.image):
            raise OSError("no image with a network: run make net")

    def figures(self, name):
        environment = dict(os.environ, RUMPUS_BUILD=self.bench.build)
        done = subprocess.run([self.program, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              cwd=self.bench.dir, env=environment)
        if done.returncode:
            raise OSError(f"bench/net {name}: " + (done.stderr or done.stdout).strip())
        return [float(word) for word in done.stdout.split()]

    def beside(self, ours, theirs):
        """Medians of both, and why there is none of theirs"""
        return self.bench.alternate(lambda: self.figures(ours)[0], lambda: self.figures(theirs)[0])


def speed(bytes_per_second):
    return f"{bytes_per_second * 8 / 1e9:.1f} Gb/s"


def row_tap(bench, skip):
    nets = Nets(bench, skip)
    for name, figure, must, aim in (("kernel to host over tap", "tap-out", "1.0 x", "2 x"),
                                    ("host to kernel over tap", "tap-in", "0.6 x", "1.2 x")):
        ours, theirs, _ = nets.beside(figure, "veth")
        yield f"TCP, {name}, beside veth", speed(ours), speed(theirs), f"{ours / theirs:.2f} x", must, aim
    ours, theirs, _ = nets.beside("tap-trip", "veth-trip")
    yield ("one byte and back over tap, its part of veth's", f"{ours * 1e6:.1f} us", f"{theirs * 1e6:.1f} us",
           f"{ours / theirs:.2f} x", "1.2 x", "0.8 x")


def row_queues(bench, skip):
    """Two streams: over two queues of one interface, each with a virtual CPU, and over one"""
    nets = Nets(bench, skip)
    for name, ours in (("out, two queues", "tap-two-out"), ("out, one queue", "tap-one-queue-out"),
                       ("in, two queues", "tap-two-in"), ("in, one queue", "tap-one-queue-in")):
        ours, theirs, _ = nets.beside(ours, "veth-two")
        yield (f"two TCP streams over tap, {name}, beside veth", speed(ours), speed(theirs), f"{ours / theirs:.2f} x",
               "-", "-")


def row_loop(bench, skip):
    nets = Nets(bench, skip)
    ours = [nets.figures("loop")[0] for _ in range(2 * bench.runs)]
    theirs = statistics.median(nets.figures("host-loop")[0] for _ in range(bench.runs))
    yield (f"TCP within a kernel, worst of {len(ours)}, beside loopback", speed(min(ours)), speed(theirs),
           f"{min(ours) / theirs:.2f} x", "0.7 x", "1.5 x")


def row_shm(bench, skip):
    nets = Nets(bench, skip)
    stream, packets, segments, trip = (statistics.median(nets.figures(name)[0] for _ in range(bench.runs))
                                       for name in ("shm", "shm-datagrams", "shm-segments", "shm-trip"))
    yield "TCP between two processes over shm", speed(stream), "-", "-", "20 Gb/s", "40 Gb/s"
    yield "datagrams of 64 bytes received over shm", f"{packets / 1e6:.2f} M/s", "-", "-", "1 M/s", "2 M/s"
    yield "the same by UDP_SEGMENT and UDP_GRO, 32 a message", f"{segments / 1e6:.1f} M/s", "-", "-", "-", "-"
    yield "one byte and back over shm", f"{trip * 1e6:.1f} us", "-", "-", "-", "-"


def row_slirp(bench, skip):
    nets = Nets(bench, skip)

    def theirs():
        if not shutil.which("slirp4netns"):
            raise skip("slirp4netns is not installed")
        return nets.figures("slirp4netns")[0]

    ours, peer, reason = bench.alternate(lambda: nets.figures("slirp")[0], theirs)
    row = ("TCP, kernel to host over slirp, MTU 65520", speed(ours), speed(peer) if peer else "skipped",
           f"{ours / peer:.2f} x" if peer else "-", "1.0 x", "1.5 x")
    yield row + (reason,) if reason else row


def row_boot(bench, skip):
    results = [Nets(bench, skip).figures("boot") for _ in range(bench.runs)]
    seconds, pss = (statistics.median(column) for column in zip(*results))
    yield "boot with a network and a device that is up", f"{seconds * 1e3:.1f} ms", "-", "-", "14 ms", "6 ms"
    yield "resident then (PSS)", f"{pss / MIB:.1f} MiB", "-", "-", "20 MiB", "13 MiB"


ROWS = {"net-tap": row_tap, "net-queues": row_queues, "net-loop": row_loop, "net-shm": row_shm, "net-slirp": row_slirp,
        "net-boot": row_boot}
