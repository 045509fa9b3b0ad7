# SPDX-License-Identifier: BSD-2-Clause
"""Programs of another release of Debian, fetched by apt into a directory of their own; nothing of the host is changed."""

import glob
import os

from harness import tap, tool

KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
DEFAULT_MIRROR = "http://deb.debian.org/debian"


def _mirror():
    """The one that this machine uses for Debian itself."""
    listed = tool("apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages").stdout.splitlines()
    found = [line.split()[1] for line in listed if line.startswith("Debian ") and "security" not in line]
    return found[0] if found else DEFAULT_MIRROR


def _configure(dir, release):
    """All that apt reads and writes is below @dir: as if nothing were installed, so that libraries come, too."""
    for name in ("lists/partial", "archives/partial", "etc/empty.d"):
        os.makedirs(f"{dir}/{name}")
    for name, text in {
        "status": "",
        "etc/sources.list": f"deb [signed-by={KEYS}] {_mirror()} {release} main\n",
        "apt.conf": f'Dir::State "{dir}"; Dir::State::lists "{dir}/lists"; Dir::State::status "{dir}/status";\n'
                    f'Dir::Cache "{dir}"; Dir::Cache::archives "{dir}/archives"; Dir::Etc "{dir}/etc";\n'
                    f'Dir::Etc::sourceparts "empty.d"; Dir::Etc::preferencesparts "empty.d";\n'
                    'APT::Install-Recommends "false"; APT::Update::Error-Mode "any"; Acquire::Languages "none";\n'
                    'Acquire::Retries "3"; Debug::NoLocking "true";\n',
    }.items():
        with open(f"{dir}/{name}", "w", encoding="utf-8") as file:
            file.write(text)
    os.environ["APT_CONFIG"] = f"{dir}/apt.conf"


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
    if not os.path.exists(KEYS):
        tap.skip_all("the package debian-archive-keyring is not installed")
    _configure(f"{dir}/apt", release)
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
