#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Images that are made to harm: nothing outside of the target is touched, and no terminal is controlled."""

import os
import re
import shutil
import struct

import bounded
import harness
import kinds
from harness import expect, ok, run


def patch(image, changes):
    """Replace bytes in the image, which has no checksums."""
    with open(image, "rb") as file:
        data = file.read()
    for old, new in changes:
        if old not in data:
            raise RuntimeError(f"{old} is not in {image}")
        data = data.replace(old, new)
    with open(image, "wb") as file:
        file.write(data)


def make(changes):
    image = harness.mkfs("hostile.img", "ext4", 64 << 20, "-O", "^metadata_csum,^has_journal,^dir_index")
    result = run("cp", "-a", "evil", f"{image}:/")
    if result.code:
        raise RuntimeError(str(result))
    patch(image, changes)
    return image


def tree():
    os.makedirs("evil/NAME-DIR")
    os.makedirs("outside")
    os.symlink("/proc/self/cwd/outside", "evil/NAME-LNK")
    for name in ("evil/NAME-DIR/planted", "evil/FILE-UP", "evil/FILE-SLASH", "outside/kept"):
        with open(name, "wb") as file:
            file.write(b"x\n")


def untouched(name):
    found = []
    for path, dirs, files in os.walk("."):
        found += [os.path.join(path, f) for f in dirs + files]
    stray = [f for f in found if f.startswith("./outside/") and f != "./outside/kept" or f.startswith("./up")]
    ok(not stray and open("outside/kept", "rb").read() == b"x\n", f"{name}: nothing appeared outside of the target", stray)
    ok(not os.path.exists("../up-here"), f"{name}: nor above")


def copies_out():
    # Two entries of one name: a symbolic link that leads out, and a directory that is to be filled through it.
    for changes in ([(b"NAME-DIR", b"NAME-XXX"), (b"NAME-LNK", b"NAME-XXX")],
                    [(b"FILE-SLASH", b"../up-here")], [(b"FILE-SLASH", b"/tmp/abcde")], [(b"FILE-SLASH", b"evil\0FILES")]):
        what = changes[0][1].decode()
        image = make(changes)
        os.mkdir("target")
        result = run("cp", "-a", f"{image}:/evil", "target")
        ok(result.code in (0, 1) and "HANGS" not in result.err, f"{what!r}: copied, or refused", result)
        untouched(repr(what))
        result = run("ls", "-lR", image)
        ok(result.code in (0, 1), f"{what!r}: listed, or refused", result)
        harness.tool("rm", "-rf", "target")


def links():
    """Paths on the command line stay within the image, whatever its links say."""
    image = harness.mkfs("links.img", "ext4", 64 << 20)
    os.mkdir("links")
    os.mkdir("links/etc")
    os.symlink("/etc/passwd", "links/absolute")
    os.symlink("../../../../etc/passwd", "links/up")
    os.symlink("/dev/disk0", "links/device")
    os.symlink("loop", "links/loop")
    with open("links/etc/passwd", "wb") as file:
        file.write(b"of the image\n")
    expect("an image with links", 0, "cp", "-a", "links/.", f"{image}:/", message="^$")
    for name in ("absolute", "up"):
        result = expect(f"cat through a link: {name}", 0, "cat", f"{image}:/{name}", message="^$")
        ok(result.out == b"of the image\n", f"{name}: it leads to the image's own file", result)
        expect(f"cp through a link: {name}", 0, "cp", f"{image}:/{name}", "copied", message="^$")
        ok(open("copied", "rb").read() == b"of the image\n", f"{name}: the same")
    expect("no way to the kernel's devices", 1, "cat", f"{image}:/device", message="No such file")
    expect("a loop of links", 1, "cat", f"{image}:/loop", message="[Ss]ymbolic links")
    expect("..: the root is the top", 0, "ls", f"{image}:/../../etc/passwd", message="^$")


def terminal():
    """Names and messages with escape sequences."""
    image = harness.mkfs("names.img", "ext4", 64 << 20)
    os.mkdir("names")
    with open("names/\x1b[31mred\x07\x9b2J", "wb"):
        pass
    run("cp", "-r", "names", f"{image}:/")
    main, other = os.openpty()
    result = run("ls", "-l", f"{image}:/names", stdout=other)
    os.close(other)
    shown = os.read(main, 4096)
    ok(result.code == 0 and b"red" in shown and not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2\x9b", shown),
       "ls on a terminal shows no control characters", shown)
    os.close(main)
    result = run("ls", f"{image}:/names")
    ok(b"\x1b[31m" in result.out, "to a program it gives names as they are", result)
    result = run("cat", f"{image}:/names/\x1b[31mred\x07\x9b2J/x")
    ok("\x1b" not in result.err and result.code == 1, "messages have none either", repr(result.err))
    label = harness.mkfs("label.img", "ext4", 64 << 20, "-L", "a\x1b[31mb")
    result = run("info", label)
    ok(result.code == 0 and b"\x1b" not in result.out, "nor labels in info", result.out)


def deep():
    """Paths longer than the host's limit, and than a message: in, listed, out, removed."""
    image = harness.mkfs("deep.img", "ext4", 64 << 20)
    name = "d" * 200
    here = os.open(".", os.O_RDONLY)
    os.mkdir("deep")
    os.chdir("deep")
    for _ in range(900):
        os.mkdir(name)
        os.chdir(name)
    with open("end", "wb") as file:
        file.write(b"end\n")
    os.fchdir(here)
    expect("a tree of 900 levels in", 0, "cp", "-r", "deep", f"{image}:/", message="^$")
    result = expect("listed", 0, "ls", "-R", image, message="^$")
    ok("end" in result.text.splitlines(), "to its end", result.text[-300:])
    os.mkdir("deep-out")
    expect("and out", 0, "cp", "-r", f"{image}:/deep", "deep-out", message="^$")
    os.chdir("deep-out/deep")
    for _ in range(900):
        os.chdir(name)
    ok(open("end", "rb").read() == b"end\n", "to its end")
    os.fchdir(here)
    expect("removed", 0, "rm", "-r", f"{image}:/deep", message="^$")
    harness.check(image, "ext4")
    harness.tool("rm", "-rf", "deep", "deep-out")


LIES = 100


def lying_size():
    """A file that is said to be larger than the image: what cannot be read of it is not tried to the end."""
    kinds.make("vfat", "lying.img")
    kinds.write("SIZED.BIN", b"x" * 5000)
    expect("a file in an image of FAT", 0, "cp", "SIZED.BIN", "lying.img:/", message="^$")
    with open("lying.img", "r+b") as file:
        entry = file.read().find(b"SIZED   BIN")
        file.seek(entry + 28)
        file.write(b"\xff\xff\xff\xff")
    result = bounded.run("check", "lying.img")
    ok(result.code == 1 and not result.wrong() and "4294963199 of 4294967295 bytes in all, not all of them tried" in result.err,
       "its size is a lie: told, and given up", result)
    os.mkdir("lies")
    for number in range(LIES):
        kinds.write(f"lies/SIZED{number:03}.BIN", b"x")
    expect("many such files", 0, "cp", "-r", "lies", "lying.img:/", message="^$")
    with open("lying.img", "r+b") as file:
        for found in list(re.finditer(rb"SIZED\d\d\dBIN", file.read())):
            file.seek(found.start() + 28)
            file.write(b"\xff\xff\xff\xff")
    result = bounded.run("check", "lying.img")
    ok(result.code == 1 and not result.wrong() and result.err.count("not all of them tried") == LIES + 1,
       "all are told, and given up sooner", result)


def impossible_size():
    """A size that no file of the file system can have: told, and not read, for it would be zeroes for ever."""
    name, size = "impossible.bin", 750 << 50
    kinds.make("f2fs", "impossible.img")
    kinds.write(name, b"x" * 100000)
    kinds.write("sound.bin", b"y" * 100000)
    expect("files in an image of F2FS", 0, "cp", name, "sound.bin", "impossible.img:/", message="^$")
    with open("impossible.img", "r+b") as file:
        inodes = [found.start() - 88 for found in re.finditer(b"%c\0\0\0%s" % (len(name), name.encode()), file.read())]
        for inode in inodes:  # which have the name at 88, and the size at 16
            file.seek(inode + 16)
            file.write(size.to_bytes(8, "little"))
    ok(inodes, "its inode is found")
    os.mkdir("possible")
    for words in (["check", "impossible.img"], ["cp", "-r", "impossible.img:/.", "possible"],
                  ["tar", "-f", "possible.tar", "impossible.img"], ["cat", "impossible.img:/impossible.bin"]):
        result = bounded.run(*words)
        ok(result.code == 1 and not result.wrong() and re.search(f"impossible.bin: claims {size} bytes", result.err),
           f"{words[0]}: told, and ends", result)
    ok(os.listdir("possible") == ["sound.bin"], "the other file is copied", os.listdir("possible"))


BLOCKS = 3900  # of 4096 bytes: nearly half of an image of 32 MiB, which has all metadata at its beginning


def place_of(image, path):
    """Where an inode of ext4 is, with blocks of 4096 bytes."""
    told = harness.tool("/usr/sbin/debugfs", "-R", f"imap {path}", image).stdout
    found = re.search(r"located at block (\d+), offset 0x([0-9a-f]+)", told)
    return int(found.group(1)) * 4096 + int(found.group(2), 16)


def share_blocks(image, path, extents, blocks=BLOCKS, first=BLOCKS):
    """Make a file of ext4 of the same blocks, again and again."""
    tree = struct.pack("<HHHHI", 0xF30A, extents, 4, 0, 0)
    for i in range(extents):
        tree += struct.pack("<IHHI", i * blocks, blocks, 0, first)
    with open(image, "r+b") as file:
        inode = place_of(image, path)
        for at, data in ((4, struct.pack("<I", extents * blocks * 4096)), (28, struct.pack("<I", extents * blocks * 8)), (40, tree)):
            file.seek(inode + at)
            file.write(data)


def shared_blocks():
    """More data than there are bytes, out of blocks that are used several times: told, and not read."""
    image = harness.mkfs("shared.img", "ext4", 32 << 20, "-b", "4096", "-O", "^metadata_csum,^has_journal")
    os.mkdir("several")
    for name in ("one", "two", "three", "four", "five", "large"):
        kinds.write(f"several/{name}", b"x")
    kinds.write("several/sound", b"sound")
    expect("some files", 0, "cp", "-r", "several", f"{image}:/", message="^$")
    for name in ("one", "two", "three", "four", "five"):
        share_blocks(image, f"/several/{name}", 1)
    share_blocks(image, "/several/large", 4)
    shutil.copy(image, "other.img")
    for words in (["check", image], ["cp", "-r", f"{image}:/several", "shared"], ["tar", "-f", "shared.tar", image],
                  ["diff", image, "other.img"]):
        result = bounded.run(*words)
        told = re.findall(r"several/(\w+): has more data than its file system has room for", result.err)
        code = 2 if words[0] == "diff" else 1
        ok(not result.wrong((code,)) and len(told) == 2 and "large" in told,
           f"{words[0]}: both the large one, and one of five that are too large together", result)
    ok(len(os.listdir("shared")) == 5 and "large" not in os.listdir("shared"), "the others are copied", os.listdir("shared"))
    result = bounded.run("cat", f"{image}:/several/large")
    ok(result.code == 1 and "large: has more data" in result.err and not result.out, "cat of the large one", result)
    result = bounded.run("cat", f"{image}:/several/one")
    ok(result.code == 0 and len(result.out) == 1 << 20, "cat of another one", result.err)
    with open(image, "r+b") as file:
        file.seek(1024 + 100 + 1)  # the feature "shared_blocks", which Android's images have
        file.write(b"\x40")
    expect("where blocks are shared on purpose, all is read", 0, "check", image, message="^$")
    result = bounded.run("cat", f"{image}:/several/large")
    ok(result.code == 0 and len(result.out) == 1 << 20, "also what is large", result.err)


def sparse():
    """What is sound is read: holes take no room, and names of one file are no files."""
    image = harness.mkfs("sparse.img", "ext4", 64 << 20)
    os.mkdir("holes")
    for i in range(5):
        with open(f"holes/{i}", "wb") as file:
            file.truncate(300 << 20)
            file.seek(100 << 20)
            file.write(os.urandom(5 << 20))
    with open("holes/full", "wb") as file:
        file.write(os.urandom(15 << 20))
    for i in range(9):
        os.link("holes/full", f"holes/full{i}")
    expect("holes and links", 0, "cp", "-a", "holes", f"{image}:/", message="(?s)^$|owner")
    os.mkdir("sparse")
    for words in ["check", image], ["tar", "-f", "holes.tar", image], ["cp", "-r", f"{image}:/holes", "sparse"], ["diff", "--contents", f"{image}:/holes", "holes"]:
        expect(f"{words[0]} of 1.5 GiB that are 40 MiB", 0, *words, message="^$")


def noise():
    """Headers of real file systems, the rest random: no crash and no hang, whatever the answer."""
    for kind in ("ext4", "xfs", "btrfs"):
        for seed in range(3):
            image = harness.mkfs("noise.img", kind)
            run("cp", "-a", "evil", f"{image}:/")
            with open(image, "r+b") as file:
                for offset in range(1 << 20, 40 << 20, 65536 + 4096 * seed):
                    file.seek(offset)
                    file.write(os.urandom(256))
            result = run("ls", "-lR", image)
            ok(result.code in (0, 1) and "HANGS" not in result.err and "worker" not in result.err,
               f"{kind}: damaged at random ({seed}): an answer, in time", result)


def main():
    harness.start()
    tree()
    copies_out()
    links()
    terminal()
    deep()
    kinds.find_programs()
    lying_size()
    impossible_size()
    shared_blocks()
    sparse()
    noise()
    harness.done()


main()
