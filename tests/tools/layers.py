#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Images over others: what is merged, where changes go, what is refused. Argument: file system of the upper layer."""

import os
import shutil
import sys

import harness
import kinds
from harness import check, digest, expect, ok, run, tool

BASE = {"etc/conf": "base\n", "etc/gone": "gone\n", "usr/bin/keep": "keep\n", "opaque/hidden": "hidden\n"}
SITE = {"etc/conf": "site\n", "etc/site": "only here\n"}
OVER = ["--lower", "base.squashfs", "--upper", "/changes/upper"]


def make_layer(name, files):
    for path, text in files.items():
        os.makedirs(os.path.dirname(f"{name}/{path}"), exist_ok=True)
        kinds.write(f"{name}/{path}", text.encode())
    made = tool("mksquashfs", name, f"{name}.squashfs", "-quiet", "-no-progress", "-noappend")
    if made.returncode:
        raise RuntimeError(made.stdout)


def listed(*arguments):
    return sorted(line.partition(":")[2] for line in run(*arguments).text.splitlines())


def reading():
    """Layers that nothing is written to: the topmost wins."""
    before = digest("base.squashfs"), digest("site.squashfs")
    names = listed("--lower", "base.squashfs", "find", "site.squashfs", "-type", "f")
    ok(names == ["/etc/conf", "/etc/gone", "/etc/site", "/opaque/hidden", "/usr/bin/keep"], "two layers are one tree", names)
    text = run("--lower", "base.squashfs", "cat", "site.squashfs:/etc/conf", "site.squashfs:/usr/bin/keep").text
    ok(text == "site\nkeep\n", "what both have is the upper one's", text)
    text = run("cat", "--lower", "base.squashfs", "--lower", "site.squashfs", "upper.img:/etc/conf").text
    ok(text == "base\n", "of several lower layers the first one is on top", text)
    text = run("cat", "--lower", "base.squashfs:/etc", "upper.img:/conf").text
    ok(text == "base\n", "a directory of an image is a layer, too", text)
    expect("a directory that is missing is named", 1, *OVER, "ls", "upper.img", message="has no directory /changes/upper")
    ok((digest("base.squashfs"), digest("site.squashfs")) == before, "not one byte of them has changed")


def writing(kind):
    before = digest("base.squashfs")
    expect("a directory for the upper layer", 0, "mkdir", "upper.img:/changes")
    expect("a file in", 0, *OVER, "cp", "base/etc/conf", "upper.img:/etc/new", message="^$")
    expect("one removed", 0, *OVER, "rm", "upper.img:/etc/gone", message="^$")
    expect("one changed", 0, *OVER, "chmod", "600", "upper.img:/etc/conf", message="^$")
    expect("one moved", 0, *OVER, "mv", "upper.img:/usr/bin/keep", "upper.img:/kept", message="^$")
    expect("a directory removed", 0, *OVER, "rm", "-r", "upper.img:/opaque", message="^$")
    expect("and made anew", 0, *OVER, "mkdir", "upper.img:/opaque", message="^$")
    names = listed(*OVER, "find", "upper.img")
    ok(names == ["/", "/etc", "/etc/conf", "/etc/new", "/kept", "/opaque", "/usr", "/usr/bin"], "the merged tree is as it should be", names)
    names = sorted(name.strip("./") for name in tool_lines("tar", "-t", stdin=run(*OVER, "tar", "upper.img").out))
    ok(names == ["", "etc", "etc/conf", "etc/new", "kept", "opaque", "usr", "usr/bin"], "an archive has that tree", names)
    names = listed("find", "upper.img:/changes")
    ok("/changes/upper/etc/new" in names and not [name for name in names if ".work" in name], "changes are in the upper image, nothing else is",
       names)
    ok(digest("base.squashfs") == before, "not one byte of the lower one has changed")
    check("upper.img", kind)
    text = run(*OVER, "sh", "-c", "cat etc/new; ls opaque", "upper.img").text
    ok(text == "base\n", "a shell is inside the merged tree", text)
    os.mkdir("out")
    expect("a tree out", 0, *OVER, "cp", "-r", "upper.img:/etc", "out", message="^$")
    ok(sorted(os.listdir("out/etc")) == ["conf", "new"], "has what is merged", os.listdir("out/etc"))


def tool_lines(*words, stdin):
    kinds.write("archive.tar", stdin)
    return tool(*words, "-f", "archive.tar").stdout.splitlines()


def marks():
    """What stands for removals, as another program reads it: any overlayfs understands that."""
    told = tool("/usr/sbin/debugfs", "-R", "stat /changes/upper/etc/gone", "upper.img").stdout
    ok("Type: character special" in told and "minor number: 00:00" in told, "a whiteout is a device 0:0", told)
    told = tool("/usr/sbin/debugfs", "-R", "ea_list /changes/upper/opaque", "upper.img").stdout
    ok("overlay.opaque" in told, "a directory made anew is opaque", told)


def refused():
    before = digest("upper.img")
    expect("changes need a directory of their own", 2, "--lower", "base.squashfs", "touch", "upper.img:/x", message="--upper /upper")
    expect("an upper layer over nothing", 2, "--upper", "/changes", "ls", "upper.img", message="--lower names")
    expect("over two nothings", 2, "--upper", "/changes", "ls", "upper.img", "site.squashfs", message="--lower names")
    expect("two images at a time", 2, "--lower", "base.squashfs", "ls", "upper.img", "site.squashfs", message="name one image")
    expect("what is about images", 2, "--lower", "base.squashfs", "df", "upper.img", message="without --lower")
    expect("a lower layer that is missing", 1, "--lower", "nothing.img", "ls", "upper.img", message="nothing.img: no such file")
    expect("a directory of one that is missing", 1, "--lower", "base.squashfs:/nothing", "ls", "upper.img", message="upper.img: cannot be laid")
    shutil.copy("/usr/bin/env", "noise.img")
    expect("a lower layer that holds nothing", 1, "--lower", "noise.img", "ls", "upper.img", message="noise.img: no file system")
    ok(digest("upper.img") == before, "nothing was written")


def partitions(kind):
    """Layers that are partitions of one image, and such of another one: what is written to changes alone."""
    names = ["base", "site", "data"]
    places = [(1 << 20, 16 << 20), (20 << 20, 16 << 20), (40 << 20, harness.SIZE)]
    harness.gpt("disk.img", 400 << 20, [(*place, name, f"00000000-0000-0000-0000-00000000000{i}")
                                        for i, (place, name) in enumerate(zip(places, names), 1)])
    harness.mkfs("data.img", kind)
    for name, (start, _) in zip(["base.squashfs", "site.squashfs", "data.img"], places):
        tool("dd", f"if={name}", "of=disk.img", "bs=1M", f"seek={start >> 20}", "conv=notrunc,sparse", "status=none")
    lowers = ["--lower", "disk.img@2", "--lower", "disk.img@base"]
    text = run(*lowers, "cat", "disk.img@data:/etc/conf", "disk.img@data:/usr/bin/keep").text
    ok(text == "site\nkeep\n", "three partitions of an image are one tree", text)
    text = run("-p", "3", "--lower", "base.squashfs", "--lower", "disk.img@2", "cat", "disk.img:/etc/conf", "disk.img:/etc/site").text
    ok(text == "base\nonly here\n", "a whole image between two partitions", text)
    expect("a change of the merged tree", 0, *lowers, "--upper", "/upper", "mv", "disk.img@3:/etc/site", "disk.img@3:/moved", message="^$")
    text = run(*lowers, "--upper", "/upper", "find", "disk.img@data", "-type", "f").text
    ok(sorted(text.split()) == [f"disk.img@data:{path}" for path in
                                ("/etc/conf", "/etc/gone", "/moved", "/opaque/hidden", "/usr/bin/keep")], "is there", text)
    with open("disk.img", "rb") as disk:
        for name, (start, size) in zip(["base.squashfs", "site.squashfs"], places):
            disk.seek(start)
            with open(name, "rb") as file:
                ok(disk.read(os.path.getsize(name)) == file.read(), f"{name} has not changed")
        disk.seek(places[2][0])
        kinds.write("data.img", disk.read(places[2][1]))
    check("data.img", kind)
    expect("a layer over itself", 1, "--lower", "disk.img@3", "--upper", "/upper", "touch", "disk.img@data:/x",
           message="disk.img@3: is where disk.img@data is, too; give both the same name")
    expect("a partition that is missing", 1, "--lower", "disk.img@4", "ls", "disk.img@3", message='disk.img@4: has no partition "4"')


def main():
    kind = sys.argv[1]
    harness.start()
    kinds.find_programs()
    make_layer("base", BASE)
    make_layer("site", SITE)
    harness.mkfs("upper.img", kind)
    reading()
    writing(kind)
    if kind == "ext4":
        marks()
    refused()
    partitions(kind)
    harness.done()


main()
