#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""systemd itself runs the unit of a mount: a manager of a user's services, in a place of its own that ends with it."""

import os
import re
import shutil
import signal
import subprocess

import mounting

import harness
from harness import ok

MANAGER = "/lib/systemd/systemd"
UNIT = "rumpus-mount@photos"
HIERARCHIES = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")
POINT = "dir with blank"


def skip(why):
    print(f"1..0 # SKIP {why}")
    os._exit(77)


class Groups:
    """Control groups of this test alone, in each hierarchy that a manager may use."""

    def __init__(self):
        self.folders = [f"{place}/rumpus-test-{os.getpid()}" for place in HIERARCHIES if os.path.exists(f"{place}/cgroup.procs")]
        for folder in self.folders:
            os.mkdir(folder)

    def enter(self):
        for folder in self.folders:
            with open(f"{folder}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(os.getpid()))

    def remove(self):
        """Where nothing lives any more; a process that has just ended may be there for another moment."""
        def gone():
            for folder in self.folders:
                for path, _, _ in os.walk(folder, topdown=False):
                    mounting.error_of(os.rmdir, path)
            return not any(map(os.path.exists, self.folders))
        return mounting.wait_until(gone)


def prepare(unit):
    for folder in ("runtime", ".config/systemd/user", ".config/rumpus", POINT):
        os.makedirs(folder, 0o700)
    with open(".config/systemd/user/rumpus-mount@.service", "w", encoding="utf-8") as file:
        file.write(re.sub(r"/\S*/bin/rumpus", harness.program(), unit))
    # Its journal would have what the service says, if there were one.
    os.mkdir(".config/systemd/user/rumpus-mount@.service.d")
    with open(".config/systemd/user/rumpus-mount@.service.d/log.conf", "w", encoding="utf-8") as file:
        file.write(f"[Service]\nStandardError=append:{os.path.abspath('said')}\n")
    with open(".config/rumpus/photos.conf", "w", encoding="utf-8") as file:
        file.write(f"IMAGE={os.path.abspath('disk.img')}\nDIRECTORY={os.path.abspath(POINT)}\nARGUMENTS=-o noexec --restart\n")
    os.environ.update(HOME=os.getcwd(), XDG_RUNTIME_DIR=os.path.abspath("runtime"))
    os.environ.pop("DBUS_SESSION_BUS_ADDRESS", None)


def start(groups):
    """A manager takes it that there is one of the system's when /run says so. Returns it when it runs."""
    mounting.own_mounts()
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    os.makedirs("/run/systemd/system")
    with open("manager.log", "wb") as log:
        manager = subprocess.Popen([MANAGER, "--user", "--unit=basic.target", "--log-target=console"], stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, preexec_fn=groups.enter)
    runs = lambda: control("is-system-running").stdout.strip() in ("running", "degraded")  # noqa: E731
    mounting.wait_until(lambda: manager.poll() is not None or runs())
    return manager


def control(*words):
    return harness.tool("systemctl", "--user", "--no-pager", *words)


def shown(name):
    return control("show", "--value", "-p", name, UNIT).stdout.strip()


def served():
    done = control("start", UNIT)
    ok(done.returncode == 0 and mounting_there(), "start returns when it is mounted", f"{done.stdout}{control('status', UNIT).stdout}")
    pid = int(shown("MainPID"))
    ok(shown("ActiveState") == "active" and shown("StatusText") == "served" and mounting.worker(pid), "it is the supervisor that is watched")
    mounting.write_synced(f"{POINT}/file")
    os.kill(mounting.worker(pid), signal.SIGKILL)
    ok(mounting.wait_until(lambda: shown("StatusText") == "served again, read-only"), "of another server the manager knows")
    ok(shown("ActiveState") == "active" and mounting.read(f"{POINT}/file") == mounting.SYNCED, "the service goes on with it")
    control("stop", UNIT)
    ok(not mounting_there() and shown("ActiveState") == "failed", "at the end that is not forgotten")
    control("reset-failed", UNIT)


def stopped():
    control("start", UNIT)
    mounting.write_synced(f"{POINT}/more")
    done = control("stop", UNIT)
    ok(done.returncode == 0 and not mounting_there() and shown("ActiveState") == "inactive", "stop returns when it is unmounted", done.stdout)
    harness.check("disk.img", "ext4")
    control("start", UNIT)
    with subprocess.Popen(["sleep", "600"], cwd=POINT) as sleeper:
        control("stop", UNIT)
        ok(not mounting_there() and b"in use by %d (sleep)" % sleeper.pid in mounting.read("said"),
           "what is in use is detached, and who used it is told", mounting.read("said")[-2000:])
        sleeper.kill()
    harness.check("disk.img", "ext4")


def mounting_there():
    with open("/proc/self/mountinfo", encoding="utf-8") as table:
        return any(line.split()[4] == os.path.abspath(POINT).replace(" ", "\\040") for line in table)


def main():
    with open(f"{os.environ['RUMPUS_BUILD']}/lib/systemd/rumpus-mount@.service", encoding="utf-8") as file:
        unit = file.read()
    mounting.start(as_root=True)
    if not os.path.exists(MANAGER) or not shutil.which("systemctl"):
        skip("no systemd on this host")
    groups = Groups()
    if not groups.folders:
        skip("no control groups here")
    harness.mkfs("disk.img", "ext4", 64 << 20)
    prepare(unit)
    manager = start(groups)
    runs = manager.poll() is None
    try:
        if runs:
            served()
            stopped()
    finally:
        if manager.poll() is None:
            manager.send_signal(signal.SIGTERM)
            manager.wait(mounting.PATIENCE)
        removed = groups.remove()
        subprocess.run(["umount", "-l", "/run"], check=True)
    if not runs:
        skip(f"systemd does not run here: {mounting.read('manager.log').decode(errors='replace').strip()[-200:]}")
    ok(removed, "nothing is left of its control groups")
    mounting.finish()


main()
