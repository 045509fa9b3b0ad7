#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Tests on another machine: Debian 12 with its own kernel, in an emulator.

usage: tests/machine/debian.py amd64-PART|arm64-PART
       tests/machine/debian.py --make amd64|arm64

The second one makes the machine, which the Makefile has done before; no change to it stays.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import image  # noqa: E402
import tap  # noqa: E402
from tap import ok  # noqa: E402

TIMEOUT = 570  # seconds: less than tests/run allows; a part takes one or two minutes
LAST = "machine: all done"

# One processor after the other in the second: QEMU 7.2 lets a load with LDAR pass a store with STLR that is before it, which
# no such processor does, when both run at once. Then threads that wait for each other may both sleep.
QEMU = {
    "amd64": ["qemu-system-x86_64", "-machine", "q35", "-cpu", "max", "-append", "console=ttyS0"],
    "arm64": ["qemu-system-aarch64", "-accel", "tcg,thread=single", "-machine", "virt", "-cpu", "cortex-a72", "-append", "console=ttyAMA0"],
}

# Programs below the folder of the build, scripts below that of the tests. Scripts give up root's rights by themselves, the
# programs in "user" begin without.
PARTS = {
    "mounts": {"root": ["fuse/posix.py:ext4", "fuse/posix.py:btrfs-root", "fuse/names.py:vfat"]},
    "servers": {"root": ["fuse/life.py:xfs", "fuse/partitions.py", "fuse/layers.py"]},
    "attacks": {"user": ["tools/sandbox"], "root": ["tools/sandbox", "fuse/attack.py"]},
    "disks": {"user": ["blk/spec", "blk/conformance", "blk/durability", "blk/lock", "blk/part"], "root": ["blk/lock"]},
    "command": {"root": ["tools/doctor.py", "tools/device.py"]},
    "copies": {"root": ["tools/copying.py:ext4"]},
    "partitions": {"root": ["tools/partitions.py", "tools/sectors.py:root"]},
    "hypercalls": {"user": ["hyp/conformance-posix", "hyp/replay", "file/file"]},
    "library": {"user": ["lib/loader", "lib/gate", "lib/life", "lib/linux", "lib/window"]},
    "networks": {"user": ["net/spec", "net/conformance", "net/wrappers"]},
}
ABSENT = {"arm64": ["fuse/attack.py"]}  # it writes registers of an x86-64 processor
MODULES = "fuse tun loop overlay"

SCRIPT = """#!/bin/sh
mount -t proc none /proc && mount -t sysfs none /sys && mount -t devtmpfs none /dev
mkdir /dev/pts /dev/shm
ln -s /proc/self/fd /dev/fd
mount -t devpts none /dev/pts && mount -t tmpfs -o mode=1777 none /dev/shm && mount -t tmpfs none /run
mount -t cgroup2 none /sys/fs/cgroup
export PATH=/usr/sbin:/usr/bin LC_ALL=C HOME=/root
depmod
modprobe -a {modules}
chmod 666 /dev/fuse /dev/net/tun
ip link set lo up
cd {top}
export RUMPUS_TOP={top} RUMPUS_BUILD={build} RUMPUS={build}/bin/rumpus RUMPUS_IMAGE={image}
export PYTHONDONTWRITEBYTECODE=1
part=$(sed 's/.*part=//; s/ .*//' /proc/cmdline)
run()
{{
    [ -n "$3" ] || return
    echo "machine: as $1"
    mkdir -m 777 "/logs/$1"
    setpriv --reuid "$2" --regid "$2" --clear-groups tests/run --timeout 540 --logs "/logs/$1" --strip {build}/tests --strip tests $3
}}
case $part in
{cases}
esac
for log in $(find /logs -name '*.log'); do
    grep -q '^not ok' $log || continue
    echo "log of $log"
    grep -v '^ok' $log | tail -n 60
done
echo "{last}"
sync
busybox poweroff -f
"""


def word(name, build):
    return f"tests/{name}" if ".py" in name else f"{build}/tests/{name}"


def chosen(arch, part, user):
    return [name for name in PARTS[part].get(user, []) if name not in ABSENT.get(arch, [])]


def script_for(arch):
    def script(build, kernel):
        cases = []
        for part in PARTS:
            root, user = (" ".join(word(name, build) for name in chosen(arch, part, who)) for who in ("root", "user"))
            cases.append(f"{part})\n    run user 1000 '{user}'\n    run root 0 '{root}'\n    ;;")
        return SCRIPT.format(modules=MODULES, top=image.TOP, build=build, image=kernel, cases="\n".join(cases), last=LAST)

    return script


def make(arch):
    """Have the three files in their place, or one that says why they are not."""
    directory = f"{image.BUILD}/machine/{arch}"
    os.makedirs(directory, exist_ok=True)
    for name in ("obstacle", "disk.img"):
        if os.path.exists(f"{directory}/{name}"):
            os.unlink(f"{directory}/{name}")
    programs = {f"tests/{name.split(':')[0]}" for part in PARTS for who in ("root", "user")
                for name in chosen(arch, part, who) if ".py" not in name}
    helpers = ["bin/rumpus", "tests/tools/without", "tests/tools/large_pages.so", "tests/lib/fake.img"]
    helpers += ["tests/fuse/inject"] if arch == "amd64" else []
    try:
        if not shutil.which(QEMU[arch][0]):
            raise image.Obstacle(f"{QEMU[arch][0]} is missing: install {'qemu-system-x86' if arch == 'amd64' else 'qemu-system-arm'}")
        image.make(arch, directory, sorted(programs) + helpers, script_for(arch))
    except image.Obstacle as obstacle:
        print(f"no machine for tests: {obstacle}", file=sys.stderr)
        with open(f"{directory}/obstacle", "w", encoding="utf-8") as file:
            file.write(str(obstacle))


def start(arch, part):
    directory = f"{image.BUILD}/machine/{arch}"
    if os.path.exists(f"{directory}/obstacle"):
        with open(f"{directory}/obstacle", encoding="utf-8") as file:
            tap.skip_all(file.read())
    command = list(QEMU[arch])
    command[-1] += f" quiet loglevel=2 panic=-1 part={part}"
    return subprocess.Popen(
        [*command, "-smp", "2", "-m", "2048", "-nodefaults", "-display", "none", "-serial", "stdio",
         "-no-reboot", "-kernel", f"{directory}/vmlinuz", "-initrd", f"{directory}/initrd",
         "-drive", f"file={directory}/disk.img,format=raw,if=virtio,snapshot=on,cache=unsafe"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def watch(process):
    """Show what the machine says. Returns what that is of each test, by its user and name, and whether it came to its end."""
    results, ended, user = {}, False, None
    for line in process.stdout:
        line = re.sub(r"\x1b\[[\d;?]*[A-Za-z]|\r", "", line.decode(errors="replace")).rstrip()
        print(f"# {line}", flush=True)
        match = re.match(r"([\w/:-]+) +(\d+ passed.*)$", line)
        user = line.split()[-1] if line.startswith("machine: as ") else user
        if match:
            results[user, match[1]] = match[2]
        ended = ended or line == LAST
    return results, ended


def boot(arch, part):
    """Have a machine do its part, for a time. Returns what watch() does."""
    with start(arch, part) as process:
        end = threading.Timer(TIMEOUT, process.kill)
        end.start()
        try:
            return watch(process)
        finally:
            end.cancel()
            process.kill()  # nothing, where it has ended


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--make" and sys.argv[2] in QEMU:
        make(sys.argv[2])
        return 0
    arch, _, part = sys.argv[-1].partition("-")
    if len(sys.argv) != 2 or arch not in QEMU or part not in PARTS:
        print(__doc__, file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    results, ended = boot(arch, part)
    for user in ("user", "root"):
        for name in chosen(arch, part, user):
            said = results.get((user, name.replace(".py", "")), "was not run")
            ok(re.match("[1-9]", said) and "FAILED" not in said, f"{name}, as {user}: {said}")
    ok(ended, "the machine came to its end")
    return tap.plan()


if __name__ == "__main__":
    sys.exit(main())
