#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Names of 255 characters, which are more bytes than most file systems take. Argument: one that takes them."""

import os
import sys
import tarfile

import harness
import kinds
from harness import expect, ok

UTF8 = {"vfat": ("-o", "utf8"), "exfat": ("-o", "iocharset=utf8"), "ntfs": ("-o", "iocharset=utf8")}
LATIN = {"vfat": ("-o", "utf8=0,iocharset=iso8859-1"), "exfat": ("-o", "iocharset=iso8859-1"), "ntfs": ("-o", "iocharset=iso8859-1")}


def long_names(kind):
    """Characters are counted: in UTF-8 they may be more bytes than a host's name may have."""
    utf8, latin = UTF8[kind], LATIN[kind]
    names = ["\u00e9" * 200, "\u4e2d" * 255, "\u4e2d" * 254 + "\u6587", "\u4e2d" * 250 + "-dir"]  # at most 765 bytes
    file, longest, other, directory = (f"names.img:/{name}" for name in names)
    kinds.make(kind, "names.img")
    expect("a short name", 0, *utf8, "cp", "small", "names.img:/short", message="^$")
    for target in file, longest, other:
        expect("a long name, in", 0, *utf8, "cp", "small", target, message="^$")
    expect("a directory of such a name", 0, *utf8, "mkdir", directory, message="^$")
    expect("a file in it", 0, *utf8, "cp", longest, directory, message="^$")
    result = expect("ls", 0, *utf8, "ls", "names.img", message="^$")
    ok(sorted(result.text.splitlines()) == sorted([*names, "short"]), "all are listed", result)
    result = expect("find", 0, *utf8, "find", "names.img", "-name", names[1], message="^$")
    ok(sorted(result.text.splitlines()) == sorted([longest, f"{directory}/{names[1]}"]), "both are found", result)
    result = expect("cat", 0, *utf8, "cat", f"{directory}/{names[1]}", message="^$")
    ok(result.out == b"small\n", "is read", result)
    result = expect("check", 0, *utf8, "check", "names.img", message="^$")
    ok(b"5 files, 2 directories" in result.out, "all are read", result)
    expect("tar", 0, *utf8, "tar", "-f", "names.tar", "names.img", message="^$")
    kinds.make(kind, "second.img")
    expect("untar elsewhere", 0, *utf8, "untar", "-f", "names.tar", "second.img:/")
    # The root of exFAT has the time when it was mounted.
    expect("diff", 0, *utf8, "diff", "--no-times", "names.img:/", "second.img:/", message="^$")
    kinds.make(kind, "third.img")
    expect("from image to image", 0, *utf8, "cp", "-r", "names.img:/.", "third.img:/", message="^$")
    expect("no difference", 0, *utf8, "diff", "--no-times", "names.img:/", "third.img:/", message="^$")
    expect("mv", 0, *utf8, "mv", longest, f"{directory}/{names[0]}", message="^$")
    expect("rm of a file", 0, *utf8, "rm", other, message="^$")
    expect("rm of a directory", 0, *utf8, "rm", "-r", directory, message="^$")
    result = expect("ls after it", 0, *utf8, "ls", "names.img", message="^$")
    ok(result.text.split() == ["short", names[0]], "two are left", result)
    os.mkdir("short-names")
    result = expect("out, where it is 400 bytes", 1, *utf8, "cp", "-r", "names.img:/.", "short-names",
                    message="short-names/\\./\u00e9+: cannot create: its name has 400 bytes, more than the target takes\n$")
    ok(os.listdir("short-names") == ["short"], "the other is copied", os.listdir("short-names"))
    expect("under another name", 0, *utf8, "cp", file, "short-names/other", message="^$")
    os.mkdir("latin")
    expect("in another character set", 0, *latin, "cp", "-r", "names.img:/.", "latin", message="^$")
    ok(sorted(os.listdir(b"latin")) == [b"short", b"\xe9" * 200], "under its name", os.listdir(b"latin"))
    expect("more characters than there may be", 1, *utf8, "cp", "small", f"{file}{names[0]}", message=": (cannot be made: File name too long|cannot create: its name has 800 bytes, more than the target takes)\n$")
    for words in ["cp", "small"], ["mv", "names.img:/short"]:
        expect(f"{words[0]}, more than any may be", 1, *utf8, *words, file + names[0] * 4, message=": cannot be made: File name too long\n$")
    result = harness.tool(*kinds.WRITABLE[kind][2], "names.img")
    ok(result.returncode == 0, f"{kind}: {kinds.WRITABLE[kind][2][0]} finds no error", result.stdout)


def alike_names(kind):
    """Names that differ only at their ends are not taken for one that comes again and again."""
    kinds.make(kind, "alike.img")
    with tarfile.open("alike.tar", "w") as archive:
        for i in range(20):
            archive.addfile(tarfile.TarInfo("\u4e2d" * 250 + f"-{i}"))
    expect("20 long names", 0, *UTF8[kind], "untar", "-f", "alike.tar", "alike.img:/")
    result = expect("they are read", 0, *UTF8[kind], "check", "alike.img", message="^$")
    ok(b"20 files, 1 directories" in result.out, "all of them", result)


def main():
    kind = sys.argv[1]
    harness.start()
    kinds.find_programs()
    with open("small", "wb") as file:
        file.write(b"small\n")
    long_names(kind)
    alike_names(kind)
    harness.done()


main()
