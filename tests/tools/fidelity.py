#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What was put into an image, as other programs read it there. Argument: file system, "-root" or "-many" (10^6 files)."""

import io
import os
import re
import stat
import sys
import tarfile

import harness
import trees
from harness import check, expect, ok, run, same_tree, snapshot, tool

TIB = 1 << 40
DEBUGFS = "/usr/sbin/debugfs"
XFS_DB = "/usr/sbin/xfs_db"
LABEL = {"ext4": ["-b", "4096"], "xfs": [], "btrfs": []}


def contents(tree):
    """Of a snapshot, what a reader that knows only kinds, contents and targets can confirm."""
    told = {}
    for path, parts in tree.items():
        kind = stat.S_IFMT(int(parts[0], 8))
        if kind in (stat.S_IFDIR, stat.S_IFREG, stat.S_IFLNK):
            told[path] = (kind, *parts[5:7]) if kind == stat.S_IFREG else (kind, *parts[5:6])
    return told


def by_debugfs(image, before):
    os.mkdir("dumped")
    tool(DEBUGFS, "-R", "rdump /tree dumped", image)
    same_tree(contents(snapshot("dumped/tree")), contents(before), "ext4: debugfs reads the same contents")
    wrong = []
    for path, parts in before.items():
        if "\n" in path or '"' in path or not path.isascii() or " " in path or path == ".":
            continue
        told = tool(DEBUGFS, "-R", f'stat "/tree/{path}"', image).stdout
        mode, user, group = re.search(r"Mode:\s+(\d+)", told), re.search(r"User:\s+(-?\d+)", told), re.search(r"Group:\s+(-?\d+)", told)
        seen = (int(mode[1], 8), int(user[1]) % 2**32, int(group[1]) % 2**32) if mode else None
        if seen != (int(parts[0], 8) & 0o7777, parts[1], parts[2]):
            wrong.append(f"{path}: {seen}")
        if int(parts[3] // 10**9) != int(re.search(r"mtime: 0x([0-9a-f]+)", told)[1], 16):
            wrong.append(f"{path}: time")
    ok(not wrong, "ext4: and the same modes, owners and times", "\n".join(wrong[:10]))
    told = tool(DEBUGFS, "-R", "ea_get -x /tree/size-4096 user.long", image).stdout
    ok(bytes(range(200)).hex() in re.sub(r"[^0-9a-f]", "", told.split("=")[-1]), "ext4: and the same attributes", told)


def by_xfs_db(image, before):
    names = [path for path in before if re.fullmatch(r"[\w/-]+", path, re.ASCII) and "deep" not in path and not re.search(r"f\d+$", path)]
    script = []
    for path in names:
        script += ["-c", f"path /tree/{path}", "-c", "print core.mode core.uid core.gid core.size core.nlinkv2 core.mtime.sec core.mtime.nsec"]
    told = tool(XFS_DB, "-r", *script, image).stdout
    wrong = []
    for path, text in zip(names, told.split("core.mode = ")[1:]):
        seen = {key: value for key, value in re.findall(r"core\.([\w.]+) = (.*)", "core.mode = " + text)}
        parts = before[path]
        if int(seen["mode"], 8) != int(parts[0], 8) or int(seen["uid"]) != parts[1] or int(seen["gid"]) != parts[2]:
            wrong.append(f"{path}: {seen}")
        if int(seen["mtime.nsec"]) != parts[3] % 10**9 or (stat.S_ISREG(int(parts[0], 8)) and int(seen["size"]) != parts[5]):
            wrong.append(f"{path}: {seen}")
    ok(told.count("core.mode") == len(names) and not wrong, "xfs: xfs_db reads the same modes, owners, times to the nanosecond, sizes",
       f"{len(names)} {told.count('core.mode')}\n" + "\n".join(wrong[:10]))


def by_restore(image, before):
    os.mkdir("restored")
    told = tool("/usr/bin/btrfs", "restore", "-S", "-i", image, "restored")
    same_tree(contents(snapshot("restored/tree")), contents(before), "btrfs: btrfs restore reads the same contents") or print("#", told.stdout[:500])


READERS = {"ext4": by_debugfs, "xfs": by_xfs_db, "btrfs": by_restore}


def one_of_everything(kind):
    trees.make("tree")
    before = snapshot("tree")
    del before["socket"]
    made = tool("tar", "--xattrs", "--xattrs-include=*", "--format=pax", "--sparse", "-cf", "tree.tar", "tree")
    ok("socket ignored" in made.stdout, f"{kind}: an archive of a tree", made.stdout)
    image = harness.mkfs("disk.img", kind, harness.SIZE, *LABEL[kind])
    expect(f"{kind}: in by untar", 0, "untar", "-f", "tree.tar", image, message="^$")
    check(image, kind)
    READERS[kind](image, before)
    other = harness.mkfs("other.img", kind, harness.SIZE, *LABEL[kind])
    os.rename("disk.img", "first.img")
    expect(f"{kind}: to another image by cp", 0, "cp", "-a", "first.img:/tree", f"{other}:/", message="^$")
    tool("rm", "-rf", "dumped", "restored")
    READERS[kind](other, before)
    tool("rm", "-f", "first.img", "other.img")


def ends_of(path, offsets):
    with open(path, "rb") as file:
        return [os.pread(file.fileno(), 5, offset) for offset in offsets]


def beyond(kind):
    """A file of 3 TiB that is nearly all hole: in, by an archive to another image, and out."""
    offsets = (0, 2 * TIB - 2, 2 * TIB + 12345, 3 * TIB - 5)
    fd = os.open("huge", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        for offset in offsets:
            os.pwrite(fd, b"there", offset)
    except OSError as error:
        harness.skip(f"{kind}: a file of 3 TiB", f"not where the tests run: {error}")
        return
    finally:
        os.close(fd)
    image = harness.mkfs("huge.img", kind, harness.SIZE, *LABEL[kind])
    other = harness.mkfs("huge2.img", kind, harness.SIZE, *LABEL[kind])
    expect(f"{kind}: a file of 3 TiB in", 0, "cp", "-a", "huge", f"{image}:/", message="^$")
    expect(f"{kind}: 3 TiB: the same", 0, "diff", "--no-owners", "huge", f"{image}:/huge", message="^$")
    expect(f"{kind}: 3 TiB: into an archive", 0, "tar", "-f", "huge.tar", f"{image}:/huge", message="^$")
    ok(os.stat("huge.tar").st_size < 1 << 20, f"{kind}: 3 TiB: whose holes take no room", os.stat("huge.tar"))
    expect(f"{kind}: 3 TiB: out of it", 0, "untar", "-f", "huge.tar", other, message="^$")
    check(other, kind)
    expect(f"{kind}: 3 TiB: out", 0, "cp", "-p", f"{other}:/huge", "huge-out", message="^$")
    ok(ends_of("huge-out", offsets) == [b"there"] * 4 and os.stat("huge-out").st_size == 3 * TIB, f"{kind}: 3 TiB: it is all there")
    ok(os.stat("huge-out").st_blocks * 512 < 1 << 20, f"{kind}: 3 TiB: and holes are holes", os.stat("huge-out"))
    os.mkdir("theirs")
    done = tool("bsdtar", "-xf", "huge.tar", "-C", "theirs")
    ok(done.returncode == 0 and ends_of("theirs/huge", offsets) == [b"there"] * 4, f"{kind}: 3 TiB: bsdtar reads the archive", done.stdout)
    tool("rm", "-rf", "theirs", "huge", "huge-out", "huge.img", "huge2.img")


def many(kind, count, size):
    """Files in one directory: from an archive, listed, checked, and into an archive again."""
    with tarfile.open("many.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for i in range(count):
            archive.addfile(tarfile.TarInfo(f"many/{i}"))
    image = harness.mkfs("many.img", kind, size, *(["-N", str(2 * count)] if kind == "ext4" else []))
    expect(f"{kind}: {count} files in one directory", 0, "untar", "-f", "many.tar", image, message="^$")
    check(image, kind)
    result = run("ls", "-1", f"{image}:/many")
    ok(sorted(result.text.split(), key=int) == [str(i) for i in range(count)], f"{kind}: all of them are listed", result.code)
    expect(f"{kind}: into an archive", 0, "tar", "-f", "again.tar", f"{image}:/many", message="^$")
    with tarfile.open("again.tar") as archive:
        ok(sum(1 for _ in archive) == count + 1, f"{kind}: which has all of them")
    expect(f"{kind}: all can be read", 0, "check", image, message="^$")
    expect(f"{kind}: removed", 0, "rm", "-r", f"{image}:/many", message="^$")
    check(image, kind)


def spread(kind, count, size):
    """As many in directories of a thousand, every hundredth with a byte in it: found by what they are."""
    with tarfile.open("spread.tar", "w", format=tarfile.USTAR_FORMAT) as archive:
        for i in range(count):
            member = tarfile.TarInfo(f"spread/{i // 1000}/{i}")
            member.size, member.uid = int(i % 100 == 0), i % 1000
            archive.addfile(member, io.BytesIO(b"x"))
    image = harness.mkfs("spread.img", kind, size, *(["-N", str(2 * count)] if kind == "ext4" else []))
    expect(f"{kind}: {count} files in many directories", 0, "untar", "-f", "spread.tar", image, message="^$")
    result = run("find", image, "-type", "f", "-size", "1c", "-printf", "%f\n")
    ok(sorted(map(int, result.text.split())) == list(range(0, count, 100)), f"{kind}: those with contents are found", result.code)
    result = run("find", image, "-uid", "7", "-not", "-newer", f"{image}:/spread/0/0", "-printf", "%f\n")
    ok(sorted(map(int, result.text.split())) == list(range(7, count, 1000)), f"{kind}: and those of a user", result.code)
    expect(f"{kind}: all of these can be read", 0, "check", image, message="^$")
    check(image, kind)
    tool("rm", "-f", "spread.tar", "spread.img")


def main():
    kind, _, who = sys.argv[1].partition("-")
    harness.start(as_root=who == "root")
    if who == "many":
        harness.TIMEOUT = 1800  # each command deals with a million files
        many(kind, 10**6, 4 << 30)
        spread(kind, 10**6, 4 << 30)
    elif who == "root":
        one_of_everything(kind)
    else:
        beyond(kind)
        many(kind, 20000, harness.SIZE)
        spread(kind, 20000, harness.SIZE)
    harness.done()


main()
