# SPDX-License-Identifier: BSD-2-Clause
"""Commands on hostile images: each has to end with an answer, within bounds of processor time and memory."""

import os
import resource
import select

import harness

CPU = 10  # seconds for each process of a command
MEMORY = 512 << 20  # bytes
FILE = 64 << 20  # bytes of one file of the host's, the output included
# What must not be said: a worker that ends otherwise than by a kernel that gave its reason.
BROKEN = ("system call that its sandbox forbids", "worker was killed", "worker ended early", "is stuck", "the worker sent")


class Bounded(harness.Result):
    """@hangs: it had not ended after harness.TIMEOUT. @cpu: seconds. @memory: the largest process, in bytes."""

    def __init__(self, code, out, err, hangs, usage):
        super().__init__(code, out, err)
        self.hangs = hangs
        self.cpu = usage.ru_utime + usage.ru_stime
        self.memory = usage.ru_maxrss * 1024

    def __str__(self):
        return f"{super().__str__()}\n{self.cpu:.1f} s of processor time, {self.memory >> 20} MiB"

    @property
    def kernel_ended(self):
        """The kernel inside found itself lost, and said why."""
        return "the kernel in the worker ended: " in self.err

    def wrong(self, codes=(0, 1)):
        """What is wrong with this way to end; None: nothing."""
        if self.hangs:
            return f"no end after {harness.TIMEOUT} seconds"
        if self.code not in codes:
            return f"exit status {self.code}"
        if self.code and not self.err:
            return f"exit status {self.code} without a message"
        for text in BROKEN:
            if text in self.err and not self.kernel_ended:
                return text
        if self.cpu > CPU:
            return f"{self.cpu:.1f} s of processor time"
        if self.memory > MEMORY:
            return f"{self.memory >> 20} MiB of memory"
        return None


def run(*args, **more):
    """Run rumpus with those bounds. Returns a Bounded."""
    limits = {resource.RLIMIT_CPU: (CPU, CPU + 1), resource.RLIMIT_FSIZE: (FILE, FILE)}
    with open(os.memfd_create("out"), "w+b") as out, open(os.memfd_create("err"), "w+b") as err:
        process = harness.spawn(*args, stdout=out, stderr=err, limits=limits, **more)
        ended = os.pidfd_open(process.pid)
        hangs = not select.select([ended], [], [], harness.TIMEOUT)[0]
        if hangs:
            process.kill()
        os.close(ended)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Bounded(process.returncode, out.read(1 << 20), err.read(1 << 20), hangs, usage)
