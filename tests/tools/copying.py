#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Trees into an image, out of it and on to another: contents, metadata, holes. Argument: file system, "-root"."""

import os
import shutil
import sys

import harness
import trees
from harness import check, digest, expect, ok, run, same_tree, snapshot


def blocks(path):
    return os.lstat(path).st_blocks * 512


def round_trip(kind, image):
    trees.make("tree")
    before = snapshot("tree")
    expect(f"{kind}: copy a tree in", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    check(image, kind)
    sums = digest(image)
    os.mkdir("out")
    expect(f"{kind}: copy it out", 0, "cp", "-a", f"{image}:/tree", "out", message="^$")
    same_tree(snapshot("out/tree"), before, f"{kind}: what comes out is what went in")
    ok(digest(image) == sums, f"{kind}: reading changed not one byte of the image")
    for name in ("holes", "only-a-hole"):
        ok(blocks(f"out/tree/{name}") <= blocks(f"tree/{name}"), f"{kind}: {name}: holes stay holes",
           f"{blocks(f'out/tree/{name}')} bytes on disk, {blocks(f'tree/{name}')} before")
    return before


def between(kind, image, before):
    other = harness.mkfs("other.img", "xfs" if kind == "ext4" else "ext4")
    expect(f"{kind}: copy to another image", 0, "cp", "-a", f"{image}:/tree", f"{other}:/copied", message="^$")
    os.mkdir("out2")
    expect(f"{kind}: and out of that one", 0, "cp", "-a", f"{other}:/copied", "out2", message="^$")
    same_tree(snapshot("out2/copied"), before, f"{kind}: still the same")
    check(other, "xfs" if kind == "ext4" else "ext4")
    expect(f"{kind}: copy within the image", 0, "cp", "-a", f"{image}:/tree", f"{image}:/again", message="^$")
    shutil.rmtree("out2/copied")
    expect(f"{kind}: that one out", 0, "cp", "-a", f"{image}:/again", "out2", message="^$")
    same_tree(snapshot("out2/again"), before, f"{kind}: the same again")


def over(kind, image, before):
    """A second copy over the first replaces it."""
    expect(f"{kind}: copy in over what is there", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    expect(f"{kind}: copy out over what is there", 0, "cp", "-a", f"{image}:/tree", "out", message="^$")
    same_tree(snapshot("out/tree"), before, f"{kind}: replaced in full")


def many(kind, image):
    os.mkdir("many")
    for i in range(10000):
        trees.write(f"many/{i}", b"%d\n" % i)
    expect(f"{kind}: 10,000 small files in", 0, "cp", "-r", "many", f"{image}:/", message="^$")
    os.mkdir("out3")
    expect(f"{kind}: and out", 0, "cp", "-r", f"{image}:/many", "out3", message="^$")
    ok(all(open(f"out3/many/{i}").read() == f"{i}\n" for i in range(10000)), f"{kind}: each with its contents")


def remove(kind, image):
    expect(f"{kind}: rm -r", 0, "rm", "-r", f"{image}:/tree", f"{image}:/again", f"{image}:/many", message="^$")
    listed = run("ls", "-a", image).text.split()
    ok(not {"tree", "again", "many"} & set(listed), f"{kind}: they are gone", listed)
    check(image, kind)


def main():
    kind, _, who = sys.argv[1].partition("-")
    harness.start(as_root=who == "root")
    image = harness.mkfs("disk.img", kind)
    before = round_trip(kind, image)
    between(kind, image, before)
    over(kind, image, before)
    if who != "root":
        many(kind, image)
        remove(kind, image)
    check(image, kind)
    harness.done()


main()
