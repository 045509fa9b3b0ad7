#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""File systems and their features: found in an image, loaded, written, read. Argument: the name of a row of kinds.py."""

import os
import sys

import harness
import kinds
from harness import expect, ok, run, tool


def contents(root):
    found = {}
    for path, dirs, files in os.walk(root):
        for name in dirs:
            found[os.path.relpath(f"{path}/{name}", root)] = None
        for name in files:
            with open(f"{path}/{name}", "rb") as file:
                found[os.path.relpath(f"{path}/{name}", root)] = file.read()
    return found


def same(root, name):
    got, wanted = contents(root), contents("tree")
    ok(got == wanted, name, "\n".join(path for path in sorted({*got, *wanted}) if got.get(path, b"-") != wanted.get(path, b"-")))


def found_type(name, kind):
    result = run("-v", "ls", "disk.img")
    ok(result.code == 0 and f" {kind}, found in" in result.err, f"{name}: found to be {kind}", result)


def writable(name):
    made, mkfs, mount = kinds.FEATURES.get(name, (name, [], None))
    check, kind = kinds.WRITABLE[made][2:] if made in kinds.WRITABLE else (harness.CHECK[made], made)
    kinds.make(made, "disk.img", *mkfs)
    found_type(name, kind)
    expect(f"{name}: copy a tree in", 0, *(["-o", mount] if mount else []), "cp", "-r", "tree", "disk.img:/")
    os.mkdir("out")
    expect(f"{name}: copy it out", 0, "cp", "-r", "disk.img:/tree", "out")
    same("out/tree", f"{name}: what comes out is what went in")
    expect(f"{name}: make a directory", 0, "mkdir", "disk.img:/new")
    expect(f"{name}: remove a file", 0, "rm", "disk.img:/tree/size-4096")
    listed = run("ls", "disk.img", "disk.img:/tree").text
    ok("new" in listed and "size-4096" not in listed and "size-70000" in listed, f"{name}: both are seen", listed)
    os.mkdir("many")
    for i in range(2000):  # more than are read of a directory at a time
        os.close(os.open(f"many/file-{i}", os.O_CREAT | os.O_WRONLY))
    expect(f"{name}: many files", 0, "cp", "-r", "many", "disk.img:/")
    expect(f"{name}: are removed", 0, "rm", "-r", "disk.img:/many", message="^$")
    if check:
        checked = tool(*check, "disk.img")
        ok(checked.returncode == 0, f"{name}: {check[0]} finds no error", checked.stdout)


def readable(name):
    _, kind = kinds.READABLE[name]
    kinds.make(name, "disk.img")
    if name.startswith("ufs2"):
        expect(f"{name}: a superblock where the driver does not look is told", 1, "ls", "disk.img", message="8 KiB.*version=1")
        kinds.move_superblock("disk.img")
    before = harness.digest("disk.img")
    given = []
    if tool("blkid", "-p", "disk.img").returncode == 2:  # so for most of cramfs in Debian 13
        harness.skip(f"{name}: found to be {kind}", "libblkid does not know what mkfs has made")
        given = ["-t", kind]
    else:
        found_type(name, kind)
    os.mkdir("out")
    expect(f"{name}: copy all out", 0, *given, "cp", "-r", "disk.img:/.", "out")
    same("out", f"{name}: it is what went in")
    result = run(*given, "cat", "disk.img:/dir/deeper/last.text")
    ok(result.out == b"text\n" * 5000, f"{name}: cat", result)
    expect(f"{name}: writing is refused", 1, "mkdir", "disk.img:/new", message="disk.img")
    ok(harness.digest("disk.img") == before, f"{name}: not one byte of the image has changed")


def main():
    harness.start()
    kinds.find_programs()
    kinds.make_tree()
    if sys.argv[1] in kinds.READABLE:
        readable(sys.argv[1])
    else:
        writable(sys.argv[1])
    harness.done()


main()
