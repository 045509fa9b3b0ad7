# SPDX-License-Identifier: BSD-2-Clause
"""A tree that has one of everything a copy must keep."""

import os
import random
import socket
import stat

CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")  # cap_net_bind_service+ep


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def regular_files(source):
    write("empty", b"")
    write("one", b"x")
    for size in (511, 4096, 65536, 65537, 131072, (5 << 20) + 3):
        write(f"size-{size}", source.randbytes(size))
    fd = os.open("holes", os.O_CREAT | os.O_RDWR, 0o644)
    os.pwrite(fd, b"a" * 4096, 1 << 20)
    os.pwrite(fd, b"end of data", 30 << 20)
    os.ftruncate(fd, 40 << 20)
    os.close(fd)
    fd = os.open("only-a-hole", os.O_CREAT | os.O_RDWR, 0o644)
    os.ftruncate(fd, 1 << 20)
    os.close(fd)


def names():
    write("two\nlines", b"n")
    write("-dash", b"-")
    write("sp ace \t", b" ")
    write("\u00e9\u4e2d\U0001f980", b"u")
    write(b"not-utf8-\xff\xfe", b"b")
    write("n" * 255, b"long")


def special_files():
    os.symlink("one", "link")
    os.symlink("/etc/passwd", "absolute-link")
    os.symlink("../../../outside", "link-up")
    os.symlink("x" * 1000, "long-link")
    os.symlink("nowhere", "dangling")
    os.mkfifo("fifo")
    os.chmod("fifo", 0o641)
    with socket.socket(socket.AF_UNIX) as end:
        end.bind("socket")


def links_and_directories():
    os.makedirs("a/b/c")
    os.link("one", "a/b/hard")
    os.link("size-65537", "a/hard-large")
    os.link("link", "a/hard-symlink")
    for i in range(300):
        write(f"a/b/c/f{i}", b"%d" % i)
    os.makedirs("/".join("deep" for _ in range(60)))
    os.chmod("a", 0o2750)
    os.chmod("a/b/c", 0o1777)
    os.chmod("one", 0o4711)


def attributes():
    os.setxattr("one", "user.short", b"v")
    os.setxattr("one", "user.zero", b"")
    os.setxattr("size-4096", "user.long", bytes(range(200)) * 4)
    os.setxattr("a", "user.directory", b"\0\1\2")


def of_root():
    os.chown("size-511", 1234, 5678)
    os.chown("size-131072", 1 << 20, (1 << 32) - 2)
    os.chown("link", 77, 88, follow_symlinks=False)
    os.chown("a/b", 99, 98)
    os.mknod("tty", stat.S_IFCHR | 0o620, os.makedev(4, 70))
    os.mknod("disk", stat.S_IFBLK | 0o600, os.makedev(300, 70000))
    os.setxattr("size-131072", "security.capability", CAPABILITY)
    os.setxattr("dangling", "trusted.of-a-link", b"1", follow_symlinks=False)


def times(source):
    """Last: everything else changes them."""
    for path, _, files in os.walk(".", topdown=False):
        for name in files + ["."]:
            then = (source.randrange(10**18), source.randrange(10**18, 15 * 10**17))
            os.utime(os.path.join(path, name), ns=then, follow_symlinks=False)


def make(root, xattrs=True):
    """Build it at @root, with root's own kinds of files when that is who runs this."""
    source = random.Random(18)
    before = os.getcwd()
    os.mkdir(root)
    os.chdir(root)
    regular_files(source)
    names()
    special_files()
    links_and_directories()
    if xattrs:
        attributes()
    if os.geteuid() == 0:
        of_root()
    times(source)
    os.chdir(before)
