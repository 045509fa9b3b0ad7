#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Mounts of partitions: what info shows can be mounted, by number, name and UUID, and nothing beside it is touched."""

import os
import signal
import subprocess

import mounting

import harness
from harness import expect, ok, parsed

MIB = 1 << 20
UUID = "6d9a1f0e-0000-4000-8000-%012d"
# Where each begins and ends, in MiB, what it is called and what it holds; xfs wants 300 MiB, btrfs 110.
PARTS = ((1, 33, "boot", "ext4"), (34, 354, "root, with data", "xfs"), (355, 515, "\u65e5\u672c", "btrfs"), (516, 520, "raw", None))


def place(image, at, source):
    """Copies what @source has at @at of @image, leaving holes."""
    done = harness.tool("dd", f"if={source}", f"of={image}", "bs=1M", f"seek={at}", "conv=notrunc,sparse", "status=none")
    if done.returncode:
        raise RuntimeError(done.stdout)


def make():
    harness.gpt("disk.img", 522 * MIB, [(start * MIB, (end - start) * MIB, name, UUID % i)
                                        for i, (start, end, name, _) in enumerate(PARTS)])
    for start, end, _, kind in PARTS:
        if kind:
            place("disk.img", start, harness.mkfs("part.img", kind, (end - start) * MIB))


def listed():
    """This test's mounts: those of other users are told of, too."""
    return [told for told in parsed("mounts", "--json") if told["image"].startswith(os.getcwd() + "/")]


def outside(number):
    """What lies beside a partition."""
    start, end = PARTS[number - 1][:2]
    with open("disk.img", "rb") as file:
        before = file.read(start * MIB)
        file.seek(end * MIB)
        return hash(before), hash(file.read())


def each():
    shown = [at for at in parsed("info", "--json", "disk.img")["places"] if at.get("file_system")]
    ok([at["file_system"] for at in shown] == ["ext4", "xfs", "btrfs"], "info shows three file systems", shown)
    for at in shown:
        number, kind = at["number"], at["file_system"]
        beside = outside(number)
        expect(f"partition {number}, {kind}", 0, "mount", "--idmap", "-p", str(number), "disk.img", "m", message="^$")
        with open("m/file", "w", encoding="utf-8") as file:
            file.write(kind)
        told = listed()
        ok([(t["partition"], t["type"], t["read_only"]) for t in told] == [(str(number), kind, False)], "mounts says which", told)
        expect("umount", 0, "umount", "m", message="^$")
        ok(outside(number) == beside, "nothing beside it has changed")
        copy = f"part{number}.img"
        start, end = PARTS[number - 1][:2]
        harness.tool("dd", "if=disk.img", f"of={copy}", "bs=1M", f"skip={start}", f"count={end - start}", "conv=sparse", "status=none")
        harness.check(copy, kind)


def named():
    for wish, kind in (("p1", "ext4"), ("root, with data", "xfs"), ("\u65e5\u672c", "btrfs"), ((UUID % 1).upper(), "xfs")):
        expect(f"-p {wish}", 0, "mount", "-p", wish, "-o", "ro", "disk.img", "m", message="^$")
        with open("m/file", encoding="utf-8") as file:
            ok(file.read() == kind, f"is {kind}")
        mounting.umount("m")
    expect("-o partition=, as in fstab", 0, "mount", "-o", "ro,partition=3,noatime", "disk.img", "m", message="^$")
    told = harness.run("mounts")
    ok("disk.img, partition 3, on" in told.text and ": btrfs, ro" in told.text, "mounts says so", told)
    mounting.umount("m")


def together():
    """Who uses a partition keeps out who writes to that one, or to all of the image, and nobody else."""
    for number, point in ((1, "m"), (2, "other")):
        expect(f"partition {number} for writing", 0, "mount", "--idmap", "-p", str(number), "disk.img", point, message="^$")
    ok(mounting.read("m/file") == b"ext4" and mounting.read("other/file") == b"xfs", "two partitions at once")
    expect("a third one read-only", 0, "mount", "-o", "ro", "-p", "3", "disk.img", "third", message="^$")
    writers(("m", "other"))
    busy = rf"disk\.img: partition 1 is in use by process {mounting.supervisor('m')}, which serves it on {os.getcwd()}/m; unmount that first"
    expect("the first one again", 1, "mount", "-p", "1", "disk.img", "fourth", message=busy)
    expect("by its name", 1, "mount", "-p", "boot", "disk.img", "fourth", message=busy.replace("partition 1", "partition boot"))
    expect("the same read-only", 1, "mount", "-o", "ro", "-p", "1", "disk.img", "fourth", message=busy)
    expect("a command that writes to it", 1, "mkdir", "--partition", "1", "disk.img:/dir", message=busy)
    expect("one that reads it", 1, "ls", "-p1", "disk.img:/", message=busy)
    expect("one that reads what is read", 0, "ls", "-p3", "disk.img:/", message="^$")
    expect("one that writes to what is read", 1, "mkdir", "--partition", "3", "disk.img:/dir",
           message=f"partition 3 is in use by process .* on {os.getcwd()}/third;")
    expect("one that looks at all", 1, "info", "disk.img", message="disk.img: is in use by process .*, which serves it on ")
    ok(not mounting.mounted("fourth"), "nothing more is mounted")
    killed()
    expect("umount", 0, "umount", "m", "third", message="^$")


def writers(points):
    """Programs that write to each at the same time, past the caches of the others."""
    data = {point: os.urandom(4 << 20) for point in points}
    script = "import os,sys\nfor i in range(8):\n f=open(f'{sys.argv[1]}/{i}','wb');f.write(sys.stdin.buffer.read(524288));f.flush();os.fsync(f)"
    programs = {point: subprocess.Popen(["python3", "-c", script, point], stdin=subprocess.PIPE) for point in points}
    for point, program in programs.items():
        program.communicate(data[point])
    ok(all(program.returncode == 0 for program in programs.values()), "both are written to")
    same = all(b"".join(mounting.read(f"{point}/{i}") for i in range(8)) == data[point] for point in points)
    ok(same, "each has what was written to it")


def killed():
    """The end of one that writes is nothing to the others, and its partition is free."""
    os.kill(mounting.worker(mounting.supervisor("other")), signal.SIGKILL)
    ok(mounting.wait_until(lambda: not mounting.mounted("other")), "the mount point of a server that was killed is free")
    mounting.write_synced("m/synced")
    ok(mounting.read("m/synced") == mounting.SYNCED and mounting.read("third/file") == b"btrfs", "the others go on")
    expect("its partition again", 0, "mount", "--idmap", "-p", "2", "disk.img", "other", message="^$")
    ok(len(mounting.read("other/7")) == 512 << 10, "what was synchronised is there")
    expect("umount of it", 0, "umount", "other", message="^$")


def copied():
    """Two commands at two partitions, one reading and one writing."""
    with harness.spawn("tar", "disk.img@1:/", stdout=subprocess.PIPE) as source:
        done = harness.run("untar", "disk.img@3:/", stdin=f"/dev/fd/{source.stdout.fileno()}")
    ok(source.returncode == 0 and done.code == 0, "from one to the other", done)
    result = harness.run("cat", "disk.img@3:/synced")
    ok(result.out == mounting.SYNCED, "what was read is there", result)


def large_sectors():
    """The image of a disk whose sectors have 4096 bytes, in which its table counts."""
    harness.gpt("large.img", 40 * MIB, [(MIB, 32 * MIB, "data", UUID % 9)], 4096)
    place("large.img", 1, harness.mkfs("part.img", "ext4", 32 * MIB, "-b", "4096"))
    for text in "first", "second":
        expect(f"sectors of 4096 bytes, {text} mount", 0, "mount", "--idmap", "-p", "data", "large.img", "m", message="^$")
        if text == "second":
            ok(mounting.read("m/file") == b"first", "what was written is there")
        with open("m/file", "w", encoding="utf-8") as file:
            file.write(text)
        expect("umount", 0, "umount", "m", message="^$")
    for words in ["large.img@data"], ["-o", "ro,partition=1,sector=4096", "large.img"]:
        expect(f"as {' '.join(words)}", 0, "mount", "--idmap", *words, "m", message="^$")
        ok(mounting.read("m/file") == b"second", "is the same")
        expect("umount", 0, "umount", "m", message="^$")
    harness.tool("dd", "if=large.img", "of=part.img", "bs=1M", "skip=1", "count=32", "conv=sparse", "status=none")
    harness.check("part.img", "ext4")


def wrong():
    expect("none chosen", 1, "mount", "disk.img", "m", message=r'choose one with -p: 1 \(ext4, 32.0 MiB, "boot"\), 2 ')
    expect("one that is not there", 1, "mount", "-p", "9", "disk.img", "m", message='has no partition "9"')
    expect("one without a file system", 1, "mount", "-p", "4", "disk.img", "m", message="no file system is recognised")
    expect("an empty name", 2, "mount", "-o", "partition=", "disk.img", "m", message="give a number, a name or a UUID")
    expect("sectors of no size", 2, "mount", "-o", "sector=4095", "disk.img", "m", message='sectors of "4095" bytes: give 512')
    expect("of an image without any", 1, "mount", "-o", "partition=1", "part1.img", "m", message="has no partition table")
    os.truncate("disk.img", 300 * MIB)
    expect("one that reaches beyond the end", 1, "mount", "-p", "2", "disk.img", "m", message="disk.img: ")
    ok(not mounting.mounted("m"), "nothing is mounted")


def main():
    mounting.start()
    for point in ("m", "other", "third", "fourth"):
        os.mkdir(point)
    make()
    for part in (each, named, together, copied, large_sectors, wrong):
        part()
    ok(listed() == [], "mounts --json has none of them any more")
    mounting.finish()


main()
