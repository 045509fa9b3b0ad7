#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Partitions at their mount points, as a machine has them: one tree, in which what is written goes where it belongs."""

import os
import sys

import harness
import kinds
from harness import check, digest, expect, ok, run, tool

MIB = 1 << 20
NAMES = ("esp", "root", "home")
PLACES = ((1 * MIB, 64 * MIB), (66 * MIB, 64 * MIB), (132 * MIB, 64 * MIB))
# Deeper ones first: the order in which they are mounted is found by itself.
AT = ["--at", "/boot/efi=disk.img@esp", "--at", "/home/=disk.img@3", "--at", "/usr=usr.squashfs:/tree", "--at", "/srv=data.img"]
ROOT = [*AT, "-p", "root"]


def take_out(name):
    """A partition, for programs that know none."""
    start, size = PLACES[NAMES.index(name)]
    with open("disk.img", "rb") as disk:
        disk.seek(start)
        kinds.write(f"{name}.img", disk.read(size))
    return f"{name}.img"


def make():
    harness.gpt("disk.img", 200 * MIB, [(*place, name, f"00000000-0000-0000-0000-00000000000{i}")
                                        for i, (name, place) in enumerate(zip(NAMES, PLACES), 1)])
    for name, (start, size) in zip(NAMES, PLACES):
        with open("part", "wb") as file:
            file.truncate(size)
        made = tool(*(["mkfs.vfat"] if name == "esp" else ["mkfs.ext4", "-q", "-F"]), "part")
        if made.returncode:
            sys.exit(f"Bail out! {made.stdout}")
        tool("dd", "if=part", "of=disk.img", "bs=1M", f"seek={start // MIB}", "conv=notrunc,sparse", "status=none")
    harness.mkfs("data.img", "xfs")
    os.makedirs("usr/tree/bin")
    kinds.write("usr/tree/bin/tool", b"a tool\n")
    tool("mksquashfs", "usr", "usr.squashfs", "-quiet", "-no-progress", "-noappend")
    expect("mount points", 0, "mkdir", *(f"disk.img@root:/{name}" for name in ("boot", "boot/efi", "home", "usr", "srv", "etc")), message="^$")
    for name in ("one", "two"):
        kinds.write(name, f"{name}\n".encode())


def debugfs(name, request):
    return tool("/usr/sbin/debugfs", "-R", request, take_out(name)).stdout


def writing():
    before = digest("usr.squashfs")
    for dir in ("etc", "home", "boot/efi", "srv"):
        expect(f"a file to /{dir}", 0, *ROOT, "cp", "one", f"disk.img:/{dir}/file", message="^$")
    expect("from one to another", 0, *ROOT, "cp", "-a", "disk.img:/home/file", "disk.img:/etc/copy", message="^$")
    expect("moved to another", 0, *ROOT, "mv", "disk.img:/etc/copy", "disk.img:/home/moved", message="^$")
    expect("moved by a path that does not tell", 1, *ROOT, "mv", "disk.img:/etc/../home/moved", "disk.img:/etc", message="in different images")
    expect("a hard link between two", 1, *ROOT, "ln", "disk.img:/etc/file", "disk.img:/home/link", message="etc/file: .*cross-device")
    expect("what cannot be written to", 1, *ROOT, "cp", "one", "disk.img:/usr/bin/tool", message="usr/bin/tool.*[Rr]ead-only")
    expect("a whole archive", 0, *ROOT, "untar", "-f", "root.tar", "disk.img", message="^$")
    expect("a symbolic link", 0, "ln", "-s", "/home", "disk.img@root:/etc/link", message="^$")
    expect("where nothing is mounted", 0, "cp", "two", "disk.img@root:/home/below", message="^$")
    ok("file" in debugfs("root", "ls /etc") and "copy" not in debugfs("root", "ls /etc"), "what is written to the root is there")
    ok(debugfs("home", "cat /moved").endswith("one\n") and "archived" in debugfs("home", "ls /"), "and to /home in its own partition")
    ok("moved" not in debugfs("root", "ls /home") and "below" in debugfs("root", "ls /home"), "not in the directory below")
    for name in ("root", "home"):
        check(take_out(name), "ext4")
    check("data.img", "xfs")
    checked = tool("fsck.vfat", "-n", take_out("esp"))
    ok(checked.returncode == 0 and " 1 files" in checked.stdout, "the ESP is clean, and has its file", checked.stdout)
    ok(digest("usr.squashfs") == before, "what is read-only has not changed")


def make_archive():
    os.makedirs("new/home/archived")
    os.makedirs("new/etc")
    kinds.write("new/etc/archived", b"archived\n")
    tool("tar", "-C", "new", "--owner=0", "--group=0", "-cf", "root.tar", "etc/archived", "home/archived")


FILES = ["boot/efi/file", "etc/archived", "etc/file", "home/file", "home/moved", "srv/file", "usr/bin/tool"]


def reading():
    before = digest("disk.img"), digest("data.img")
    found = run(*ROOT, "find", "disk.img", "-type", "f").text.split()
    ok(sorted(found) == [f"disk.img:/{name}" for name in FILES], "all are one tree", found)
    ok(run("cat", *ROOT, "disk.img:/usr/bin/tool", "disk.img:/srv/file").text == "a tool\none\n", "cat, with options after the word")
    os.mkdir("out")
    expect("all out", 0, *ROOT, "cp", "-r", "disk.img:/.", "out", message="lost.found|^$")
    got = sorted(os.path.relpath(f"{path}/{name}", "out") for path, _, names in os.walk("out") for name in names)
    ok(got == FILES, "comes out as one", got)
    kinds.write("got.tar", run(*ROOT, "tar", "disk.img").out)
    got = sorted(name.removeprefix("./") for name in tool("tar", "-tf", "got.tar").stdout.splitlines() if not name.endswith("/"))
    ok(got == sorted([*FILES, "etc/link"]), "an archive has it", got)
    ok(not run(*ROOT, "diff", "--contents", "disk.img:/usr", "usr/tree").out, "diff")
    text = run(*ROOT, "sh", "-c", "cat home/file; ls usr/bin", "disk.img").text
    ok(text == "one\ntool\n", "a shell is in that tree", text)
    text = run("--lower", "data.img", *ROOT[:2], "-p", "2", "ls", "disk.img").text
    ok({"file", "etc"} < set(text.split()), "over the merged tree of layers", text)
    text = run("--at", "/etc/link=data.img", "ls", "disk.img@2:/home").text
    ok(text == "file\n", "a symbolic link leads to where it does in the image", text)
    ok((digest("disk.img"), digest("data.img")) == before, "not one byte has changed")


def one_file_system():
    """Options by which only the image that is named is looked at."""
    found = run(*ROOT, "find", "disk.img", "-xdev", "-type", "f").text.split()
    ok(sorted(found) == ["disk.img:/etc/archived", "disk.img:/etc/file"], "find -xdev", found)
    found = run(*ROOT, "find", "disk.img:/home", "disk.img:/usr", "-mount", "-type", "f").text.split()
    ok(len(found) == 3, "begins with what is mounted itself", found)
    found = run(*ROOT, "du", "-ax", "disk.img").text.split()[1::2]
    ok("disk.img:/etc/file" in found and "disk.img:/boot" in found and not {"disk.img:/home", "disk.img:/boot/efi"} & set(found), "du -x", found)
    kinds.write("one.tar", run(*ROOT, "tar", "--one-file-system", "disk.img").out)
    got = tool("tar", "-tf", "one.tar").stdout.split()
    ok("./home/" in got and "./etc/file" in got and "./home/file" not in got, "tar --one-file-system", got)
    os.mkdir("one-out")
    run(*ROOT, "cp", "-rx", "disk.img:/.", "one-out")
    ok(os.path.exists("one-out/etc/file") and not os.listdir("one-out/home"), "cp -x")


def shell():
    result = run(*ROOT, "sh", "-w", "-e", "-c", "cp etc/file home/shell; mv home/shell srv; rm boot/efi/file; mkdir home/made", "disk.img")
    ok(result.code == 0 and not result.err, "a shell writes to all of them", result)
    ok("made" in debugfs("home", "ls /") and run("cat", "data.img:/shell").text == "one\n", "which have it")
    check("data.img", "xfs")
    check(take_out("home"), "ext4")


def apart():
    """What is about images tells of all of them, each by itself."""
    lines = run(*ROOT, "df", "disk.img").text.splitlines()
    ok(sorted(line.split()[0] for line in lines[1:]) == ["data.img", "disk.img@1", "disk.img@2", "disk.img@3", "usr.squashfs"],
       "df: a line for each", lines)
    text = run(*ROOT, "check", "disk.img").text
    ok(all(f"{name}: {kind}, " in text for name, kind in (("disk.img", "ext4"), ("disk.img@esp", "vfat"), ("disk.img@3", "ext4"),
                                                          ("data.img", "xfs"), ("usr.squashfs", "squashfs"))), "check: each, with its checksums", text)
    text = run(*ROOT, "info", "disk.img").text
    ok(text.count("File system:") == 5, "info: each", text)


def refused():
    before = digest("disk.img")
    for name, wrong in {"no directory": "home=data.img", "nothing to mount": "/home=", "no sign": "/home", "the root": "/=data.img",
                        "the root by a longer way": "//.//=data.img", "a way up": "/home/../boot=data.img"}.items():
        expect(f"{name}", 2, "--at", wrong, "ls", "disk.img@2", message=f'--at "{wrong}"')
    expect("one directory by two ways", 2, "--at", "/home=data.img", "--at", "//./home/=disk.img@1", "ls", "disk.img@2", message="there is one")
    expect("two images", 2, *AT, "cp", "disk.img@2:/etc", "data.img:/", message="name one image")
    expect("what takes one image as it is", 2, *AT, "dmesg", "disk.img@2", message="without --at")
    expect("a directory that is missing", 1, "--at", "/missing=data.img", "ls", "disk.img@2",
           message="disk.img@2: nothing can be mounted at /missing: there is no such directory; make it")
    expect("a file", 1, "--at", "/etc/file=data.img", "ls", "disk.img@2", message="at /etc/file: that is no directory")
    expect("a directory that the other has not", 1, "--at", "/home=data.img:/missing", "ls", "disk.img@2", message="data.img: /missing cannot be")
    expect("a file of the host that is missing", 1, "--at", "/home=nothing.img", "ls", "disk.img@2", message="nothing.img: no such file")
    expect("a partition that is missing", 1, "--at", "/home=disk.img@7", "ls", "disk.img@2", message='disk.img@7: has no partition "7"')
    ok(digest("disk.img") == before, "nothing was written")
    expect("the same place by two names", 1, "--at", "/home=disk.img@root", "touch", "disk.img@2:/x", message="give both the same name")


def main():
    harness.start()
    kinds.find_programs()
    make()
    make_archive()
    writing()
    reading()
    one_file_system()
    shell()
    apart()
    refused()
    harness.done()


main()
