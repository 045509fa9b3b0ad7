#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What can be wrong with a mount, and what is said about it."""

import mmap
import os
import shutil
import subprocess

import mounting

import harness
from harness import expect, ok


def places(image):
    expect("no mount point", 1, "mount", image, "missing", message="missing: no such directory; make it with mkdir")
    with open("file", "w", encoding="utf-8"):
        pass
    expect("a file as mount point", 1, "mount", image, "file", message="not a directory")
    os.makedirs("full/sub")
    expect("a directory with contents", 1, "mount", image, "full", message="not empty.*nonempty")
    expect("the same with nonempty", 0, "mount", "-o", "nonempty", image, "full", message="^$")
    ok(os.listdir("full") != ["sub"], "the contents are hidden")
    mounting.umount("full")
    ok(os.listdir("full") == ["sub"], "the contents are back")
    expect("a directory of somebody else's", 1, "mount", image, "/usr", message="belongs to another user")
    expect("no image", 1, "mount", "missing.img", "m", message="missing.img: no such file")
    expect("no file system", 1, "mount", harness.kernel_image(), "m", message="no file system is recognised")
    ok(not mounting.mounted("m"), "nothing is mounted")


def lines(image):
    expect("no arguments", 2, "mount", message="mount what, and where")
    expect("one argument", 2, "mount", image, message="mount what, and where")
    expect("three", 2, "mount", image, "m", "m", message="takes an image and a directory")
    expect("a path in the image", 2, "mount", f"{image}:/w", "m", message="leave out the path")
    expect("uid without number", 2, "mount", "-o", "uid=me", image, "m", message="give a number")
    expect("umask out of range", 2, "mount", "-o", "umask=7777", image, "m", message="give an octal number")
    expect("an option that no driver has", 1, "mount", "-o", "nonsense", image, "m", message="does not take.*nonsense")
    expect("umount without arguments", 2, "umount", message="unmount what")
    expect("umount of what is not mounted", 1, "umount", "m", message="is no mount of rumpus")
    expect("umount of what is not there", 1, "umount", "missing", message="is no mount of rumpus")
    expect("mounts with an argument", 2, "mounts", "m", message="takes no arguments")


def busy(image):
    os.mkdir("other")
    ok(mounting.mount(image, "m").code == 0, "mounted")
    expect("the same image twice", 1, "mount", image, "other", message="disk.img: .*(lock|in use|another)")
    expect("the same place twice", 1, "mount", image, "m", message="is a mount of rumpus already")
    expect("a copy into it by the command meanwhile", 1, "cp", "file", f"{image}:/", message="lock|in use|another")
    with subprocess.Popen(["sleep", "600"], cwd="m") as sleeper:
        expect("umount of what is in use", 1, "umount", "m", message=rf"in use by {sleeper.pid} \(sleep\)")
        ok(mounting.mounted("m"), "it stays mounted")
        sleeper.kill()
    used_by_map()
    result = harness.run("mounts")
    ok(f"{os.getcwd()}/disk.img on {os.getcwd()}/m, by " in result.text and "ext4, rw" in result.text, "mounts lists it", result)
    expect("umount", 0, "umount", "m", message="^$")
    ok(f"{os.getcwd()}/" not in harness.run("mounts").text, "mounts does not list it any more")


def used_by_map():
    """A file that is mapped is in use, though nobody has it open."""
    with open("m/w/mapped", "wb") as file:
        file.write(bytes(8192))
    there, here = os.pipe()
    ready, done = os.pipe()
    child = os.fork()
    if not child:
        os.close(here)
        mounting.show_process()
        descriptor = os.open("m/w/mapped", os.O_RDONLY)
        area = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)
        own = os.open(".", os.O_RDONLY)
        for number in range(3, own):  # Python's mmap has a descriptor of its own
            if "/m/w/mapped" in os.readlink(f"/proc/self/fd/{number}"):
                os.close(number)
        os.write(done, b"1")
        os.read(there, 1)
        os._exit(len(area) != 8192)
    os.close(there)
    os.read(ready, 1)
    expect("umount of what is mapped", 1, "umount", "m", message=rf"in use by {child} \(")
    os.close(here)
    ok(os.waitpid(child, 0)[1] == 0, "it stays whole")


def at_once(image):
    """Of several who start at the same time one wins, and the others say so."""
    points = [f"at{i}" for i in range(6)]
    for point in points:
        os.mkdir(point)
    results = [harness.collect(process) for process in [harness.spawn("mount", image, point) for point in points]]
    ok(sorted(r.code for r in results) == [0] + [1] * 5 and all("in use" in r.err for r in results if r.code),
       "of six mounts of one image started at once one is made", "\n".join(map(str, results)))
    made = [point for point in points if mounting.mounted(point)]
    ok(len(made) == 1 and mounting.umount(made[0]).code == 0, "and unmounted", made)
    results = [harness.collect(process) for process in [harness.spawn("mount", "-o", "ro", image, "m") for _ in range(4)]]
    ok(sorted(r.code for r in results) == [0, 1, 1, 1] and all("already" in r.err for r in results if r.code), "of four at one place, too",
       "\n".join(map(str, results)))
    expect("umount", 0, "umount", "m", message="^$")
    ok(not mounting.mounted("m"), "there was one")


def over_itself(image):
    """An image that its own mount hides."""
    os.mkdir("home")
    shutil.copy(image, "home/own.img")
    before = os.listdir("home")
    expect("a directory that has the image in it", 1, "mount", "home/own.img", "home", message="home: is not empty")
    expect("the same with nonempty", 0, "mount", "-o", "nonempty", "home/own.img", "home", message="^$")
    ok("w" in os.listdir("home") and "own.img" not in os.listdir("home"), "it is hidden")
    with open("home/w/file", "wb") as file:
        file.write(b"written")
    expect("umount of it", 0, "umount", "home", message="^$")
    ok(os.listdir("home") == before and harness.run("cat", "home/own.img:/w/file").out == b"written", "it has what was written")


def read_only(image):
    os.chmod(image, 0o444)
    sums = harness.digest(image)
    expect("an image that cannot be written", 0, "mount", image, "m", message="mounted read-only")
    mounting.fails(30, open, "m/w/file", "w", encoding="utf-8")
    expect("umount", 0, "umount", "m", message="^$")
    expect("rw of an image that cannot be written", 1, "mount", "-o", "rw", image, "m", message="no permission to write")
    ok(harness.digest(image) == sums, "not one byte was changed")
    os.chmod(image, 0o644)


def owners(image):
    expect("as the caller's", 0, "mount", "--idmap", image, "m", message="^$")
    st = os.stat("m/lost+found")
    ok((st.st_uid, st.st_gid) == (os.getuid(), os.getgid()), "files of root appear to be the caller's")
    with open("m/file", "w", encoding="utf-8"):
        pass
    mounting.fails(1, os.chown, "m/file", 12345, -1) if os.geteuid() else None
    os.chown("m/file", os.getuid(), os.getgid())
    mounting.umount("m")
    mounting.mount(image, "m")
    ok(os.stat("m/file").st_uid == 0, "in the image a new file belongs to whom its directory does")
    mounting.umount("m")
    expect("uid, gid, umask", 0, "mount", "-o", "uid=12,gid=34,umask=077", image, "m", message="^$")
    st = os.stat("m")
    ok((st.st_uid, st.st_gid, st.st_mode & 0o77) == (12, 34, 0), "they are shown")
    mounting.umount("m")


def only_read():
    """File systems that cannot be written, in files that can; and without lists of access rights, for who owns nothing."""
    os.mkdir("tree")
    with open("tree/file", "wb") as file:
        file.write(b"contents")
    for name, maker in (("disk.iso", ("xorrisofs", "-quiet", "-R", "-o")), ("disk.sqfs", ("mksquashfs", "tree"))):
        if not shutil.which(maker[0]):
            harness.skip(name, f"{maker[0]} is not installed")
            continue
        harness.tool(*maker, name, *(["tree"] if name.endswith("iso") else ["-all-root", "-quiet", "-no-progress"]))
        sums = harness.digest(name)
        expect(name, 0, "mount", name, "m", message=f"{name}: mounted read-only, as the file system cannot be written")
        ok(mounting.read("m/file") == b"contents", "can be read")
        mounting.fails(30, open, "m/more", "w", encoding="utf-8")
        with open("/proc/self/mountinfo", encoding="utf-8") as table:
            ok(any(line.split()[4] == os.path.abspath("m") and line.split()[5].startswith("ro,") for line in table), "the host knows")
        expect("another reader", 0, "ls", f"{name}:/", message="^$")
        expect("umount", 0, "umount", "m", message="^$")
        ok(harness.digest(name) == sums, "not one byte was changed")
        expect("asked for with -o rw", 1, "mount", "-o", "rw", name, "m", message="read-only") if name.endswith("iso") else None
    with open("disk.fat", "wb") as file:
        file.truncate(16 << 20)
    harness.tool("mkfs.vfat", "disk.fat")
    expect("a file in a FAT", 0, "cp", "tree/file", "disk.fat:/", message="^$")
    expect("where all is root's", 0, "mount", "disk.fat", "m", message="^$")
    ok(os.listdir("m") == ["file"] and mounting.read("m/file") == b"contents", "everybody may read that")
    mounting.fails(13, open, "m/file", "ab") if os.geteuid() else None
    expect("umount", 0, "umount", "m", message="^$")


def without_helper(image):
    if not os.geteuid():
        return
    path = os.environ["PATH"]
    os.environ["PATH"] = "/nowhere"
    expect("no fusermount3", 1, "mount", image, "m", message="fusermount3.*install the package fuse3")
    os.environ["PATH"] = path


def vanishing(image):
    copy = shutil.copy(image, "vanishing.img")
    mounting.mount(copy, "m")
    os.unlink(copy)
    with open("m/w/file", "w", encoding="utf-8") as file:
        file.write("written")
        file.flush()
        os.fsync(file.fileno())
    expect("umount of an image that was removed", 0, "umount", "m", message="^$")


def helpers(image):
    for name in ("mount.fuse.rumpus", "umount.fuse.rumpus"):
        os.symlink(harness.program(), name)
    os.environ["RUMPUS_IMAGE"] = harness.kernel_image()
    done = harness.tool("./mount.fuse.rumpus", image, os.path.abspath("m"), "-n", "-o", "rw,noatime", "-t", "fuse.rumpus")
    ok(done.returncode == 0 and mounting.mounted("m"), "as mount(8) calls it", done.stdout)
    done = harness.tool("./umount.fuse.rumpus", os.path.abspath("m"), "-n")
    ok(done.returncode == 0 and not mounting.mounted("m"), "as umount(8) calls it", done.stdout)
    del os.environ["RUMPUS_IMAGE"]


def main():
    mounting.start()
    os.mkdir("m")
    image = mounting.make("disk.img", "ext4")
    for part in (places, lines, busy, at_once, over_itself, read_only, owners, without_helper, vanishing, helpers):
        part(image)
    only_read()
    harness.check(image, "ext4")
    mounting.finish()


main()
