#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Handles of what is in a mount, when the host has put its inodes out of memory. Argument: a file system.

A handle must lead to the file that it is of, wherever that is by now, and fail with ESTALE when there is none; whatever
has its inode number then.
"""

import ctypes
import errno
import json
import os
import random
import struct
import sys

import mounting
from mounting import fails, read, same

import harness
import kinds
from harness import ok

# Whose numbers lead back to the inode: their handles work as long as the files do. Of the others, those of so many.
LASTING = ("ext4", "xfs", "btrfs", "f2fs", "ntfs", "udf", "squashfs-gzip", "erofs", "iso9660-rock")
FORGOTTEN_MAX = 4096
WITHOUT_LINKS = ("vfat", "exfat")
O_PATH = 0o10000000
AT_FDCWD = -100

libc = ctypes.CDLL(None, use_errno=True)
check = mounting.Checks()


class Handle(ctypes.Structure):
    """struct file_handle, with room for FUSE's: the number of a node, upper half first, and a generation."""

    _fields_ = [("size", ctypes.c_uint), ("type", ctypes.c_int), ("data", ctypes.c_ubyte * 128)]


def handle_of(path):
    handle = Handle(size=128)
    mount = ctypes.c_int()
    if libc.name_to_handle_at(AT_FDCWD, path.encode(), ctypes.byref(handle), ctypes.byref(mount), 0):
        raise OSError(ctypes.get_errno(), path)
    return handle


def forged(number, generation=0):
    handle = Handle(size=12, type=0x81)
    ctypes.memmove(handle.data, struct.pack("=III", number >> 32, number & 0xffffffff, generation), 12)
    return handle


def open_handle(handle, flags=O_PATH):
    place = os.open("m", os.O_RDONLY)
    fd = libc.open_by_handle_at(place, ctypes.byref(handle), flags)
    error = ctypes.get_errno()
    os.close(place)
    if fd < 0:
        raise OSError(error, os.strerror(error))
    return fd


def look(handle):
    """Returns the status of what it leads to."""
    fd = open_handle(handle)
    try:
        return os.fstat(fd)
    finally:
        os.close(fd)


def contents(handle):
    with os.fdopen(open_handle(handle, os.O_RDONLY), "rb") as file:
        return file.read()


def write(path, data=b"text"):
    with open(path, "wb") as file:
        file.write(data)
    return path


def requests():
    listed = json.loads(harness.run("mounts", "--json").out)
    return next(mount["requests"] for mount in listed if mount["directory"] == os.path.abspath("m"))


def forget():
    """The host puts all inodes out of memory that nobody uses; some not at the first time, as they were used lately."""
    for _ in range(3):
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
            file.write("2")


@check
def everything(kind):
    """root, directory, file, symbolic link: found again, with all they have"""
    os.makedirs("m/w/d/dd")  # not all of it in the root, where FAT has room for few names
    paths = ["m", "m/w/d", "m/w/d/dd", write("m/w/d/f", b"contents")]
    if kind not in WITHOUT_LINKS:
        os.symlink("f", "m/w/d/s")
        paths.append("m/w/d/s")
    numbers = {path: os.lstat(path).st_ino for path in paths}
    handles = {path: handle_of(path) for path in paths}
    for path in reversed(paths):
        forget()
        before = requests()
        same(look(handles[path]).st_ino, numbers[path])
        if path != "m" and requests() == before:
            raise AssertionError(f"{path}: the host has not forgotten it")
    forget()
    same(contents(handles["m/w/d/f"]), b"contents")
    forget()
    fd = open_handle(handles["m/w/d/dd"])
    same(os.readlink(f"/proc/self/fd/{fd}"), os.path.abspath("m/w/d/dd"))
    same(os.stat("..", dir_fd=fd).st_ino, numbers["m/w/d"])
    os.close(fd)


@check
def written(kind):
    """a file is written through its handle"""
    handle = handle_of(write("m/w/written", b"before"))
    forget()
    with os.fdopen(open_handle(handle, os.O_WRONLY), "wb") as file:
        file.write(b"after!")
    same(read("m/w/written"), b"after!")


@check
def hard_links(kind):
    """a file of two names is found when one of them has gone"""
    if kind in WITHOUT_LINKS:
        raise mounting.Lacking("no hard links")
    one = handle_of(write("m/w/one"))
    os.link("m/w/one", "m/w/two")
    two = handle_of("m/w/two")
    same(bytes(one), bytes(two))
    forget()
    same(look(one).st_nlink, 2)
    os.unlink("m/w/one")
    forget()
    if kind in LASTING:
        same(contents(one), b"text")


@check
def renamed(kind):
    """a file is found that was renamed, and whose directory was"""
    os.makedirs("m/w/r/inner")
    handle, inner = handle_of(write("m/w/r/inner/f", b"moves")), handle_of("m/w/r/inner")
    forget()
    os.rename("m/w/r/inner/f", "m/w/r/f")
    forget()
    same(contents(handle), b"moves")
    os.rename("m/w/r", "m/w/rr")
    forget()
    same(contents(handle), b"moves")
    fd = open_handle(inner)
    same(os.readlink(f"/proc/self/fd/{fd}"), os.path.abspath("m/w/rr/inner"))
    os.close(fd)


@check
def removed(kind):
    """a file or directory that was removed: ESTALE, at once and later; what is open still is there"""
    os.mkdir("m/w/gone")
    handles = [handle_of(write("m/w/gone/f")), handle_of("m/w/gone")]
    forget()
    opened = open("m/w/gone/f", "rb")  # noqa: SIM115
    os.unlink("m/w/gone/f")
    same(opened.read(), b"text")
    opened.close()
    os.rmdir("m/w/gone")
    for handle in handles:
        fails(errno.ESTALE, look, handle)
    forget()
    for handle in handles:
        fails(errno.ESTALE, look, handle)


@check
def replaced(kind):
    """another file that has the inode number of one that was removed: ESTALE"""
    number = os.stat(write("m/w/first", b"old")).st_ino
    handle = handle_of("m/w/first")
    forget()
    os.unlink("m/w/first")
    forget()
    for i in range(400):
        if os.stat(write(f"m/w/again{i}", b"new")).st_ino == number:
            break
    else:
        fails(errno.ESTALE, look, handle)
        raise mounting.Lacking("no such number comes again soon")
    fails(errno.ESTALE, look, handle)
    forget()
    fails(errno.ESTALE, look, handle)


@check
def overwritten(kind):
    """a file that another one was renamed to: ESTALE"""
    old, new = handle_of(write("m/w/target", b"old")), handle_of(write("m/w/source", b"new"))
    forget()
    os.rename("m/w/source", "m/w/target")
    forget()
    fails(errno.ESTALE, look, old)
    same(contents(new), b"new")


@check
def space(kind):
    """what was removed takes no space, though the server may remember it"""
    write("m/w/small")
    free = os.statvfs("m").f_bavail
    write("m/w/large", bytes(8 << 20))
    os.sync()
    handle_of("m/w/large")
    forget()
    os.unlink("m/w/large")
    if not mounting.wait_until(lambda: os.sync() or os.statvfs("m").f_bavail >= free - 128):
        raise AssertionError(f"{os.statvfs('m').f_bavail} blocks instead of {free}")


@check
def invented(kind):
    """numbers that nobody was given: ESTALE, or an inode, and the mount goes on"""
    source = random.Random(8)
    numbers = [0, 1, 2, 1 << 32, 2 << 32, (1 << 64) - 1, *(source.getrandbits(64) for _ in range(200)), *range(2, 200)]
    for number in numbers:
        try:
            look(forged(number, 1))
        except OSError as error:
            if error.errno not in (errno.ESTALE, errno.EIO, errno.EUCLEAN):
                raise
    handle = handle_of(write("m/w/after", b"goes on"))
    forget()
    same(contents(handle), b"goes on")


@check
def many(kind):
    """more than the server remembers: of each either the file, or ESTALE"""
    count = FORGOTTEN_MAX + 1000
    os.mkdir("m/w/many")
    for i in range(count):
        os.close(os.open(f"m/w/many/{i}", os.O_CREAT | os.O_WRONLY))
    handles = {os.stat(f"m/w/many/{i}").st_ino: handle_of(f"m/w/many/{i}") for i in range(count)}
    forget()
    found = 0
    for number, handle in handles.items():
        try:
            same(look(handle).st_ino, number)
            found += 1
        except OSError as error:
            same(error.errno, errno.ESTALE)
    if kind in LASTING:
        same(found, count)
    elif not FORGOTTEN_MAX // 2 < found < count:
        raise AssertionError(f"{found} of {count}")


def subvolumes():
    """Handles in subvolumes of Btrfs, whose inode numbers are the same ones in each"""
    place = "m/" + "a" * 200
    files = [write(f"{path}/f", path.encode()) for path in ("m/sub", "m/sub/inner", place + "/sub")]
    handles = {path: handle_of(path) for path in [*files, *map(os.path.dirname, files)]}
    ok(len({bytes(handle) for handle in handles.values()}) == 6, "subvolumes: each inode has a handle of its own")
    for path, handle in handles.items():
        forget()
        try:
            fd = open_handle(handle, os.O_RDONLY)
            found = os.readlink(f"/proc/self/fd/{fd}") if os.path.isdir(path) else os.read(fd, 1000).decode()
            os.close(fd)
        except OSError as error:
            found = error
        wanted = os.path.abspath(path) if os.path.isdir(path) else os.path.dirname(path)
        ok(found == wanted, f"subvolumes: {path[-20:]}", found)


    listed = {entry.name: entry.inode() for entry in os.scandir(place)}
    wrong = [name for name, number in listed.items() if number != os.lstat(f"{place}/{name}").st_ino]
    ok(not wrong, "subvolumes: listed with the numbers that they have", wrong)


def make(kind):
    kinds.find_programs()
    if kind in kinds.READABLE:
        os.makedirs("tree/d")
        for path in ("d/f", "g"):
            write(f"tree/{path}", path.encode())
    kinds.make(kind, "disk.img")
    if kind == "btrfs":
        place = "a" * 200
        harness.expect("a directory with more entries than one request has", 0, "mkdir", f"disk.img:/{place}",
                       *(f"disk.img:/{place}/{i}{'b' * 200}" for i in range(400)))
        made = harness.tool(f"{os.environ['RUMPUS_BUILD']}/tests/fuse/subvolume", "disk.img", "sub", "sub/inner", f"{place}/sub",
                            env=dict(os.environ, RUMPUS_IMAGE=harness.kernel_image()))
        ok(made.returncode == 0, "subvolumes are made", made.stdout)


def mount():
    result = mounting.mount("disk.img", "m")
    ok(result.code == 0, "mount", result)


def found_again(kind, paths):
    """After another mount of the same image. Numbers that lead nowhere must not lead to another file."""
    handles = {path: handle_of(path) for path in paths}
    mounting.umount("m")
    mount()
    others = [look(handle_of(path)).st_ino for path in paths]
    for (path, handle), number in zip(handles.items(), others):
        if kind in LASTING:
            found = mounting.error_of(look, handle)
            ok(found == 0 and look(handle).st_ino == number, f"{path}: the handle works in the next mount", found)
        else:
            found = mounting.error_of(look, handle)
            ok(found == errno.ESTALE, f"{path}: the handle means nothing in the next mount", found)


def main():
    kind = sys.argv[1]
    mounting.start(as_root=True)
    make(kind)
    mount()
    if kind in kinds.READABLE:
        paths = ["m/d", "m/d/f", "m/g"]
        handles = {path: handle_of(path) for path in paths}
        for path, handle in handles.items():
            forget()
            found = mounting.error_of(look, handle)
            ok(found == 0 and look(handle).st_ino == os.stat(path).st_ino, f"{path}: found again", found)
    else:
        check.run(kind)
        paths = ["m/w/d", "m/w/d/f", "m/w/d/dd"]
    if kind == "btrfs":
        subvolumes()
    found_again(kind, paths)
    result = mounting.umount("m")
    ok(result.code == 0, "umount", result)
    if kind in kinds.WRITABLE and kinds.WRITABLE[kind][2]:
        result = harness.tool(*kinds.WRITABLE[kind][2], "disk.img")
        ok(result.returncode == 0, "the image is clean", result.stdout)
    mounting.finish()


main()
