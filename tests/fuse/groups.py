#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What depends on groups, those besides the first one too: a mount does to its users as the host's own files do."""

import errno
import os
import stat
import struct
import sys

import mounting

import harness
from harness import ok

USER, OWN = harness.NOBODY, harness.NOBODY
EXTRA, OTHER, FOREIGN = 2001, 5555, 3001  # he is in OWN and EXTRA
OWNER_OBJ, GROUP_OBJ, GROUP, MASK, OTHERS, NONE = 1, 4, 8, 16, 32, 0xffffffff
ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
MODES = (0o644, 0o2755, 0o2644, 0o6777)


def acl(*entries):
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in entries)


def prepare(place):
    """As root: what the user finds there."""
    os.mkdir(place)
    os.chmod(place, 0o777)
    files = {"extra": (USER, EXTRA, 0o660), "own": (USER, OWN, 0o660), "foreign": (USER, FOREIGN, 0o660),
             "setgid extra": (USER, EXTRA, 0o2770), "setgid foreign": (USER, FOREIGN, 0o2770), "kept": (USER, FOREIGN, 0o2770),
             "marked foreign": (USER, FOREIGN, 0o2760), "another's setgid": (OTHER, FOREIGN, 0o2777),
             "another's setuid": (OTHER, FOREIGN, 0o4777), "another's, extra": (OTHER, EXTRA, 0o2770), "another's": (OTHER, FOREIGN, 0o660),
             "let in": (OTHER, OTHER, 0o600), "kept out": (OTHER, OTHER, 0o644)}
    dirs = {"dir extra": (OTHER, EXTRA, 0o2770), "dir foreign": (OTHER, FOREIGN, 0o2777), "dir own": (USER, OWN, 0o2770),
            "dir list": (OTHER, EXTRA, 0o2770), "dir": (USER, OWN, 0o700)}
    for name, (user, group, mode) in (files | dirs).items():
        path = f"{place}/{name}"
        os.mkdir(path) if name in dirs else mounting.write_synced(path, b"x")
        os.chown(path, user, group)
        os.chmod(path, mode)
    listed = {"let in": (ACCESS, (OWNER_OBJ, 6, NONE), (GROUP_OBJ, 0, NONE), (GROUP, 6, EXTRA), (MASK, 6, NONE), (OTHERS, 0, NONE)),
              "kept out": (ACCESS, (OWNER_OBJ, 6, NONE), (GROUP_OBJ, 0, NONE), (GROUP, 0, EXTRA), (MASK, 6, NONE), (OTHERS, 4, NONE)),
              "dir list": (DEFAULT, (OWNER_OBJ, 7, NONE), (GROUP_OBJ, 5, NONE), (GROUP, 7, FOREIGN), (MASK, 7, NONE), (OTHERS, 0, NONE))}
    for name, (kind, *entries) in listed.items():
        os.setxattr(f"{place}/{name}", kind, acl(*entries))


class Told:
    """What each attempt came to: an error, and the owner and mode of the file afterwards."""

    def __init__(self, place):
        self.place = place
        self.lines = {}

    def attempt(self, what, name, function, *args):
        path = f"{self.place}/{name}"
        error = mounting.error_of(function, path, *args)
        st = os.lstat(path) if os.path.lexists(path) else None
        found = f"{st.st_uid}:{st.st_gid} {st.st_mode:o}" if st else "not there"
        self.lines[f"{what}: {name}"] = f"{errno.errorcode.get(error, 'done')}, {found}"


def append(path):
    with open(path, "ab") as file:
        file.write(b"y")


def create(path, mode):
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, mode))


def create_unnamed(path, mode):
    descriptor = os.open(os.path.dirname(path), os.O_TMPFILE | os.O_RDWR, mode)
    os.link(f"/proc/self/fd/{descriptor}", path, src_dir_fd=descriptor, follow_symlinks=True)
    os.close(descriptor)


def change_files(told):
    for name in ("extra", "own", "foreign"):
        for mode in (0o2770, 0o2660):
            told.attempt(f"chmod {mode:o}", name, os.chmod, mode)
    told.attempt("chmod", "another's, extra", os.chmod, 0o2770)
    for name, group in (("own", EXTRA), ("own", FOREIGN), ("foreign", OWN), ("kept", FOREIGN)):
        told.attempt(f"chgrp {group}", name, os.chown, -1, group)
    small = acl((OWNER_OBJ, 6, NONE), (GROUP_OBJ, 6, NONE), (OTHERS, 0, NONE))
    large = acl((OWNER_OBJ, 6, NONE), (GROUP_OBJ, 6, NONE), (GROUP, 6, 7777), (MASK, 7, NONE), (OTHERS, 0, NONE))
    for name in ("setgid extra", "setgid foreign", "marked foreign"):
        told.attempt("large list", name, os.setxattr, ACCESS, large)
        told.attempt("chmod 2770", name, os.chmod, 0o2770)
        told.attempt("small list", name, os.setxattr, ACCESS, small)
    for name in ("another's setgid", "another's setuid", "another's, extra", "another's", "let in", "kept out"):
        told.attempt("append", name, append)
        told.attempt("truncate", name, os.truncate, 0)


def make_files(told):
    for place in ("dir extra", "dir foreign", "dir own", "dir list", "dir"):
        for mode in MODES:
            told.attempt("create", f"{place}/{mode:o}", create, mode)
            told.attempt("create without name", f"{place}/unnamed {mode:o}", create_unnamed, mode)
        told.attempt("mknod", f"{place}/fifo", os.mknod, stat.S_IFIFO | 0o2777)
        told.attempt("mkdir", f"{place}/sub", os.mkdir, 0o755)
        told.attempt("chmod 755", f"{place}/sub", os.chmod, 0o755)
        told.attempt("chmod 2755", f"{place}/sub", os.chmod, 0o2755)
        told.attempt("symlink", f"{place}/link", lambda path: os.symlink("x", path))


def as_user(function, *args):
    """Runs @function as him, in a process of its own. Returns what that has told."""
    here, there = os.pipe()
    pid = os.fork()
    if not pid:
        os.setgroups([EXTRA, 2002])
        os.setresgid(OWN, OWN, OWN)
        os.setresuid(USER, USER, USER)
        mounting.show_process()
        lines = function(*args)
        with os.fdopen(there, "w", encoding="utf-8") as file:
            file.write("\n".join(f"{key} = {value}" for key, value in lines.items()))
        os._exit(0)
    os.close(there)
    with os.fdopen(here, encoding="utf-8") as file:
        lines = file.read().split("\n")
    os.waitpid(pid, 0)
    return dict(line.rsplit(" = ", 1) for line in lines if line)


def use(place):
    told = Told(place)
    os.umask(0o002)
    change_files(told)
    make_files(told)
    return told.lines


def mount_and_use(image):
    """He mounts it himself."""
    os.environ["XDG_RUNTIME_DIR"] = os.path.abspath("his")
    result = mounting.mount(image, "his/m")
    if result.code:
        return {"mount": result.err.replace("\n", " ")}
    lines = use("his/m/files")
    result = mounting.umount("his/m")
    return lines if not result.code else {"umount": result.err.replace("\n", " ")}


def compare(name, got, expected):
    wrong = [f"{key}: {value}, not {expected.get(key)}" for key, value in got.items() if value != expected.get(key)]
    ok(len(got) == len(expected) and not wrong, name, "\n".join(wrong) or f"{len(got)} of {len(expected)} attempts")


def main():
    kind = sys.argv[1]
    mounting.start(as_root=True)
    os.makedirs("his/m")
    image = harness.mkfs("disk.img", kind)
    try:
        prepare("files")
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        print("1..0 # SKIP the host's files have no access control lists here")
        os._exit(77)
    host = as_user(use, os.path.abspath("files"))
    ok(f"done, {USER}:2001 102770" == host.get("chmod 2770: extra") and f"done, {USER}:3001 100770" == host.get("chmod 2770: foreign") and
       "done" in host.get("append: let in", "") and "EACCES" in host.get("append: kept out", ""), "groups matter", str(host))
    mounting.mount(image, "m")
    prepare("m/files")
    compare("a mount of root's", as_user(use, os.path.abspath("m/files")), host)
    os.rename("m/files", "m/old")
    prepare("m/files")
    mounting.umount("m")
    harness.check(image, kind)
    for path in (image, "his", "his/m", "."):
        os.chown(path, USER, OWN)
    compare("his own", as_user(mount_and_use, image), host)
    harness.check(image, kind)
    mounting.finish()


main()
