#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Archives that want out, that lie, and that end too early: a message, exit 1, and what was there stays."""

import io
import os
import random
import tarfile

import harness
from harness import check, expect, ok, run, tool


def member(name, data=b"x\n", kind=tarfile.REGTYPE, **more):
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(data) if kind == tarfile.REGTYPE else 0
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def make(path, *members):
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return path


def image_with_secret():
    image = harness.mkfs("disk.img", "ext4", 64 << 20)
    os.makedirs("base/target/sub")
    os.makedirs("base/etc")
    for name in ("base/etc/passwd", "base/target/there"):
        with open(name, "wb") as file:
            file.write(b"kept\n")
    expect("an image with something to lose", 0, "cp", "-a", "base/.", f"{image}:/", message="^$")
    return image


def kept(image, name):
    result = run("cat", f"{image}:/etc/passwd")
    ok(result.out == b"kept\n", f"{name}: what is outside of the target is as it was", result)
    listed = run("ls", "-a", image)
    ok(not {"up", "abs", "planted"} & set(listed.text.split()), f"{name}: nothing new there", listed)


def escapes(image):
    cases = {
        "..": (1, [member("../up"), member("sub/../../up"), member("fine")]),
        "absolute": (0, [member("/abs"), member("//etc/passwd"), member("fine")]),
        "a link up": (0, [member("up-link", kind=tarfile.SYMTYPE, linkname="../etc"), member("up-link/passwd"), member("fine")]),
        "an absolute link": (0, [member("l", kind=tarfile.SYMTYPE, linkname="/etc"), member("l/passwd"), member("fine")]),
        "a link to itself": (1, [member("loop", kind=tarfile.SYMTYPE, linkname="loop"), member("loop/x"), member("fine")]),
        "a hard link up": (1, [member("h", kind=tarfile.LNKTYPE, linkname="../etc/passwd"), member("fine")]),
        "a hard link through a link": (1, [member("m", kind=tarfile.SYMTYPE, linkname="/"), member("n", kind=tarfile.LNKTYPE, linkname="m/../etc/passwd"),
                                           member("fine")]),
        "a hard link to nothing": (1, [member("h2", kind=tarfile.LNKTYPE, linkname="nowhere"), member("fine")]),
        "a name too long": (1, [member("y" * 300), member("fine")]),
        "a file in place of a directory": (1, [member("sub"), member("fine")]),
        "a directory in place of a file": (1, [member("there", kind=tarfile.DIRTYPE), member("there/below"), member("fine")]),
        "very deep": (1, [member("/".join(["d"] * 2500)), member("fine")]),
        "no name": (1, [member("."), member("fine")]),
    }
    for name, (code, members) in cases.items():
        run("rm", "-rf", f"{image}:/target/fine", f"{image}:/target/etc")
        # Links to directories of the target lead nowhere, as it has none of that name: those entries fail.
        result = run("untar", "-f", make("evil.tar", *members), f"{image}:/target")
        missing = "link" in name and "hard" not in name and "itself" not in name
        ok(result.code == (1 if missing else code) and (not result.code or result.err), f"{name}: exit {code}, with a message", result)
        ok(run("cat", f"{image}:/target/fine").out == b"x\n", f"{name}: the rest of the archive is there")
        kept(image, name)
    ok(run("cat", f"{image}:/target/there").out == b"kept\n", "what was in the target is there")
    check(image, "ext4")


def strange(image):
    """Numbers that do not fit, attributes that no file system has."""
    def pax(name, **headers):
        info, data = member(name)
        info.pax_headers = {key.replace("__", "."): value for key, value in headers.items()}
        return info, data

    result = run("untar", "-f", make("strange.tar", pax("huge-owner", uid="99999999999999"), pax("old", mtime="-99999999999999.5"),
                                     pax("acl", SCHILY__acl__access="user::rwx,user:nobody:rwx,group::r--,mask::rwx,other::---"),
                                     pax("attribute", SCHILY__xattr__nonsense="1"), member("plain")), f"{image}:/target")
    ok(result.code == 3 and result.err.count("\n") == 1, "strange metadata: exit 3, and the first loss is told", result)
    ok(run("cat", *[f"{image}:/target/{name}" for name in ("huge-owner", "old", "acl", "attribute", "plain")]).out == b"x\n" * 5,
       "and all files are there")
    sparse, data = member("sparse", b"1\n0\n512\n".ljust(512, b"\0") + b"s" * 512)
    sparse.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "sparse", "GNU.sparse.realsize": str(1 << 62)}
    result = run("untar", "-f", make("sparse.tar", (sparse, data), member("after")), f"{image}:/target")
    ok(result.code == 1 and "sparse: cannot write" in result.err, "a file larger than any: refused", result)
    ok(run("cat", f"{image}:/target/sparse").code == 1, "and nothing is left of it")
    check(image, "ext4")


def bombs(image):
    """More than the image holds: an error, and the image is whole."""
    with open("zero", "wb") as file:
        file.truncate(400 << 20)
    tool("tar", "-czf", "bomb.tgz", "zero")
    result = run("untar", "-f", "bomb.tgz", image)
    ok(result.code == 1 and "zero: cannot write: no space" in result.err, "a bomb: as large as the image, and no larger", result)
    ok(run("cat", f"{image}:/zero").code == 1, "no half of a file is left")
    check(image, "ext4")


def truncated(image):
    make("whole.tar", member("first", b"1" * 5000), member("second", b"2" * 200000), member("third", b"3"))
    whole = open("whole.tar", "rb").read()
    for length in (0, 100, 600, 1500, 1536, 6000, 30000, 200000):
        with open("part.tar", "wb") as file:
            file.write(whole[:length])
        run("rm", "-rf", f"{image}:/part")
        run("mkdir", f"{image}:/part")
        result = run("untar", "-f", "part.tar", f"{image}:/part")
        ok(result.code == 1 and "part.tar: " in result.err or (length in (0, 1536) and result.code in (0, 1)), f"truncated to {length} bytes: told", result)
        names = run("ls", f"{image}:/part").text.split()
        ok(names == (["first"] if length >= 5632 else []), f"{length}: what came in full is there, and no half", names)
    tool("gzip", "-kf", "whole.tar")
    with open("whole.tar.gz", "r+b") as file:
        file.truncate(os.path.getsize("whole.tar.gz") // 2)
    expect("a truncated gzip", 1, "untar", "-f", "whole.tar.gz", f"{image}:/part", message="whole.tar.gz: ")
    with open("noise", "wb") as file:
        file.write(random.Random(5).randbytes(100000))
    expect("no archive", 1, "untar", "-f", "noise", image, message="noise: .*[Uu]nrecognized")
    expect("no such archive", 1, "untar", "-f", "nowhere.tar", image, message="nowhere.tar: cannot be opened: No such file")
    expect("no such target", 1, "untar", "-f", "whole.tar", f"{image}:/nowhere", message="nowhere: .*mkdir")
    check(image, "ext4")


def mutants(image):
    """Archives of each format with flipped bytes: an answer, in time, and never more than a message."""
    os.makedirs("seed/d")
    for name in ("seed/one", "seed/d/two"):
        with open(name, "wb") as file:
            file.write(name.encode() * 3000)
    env = {**os.environ, "LC_ALL": "C.UTF-8", "TMPDIR": "."}
    for kind in ("pax", "gnutar", "newc", "zip", "7zip", "iso9660"):
        tool("bsdtar", "--format", kind, "-cf", "seed.archive", "seed", env=env)
        whole = open("seed.archive", "rb").read()
        worst = None
        for seed in range(8):
            source = random.Random(f"{kind} {seed}")
            bytes_ = bytearray(whole)
            for _ in range(10):
                bytes_[source.randrange(min(len(bytes_), 40000))] = source.randrange(256)
            with open("mutant", "wb") as file:
                file.write(bytes_)
            result = run("untar", "-f", "mutant", f"{image}:/target")
            if result.code not in (0, 1, 3) or "worker" in result.err or "HANGS" in result.err:
                worst = result
        ok(worst is None, f"{kind}: flipped bytes: an answer each time", worst)
    kept(image, "flipped bytes")
    check(image, "ext4")


def writing(image):
    with open("/dev/full", "wb") as full:
        result = run("tar", image, stdout=full)
    ok(result.code == 1 and "standard output" in result.err and "no space" in result.err, "tar to a full disk", result)
    process = harness.spawn("tar", image)
    process.stdout.close()
    process.stdout = None
    result = harness.collect(process)
    ok(result.code in (0, -13) and not result.err, "tar | head: ends without a word", result)
    expect("tar into a directory that is not there", 1, "tar", "-f", "no/where.tar", image, message="no/where.tar: cannot be written")
    main, other = os.openpty()
    expect("tar to a terminal", 2, "tar", image, stdout=other, message="nothing for a terminal")
    os.close(other)
    os.close(main)
    expect("tar of what is not there", 1, "tar", "-f", "x.tar", f"{image}:/nowhere", message="nowhere: cannot examine")


def main():
    harness.start()
    image = image_with_secret()
    escapes(image)
    strange(image)
    bombs(image)
    truncated(image)
    mutants(image)
    writing(image)
    harness.done()


main()
