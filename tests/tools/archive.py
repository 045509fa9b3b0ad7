#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""tar and untar: everything that a tree has, through archives of our own and of others. Argument: file system, "-root"."""

import io
import os
import shutil
import subprocess
import sys
import tarfile

import harness
import trees
from harness import check, digest, expect, ok, run, same_tree, snapshot, tool

# For bsdtar, which looks at names; two of its formats need a place for temporary files.
UTF8 = {**os.environ, "LC_ALL": "C.UTF-8", "TMPDIR": "."}
OTHERS = {"ext4": "xfs", "xfs": "btrfs", "btrfs": "ext4"}


def pipe(kind, first, second):
    """Our own archive from one image to another, through a pipe."""
    reader = harness.spawn("tar", first)
    writer = subprocess.Popen([harness.program(), "untar", second], stdin=reader.stdout, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
    reader.stdout.close()
    told = reader.stderr.read().decode()
    result = harness.collect(writer)
    ok(reader.wait() == 0 and "socket" in told and told.count("\n") == told.count("is a socket, which no archive"),
       f"{kind}: tar warns of sockets and of nothing else", told)
    ok(result.code == 0 and not result.err, f"{kind}: untar takes it from a pipe", result)


def without_sockets(tree):
    return {path: told for path, told in tree.items() if not path.endswith("socket")}


def round_trip(kind, image):
    trees.make("tree")
    before = without_sockets(snapshot("tree"))
    expect(f"{kind}: the tree in", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    sums = digest(image)
    other = harness.mkfs("other.img", OTHERS[kind])
    pipe(kind, image, other)
    ok(digest(image) == sums, f"{kind}: tar changed not one byte of the image")
    check(other, OTHERS[kind])
    os.mkdir("out")
    expect(f"{kind}: and out", 0, "cp", "-a", f"{other}:/tree", "out", message="^$")
    same_tree(snapshot("out/tree"), before, f"{kind}: from {kind} to {OTHERS[kind]} by an archive, all is the same")
    for name in ("holes", "only-a-hole"):
        ok(os.lstat(f"out/tree/{name}").st_blocks <= os.lstat(f"tree/{name}").st_blocks, f"{kind}: {name}: still a hole")
    expect(f"{kind}: again over what is there", 0, "tar", "-f", "own.tar", f"{image}:/tree")
    expect(f"{kind}: replaces it", 0, "untar", "-f", "own.tar", other, message="^$")
    shutil.rmtree("out/tree")
    expect(f"{kind}: and out again", 0, "cp", "-a", f"{other}:/tree", "out", message="^$")
    same_tree(snapshot("out/tree"), before, f"{kind}: in full")
    return before


def read_by_others(kind, before):
    """What we write, as others understand it."""
    for name, command in (("GNU tar", ["tar", "--xattrs", "--xattrs-include=*", "--acls", "-xpf"]), ("bsdtar", ["bsdtar", "-xpf"])):
        os.mkdir("theirs")
        done = tool(*command, "own.tar", "-C", "theirs", env=UTF8)
        # The mark of the one name that is not UTF-8 is POSIX, but news to GNU tar.
        told = [line for line in done.stdout.splitlines() if "extended header keyword 'hdrcharset'" not in line]
        ok(done.returncode == 0 and not told, f"{kind}: {name} reads our archive without a word", done.stdout)
        same_tree(snapshot("theirs/tree"), before, f"{kind}: {name} understands all of it")
        tool("rm", "-rf", "theirs")


def written_by_others(kind, before):
    """What others write."""
    image = harness.mkfs("theirs.img", kind)
    cases = {
        "GNU tar": ["tar", "--xattrs", "--xattrs-include=*", "--acls", "--format=pax", "--sparse", "-cf"],
        "bsdtar": ["bsdtar", "--format", "pax", "-cf"],
        "bsdtar, xz": ["bsdtar", "--format", "pax", "-cJf"],
    }
    for number, (name, command) in enumerate(cases.items()):
        tool(*command, "theirs.tar", "tree")
        expect(f"{kind}: an archive of {name}", 0, "mkdir", f"{image}:/{number}")
        expect(f"{kind}: {name}: unpacked", 0, "untar", "-f", "theirs.tar", f"{image}:/{number}", message="^$")
        shutil.rmtree("out/tree")
        expect(f"{kind}: {name}: and out", 0, "cp", "-a", f"{image}:/{number}/tree", "out", message="^$")
        same_tree(snapshot("out/tree"), before, f"{kind}: {name}: all is the same")
    check(image, kind)


def acls(kind, image):
    """ACLs travel as such, so that others apply them too."""
    os.mkdir("acl")
    trees.write("acl/file", b"x")
    made = tool("setfacl", "-m", "u:1234:rw,g:5678:r,m:rw", "acl/file")
    made.returncode = made.returncode or tool("setfacl", "-d", "-m", "u:1234:rwx", "acl").returncode
    if made.returncode:
        harness.skip(f"{kind}: ACLs", f"not where the tests run: {made.stdout.strip()}")
        return
    before = snapshot("acl")
    expect(f"{kind}: ACLs in", 0, "cp", "-a", "acl", f"{image}:/", message="^$")
    expect(f"{kind}: ACLs into an archive", 0, "tar", "-f", "acl.tar", f"{image}:/acl", message="^$")
    with tarfile.open("acl.tar") as archive:
        told = archive.getmember("acl/file").pax_headers
    ok("user:1234:rw-" in told.get("SCHILY.acl.access", ""), f"{kind}: as others have them", told)
    expect(f"{kind}: and back", 0, "mkdir", f"{image}:/again", message="^$")
    expect(f"{kind}: unpacked", 0, "untar", "-f", "acl.tar", f"{image}:/again", message="^$")
    expect(f"{kind}: and out", 0, "cp", "-a", f"{image}:/again/acl", "out", message="^$")
    same_tree(snapshot("out/acl"), before, f"{kind}: ACLs are the same")


def listed(path, *options):
    return tool("tar", "-tf", path, *options).stdout.split()


def selection(kind, image):
    os.makedirs("sel/a/b")
    for name in ("sel/one", "sel/a/two.o", "sel/a/b/three", "sel/a/b/four.o"):
        trees.write(name, name.encode())
    expect(f"{kind}: something to choose from", 0, "cp", "-a", "sel", f"{image}:/", message="^$")
    expect(f"{kind}: -C", 0, "tar", "-C", "sel", "-f", "c.tar", image, message="^$")
    ok(sorted(listed("c.tar")) == ["./", "./a/", "./a/b/", "./a/b/four.o", "./a/b/three", "./a/two.o", "./one"],
       f"{kind}: -C: names from there on", listed("c.tar"))
    expect(f"{kind}: --exclude", 0, "tar", "--exclude", "*.o", "--exclude=one", "-f", "e.tar", f"{image}:/sel", message="^$")
    ok(sorted(listed("e.tar")) == ["sel/", "sel/a/", "sel/a/b/", "sel/a/b/three"], f"{kind}: --exclude leaves out", listed("e.tar"))
    for letter, name, magic in (("-z", "gzip", b"\x1f\x8b"), ("--zstd", "zstd", b"\x28\xb5\x2f\xfd"), ("-J", "xz", b"\xfd7zXZ"),
                                ("-j", "bzip2", b"BZh"), ("--lz4", "lz4", b"\x04\x22\x4d\x18")):
        expect(f"{kind}: {name}", 0, "tar", letter, "-f", "z.tar", f"{image}:/sel", message="^$")
        with open("z.tar", "rb") as file:
            ok(file.read(8).startswith(magic), f"{kind}: {name} it is")
        expect(f"{kind}: {name}: out", 0, "untar", "-f", "z.tar", f"{image}:/", message="^$")
    expect(f"{kind}: -a", 0, "tar", "-af", "by-name.tar.xz", f"{image}:/sel", message="^$")
    with open("by-name.tar.xz", "rb") as file:
        ok(file.read(5) == b"\xfd7zXZ", f"{kind}: -a goes by the name")
    expect(f"{kind}: a place for members", 0, "mkdir", f"{image}:/members", message="^$")
    expect(f"{kind}: members", 0, "untar", "-f", "z.tar", "-C", "members", "--strip-components=1", "--exclude=three", image,
           "sel/a/b", "*/one", message="^$")
    result = run("ls", "-R", f"{image}:/members")
    ok("four.o" in result.text and "one" in result.text and "two.o" not in result.text and "three" not in result.text,
       f"{kind}: members, stripped, and others not", result)
    expect(f"{kind}: a member that is not there", 1, "untar", "-f", "z.tar", image, "sel/nowhere", message="sel/nowhere: is not in the archive")


def formats(kind, image):
    """Others than tar; they have less to say."""
    os.makedirs("plain/d")
    trees.write("plain/file", b"some text\n" * 1000)
    trees.write("plain/d/\u00e9\u4e2d", b"x")
    for name in ("cpio", "newc", "zip", "7zip", "iso9660", "gnutar", "v7"):
        made = tool("bsdtar", "--format", name, "-cf", "plain.archive", "plain", env=UTF8)
        ok(made.returncode == 0, f"{kind}: an archive of format {name}", made.stdout)
        expect(f"{kind}: {name}", 0, "untar", "-f", "plain.archive", image)
        result = run("cat", f"{image}:/plain/file", f"{image}:/plain/d/\u00e9\u4e2d")
        ok(result.out == b"some text\n" * 1000 + b"x", f"{kind}: {name}: contents, and a name that is not ASCII", result)
        expect(f"{kind}: {name}: away", 0, "rm", "-r", f"{image}:/plain", message="^$")


def order(kind, image):
    """A directory whose entries come before and after its own, and between others."""
    with tarfile.open("order.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        def add(name, kind, time, data=b"", **more):
            info = tarfile.TarInfo(name)
            info.type, info.mtime, info.size, info.mode = kind, time, len(data), 0o755 if kind == tarfile.DIRTYPE else 0o644
            for key, value in more.items():
                setattr(info, key, value)
            archive.addfile(info, io.BytesIO(data))

        add("x/first", tarfile.REGTYPE, 1000, b"1")
        add("x", tarfile.DIRTYPE, 2000.5)
        add("y", tarfile.DIRTYPE, 3000)
        add("x/sub/deep", tarfile.REGTYPE, 4000, b"2")
        add("y/file", tarfile.REGTYPE, 5000, b"3")
        add("x/link", tarfile.LNKTYPE, 1000, linkname="./x/first")
        add("./", tarfile.DIRTYPE, 6000)
        add("to-y", tarfile.SYMTYPE, 7000, linkname="/y")
        add("to-y/through", tarfile.REGTYPE, 8000, b"4")
    expect(f"{kind}: a target", 0, "mkdir", f"{image}:/order", message="^$")
    expect(f"{kind}: in no order", 0, "untar", f"{image}:/order", stdin="order.tar", message="^$")
    os.mkdir("ordered")
    expect(f"{kind}: out, though not to root", 3, "cp", "-a", f"{image}:/order/.", "ordered", message="owner")
    times = {name: os.lstat(f"ordered/{name}").st_mtime for name in (".", "x", "y", "x/first", "x/sub/deep", "y/through")}
    ok(times == {".": 6000, "x": 2000.5, "y": 3000, "x/first": 1000, "x/sub/deep": 4000, "y/through": 8000},
       f"{kind}: times of directories are those of the archive, also when one is entered again or through a link", times)
    ok(os.path.samefile("ordered/x/first", "ordered/x/link"), f"{kind}: a hard link by its path")


def main():
    kind, _, who = sys.argv[1].partition("-")
    harness.start(as_root=who == "root")
    image = harness.mkfs("disk.img", kind)
    before = round_trip(kind, image)
    read_by_others(kind, before)
    written_by_others(kind, before)
    if who != "root":
        acls(kind, image)
        order(kind, image)
    if sys.argv[1] == "ext4":
        selection(kind, image)
        formats(kind, image)
    check(image, kind)
    harness.done()


main()
