#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Hosts that lack what mounts need: the device of FUSE, the right to open it, a fusermount3 that may mount."""

import os
import shutil
import stat
import subprocess

import mounting

import harness
from harness import expect, ok


def replace_dev():
    """A /dev without fuse, seen by this program alone. What devices it has are the host's: nobody else may make any."""
    os.mkdir("dev")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", "dev"], check=True)
    for name in ("null", "zero", "urandom"):
        with open(f"dev/{name}", "w", encoding="utf-8"):
            pass
        subprocess.run(["mount", "--bind", f"/dev/{name}", f"dev/{name}"], check=True)
    subprocess.run(["mount", "--rbind", "dev", "/dev"], check=True)


def missing(image, users):
    for name, who, message in users:
        expect(f"{name}: no device", 1, "mount", image, "m", message=message, **who)
        ok(not mounting.mounted("m"), "nothing is mounted")


def forbidden(image, who):
    """One that only root may open, and a fusermount3 that is not root's any more."""
    os.mknod("dev/fuse", stat.S_IFCHR | 0o600, os.makedev(10, 229))
    os.mkdir("helpers", 0o755)
    shutil.copy(shutil.which("fusermount3"), "helpers/fusermount3")
    os.chmod("helpers/fusermount3", 0o755)
    env = {**os.environ, "PATH": os.path.abspath("helpers")}
    expect("a device that the user may not open", 1, "mount", image, "m", env=env, message="m: cannot be mounted at: .*chmod 666 /dev/fuse", **who)
    os.chmod("dev/fuse", 0o666)
    expect("a fusermount3 without its rights", 1, "mount", image, "m", env=env,
           message="m: cannot be mounted at: .*; is it set-user-ID root", **who)
    ok(not mounting.mounted("m"), "nothing is mounted")
    os.chown(image, 54321, 54321)
    os.chown("m", 54321, 54321)
    expect("a user without a name", 1, "mount", image, "m", message="m: cannot be mounted at: .*in /etc/passwd",
           **{**who, "user": 54321, "group": 54321})
    os.chown(image, harness.NOBODY, harness.NOBODY)
    os.chown("m", harness.NOBODY, harness.NOBODY)
    expect("with both", 0, "mount", image, "m", message="^$", **who)
    expect("it works", 0, "umount", "m", message="^$", **who)


def main():
    privileged = not os.geteuid()
    mounting.start(as_root=privileged)
    if not (mounting.own_mounts() if privileged else mounting.become_root()):
        harness.skip("hosts without the device of FUSE", "no user namespaces for everybody here")
        harness.done()
    os.mkdir("m")
    image = mounting.make("disk.img", "ext4")
    replace_dev()
    needs = "/dev/fuse: cannot be opened: .*; the host needs its module \"fuse\", a container the device"
    user = {"user": harness.NOBODY, "group": harness.NOBODY, "extra_groups": []}
    if privileged:
        for path in ("m", image):
            os.chown(path, harness.NOBODY, harness.NOBODY)
        os.chmod("run", 0o777)
        missing(image, [("root", {}, needs), ("a user", user, "m: cannot be mounted at: .*device not found, try 'modprobe fuse'")])
        forbidden(image, user)
        done = harness.tool("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", harness.program(), "mount", image, "m")
        ok(done.returncode == 1 and "; a container needs CAP_SYS_ADMIN" in done.stdout, "root without the right to mount", done.stdout)
    else:
        missing(image, [("a user", {}, needs)])
    for point in ("/dev", "dev"):
        subprocess.run(["umount", "-R", "-l", point], check=True)
    mounting.finish()


main()
