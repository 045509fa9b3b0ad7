# SPDX-License-Identifier: BSD-2-Clause
"""What the tests of mounts share: an image that is mounted, in the harness of the rumpus command."""

import ctypes
import os
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tools"))

import harness  # noqa: E402
from harness import ok, run  # noqa: E402

CLONE_NEWNS = 0x20000
MS_BIND, MS_REC, MS_PRIVATE, MNT_DETACH = 0x1000, 0x4000, 0x40000, 2


def _private_device():
    """Where only root may open /dev/fuse, which hosts with udev do not restrict, give this program one like theirs."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(None, b"/", None, MS_REC | MS_PRIVATE, None):
        return
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
