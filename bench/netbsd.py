# SPDX-License-Identifier: BSD-2-Clause
"""Rows of bench/run about NetBSD's rump kernels: the same libraries on our librumpuser and librumpclient, and on theirs.

The libraries come from a folder that the caller names; the original librumpuser.so.0 and librumpclient.so.0 are among them.
"""

import os
import subprocess

DATA_MIB = 512
IMAGE_MIB = 640


class Libraries:
    """Runs the measuring program with one choice of libraries."""

    def __init__(self, bench, folder):
        self.bench = bench
        self.program = os.path.join(bench.build, "bench/netbsd")
        self.theirs = os.path.abspath(folder)
        self.ours = os.path.join(bench.build, "lib") + ":" + self.theirs
        # The loader would take theirs in place of one of ours that is missing.
        for where, names in ((os.path.join(bench.build, "lib"), ("librumpuser.so.0", "librumpclient.so.0")),
                             (self.theirs, ("librump.so.0", "librumpuser.so.0", "librumpclient.so.0"))):
            for name in names:
                if not os.path.exists(os.path.join(where, name)):
                    raise OSError(f"{where} has no {name}")

    def environment(self, path):
        return dict(os.environ, LD_LIBRARY_PATH=path)

    def call(self, path, *arguments):
        """The number that is the first line of what the program prints; a kernel that halts says so after it."""
        done = subprocess.run([self.program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=self.environment(path))
        if done.returncode:
            raise OSError(f"{arguments[0]}: {done.stderr.strip() or done.returncode}")
        return float(done.stdout.split()[0])

    def alternate(self, *arguments):
        ours, theirs, _ = self.bench.alternate(lambda: self.call(self.ours, *arguments),
                                               lambda: self.call(self.theirs, *arguments))
        return ours, theirs

    def image(self, name):
        """An empty FFS."""
        path, tree = self.bench.path(name), self.bench.path("tree")
        os.makedirs(tree, exist_ok=True)
        try:
            subprocess.run(["makefs", "-t", "ffs", "-o", "version=2", "-b", str(16 << 10), "-f", "1000", "-s",
                            f"{IMAGE_MIB}m", path, tree], check=True, stdout=subprocess.DEVNULL)
        except FileNotFoundError:
            raise OSError("no makefs; the package is called makefs") from None
        return path


def row_mutex(libraries):
    ours, theirs = libraries.alternate("mutex")
    yield ("rumpuser_mutex_enter + exit", f"{ours * 1e9:.1f} ns", f"{theirs * 1e9:.1f} ns", f"{theirs / ours:.2f} x",
           "10 ns", "6 ns")


def row_pipe(libraries):
    ours, theirs = libraries.alternate("pipe")
    yield ("pipe there and back, two pinned threads", f"{ours * 1e6:.1f} us", f"{theirs * 1e6:.1f} us",
           f"{theirs / ours:.2f} x", "1.0 x", "1.5 x")


def throughput(name, ours, theirs, aim):
    return (name, f"{DATA_MIB / ours:.0f} MiB/s", f"{DATA_MIB / theirs:.0f} MiB/s", f"{theirs / ours:.2f} x", "1.0 x",
            aim)


def row_tcp(libraries):
    yield throughput("TCP over lo0, buffers of 128 KiB", *libraries.alternate("tcp"), "1.3 x")


def row_write(libraries):
    def fresh(path):
        image = libraries.image("netbsd-write.img")
        os.sync()
        return libraries.call(path, "write", image)

    ours, theirs, _ = libraries.bench.alternate(lambda: fresh(libraries.ours), lambda: fresh(libraries.theirs))
    yield throughput("FFS, 512 MiB in 64 KiB writes + fsync", ours, theirs, "3 x")


def row_read(libraries):
    image = libraries.image("netbsd-read.img")
    libraries.call(libraries.theirs, "write", image)

    def cold(path):
        libraries.bench.drop(image)
        return libraries.call(path, "read", image)

    ours, theirs, _ = libraries.bench.alternate(lambda: cold(libraries.ours), lambda: cold(libraries.theirs))
    yield throughput("FFS, sequential read, not in the host's cache", ours, theirs, "1.5 x")


def row_remote(libraries):
    def pair(path):
        url = "unix://" + libraries.bench.path("server")
        server = subprocess.Popen([libraries.program, "serve", url], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True, env=libraries.environment(path))
        try:
            if server.stdout.readline() != "ready\n":
                raise OSError("remote: the server does not start")
            return libraries.call(path, "remote", url)
        finally:
            server.communicate("halt")

    ours, theirs, _ = libraries.bench.alternate(lambda: pair(libraries.ours), lambda: pair(libraries.theirs))
    yield ("remote getpid over unix://", f"{ours * 1e6:.1f} us", f"{theirs * 1e6:.1f} us", f"{theirs / ours:.2f} x",
           "1.0 x", "3 x")


ROWS = {"mutex": row_mutex, "pipe": row_pipe, "tcp": row_tcp, "write": row_write, "read": row_read,
        "remote": row_remote}
