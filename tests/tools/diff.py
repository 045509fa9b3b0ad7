#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""diff and check: what differs is told, what does not is not, and damage is found. Argument: file system."""

import json
import os
import shutil
import sys

import harness
import trees
from harness import digest, expect, ok, run


def lines(result):
    return result.text.splitlines()


def make_pair(kind):
    trees.make("tree")
    image = harness.mkfs("disk.img", kind)
    expect(f"{kind}: a tree in", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    return image


def equal(kind, image):
    result = expect(f"{kind}: a directory and its copy are the same", 0, "diff", "--no-owners", "tree", f"{image}:/tree", message="^$")
    ok(not result.out, f"{kind}: of which nothing is said", result)
    other = harness.mkfs("other.img", "ext4" if kind != "ext4" else "xfs")
    expect(f"{kind}: the same on another file system", 0, "cp", "-a", f"{image}:/tree", f"{other}:/", message="^$")
    expect(f"{kind}: two images are the same", 0, "diff", f"{image}:/tree", f"{other}:/tree", message="^$")
    expect(f"{kind}: as a whole, too", 0, "diff", "--exclude", "lost+found", "--no-times", image, other, message="^$")
    expect(f"{kind}: a file and its copy", 0, "diff", "--no-owners", "tree/size-4096", f"{image}:/tree/size-4096", message="^$")
    return other


def change():
    """One of each kind of difference; what diff is to say of it."""
    shutil.copytree("tree", "changed", symlinks=True, ignore=shutil.ignore_patterns("fifo", "socket"))
    os.mkfifo("changed/fifo")
    harness.tool("cp", "-a", "tree/.", "changed/")
    os.unlink("changed/a/b/hard")
    shutil.copy2("changed/one", "changed/a/b/hard")
    with open("changed/size-511", "r+b") as file:
        file.seek(500)
        file.write(b"\0" if file.read(1) != b"\0" else b"\1")
    with open("changed/size-65537", "ab") as file:
        file.write(b"more")
    os.unlink("changed/dangling")
    os.symlink("elsewhere", "changed/dangling")
    os.unlink("changed/fifo")
    os.mkdir("changed/fifo")
    os.chmod("changed/size-4096", 0o640)
    os.setxattr("changed/size-131072", "user.new", b"\1\2")
    os.unlink("changed/a/b/c/f7")
    trees.write("changed/a/b/c/f7a", b"new")
    with open("changed/holes", "r+b") as file:
        file.seek(20 << 20)
        file.write(b"x")
    os.utime("changed/empty", ns=(0, 123456789))


WHAT = {
    ("one", "links"), ("size-511", "contents"), ("size-65537", "contents"), ("a/hard-large", "contents"), ("dangling", "target"),
    ("fifo", "type"), ("size-4096", "mode"), ("size-131072", "xattr user.new"), ("a/b/c/f7", "only"), ("a/b/c/f7a", "only"),
    ("holes", "contents"), ("empty", "time"),
}


def told(result):
    return {(found["path"], found["what"]) for found in json.loads(result.out)}


def different(kind, image):
    change()
    result = expect(f"{kind}: different", 1, "diff", "--no-owners", "--json", "changed", f"{image}:/tree", message="^$")
    found = told(result)
    # Files with several names are compared under the first, and told apart at the second; other times follow from the changes.
    missing = {what for what in WHAT if what not in found and what != ("a/hard-large", "contents")}
    missing -= {("size-65537", "contents")} if ("a/hard-large", "contents") in found else set()
    strange = {what for what in found if what not in WHAT and what[1] != "time"}
    strange -= {what for what in strange if what[1] == "links"}
    ok(not missing and not strange, f"{kind}: each difference is found, and none that is not there", f"missing {missing}, strange {strange}")
    turned = expect(f"{kind}: the other way round", 1, "diff", "--no-owners", "--json", f"{image}:/tree", "changed", message="^$")
    sides = {(one["path"], one["what"]): one.get("in") for one in json.loads(result.out) if one["what"] == "only"}
    back = {(one["path"], one["what"]): one.get("in") for one in json.loads(turned.out) if one["what"] == "only"}
    ok(told(turned) == found and sides == {key: 3 - side for key, side in back.items()}, f"{kind}: the same, with sides exchanged")
    text = expect(f"{kind}: as text", 1, "diff", "--no-owners", "--no-times", "changed", f"{image}:/tree", message="^$")
    wanted = [f"Only in {image}:/tree/a/b/c: f7", "Only in changed/a/b/c: f7a", f"Files changed/size-511 and {image}:/tree/size-511 differ",
              f"File changed/fifo is a directory while file {image}:/tree/fifo is a fifo",
              f"Files changed/size-4096 and {image}:/tree/size-4096 differ in mode: 0640, 0644",
              f"Files changed/dangling and {image}:/tree/dangling differ in target: elsewhere, nowhere"]
    ok(all(line in lines(text) for line in wanted), f"{kind}: lines as documented", text)
    only = expect(f"{kind}: contents only", 1, "diff", "--contents", "--json", "changed", f"{image}:/tree", message="^$")
    ok({what for _, what in told(only)} <= {"only", "type", "contents", "target"}, f"{kind}: nothing else is told", only)
    result = run("diff", "--no-owners", "changed", f"{image}:/nowhere")
    ok(result.code == 2 and "cannot open" in result.err, f"{kind}: trouble is exit 2", result)
    result = run("diff", "missing", f"{image}:/tree")
    ok(result.code == 2 and "missing: cannot open" in result.err, f"{kind}: also on the host's side", result)


def find(path, bytes_):
    with open(path, "rb") as file:
        at = 0
        while block := file.read(1 << 24):
            place = block.find(bytes_)
            if place >= 0:
                return at + place
            at += len(block)
    return -1


def damaged(kind, image):
    sums = digest(image)
    result = expect(f"{kind}: check of what is whole", 0, "check", image, message="^$")
    ok("cannot be read" not in result.text and digest(image) == sums, f"{kind}: finds nothing, and changes nothing", result)
    counts = json.loads(run("check", "--json", image).out)[0]
    regular = sum(len(set((os.lstat(os.path.join(path, f)).st_ino) for f in files if os.path.isfile(os.path.join(path, f)) and
                          not os.path.islink(os.path.join(path, f)))) for path, _, files in os.walk("tree"))
    ok(counts["clean"] and abs(counts["files"] - regular) <= 3, f"{kind}: it has seen all files", f"{counts} {regular}")
    if kind == "btrfs":
        place = find(image, open("tree/size-131072", "rb").read(4096))
        with open(image, "r+b") as file:
            file.seek(place + 8192 + 7)
            file.write(b"damage")
        result = expect("btrfs: damaged data", 1, "check", image, message="size-131072: cannot read")
        ok("1 errors of scrubbing" in result.text and "8192" in result.err, "btrfs: the scrub finds it, too", result)
        result = run("diff", "--no-owners", "tree", f"{image}:/tree")
        ok(result.code == 2 and "size-131072: cannot read" in result.err, "btrfs: for diff that is trouble, not a difference", result)
    if kind == "ext4":
        inode = harness.tool("/usr/sbin/debugfs", "-R", "imap /tree/size-4096", image).stdout
        block, offset = inode.rsplit("block ", 1)[1].split(", offset ")
        with open(image, "r+b") as file:
            file.seek(int(block) * int(harness.tool("/usr/sbin/dumpe2fs", "-h", image).stdout.split("Block size:")[1].split()[0])
                      + int(offset, 16) + 100)
            file.write(b"damage")
        expect("ext4: a damaged inode", 1, "check", image, message="size-4096: cannot .*checksum")


def main():
    kind = sys.argv[1]
    harness.start()
    image = make_pair(kind)
    equal(kind, image)
    different(kind, image)
    damaged(kind, image)
    expect(f"{kind}: check of no image", 1, "check", "tree/size-4096", message="no file system is recognised")
    expect(f"{kind}: diff of one", 2, "diff", image, message="usage: rumpus")
    expect(f"{kind}: diff of two directories", 2, "diff", "tree", "changed", message="neither .* is an image")
    harness.done()


main()
