#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A hundred mounts at once: each works, and all of them take a bounded amount of memory."""

import re

import mounting

import harness
from harness import ok

COUNT = 100
SHARE = 24 << 20  # bytes that one may take, what it shares with others divided among them


def proportional(pid):
    """Bytes of a process, each page divided by those who have it."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("Pss:"))


def mount_all():
    harness.mkfs("base.img", "ext4", 64 << 20)
    codes = []
    for i in range(COUNT):
        harness.tool("cp", "--sparse=always", "base.img", f"disk{i}.img")
        codes.append(mounting.mount(f"disk{i}.img", f"m{i}").code)
    return codes


def main():
    mounting.start(as_root=True)  # who looks at other processes' memory
    codes = mount_all()
    ok(codes == [0] * COUNT, f"{COUNT} mounts at once", codes)
    for i in range(COUNT):
        with open(f"m{i}/file", "w", encoding="utf-8") as file:
            file.write(str(i))
    wrong = []
    for i in range(COUNT):
        with open(f"m{i}/file", encoding="utf-8") as file:
            if file.read() != str(i):
                wrong.append(i)
    ok(not wrong, "each has contents of its own", wrong)
    listed = harness.run("mounts").text
    supervisors = [int(pid) for pid in re.findall(r" process (\d+)$", listed, re.MULTILINE)]
    ok(len(supervisors) == COUNT, "all are listed", listed)
    total = sum(proportional(pid) + proportional(mounting.worker(pid)) for pid in supervisors)
    ok(total < COUNT * SHARE, "all together take little memory", f"{total >> 20} MiB")
    print(f"# {total / COUNT / (1 << 20):.1f} MiB each", flush=True)
    failed = [i for i in range(COUNT) if mounting.umount(f"m{i}").code]
    ok(not failed, "all can be unmounted", failed)
    mounting.finish()


main()
