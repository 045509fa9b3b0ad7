#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What POSIX and Linux promise of files, through a mount, as an ordinary user; the image is then checked and compared."""

import array
import ctypes
import errno
import fcntl
import mmap
import os
import random
import socket
import stat
import struct
import sys
import time

import mounting
from mounting import Checks, fails, same

import harness

check = Checks()
libc = ctypes.CDLL(None, use_errno=True)

FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, FALLOC_FL_ZERO_RANGE = 1, 2, 16
AT_SYMLINK_FOLLOW = 0x400
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_NODUMP_FL = 0x80086601, 0x40086602, 0x40


def call(function, *args):
    if function(*args) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def fallocate(fd, mode, offset, size):
    call(libc.fallocate, fd, mode, ctypes.c_long(offset), ctypes.c_long(size))


def renameat2(old, new, flags):
    call(libc.renameat2, -100, old.encode(), -100, new.encode(), flags)


def link_open(fd, name):
    call(libc.linkat, -100, f"/proc/self/fd/{fd}".encode(), -100, name.encode(), AT_SYMLINK_FOLLOW)


def put(name, data=b""):
    with open(name, "wb") as file:
        file.write(data)
    return name


def get(name):
    with open(name, "rb") as file:
        return file.read()


@check
def create():
    """a file is made once, and only once with O_EXCL"""
    fd = os.open("exclusive", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o640)
    same(os.fstat(fd).st_mode, stat.S_IFREG | 0o640)
    same(os.fstat(fd).st_uid, os.geteuid())
    same(os.fstat(fd).st_nlink, 1)
    os.close(fd)
    fails(errno.EEXIST, os.open, "exclusive", os.O_CREAT | os.O_EXCL | os.O_RDWR)
    fails(errno.ENOENT, os.open, "missing/file", os.O_CREAT | os.O_RDWR)
    fails(errno.ENOTDIR, os.open, "exclusive/file", os.O_RDONLY)
    fails(errno.EISDIR, os.open, ".", os.O_RDWR)


@check
def umask():
    """new files and directories get their modes by the mask"""
    for mask in (0o022, 0o077, 0o000):
        before = os.umask(mask)
        put(f"mask{mask}")
        os.mkdir(f"maskdir{mask}")
        os.umask(before)
        same(stat.S_IMODE(os.stat(f"mask{mask}").st_mode), 0o666 & ~mask)
        same(stat.S_IMODE(os.stat(f"maskdir{mask}").st_mode), 0o777 & ~mask)


@check
def contents():
    """what is written is read, also by another descriptor and after O_TRUNC and O_APPEND"""
    data = random.Random(1).randbytes(3000001)
    put("data", data)
    same(get("data"), data)
    fd = os.open("data", os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"more")
    os.close(fd)
    same(get("data"), data + b"more")
    fd = os.open("data", os.O_WRONLY | os.O_TRUNC)
    same(os.fstat(fd).st_size, 0)
    os.close(fd)
    same(get("data"), b"")


@check
def offsets():
    """holes read as zeroes, the end is the end"""
    fd = os.open("holes", os.O_CREAT | os.O_RDWR)
    os.pwrite(fd, b"x", 1 << 20)
    same(os.fstat(fd).st_size, (1 << 20) + 1)
    same(os.pread(fd, 3, (1 << 20) - 2), b"\0\0x")
    same(os.pread(fd, 10, (1 << 20) + 1), b"")
    os.close(fd)


@check
def truncate():
    """files are shortened and lengthened, open or not"""
    put("short", b"a" * 10000)
    os.truncate("short", 5000)
    os.truncate("short", 6000)
    same(get("short"), b"a" * 5000 + b"\0" * 1000)
    fd = os.open("short", os.O_RDWR)
    os.ftruncate(fd, 10)
    same(os.fstat(fd).st_size, 10)
    os.close(fd)
    fd = os.open("short", os.O_RDONLY)
    fails(errno.EINVAL, os.ftruncate, fd, 5)
    os.close(fd)


@check
def hard_links():
    """hard links are one file, counted"""
    put("one", b"1")
    os.link("one", "two")
    same(os.stat("one").st_ino, os.stat("two").st_ino)
    same(os.stat("one").st_nlink, 2)
    put("two", b"22")
    same(get("one"), b"22")
    os.unlink("one")
    same(os.stat("two").st_nlink, 1)
    same(get("two"), b"22")
    fails(errno.EEXIST, os.link, "two", "two")


@check
def unlink_open():
    """a file without a name lives as long as it is open"""
    fd = os.open("gone", os.O_CREAT | os.O_RDWR)
    os.write(fd, b"still")
    os.unlink("gone")
    same(os.fstat(fd).st_nlink, 0)
    os.pwrite(fd, b" here", 5)
    same(os.pread(fd, 20, 0), b"still here")
    os.ftruncate(fd, 5)
    os.fchmod(fd, 0o600)
    same(os.fstat(fd).st_size, 5)
    fails(errno.ENOENT, os.stat, "gone")
    put("gone", b"another")
    same(os.pread(fd, 20, 0), b"still")
    os.close(fd)
    same(get("gone"), b"another")


@check
def rename():
    """rename moves, replaces, and knows what it may not"""
    put("from", b"f")
    put("to", b"t")
    fd = os.open("to", os.O_RDONLY)
    os.rename("from", "to")
    same(get("to"), b"f")
    same(os.read(fd, 5), b"t")
    os.close(fd)
    os.makedirs("da/sub")
    os.mkdir("db")
    os.rename("da/sub", "db/sub")
    same(os.listdir("da"), [])
    same(os.stat("db/sub/..").st_ino, os.stat("db").st_ino)
    put("db/file")
    try:
        os.rename("da", "db")
        same("succeeds", "ENOTEMPTY or EEXIST")
    except OSError as error:
        same(error.errno in (errno.ENOTEMPTY, errno.EEXIST), True)
    fails(errno.EINVAL, os.rename, "db", "db/sub/db")
    fails(errno.EISDIR, os.rename, "to", "da")
    fails(errno.ENOTDIR, os.rename, "da", "to")
    os.rename("da", "dc")
    os.rename("dc", "db/dc")


@check
def rename_flags():
    """RENAME_NOREPLACE and RENAME_EXCHANGE"""
    put("ra", b"a")
    put("rb", b"b")
    fails(errno.EEXIST, renameat2, "ra", "rb", RENAME_NOREPLACE)
    renameat2("ra", "rb", RENAME_EXCHANGE)
    same((get("ra"), get("rb")), (b"b", b"a"))


@check
def directories():
    """directories: made, counted, not removed while they have entries"""
    os.mkdir("dir", 0o750)
    before = os.stat("dir").st_nlink
    os.mkdir("dir/sub")
    same(os.stat("dir").st_nlink - before in (0, 1), True)
    fails(errno.ENOTEMPTY, os.rmdir, "dir")
    fails(errno.EEXIST, os.mkdir, "dir")
    fails(errno.ENOTDIR, os.rmdir, put("dir/file"))
    fails(errno.EISDIR, os.unlink, "dir/sub")
    os.rmdir("dir/sub")
    os.unlink("dir/file")
    os.rmdir("dir")
    fails(errno.ENOENT, os.stat, "dir")


@check
def gone_directory():
    """a working directory that was removed"""
    os.mkdir("cwd")
    home = os.open(".", os.O_RDONLY)
    os.chdir("cwd")
    os.rmdir("../cwd")
    fails(errno.ENOENT, open, "file", "w")
    same(os.listdir("."), [])
    same(os.stat(".").st_nlink in (0, 1), True)
    os.fchdir(home)
    os.close(home)


@check
def many_entries():
    """3000 names are all there, each once, also while some are removed"""
    os.mkdir("many")
    names = {f"entry-{i:05d}-{'x' * (i % 40)}" for i in range(3000)}
    for name in names:
        put(f"many/{name}")
    same(set(os.listdir("many")), names)
    with os.scandir("many") as entries:
        found = [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]
    same(sorted(found), sorted(names))
    seen = []
    with os.scandir("many") as entries:
        for entry in entries:
            seen.append(entry.name)
            os.unlink(f"many/{entry.name}")
    same(sorted(seen), sorted(names))
    os.rmdir("many")


@check
def names():
    """names of 255 bytes, of any bytes, and none of 256"""
    long = "n" * 255
    put(long)
    same(long in os.listdir("."), True)
    fails(errno.ENAMETOOLONG, os.stat, "n" * 256)
    raw = b"\xff\xfe \n\x01"
    os.close(os.open(raw, os.O_CREAT))
    same(raw in os.listdir(b"."), True)
    os.unlink(raw)


@check
def symbolic_links():
    """symbolic links hold any text and are followed"""
    os.symlink("data/../target", "symlink")
    same(os.readlink("symlink"), "data/../target")
    same(os.lstat("symlink").st_size, 14)
    os.symlink("x" * 1000, "longlink")
    same(os.readlink("longlink"), "x" * 1000)
    os.symlink("loop", "loop")
    fails(errno.ELOOP, os.stat, "loop")
    put("pointed", b"p")
    os.symlink("pointed", "pointer")
    same(get("pointer"), b"p")
    os.utime("pointer", ns=(1, 2), follow_symlinks=False)
    same(os.lstat("pointer").st_mtime_ns, 2)


@check
def special_files():
    """fifos and sockets"""
    os.mkfifo("fifo", 0o600)
    same(os.stat("fifo").st_mode, stat.S_IFIFO | 0o600)
    server = socket.socket(socket.AF_UNIX)
    server.bind("socket")
    server.listen()
    client = socket.socket(socket.AF_UNIX)
    client.connect("socket")
    client.close()
    server.close()
    same(stat.S_ISSOCK(os.stat("socket").st_mode), True)


@check
def times():
    """times to the nanosecond; writing and reading change the right ones"""
    put("timed", b"1")
    os.utime("timed", ns=(1234567890123456789, 987654321987654321))
    st = os.stat("timed")
    same((st.st_atime_ns, st.st_mtime_ns), (1234567890123456789, 987654321987654321))
    before = st.st_ctime_ns
    time.sleep(0.1)  # more than a tick of the kernel that serves
    with open("timed", "ab") as file:
        file.write(b"2")
    st = os.stat("timed")
    same(st.st_mtime_ns > 1600000000 * 10**9 and st.st_ctime_ns > before, True)
    os.utime("timed", ns=(-5 * 10**9, -1))
    same(os.stat("timed").st_mtime_ns, -1)


@check
def modes():
    """chmod, and what it means to open(2)"""
    put("mode", b"m")
    for mode in (0o000, 0o444, 0o755, 0o600):
        os.chmod("mode", mode)
        same(stat.S_IMODE(os.stat("mode").st_mode), mode)
    if os.geteuid():
        os.chmod("mode", 0o000)
        fails(errno.EACCES, os.open, "mode", os.O_RDONLY)
        os.chmod("mode", 0o400)
        fails(errno.EACCES, os.open, "mode", os.O_RDWR)
        os.mkdir("closed", 0o700)
        put("closed/file")
        os.chmod("closed", 0o600)
        fails(errno.EACCES, os.stat, "closed/file")
        os.chmod("closed", 0o500)
        fails(errno.EACCES, os.unlink, "closed/file")
        os.chmod("closed", 0o700)


@check
def owners():
    """chown, and new files' owners; set-id bits do not survive writing"""
    put("owned", b"o")
    if os.geteuid():
        fails(errno.EPERM, os.chown, "owned", 12345, -1)
        os.chmod("owned", 0o4755)
        with open("owned", "ab") as file:
            file.write(b"x")
        same(stat.S_IMODE(os.stat("owned").st_mode), 0o755)
        return
    os.chmod("owned", 0o6755)
    os.chown("owned", 12345, 54321)
    st = os.stat("owned")
    same((st.st_uid, st.st_gid), (12345, 54321))
    same(st.st_mode & 0o6000, 0)
    os.mkdir("setgid")
    os.chown("setgid", 0, 777)
    os.chmod("setgid", 0o2777)
    pid = os.fork()
    if not pid:
        os.setgroups([])
        os.setresgid(4242, 4242, 4242)
        os.setresuid(4243, 4243, 4243)
        os.mkdir("setgid/dir")
        put("setgid/file")
        os._exit(0)
    os.waitpid(pid, 0)
    st = os.stat("setgid/file")
    same((st.st_uid, st.st_gid), (4243, 777))
    st = os.stat("setgid/dir")
    same((st.st_uid, st.st_gid, st.st_mode & 0o2000), (4243, 777, 0o2000))
    os.mknod("device", stat.S_IFCHR | 0o600, os.makedev(1, 3))
    same(os.stat("device").st_rdev, os.makedev(1, 3))


def change_by_writing(fd):
    os.pwrite(fd, b"changed", 3)


def change_by_opening(fd):
    os.close(os.open("changed", os.O_WRONLY | os.O_TRUNC))


def change_by_copying(fd):
    os.copy_file_range(fd, fd, 10, 0, 100)


CHANGES = (change_by_writing, change_by_opening, change_by_copying,
           lambda fd: os.ftruncate(fd, 5),
           lambda fd: os.truncate("changed", 7),
           lambda fd: os.posix_fallocate(fd, 0, 8192))


@check
def set_id_bits():
    """set-id bits go with a change of contents, but for root, and what the client remembers with them"""
    for change in CHANGES:
        for mode, left in ((0o6755, 0o755), (0o4644, 0o644), (0o2670, 0o670), (0o2660, 0o2660)):
            put("changed", bytes(4096))
            fd = os.open("changed", os.O_RDWR)
            os.fchmod(fd, mode)
            same(stat.S_IMODE(os.stat("changed").st_mode), mode)
            change(fd)
            same(stat.S_IMODE(os.stat("changed").st_mode), left if os.geteuid() else mode)
            same(stat.S_IMODE(os.fstat(fd).st_mode), left if os.geteuid() else mode)
            os.close(fd)
            os.unlink("changed")


@check
def capabilities():
    """a file's capabilities go with a change of contents or owner, by root as well"""
    if os.geteuid():
        return
    capability = struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)
    for change in (*CHANGES, lambda fd: os.fchown(fd, 1, 1)):
        put("changed", bytes(4096))
        fd = os.open("changed", os.O_RDWR)
        os.pwrite(fd, b"once", 0)  # the client has looked, and found none
        os.setxattr("changed", "security.capability", capability)
        same(os.getxattr("changed", "security.capability"), capability)
        change(fd)
        fails(errno.ENODATA, os.getxattr, "changed", "security.capability")
        os.close(fd)
        os.unlink("changed")


@check
def attributes():
    """extended attributes"""
    put("attributes")
    os.setxattr("attributes", "user.one", b"1" * 500)
    os.setxattr("attributes", "user.empty", b"")
    same(os.getxattr("attributes", "user.one"), b"1" * 500)
    same(sorted(name for name in os.listxattr("attributes") if name.startswith("user.")), ["user.empty", "user.one"])
    fails(errno.EEXIST, os.setxattr, "attributes", "user.one", b"2", os.XATTR_CREATE)
    fails(errno.ENODATA, os.setxattr, "attributes", "user.two", b"2", os.XATTR_REPLACE)
    os.removexattr("attributes", "user.empty")
    fails(errno.ENODATA, os.getxattr, "attributes", "user.empty")
    os.mkdir("attributed")
    os.setxattr("attributed", "user.dir", b"d")
    same(os.getxattr("attributed", "user.dir"), b"d")


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


@check
def access_control_lists():
    """access control lists are kept, inherited, and mean something"""
    user, mask, other, group, named = 0x01, 0x10, 0x20, 0x04, 0x02
    none = 0xFFFFFFFF
    text = acl((user, 6, none), (named, 4, 12345), (group, 0, none), (mask, 4, none), (other, 0, none))
    put("acl")
    os.setxattr("acl", "system.posix_acl_access", text)
    same(os.getxattr("acl", "system.posix_acl_access"), text)
    same(stat.S_IMODE(os.stat("acl").st_mode), 0o640)
    os.chmod("acl", 0o600)
    same(os.getxattr("acl", "system.posix_acl_access"),
         acl((user, 6, none), (named, 4, 12345), (group, 0, none), (mask, 0, none), (other, 0, none)))
    os.mkdir("acldir")
    os.setxattr("acldir", "system.posix_acl_default",
                acl((user, 7, none), (named, 6, 12345), (group, 5, none), (mask, 7, none), (other, 0, none)))
    before = os.umask(0o077)
    put("acldir/file")
    os.umask(before)
    same(stat.S_IMODE(os.stat("acldir/file").st_mode), 0o660)
    same(len(os.getxattr("acldir/file", "system.posix_acl_access")), len(text))


@check
def unnamed():
    """a file that is made without a name (O_TMPFILE) can be given one, unless O_EXCL says that it never gets one"""
    os.mkdir("unnamed")
    fd = os.open("unnamed", os.O_TMPFILE | os.O_RDWR, 0o640)
    same((os.fstat(fd).st_nlink, os.fstat(fd).st_uid, os.listdir("unnamed")), (0, os.geteuid(), []))
    os.write(fd, b"contents")
    same(os.pread(fd, 100, 0), b"contents")
    link_open(fd, "unnamed/named")
    same((os.fstat(fd).st_nlink, os.stat("unnamed/named").st_ino), (1, os.fstat(fd).st_ino))
    os.close(fd)
    same(get("unnamed/named"), b"contents")
    same(stat.S_IMODE(os.stat("unnamed/named").st_mode), 0o640)
    fd = os.open("unnamed", os.O_TMPFILE | os.O_RDWR | os.O_EXCL, 0o600)
    fails(errno.ENOENT, link_open, fd, "unnamed/never")
    os.close(fd)
    same(os.listdir("unnamed"), ["named"])


@check
def birth():
    """statx(2) tells when a file was made, which nothing changes afterwards"""
    def born(name):
        return harness.tool("stat", "-c", "%W", name).stdout.strip()

    mounting.needs_host(6, 6, "statx in FUSE")
    put("born")
    first = born("born")
    same(abs(int(first) - time.time()) < 3600, True)
    os.utime("born", (1, 1))
    os.rename("born", "renamed")
    same(born("renamed"), first)
    same((os.stat("renamed").st_mtime, os.stat("renamed").st_size), (1, 0))


@check
def holes():
    """fallocate(2) in its modes, SEEK_HOLE and SEEK_DATA"""
    fd = os.open("allocated", os.O_CREAT | os.O_RDWR)
    fallocate(fd, 0, 0, 1 << 20)
    same(os.fstat(fd).st_size, 1 << 20)
    fallocate(fd, FALLOC_FL_KEEP_SIZE, 1 << 20, 1 << 20)
    same(os.fstat(fd).st_size, 1 << 20)
    os.pwrite(fd, b"d" * (1 << 20), 0)
    os.fsync(fd)
    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 256 << 10, 512 << 10)
    same(os.pread(fd, 512 << 10, 256 << 10), bytes(512 << 10))
    os.fsync(fd)
    same(os.lseek(fd, 0, os.SEEK_HOLE), 256 << 10)
    same(os.lseek(fd, 256 << 10, os.SEEK_DATA), 768 << 10)
    fails(errno.ENXIO, os.lseek, fd, 2 << 20, os.SEEK_DATA)
    try:
        fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 4096)
        same(os.pread(fd, 4097, 0), bytes(4096) + b"d")
    except OSError as error:
        same(error.errno, errno.EOPNOTSUPP)
    os.close(fd)


@check
def copying():
    """copy_file_range(2)"""
    data = random.Random(2).randbytes(1 << 20)
    put("copied", data)
    source = os.open("copied", os.O_RDONLY)
    target = os.open("copy", os.O_CREAT | os.O_RDWR)
    done = 0
    while done < len(data):
        done += os.copy_file_range(source, target, len(data) - done, done, done)
    os.close(source)
    os.close(target)
    same(get("copy"), data)


@check
def mapping():
    """shared mappings are files, and files are shared mappings"""
    put("mapped", b"-" * 20000)
    fd = os.open("mapped", os.O_RDWR)
    with mmap.mmap(fd, 20000) as memory:
        memory[5000:5003] = b"abc"
        same(os.pread(fd, 5, 4999), b"-abc-")
        os.pwrite(fd, b"XYZ", 10000)
        same(memory[9999:10004], b"-XYZ-")
        memory.flush()
    os.close(fd)
    same(get("mapped")[4999:5004], b"-abc-")


@check
def locks():
    """flock(2) and POSIX locks keep other processes out"""
    put("lock")
    with open("lock", "r+b") as mine:
        fcntl.flock(mine, fcntl.LOCK_EX)
        with open("lock", "r+b") as other:
            fails(errno.EWOULDBLOCK, fcntl.flock, other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(mine, fcntl.LOCK_EX, 10, 5)
        pid = os.fork()
        if not pid:
            with open("lock", "r+b") as other:
                fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 0)
                try:
                    fcntl.lockf(other, fcntl.LOCK_EX | fcntl.LOCK_NB, 10, 0)
                except OSError:
                    os._exit(0)
            os._exit(1)
        same(os.waitpid(pid, 0)[1], 0)


@check
def flags():
    """flags as of chattr(1)"""
    put("flags")
    fd = os.open("flags", os.O_RDONLY)
    value = array.array("I", [0, 0])
    fcntl.ioctl(fd, FS_IOC_GETFLAGS, value)
    value[0] |= FS_NODUMP_FL
    fcntl.ioctl(fd, FS_IOC_SETFLAGS, value)
    value[0] = 0
    fcntl.ioctl(fd, FS_IOC_GETFLAGS, value)
    same(value[0] & FS_NODUMP_FL, FS_NODUMP_FL)
    os.close(fd)


@check
def durability():
    """fsync, fdatasync, of directories too, sync_file_range, O_SYNC"""
    fd = os.open("synced", os.O_CREAT | os.O_RDWR | os.O_SYNC)
    os.write(fd, b"s" * 100000)
    os.fsync(fd)
    os.fdatasync(fd)
    os.close(fd)
    fd = os.open(".", os.O_RDONLY)
    os.fsync(fd)
    call(libc.syncfs, fd)
    os.close(fd)


@check
def statistics():
    """statvfs tells sizes and how long names may be"""
    st = os.statvfs(".")
    same(st.f_namemax, 255)
    same(0 < st.f_bavail * st.f_frsize < harness.SIZE, True)


@check
def access():
    """access(2), also for what others may do"""
    put("access")
    os.chmod("access", 0o500)
    same((os.access("access", os.R_OK | os.X_OK), os.access("access", os.W_OK)), (True, os.geteuid() == 0))
    same(os.access("nothing", os.F_OK), False)


def main():
    kind, _, who = sys.argv[1].partition("-")
    mounting.start(who == "root")
    image = mounting.make("disk.img", kind)
    result = mounting.mount(image, "m")
    harness.ok(result.code == 0 and not result.err, f"{kind}: mount", result)
    here = os.getcwd()
    os.chdir("m/w")
    check.run()
    before = harness.snapshot(".")
    os.chdir(here)
    result = mounting.umount("m")
    harness.ok(result.code == 0 and not result.err, f"{kind}: umount", result)
    harness.check(image, kind)
    result = mounting.mount(image, "m", "-o", "ro")
    harness.ok(result.code == 0 and not result.err, f"{kind}: mount again, for reading alone", result)
    harness.same_tree(harness.snapshot("m/w"), before, f"{kind}: everything is as it was")
    mounting.fails(errno.EROFS, open, "m/w/new", "w")
    result = mounting.umount("m")
    harness.ok(result.code == 0 and not result.err, f"{kind}: umount", result)
    mounting.finish()


main()
