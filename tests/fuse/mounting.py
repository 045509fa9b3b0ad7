# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of mounts share: an image that is mounted, in the harness of the rumpus command."""

import ctypes
import os
import re
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))

import harness  # noqa: E402
from harness import ok, run  # noqa: E402

SYNCED = b"synced" * 1000
PATIENCE = 60  # seconds for what takes a fraction of one

PR_SET_DUMPABLE = 4
CLONE_NEWNS, CLONE_NEWUSER = 0x20000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x1000, 0x4000, 0x40000, 2


def own_mounts():
    """What is mounted from here on, this program and its children see alone. Returns whether root may have that."""
    libc = ctypes.CDLL(None, use_errno=True)
    return not libc.unshare(CLONE_NEWNS) and not libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None)


def show_process():
    """Who has changed its user may neither be looked at in /proc by that user nor write its own files there otherwise."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1)


def become_root():
    """In user and mount namespaces of this program's own. Returns whether the host has them for everybody."""
    user, group = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    show_process()
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS):
        return False
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    return True


def _private_device():
    """Where only root may open /dev/fuse, which hosts with udev do not restrict, give this program one like theirs."""
    if not own_mounts():
        return
    libc = ctypes.CDLL(None, use_errno=True)
    place = tempfile.mkdtemp(prefix="rumpus-dev-")
    if not libc.mount(b"none", place.encode(), b"tmpfs", 0, None):
        os.mknod(f"{place}/fuse", stat.S_IFCHR, os.makedev(10, 229))
        os.chmod(f"{place}/fuse", 0o666)
        libc.mount(f"{place}/fuse".encode(), b"/dev/fuse", None, MS_BIND, None)
        libc.umount2(place.encode(), MNT_DETACH)
    os.rmdir(place)


def start(as_root=False):
    """As harness.start(); skips the program where nothing can be mounted."""
    if os.path.exists("/dev/fuse") and not os.geteuid() and not os.stat("/dev/fuse").st_mode & 0o002:
        _private_device()
    harness.start(as_root)
    sys.excepthook = _crashed
    os.makedirs("run", 0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = os.path.abspath("run")
    if not os.path.exists("/dev/fuse"):
        print("1..0 # SKIP there is no /dev/fuse")
        os._exit(77)


def make(path, kind, *more):
    """An image with a directory that everybody may write to."""
    harness.mkfs(path, kind, harness.SIZE, *more)
    made = run("mkdir", "-m", "777", f"{path}:/w")
    if made.code:
        raise RuntimeError(made.err)
    return path


def mount(image, point, *options):
    os.makedirs(point, exist_ok=True)
    return run("mount", *options, image, point)


def umount(point):
    return run("umount", point)


def mounted(point):
    with open("/proc/self/mountinfo") as table:
        return any(line.split()[4] == os.path.abspath(point) for line in table)


def wait_until(condition):
    limit = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < limit:
        time.sleep(0.02)
    return condition()


def ended(pid):
    """Whether the process has ended; who adopted it may not have asked for its status yet."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def supervisor(point):
    result = run("mounts")
    match = re.search(rf" on {re.escape(os.path.abspath(point))}, .* process (\d+)", result.text)
    return int(match.group(1))


def _filters(pid):
    """How many filters of system calls a process has; -1 when it is no more."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8") as file:
            return next((int(line.split()[1]) for line in file if line.startswith("Seccomp_filters:")), 0)
    except (FileNotFoundError, ProcessLookupError):
        return -1


def children(pid):
    """Processes that @pid has started and that run, the last one first."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [child for child in map(int, reversed(file.read().split())) if not ended(child)]


def worker(pid):
    """
    The process that serves for supervisor @pid, from its sealing on; None between one and the next. Other children that
    a supervisor has, to mount and to unmount, have no filter of their own.
    """
    sealed = _filters(pid) + 1
    return next((child for child in children(pid) if _filters(child) >= sealed), None)


def error_of(function, *args):
    try:
        function(*args)
        return 0
    except OSError as error:
        return error.errno


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write_synced(path, data=SYNCED):
    with open(path, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def start_foreground(image, point, *options, **more):
    """A mount in the foreground that works. @more: as subprocess.Popen; what another user mounts only he can see"""
    who = {key: more[key] for key in ("user", "group", "extra_groups") if key in more}
    os.makedirs(point, exist_ok=True)
    process = harness.spawn("mount", "-f", *options, image, point, **more)
    there = lambda: subprocess.run(["test", "-d", f"{point}/w"], check=False, **who).returncode == 0  # noqa: E731
    if not wait_until(lambda: process.poll() is not None or mounted(point) and there()) or process.poll() is not None:
        process.kill()
        raise RuntimeError(f"no mount: {harness.collect(process)}")
    return process


def _crashed(kind, error, trace):
    sys.__excepthook__(kind, error, trace)
    ok(False, f"the test itself fails: {error}")
    finish()


def finish():
    """Leave nothing mounted, whatever failed, then print the plan."""
    with open("/proc/self/mountinfo") as table:
        points = [line.split()[4] for line in table]
    for point in points:
        if point.startswith(os.getcwd() + "/"):
            ok(False, f"{point} is still mounted")
            subprocess.run(["fusermount3", "-u", "-z", point] if os.geteuid() else ["umount", "-l", point], check=False)
    harness.done()


class Lacking(Exception):
    """What the host lacks."""


def needs_host(major, minor, what):
    """A check begins with it: @what came to the host's kernel in that release."""
    release = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if tuple(map(int, release.groups())) < (major, minor):
        raise Lacking(f"{what} came with Linux {major}.{minor}, and this host has {os.uname().release}")


class Checks:
    """Checks that go on after one has failed: each is a function whose first line of documentation is its name."""

    def __init__(self):
        self.functions = []

    def __call__(self, function):
        self.functions.append(function)
        return function

    def run(self, *args):
        for function in self.functions:
            try:
                function(*args)
                ok(True, function.__doc__)
            except Lacking as what:
                harness.skip(function.__doc__, str(what))
            except Exception as error:  # noqa: BLE001
                trace = error.__traceback__
                while trace.tb_next and trace.tb_next.tb_frame.f_code.co_filename == trace.tb_frame.f_code.co_filename:
                    trace = trace.tb_next
                ok(False, function.__doc__, f"line {trace.tb_lineno}: {type(error).__name__}: {error}")


def fails(number, function, *args, **more):
    """@function must fail with errno @number."""
    try:
        function(*args, **more)
    except OSError as error:
        if error.errno != number:
            raise
        return
    raise AssertionError(f"succeeds instead of errno {number}")


def same(got, expected):
    if got != expected:
        raise AssertionError(f"{got!r:.300} instead of {expected!r:.300}")
