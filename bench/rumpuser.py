# SPDX-License-Identifier: BSD-2-Clause
"""Rows of bench/run about the primitives of librumpuser, without a kernel: beside the C library's, and the original's."""

import os
import subprocess

MEASURES = (
    ("mutex", "mutex enter + exit, uncontended", 1e9, "ns", "10 ns", "6 ns"),
    ("together", "cv and mutex, there and back, on one processor", 1e6, "us", "1.0 x", "1.5 x"),
    ("apart", "the same, two threads pinned to two processors", 1e6, "us", "1.0 x", "1.5 x"),
    ("pages", "a page allocated, touched, freed", 1e9, "ns", "1.0 x", "1.5 x"),
)


def row_rumpuser(bench, folder):
    program = os.path.join(bench.build, "bench/rumpuser")
    ours = os.path.join(bench.build, "lib")

    def call(path, *arguments):
        done = subprocess.run([program, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              env=dict(os.environ, LD_LIBRARY_PATH=path))
        if done.returncode:
            raise OSError(f"{program}: {done.stderr.strip() or done.returncode}")
        return float(done.stdout)

    peers = [("the C library", ours, "host")]
    if folder:
        peers.append(("the original", os.path.abspath(folder), "rumpuser"))
    for measure, name, scale, unit, must, aim in MEASURES:
        for peer, path, side in peers:
            mine, theirs, _ = bench.alternate(lambda m=measure: call(ours, m, "rumpuser"),
                                              lambda m=measure, p=path, s=side: call(p, m, s))
            yield (f"{name}; {peer}", f"{mine * scale:.1f} {unit}", f"{theirs * scale:.1f} {unit}",
                   f"{theirs / mine:.2f} x", must, aim)
