# SPDX-License-Identifier: BSD-2-Clause
"""Programs of another release of Debian, fetched by apt into a directory of their own; nothing of the host is changed."""

import glob
import os

from harness import tap, tool
import aptdir


def _wrap(root, programs):
    """With their own loader and libraries, which are none of the host's."""
    loader = glob.glob(f"{root}/usr/lib*/ld-linux-*.so.*")
    libraries = glob.glob(f"{root}/usr/lib/*-linux-gnu")
    if not loader or not libraries:
        raise RuntimeError(f"{root} has no C library")
    for path in glob.glob(f"{root}/usr/sbin/*") + glob.glob(f"{root}/usr/bin/*"):
        name = os.path.basename(path)
        with open(path, "rb") as file:
            if file.read(4) != b"\x7fELF":
                continue
        with open(os.open(f"{programs}/{name}", os.O_WRONLY | os.O_CREAT, 0o755), "w", encoding="utf-8") as file:
            file.write(f'#!/bin/sh\nexec {loader[0]} --library-path {libraries[0]} --argv0 {name} {path} "$@"\n')


def fetch(dir, release, packages):
    """
    Programs of packages to the front of PATH. Skips the test when there is no way to get them.
    @dir: is made; an absolute path
    """
    if not os.path.exists(aptdir.KEYS):
        tap.skip_all("the package debian-archive-keyring is not installed")
    os.environ["APT_CONFIG"] = aptdir.configure(f"{dir}/apt", release)
    got = tool("apt-get", "-qq", "update")
    if got.returncode:
        tap.skip_all(f"no way to Debian {release}: {' '.join(got.stdout.split())[:200]}")
    got = tool("apt-get", "-qq", "-y", "--download-only", "install", *packages)
    if got.returncode:
        tap.skip_all(f"packages of Debian {release} cannot be fetched: {' '.join(got.stdout.split())[-200:]}")
    os.makedirs(f"{dir}/root")
    os.makedirs(f"{dir}/bin")
    for path in sorted(glob.glob(f"{dir}/apt/archives/*.deb")):
        unpacked = tool("dpkg-deb", "-x", path, f"{dir}/root")
        if unpacked.returncode:
            raise RuntimeError(unpacked.stdout)
    _wrap(f"{dir}/root", f"{dir}/bin")
    os.environ["PATH"] = f"{dir}/bin:{os.environ['PATH']}"
    os.environ["MKE2FS_CONFIG"] = f"{dir}/root/etc/mke2fs.conf"
