#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Random reads, writes, truncations, mappings, holes and copies through a mount, beside a model in memory.

usage: fsx.py TYPE[-long]    The seed is printed; RUMPUS_SEED sets it.
"""

import ctypes
import mmap
import os
import random
import sys

import mounting

import harness

SIZE_MAX = 3 << 20
libc = ctypes.CDLL(None, use_errno=True)
FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE = 1, 2


class File:
    """A file, and what must be in it."""

    def __init__(self, path, rng):
        self.path = path
        self.rng = rng
        self.model = bytearray()
        self.fd = os.open(path, os.O_CREAT | os.O_RDWR)

    def place(self, within):
        offset = self.rng.randrange(max(within, 1))
        return offset, self.rng.choice((1, 100, 4096, 5000, 65536, 200000))

    def write(self):
        offset, size = self.place(SIZE_MAX - 200000)
        data = self.rng.randbytes(size)
        if os.pwrite(self.fd, data, offset) != size:
            raise AssertionError("short write")
        if offset > len(self.model):
            self.model.extend(bytes(offset - len(self.model)))
        self.model[offset:offset + size] = data

    def append(self):
        if len(self.model) > SIZE_MAX:
            return
        fd = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        data = self.rng.randbytes(self.rng.randrange(1, 10000))
        os.write(fd, data)
        os.close(fd)
        self.model += data

    def read(self):
        offset, size = self.place(len(self.model) + 1000)
        if os.pread(self.fd, size, offset) != self.model[offset:offset + size]:
            raise AssertionError(f"read of {size} at {offset}")

    def truncate(self):
        size = self.rng.randrange(SIZE_MAX)
        os.ftruncate(self.fd, size)
        del self.model[size:]
        self.model.extend(bytes(size - len(self.model)))

    def punch(self):
        offset, size = self.place(len(self.model))
        if libc.fallocate(self.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, ctypes.c_long(offset), ctypes.c_long(size)):
            raise OSError(ctypes.get_errno(), "fallocate")
        end = min(offset + size, len(self.model))
        if end > offset:
            self.model[offset:end] = bytes(end - offset)

    def map_write(self):
        if not self.model:
            return
        offset, size = self.place(len(self.model))
        end = min(offset + size, len(self.model))
        data = self.rng.randbytes(end - offset)
        with mmap.mmap(self.fd, len(self.model)) as memory:
            memory[offset:end] = data
            if self.rng.random() < 0.3:
                memory.flush()
        self.model[offset:end] = data

    def map_read(self):
        if not self.model:
            return
        offset, size = self.place(len(self.model))
        with mmap.mmap(self.fd, len(self.model), prot=mmap.PROT_READ) as memory:
            if memory[offset:offset + size] != self.model[offset:offset + size]:
                raise AssertionError(f"mapping of {size} at {offset}")

    def copy(self):
        if len(self.model) < 2:
            return
        half = len(self.model) // 2
        source = self.rng.randrange(half)
        size = self.rng.randrange(1, half - source + 1)
        target = self.rng.randrange(half, SIZE_MAX)
        done = 0
        while done < size:
            n = os.copy_file_range(self.fd, self.fd, size - done, source + done, target + done)
            if n == 0:
                raise AssertionError("short copy")
            done += n
        data = self.model[source:source + size]
        if target > len(self.model):
            self.model.extend(bytes(target - len(self.model)))
        self.model[target:target + size] = data

    def reopen(self):
        os.close(self.fd)
        self.fd = os.open(self.path, os.O_RDWR)

    def sync(self):
        os.fsync(self.fd)

    def check(self):
        if os.fstat(self.fd).st_size != len(self.model):
            raise AssertionError(f"size {os.fstat(self.fd).st_size} instead of {len(self.model)}")

    def step(self):
        operation = self.rng.choices(
            (self.write, self.append, self.read, self.truncate, self.punch, self.map_write, self.map_read, self.copy,
             self.reopen, self.sync), (6, 2, 8, 1, 2, 4, 4, 1, 1, 1))[0]
        try:
            operation()
            self.check()
        except (OSError, AssertionError) as error:
            raise AssertionError(f"{operation.__name__}: {error}") from error


def main():
    kind, _, length = sys.argv[1].partition("-")
    steps = 20000 if length == "long" else 1200
    seed = int(os.environ.get("RUMPUS_SEED", random.randrange(1 << 32)))
    print(f"# seed {seed}")
    mounting.start()
    image = mounting.make("disk.img", kind)
    mounting.mount(image, "m")
    files = [File(f"m/w/{i}", random.Random(seed + i)) for i in range(3)]
    failed = ""
    try:
        for i in range(steps):
            files[i % len(files)].step()
    except AssertionError as error:
        failed = f"seed {seed}, step {i}: {error}"
    harness.ok(not failed, f"{kind}: {steps} random operations do what a model does", failed)
    for file in files:
        os.close(file.fd)
    result = mounting.umount("m")
    harness.ok(result.code == 0, f"{kind}: umount", result)
    harness.check(image, kind)
    mounting.mount(image, "m", "-o", "ro")
    for file in files:
        with open(file.path, "rb") as again:
            harness.ok(again.read() == file.model, f"{kind}: {file.path} is what the model says after mounting again")
    mounting.umount("m")
    mounting.finish()


main()
