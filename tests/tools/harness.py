# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of the rumpus command share: a user without rights, images, trees, and TAP."""

import hashlib
import json
import os
import re
import resource
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tempfile
import time
import uuid
import zlib

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import tap  # noqa: E402
from tap import ok, skip  # noqa: E402,F401

NOBODY = 65534
TIMEOUT = 120  # seconds that one command may take; nothing here takes two

MKFS = {
    "ext4": ["/usr/sbin/mkfs.ext4", "-q", "-F"],
    "xfs": ["/usr/sbin/mkfs.xfs", "-q", "-f"],
    "btrfs": ["/usr/sbin/mkfs.btrfs", "-q", "-f"],
}
CHECK = {
    "ext4": ["/usr/sbin/e2fsck", "-fn"],
    "xfs": ["/usr/sbin/xfs_repair", "-n"],
    "btrfs": ["/usr/bin/btrfs", "check", "--force"],  # else it looks at all loop devices, where a user may not
}
SIZE = 320 << 20  # the least that mkfs.xfs takes is 300 MiB

"x".encode("utf-16-le")  # the codec is loaded here, while this process may still read where Python is

_dir = None


def done():
    """Print the plan and end the program."""
    os._exit(tap.plan())


def _tidy_up():
    for path, dirs, _ in os.walk(_dir):
        for name in dirs:
            if not os.path.islink(os.path.join(path, name)):
                os.chmod(os.path.join(path, name), 0o700)
    shutil.rmtree(_dir)


def _watch_over(pid):
    """The first process, with the rights that it was started with, tidies up after the one that tests."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda signal, frame: os.kill(pid, signal))
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    _tidy_up()
    sys.exit(status if status >= 0 else 128 - status)


def _link(source, target):
    """Components are many: a copy only where a link cannot be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def start(as_root=False, images=()):
    """
    Make a directory and go there; as a user without rights unless the test is about root's.
    @images: names of kernel images that the test wants beside the usual one
    """
    global _dir
    if as_root and os.geteuid():
        tap.skip_all("must be root")
    os.umask(0o022)
    _dir = tempfile.mkdtemp(prefix="rumpus-tools-")
    if as_root or os.geteuid() == 0:
        # The directory that tests/run makes for each test is for its own user only.
        for path in (os.path.dirname(_dir), _dir):
            if not os.stat(path).st_mode & 0o001:
                os.chmod(path, 0o711)
    # The build tree may be out of that user's reach.
    os.makedirs(f"{_dir}/bin")
    os.makedirs(f"{_dir}/lib/rumpus")
    build = os.environ.get("RUMPUS_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build"))
    shutil.copy(os.environ.get("RUMPUS", f"{build}/bin/rumpus"), f"{_dir}/bin/rumpus")
    kernel = os.environ.get("RUMPUS_IMAGE", f"{build}/lib/rumpus/linux.img")
    shutil.copy(kernel, f"{_dir}/lib/rumpus/linux.img")
    for name in images:
        shutil.copy(f"{build}/lib/rumpus/{name}", f"{_dir}/lib/rumpus/{name}")
    for entry in os.scandir(os.path.dirname(kernel)):
        if entry.is_dir():
            shutil.copytree(entry.path, f"{_dir}/lib/rumpus/{entry.name}", copy_function=_link)
    os.environ.pop("RUMPUS_IMAGE", None)
    os.environ["LC_ALL"] = "C"
    os.environ["TZ"] = "UTC"
    os.mkdir(f"{_dir}/work")
    pid = os.fork()
    if pid:
        _watch_over(pid)
    if not as_root and os.geteuid() == 0:
        os.chown(f"{_dir}/work", NOBODY, NOBODY)
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    os.chdir(f"{_dir}/work")


def helpers(*names):
    """Programs of tests/tools, before start(): the build tree may be out of the reach of the user who tests."""
    build = os.environ["RUMPUS_BUILD"]
    found = {}
    for name in names:
        with open(f"{build}/tests/tools/{name}", "rb") as file:
            found[name] = file.read()
    return found


def place(programs):
    """Put what helpers() found into the directory of the test."""
    for name, content in programs.items():
        with open(name, "wb") as file:
            file.write(content)
        os.chmod(name, 0o755)


def program():
    return f"{_dir}/bin/rumpus"


def kernel_image():
    return f"{_dir}/lib/rumpus/linux.img"


def _restore_signals():
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def spawn(*args, **more):
    """
    Start rumpus; signals as from a terminal, whatever this program inherited.
    @stdin: path of a file. @limits: of setrlimit(2), by resource.
    """
    limits = more.pop("limits", {})

    def prepare():
        _restore_signals()
        for what, limit in limits.items():
            resource.setrlimit(what, limit)

    more.setdefault("stdout", subprocess.PIPE)
    more.setdefault("stderr", subprocess.PIPE)
    with open(more.pop("stdin", os.devnull), "rb") as stdin:
        return subprocess.Popen([program(), *args], stdin=stdin, preexec_fn=prepare, **more)


def worker_of(process):
    """The worker's pid, as soon as there is one."""
    path = f"/proc/{process.pid}/task/{process.pid}/children"
    for _ in range(2000):
        with open(path, encoding="utf-8") as children:
            pids = children.read().split()
        if pids:
            return int(pids[0])
        time.sleep(0.005)
    raise RuntimeError("no worker")


class Result:
    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err.decode(errors="replace")
        self.text = out.decode(errors="replace")

    def __str__(self):
        return f"exit {self.code}\n{self.text[:2000]}\n{self.err[:4000]}"


def collect(process, timeout=None):
    try:
        out, err = process.communicate(timeout=timeout or TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err = (err or b"") + b"\nHANGS"
    return Result(process.returncode, out or b"", err or b"")


def run(*args, **more):
    return collect(spawn(*args, **more))


def expect(name, code, *args, message=None, **more):
    """Run rumpus and check its exit code, and that it says @message (a regular expression) on standard error."""
    result = run(*args, **more)
    passed = result.code == code and (message is None or re.search(message, result.err))
    ok(passed, name, f"{' '.join(args)}: expected exit {code}, message {message!r}\n{result}")
    return result


def parsed(*args):
    """Run rumpus with --json among @args, which must go well. Returns what it tells, or an empty list."""
    result = expect(" ".join(args), 0, *args, message="^$")
    try:
        return json.loads(result.out)
    except ValueError as error:
        ok(False, "that is JSON", f"{error}\n{result}")
        return []


def tool(*args, **more):
    """Run a program of the host's. Returns its completed process; output is text."""
    return subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", **more)


def mkfs(path, kind, size=SIZE, *more):
    with open(path, "wb") as image:
        image.truncate(size)
    # mkfs.btrfs looks at every loop device of the host, and gives up at one whose file it may not see.
    for _ in range(60):
        made = tool(*MKFS[kind], *more, path)
        if "cannot check mount status" not in made.stdout:
            break
        time.sleep(0.5)
    if made.returncode:
        raise RuntimeError(made.stdout)
    return path


def check(path, kind):
    """The host's checker finds nothing to complain about."""
    checked = tool(*CHECK[kind], path)
    ok(checked.returncode == 0, f"{kind}: {CHECK[kind][0]} finds no error", checked.stdout)


def digest(path):
    sha = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def describe(path, first):
    """All that is to survive a copy of one file; @first: of each inode the first name seen."""
    st = os.lstat(path)
    kind = stat.S_IFMT(st.st_mode)
    told = [oct(st.st_mode), st.st_uid, st.st_gid, st.st_mtime_ns]
    told.append({name: os.getxattr(path, name, follow_symlinks=False).hex()
                 for name in sorted(os.listxattr(path, follow_symlinks=False))})
    if kind == stat.S_IFREG:
        told += [st.st_size, digest(path) if os.access(path, os.R_OK) else "unreadable"]
    if kind == stat.S_IFLNK:
        told.append(os.readlink(path))
    if kind in (stat.S_IFBLK, stat.S_IFCHR):
        told.append(st.st_rdev)
    if kind != stat.S_IFDIR:
        told += [st.st_nlink, first]
    return told


def snapshot(root):
    """A tree as a dictionary: relative path to description."""
    tree = {}
    inodes = {}
    for path, dirs, files in os.walk(root):
        dirs.sort()
        for name in sorted(files + dirs) + (["."] if path == root else []):
            full = os.path.join(path, name)
            relative = os.path.relpath(full, root)
            st = os.lstat(full)
            tree[relative] = describe(full, inodes.setdefault((st.st_dev, st.st_ino), relative))
    return tree


def same_tree(got, expected, name):
    wrong = [f"{path}: {got.get(path)} instead of {expected.get(path)}"
             for path in sorted(set(got) | set(expected)) if got.get(path) != expected.get(path)]
    return ok(not wrong, name, "\n".join(wrong))


def gpt(path, size, partitions, sector=512):
    """Make an image with a GUID partition table. @partitions: (first byte, bytes, name, UUID); sfdisk may be missing."""
    linux = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4").bytes_le
    entries = b""
    for first, length, name, own in partitions:
        entries += linux + uuid.UUID(own).bytes_le
        entries += struct.pack("<QQQ", first // sector, (first + length) // sector - 1, 0) + name.encode("utf-16-le").ljust(72, b"\0")
    entries = entries.ljust(128 * 128, b"\0")
    last = size // sector - 1
    table_sectors = len(entries) // sector

    def header(here, other, table):
        text = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, here, other, 2 + table_sectors, last - table_sectors - 1,
                           uuid.UUID(int=18).bytes_le, table, 128, 128, zlib.crc32(entries))
        return text[:16] + struct.pack("<I", zlib.crc32(text)) + text[20:]

    with open(path, "wb") as image:
        image.truncate(size)
        image.seek(446)
        image.write(struct.pack("<BBBBBBBBII", 0, 0, 2, 0, 0xEE, 0xFF, 0xFF, 0xFF, 1, last) + bytes(48) + b"\x55\xaa")
        image.seek(sector)
        image.write(header(1, last, 2).ljust(sector, b"\0") + entries)
        image.seek((last - table_sectors) * sector)
        image.write(entries + header(last, 1, last - table_sectors))
