#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
mount(8) and umount(8) of the host, by type and by fstab. usage: mount8.py root|user

root: as root, and as a user whom fstab allows it. user: as the root of a user namespace. In both, the helpers are put into
a copy of /sbin that this program alone sees.
"""

import os
import shutil
import subprocess
import sys

import mounting

import harness
from harness import ok, tool

HELPERS = ("mount.rumpus", "mount.fuse.rumpus", "umount.fuse.rumpus")


def bind(source, target):
    subprocess.run(["mount", "--bind", source, target], check=True)


def install_helpers():
    """mount(8) looks into /sbin and nowhere else."""
    os.mkdir("sbin")
    os.mkdir("sbin.host")
    sbin = os.path.realpath("/sbin")
    bind(sbin, "sbin.host")
    for name in os.listdir(sbin):
        os.symlink(os.path.abspath(f"sbin.host/{name}"), f"sbin/{name}")
    for name in HELPERS:
        os.symlink(harness.program(), f"sbin/{name}")
    bind("sbin", sbin)


def write_fstab(*lines):
    with open("fstab", "w", encoding="utf-8") as file:
        file.write("".join(line + "\n" for line in lines))


def by_type(image):
    for kind in ("rumpus", "fuse.rumpus"):
        done = tool("mount", "-t", kind, "-o", "noexec,noatime", image, "m")
        ok(done.returncode == 0 and not done.stdout, f"mount -t {kind}", done.stdout)
        told = tool("findmnt", "-no", "FSTYPE,OPTIONS,SOURCE", "m").stdout
        ok(told.startswith("fuse.rumpus ") and "noexec" in told and told.strip().endswith(os.path.abspath(image)),
           "the host's table has its type, its options and the image", told)
        mounting.write_synced(f"m/w/{kind}")
        held = open(f"m/w/{kind}", "rb")
        done = tool("umount", "m")
        ok(done.returncode and f"in use by {os.getpid()} (" in done.stdout, "umount of what is in use says by whom", done.stdout)
        held.close()
        done = tool("umount", "m")
        ok(done.returncode == 0 and not done.stdout and not mounting.mounted("m"), "umount", done.stdout)
        harness.check(image, "ext4")  # at once: umount has waited for the end


def nested(image):
    """One whose place is in another one, which only root may make."""
    tool("mount", "-t", "rumpus", image, "m")
    os.makedirs("m/w/inner")
    done = tool("mount", "-t", "rumpus", "other.img", "m/w/inner")
    ok(done.returncode == 0 and mounting.mounted("m/w/inner"), "a mount in a mount", done.stdout)
    done = tool("umount", "m")
    ok(done.returncode and f"has another mount in it: unmount {os.path.abspath('m/w/inner')} first" in done.stdout,
       "umount of the outer one says what is in the way", done.stdout)
    done = tool("umount", "-R", "m")
    ok(done.returncode == 0 and not mounting.mounted("m"), "umount -R takes both", done.stdout)


def refused(image):
    done = tool("mount", "-t", "rumpus", "missing.img", "m")
    ok(done.returncode and "missing.img: no such file" in done.stdout, "mount of what is not there", done.stdout)
    done = tool("mount", "-t", "rumpus", "-o", "nonsense", image, "m")
    ok(done.returncode and "does not take" in done.stdout, "an option that no driver has", done.stdout)
    tool("mount", "-t", "rumpus", image, "m")
    done = tool("mount", "-o", "remount,ro", "m")
    ok(done.returncode and "unmount it, and mount it again" in done.stdout and mounting.mounted("m"),
       "mount -o remount is refused with what helps", done.stdout)
    done = tool("umount", "m")
    ok(done.returncode == 0, "what was mounted stays whole", done.stdout)


def disc(_):
    """mount(8) asks for writing where nobody has asked for anything."""
    if not shutil.which("xorrisofs"):
        harness.skip("a CD", "xorrisofs is not installed")
        return
    os.mkdir("cd")
    mounting.write_synced("cd/file")
    tool("xorrisofs", "-quiet", "-R", "-o", "disk.iso", "cd")
    done = tool("mount", "-t", "rumpus", "disk.iso", "m")
    ok(done.returncode == 0 and mounting.mounted("m") and "mounted read-only" in done.stdout, "a CD is mounted read-only", done.stdout)
    ok(mounting.error_of(os.utime, "m") == 30, "which is so")
    done = tool("umount", "m")
    ok(done.returncode == 0, "and unmounted", done.stdout)


def by_fstab(image):
    write_fstab(f"{os.path.abspath(image)} {os.path.abspath('m')} rumpus rw,noauto,nofail,x-test,umask=077 0 0",
                f"{os.path.abspath('other.img')} {os.path.abspath('other')} fuse.rumpus ro 0 2")
    done = tool("mount", "m")
    ok(done.returncode == 0 and mounting.mounted("m"), "by the directory alone, from fstab", done.stdout)
    ok(os.stat("m").st_mode & 0o77 == 0, "with its options")
    done = tool("umount", image)
    ok(done.returncode == 0 and not mounting.mounted("m"), "umount by the name of the image", done.stdout)
    done = tool("mount", "-a", "-t", "fuse.rumpus")
    ok(done.returncode == 0 and mounting.mounted("other") and not mounting.mounted("m"), "mount -a takes what is not noauto", done.stdout)
    mounting.fails(30, os.mkdir, "other/w/new")
    done = tool("mount", "-a", "-t", "fuse.rumpus")
    ok(done.returncode == 0, "and has nothing to do when it is there", done.stdout)
    done = tool("umount", "-a", "-t", "fuse.rumpus")
    ok(done.returncode == 0 and not mounting.mounted("other"), "umount -a", done.stdout)


def as_user(*words):
    return tool("setpriv", f"--reuid={harness.NOBODY}", f"--regid={harness.NOBODY}", "--clear-groups", *words)


def by_user(image):
    """Whom fstab allows it: mount(8) gives up its rights and has the helper mount as that user."""
    for path in (image, "m", "run"):
        os.chown(path, harness.NOBODY, harness.NOBODY)
    entry = f"{os.path.abspath(image)} {os.path.abspath('m')} fuse.rumpus"
    for options in ("user,noauto,idmap", "noauto"):
        write_fstab(f"{entry} {options} 0 0")
        done = as_user("mount", "m")
        told = tool("findmnt", "-no", "OPTIONS", "m").stdout
        ok(done.returncode == 0 and f"user_id={harness.NOBODY}" in told and "nosuid" in told and "nodev" in told,
           f"a user mounts, with {options} in fstab, and as no more than that user", done.stdout + told)
        owner = as_user("stat", "-c", "%u", "m/lost+found").stdout.strip()
        ok(owner == (str(harness.NOBODY) if "idmap" in options else "0"), "owners are as the options say", owner)
        done = as_user("umount", "m")
        ok(done.returncode == 0 and not mounting.mounted("m"), "and unmounts", done.stdout)
    as_user("mount", "m")
    ok(as_user("touch", "m/w/by-user").returncode == 0, "who works there")
    done = as_user("umount", "m")
    ok(done.returncode == 0 and not mounting.mounted("m"), "and unmounts what was written to", done.stdout)
    harness.check(image, "ext4")
    done = as_user("mount", "m")
    told = tool("setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", "umount", "m")
    ok(done.returncode == 0 and told.returncode and mounting.mounted("m"), "which no other user may", told.stdout)
    done = as_user("umount", "m")
    ok(done.returncode == 0 and not mounting.mounted("m"), "its owner does", done.stdout)


def main():
    privileged = sys.argv[1] == "root"
    mounting.start(as_root=privileged)
    if privileged:
        mounting.own_mounts()
    elif not mounting.become_root():
        harness.skip("mount(8) as a user", "no user namespaces for everybody here")
        harness.done()
    if not os.path.exists("/etc/fstab"):
        harness.skip("mount(8)", "there is no /etc/fstab")
        harness.done()
    os.mkdir("m")
    os.mkdir("other")
    install_helpers()
    write_fstab()
    bind("fstab", "/etc/fstab")
    image = mounting.make("disk.img", "ext4")
    mounting.make("other.img", "ext4")
    for part in (by_type, nested, refused, disc, by_fstab, *([by_user] if privileged else [])):
        part(image)
    for point in (os.path.realpath("/sbin"), "sbin.host", "/etc/fstab"):
        subprocess.run(["umount", "-l", point], check=True)
    mounting.finish()


main()
