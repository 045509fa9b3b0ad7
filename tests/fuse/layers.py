#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A mount of an image that lies over another: the host's programs see the merged tree, and change the upper layer."""

import os

import mounting

import harness
from harness import check, digest, expect, ok, run, tool

OVER = ["--lower", "base.img", "--upper", "/upper"]


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def main():
    mounting.start()
    os.makedirs("base/etc")
    write("base/etc/conf", b"base\n")
    write("base/etc/gone", b"gone\n")
    harness.mkfs("base.img", "ext4", 32 << 20)
    expect("a lower layer", 0, "cp", "-a", "base/etc", "base.img:/", message="^$")
    before = digest("base.img")
    harness.mkfs("upper.img", "ext4")
    os.mkdir("point")
    expect("mounted", 0, *OVER, "mount", "upper.img", "point", message="^$")
    ok(sorted(os.listdir("point/etc")) == ["conf", "gone"], "the host shows the lower layer", os.listdir("point"))
    write("point/etc/new", b"new\n")
    os.rename("point/etc/conf", "point/etc/conf.old")
    os.unlink("point/etc/gone")
    ok(sorted(os.listdir("point/etc")) == ["conf.old", "new"], "and what has been changed since", os.listdir("point/etc"))
    told = tool("cat", "point/etc/conf.old", "point/etc/new").stdout
    ok(told == "base\nnew\n", "contents are as they should be", told)
    expect("unmounted", 0, "umount", "point", message="^$")
    found = run("find", "upper.img:/").text
    ok("upper.img:/upper/etc/new" in found and ".work" not in found, "the upper layer has what changed, and nothing else is left", found)
    text = run(*OVER, "cat", "upper.img:/etc/new", "upper.img:/etc/conf.old").text
    ok(text == "new\nbase\n", "commands see the same tree", text)
    check("upper.img", "ext4")
    ok(digest("base.img") == before, "not one byte of the lower layer has changed")
    harness.done()


main()
