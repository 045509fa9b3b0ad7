#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""mv: within an image as the host's mv does it, and across with nothing lost. Argument: file system, "-root"."""

import os
import shlex
import subprocess
import sys

import harness
import trees
from harness import check, expect, ok, run, same_tree, snapshot

# Run by both; "@" begins the name of a file in the tree.
WITHIN = r"""
mv @one @first
mv @first @a
mv @empty @size-511 @a/b
mv @a/b/empty @a/b/size-511 @
mv @size-511 @empty
mv @a/b/c @deep
mv @deep/c/f1 @deep/c/f2
mv -n @deep/c/f3 @deep/c/f4
mv @link @new-link
mv @fifo @a/b
mv @a/hard-large @size-65537
mv @deep @a
mv @a @a/b
mv @empty @a/deep/c/.
mv @missing @x
mv @size-4096 @missing/x
mv @a/b @size-4096
mv @size-4096 @a/deep/deep @size-131072
mv @size-4096 @size-4096
mv @holes @a/deep/c/f9/x
"""


def within(kind, image):
    expect(f"{kind}: a tree", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    subprocess.run(["cp", "-a", "tree", "twin"], check=True)
    for line in WITHIN.strip().splitlines():
        mine = run(*[f"{image}:/tree/{w[1:]}" if w.startswith("@") else w for w in shlex.split(line)])
        host = subprocess.run([f"twin/{w[1:]}" if w.startswith("@") else w for w in shlex.split(line)],
                              stderr=subprocess.PIPE, check=False)
        ok((mine.code == 0) == (host.returncode == 0), line, f"{mine}\nhost: {host.returncode} {host.stderr}")
    expect(f"{kind}: copied out", 0, "cp", "-a", f"{image}:/tree", "out", message="^$")
    # Directories have changed at another time on either side.
    got, wanted = ({path: told if told[0][2:].startswith("10") else told[:3] + told[4:] for path, told in snapshot(root).items()}
                   for root in ("out", "twin"))
    same_tree(got, wanted, f"{kind}: as the host's mv does it")
    check(image, kind)


def across(kind, image):
    other = harness.mkfs("other.img", "xfs" if kind == "ext4" else "ext4")
    subprocess.run(["cp", "-a", "tree", "moved"], check=True)
    before = snapshot("moved")
    expect(f"{kind}: from the host into an image", 0, "mv", "moved", f"{image}:/", message="^$")
    ok(not os.path.lexists("moved"), f"{kind}: it is gone there")
    expect(f"{kind}: on to another image", 0, "mv", f"{image}:/moved", f"{other}:/renamed", message="^$")
    ok("moved" not in run("ls", image).text.split(), f"{kind}: it is gone there, too")
    expect(f"{kind}: and out again", 0, "mv", f"{other}:/renamed", "moved", message="^$")
    ok("renamed" not in run("ls", other).text.split(), f"{kind}: and there")
    same_tree(snapshot("moved"), before, f"{kind}: all of it has arrived")
    check(image, kind)


def failures(image):
    os.makedirs("place/taken")
    trees.write("file", b"x")
    expect("a file", 0, "cp", "file", f"{image}:/taken", message="^$")
    expect("over a directory of the host", 1, "mv", f"{image}:/taken", "place", message="the target is a directory")
    ok("taken" in run("ls", image).text.split(), "what could not be moved stays")
    expect("one of two", 1, "mv", "missing", "file", f"{image}:/", message="missing: cannot")
    ok(os.path.exists("file"), "neither is removed when one fails")
    small = harness.mkfs("small.img", "ext4", 16 << 20)
    trees.write("much", os.urandom(24 << 20))
    expect("into one that is full", 1, "mv", "much", f"{small}:/", message="no space is left")
    ok(os.stat("much").st_size == 24 << 20, "the original stays")
    expect("much", 0, "cp", "much", f"{image}:/", message="^$")
    expect("from an image into one that is full", 1, "mv", f"{image}:/much", f"{small}:/", message="no space is left")
    ok("much" in run("ls", image).text.split(), "the original stays there")
    os.mkdir("unwritable")
    os.chmod("unwritable", 0o555)
    if os.geteuid():
        expect("to where nothing can be made", 1, "mv", f"{image}:/much", "unwritable", message="Permission denied")
        ok("much" in run("ls", image).text.split(), "it stays in the image")
    for line, message in (("mv @x", "at least a source and a target"), ("mv file other", "neither .* is in an image"),
                          ("mv @ x", "has no last component"), ("mv @x/. y", "has no last component"),
                          ("mv -n file @", "-n is only for what stays")):
        expect(line, 2, *[f"{image}:/{w[1:]}" if w.startswith("@") else w for w in line.split()], message=message)
    expect("a directory into itself", 1, "mv", f"{image}:/tree", f"{image}:/tree/a", message="cannot be moved into itself")
    expect("onto itself", 1, "mv", f"{image}:/much", f"{image}:/much", message="are the same file")


def main():
    kind, _, who = sys.argv[1].partition("-")
    harness.start(as_root=who == "root")
    trees.make("tree")
    image = harness.mkfs("disk.img", kind)
    across(kind, image)
    within(kind, image)
    if who != "root":
        failures(image)
    check(image, kind)
    harness.done()


main()
