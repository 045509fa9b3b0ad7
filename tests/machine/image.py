# SPDX-License-Identifier: BSD-2-Clause
"""Make a Debian 12 machine for an emulator: its own kernel, an initrd and a disk with the tests of this build on it.

Needs no rights: apt downloads packages for a system that is empty, they are put together to one archive, and "rumpus untar"
writes that to the disk.
"""

import glob
import io
import os
import re
import shutil
import stat
import subprocess
import tarfile

import aptdir

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
BUILD = os.path.realpath(os.environ.get("RUMPUS_BUILD", f"{TOP}/build"))
DISK = 3 << 30  # bytes, of which a fifth is used at first

# A small Debian, with what the tests run
PACKAGES = """base-files base-passwd dash bash coreutils findutils grep sed mawk diffutils tar gzip util-linux mount login passwd
    procps kmod iproute2 busybox-static python3 e2fsprogs xfsprogs btrfs-progs dosfstools exfatprogs ntfs-3g attr acl fuse3
    liburing2 libslirp0 libarchive-tools tcpdump xorriso""".split()

# What rumpus is linked with: libraries for another processor than this one's are not installed here.
LIBRARIES = """libfuse3-dev libarchive-dev nettle-dev liblzma-dev libbz2-dev liblz4-dev libzstd-dev zlib1g-dev
    libseccomp-dev libblkid-dev libedit-dev libbsd-dev libmd-dev libncurses-dev liburing-dev libslirp-dev""".split()

# Of each package, and of the kernel's modules, what no test has a use for
NEEDLESS = re.compile(r"(usr/share/(doc|man|locale|info|i18n|zoneinfo)|boot/System|usr/lib/python3/dist-packages)(/|$|\.)|"
                      r"usr/lib/modules/[^/]+/kernel/(sound|net/(?!packet)|"
                      r"drivers/(?!(virtio|net/(tun|veth)|block/(virtio|loop))|net$|block$))")
# Until the disk is mounted
EARLY = ("virtio", "virtio_ring", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci", "virtio_blk", "crc16",
         "crc32c_generic", "libcrc32c", "mbcache", "jbd2", "ext4")

INIT = """#!/bin/busybox sh
# Each module fails until those that it needs are there.
busybox mount -t devtmpfs none /dev
for pass in 1 2 3 4 5; do
    for module in /modules/*.ko; do
        busybox insmod $module 2>/dev/null && busybox rm $module
    done
done
busybox mount -t ext4 /dev/vda /root && exec busybox switch_root /root /sbin/tests
echo "machine: the disk cannot be mounted"
busybox poweroff -f
"""


class Obstacle(Exception):
    """Why there can be no machine here."""


def run(what, *command, **more):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **more)
    if done.returncode:
        raise Obstacle(f"{what}: {done.stdout.strip()[-300:]}".replace("\n", "; "))


def download(arch, directory):
    for name in ("libraries", "root"):
        shutil.rmtree(f"{directory}/{name}", ignore_errors=True)
    os.makedirs(f"{directory}/libraries")
    more = {"env": {**os.environ, "APT_CONFIG": aptdir.configure(directory, "bookworm", updates=True, arch=arch)}}
    command = ("apt-get", "-q", "-y")
    run("no packages can be had", *command, "update", **more)
    run("no packages can be had", *command, "--download-only", "install", f"linux-image-{arch}", *PACKAGES, **more)
    run("no packages can be had", *command, "autoclean", **more)  # of former versions
    if arch == "arm64":
        run("no packages can be had", *command, "download", *LIBRARIES, cwd=f"{directory}/libraries", **more)


def programs(arch, directory, names):
    """Have them built. Returns the folder of the build."""
    if arch == "amd64":
        return BUILD
    root = f"{directory}/root"
    for package in glob.glob(f"{directory}/libraries/*.deb"):
        run("unpack", "dpkg-deb", "-x", package, root)
    build = f"{directory}/build"
    include, lib = f"{root}/usr/include", f"{root}/usr/lib/aarch64-linux-gnu"
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    run("the programs cannot be built", "make", "-s", "-C", TOP, f"BUILD={build}", "CROSS_COMPILE=aarch64-linux-gnu-",
        "CC=aarch64-linux-gnu-gcc", "AR=aarch64-linux-gnu-ar", "CXX=aarch64-linux-gnu-g++", "URING=yes", "SLIRP=yes",
        f"CFLAGS=-O2 -g -idirafter {include} -idirafter {include}/aarch64-linux-gnu", f"LDFLAGS=-L{lib}",
        *(f"{build}/{name}" for name in names), env=environment)
    return build


def merged(name):
    """Where a package's file lies in a system whose /bin is /usr/bin."""
    name = os.path.normpath(name)
    return f"usr/{name}" if re.match(r"(bin|sbin|lib|lib64)(/|$)", name) else name


class Disk:
    """An archive that is written to a disk, and what of it the initrd takes."""

    def __init__(self, path):
        self.tar = tarfile.open(path, "w")
        self.known = set()
        self.early = {}
        self.kernel = None
        for name in ("bin", "sbin", "lib", "lib64"):
            self.link(name, f"usr/{name}")

    def link(self, name, target):
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = tarfile.SYMTYPE, target
        self.tar.addfile(entry)

    def text(self, name, text, mode=0o644):
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(text.encode()), mode
        self.tar.addfile(entry, io.BytesIO(text.encode()))

    def directory(self, name, mode=0o755):
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, mode
        self.tar.addfile(entry)

    def folder(self, path):
        """With those that it lies in, which everybody may pass on that machine."""
        for at in range(1, path.count("/")):
            self.directory("/".join(path.split("/")[1:at + 1]))

    def add(self, path):
        """A file or a tree of this machine's, where it lies here, without what is hidden."""
        def own(entry):
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mode |= 0o444 | (0o111 if entry.isdir() or entry.mode & 0o100 else 0)
            return None if os.path.basename(entry.name).startswith((".", "__pycache__")) else entry

        self.folder(path)
        self.tar.add(path, path.lstrip("/"), filter=own)

    def package(self, path):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE) as process, \
                tarfile.open(fileobj=process.stdout, mode="r|") as package:
            for entry in package:
                self.member(package, entry)

    def member(self, package, entry):
        entry.name = merged(entry.name)
        if entry.name in self.known or entry.name == "." or NEEDLESS.match(entry.name):
            return
        self.known.add(entry.name)
        if entry.islnk():
            entry.linkname = merged(entry.linkname)
        if entry.name == "usr/bin/fusermount3":
            entry.mode |= stat.S_ISUID  # as the package's script does
        data = package.extractfile(entry).read() if entry.isreg() else None
        if re.match(r"usr/share/base-passwd/\w+\.master$", entry.name):  # so does that one's
            self.text(f"etc/{os.path.basename(entry.name)[:-len('.master')]}", data.decode())
        if entry.name.startswith("boot/vmlinuz"):
            self.kernel = data
        elif os.path.basename(entry.name)[:-len(".ko")] in EARLY or entry.name == "usr/bin/busybox":
            self.early[os.path.basename(entry.name)] = data
        self.tar.addfile(entry, io.BytesIO(data) if data is not None else None)


def initrd(early):
    """An archive of the kind that kernels unpack: names and contents, each filled up to four bytes."""
    files = {"dev": (0o40755, b""), "root": (0o40755, b""), "bin": (0o40755, b""), "modules": (0o40755, b""),
             "init": (0o100755, INIT.encode())}
    for name, data in early.items():
        files[f"bin/{name}" if name == "busybox" else f"modules/{name}"] = (0o100755, data)
    files["TRAILER!!!"] = (0, b"")
    archive = bytearray()
    for number, (name, (mode, data)) in enumerate(files.items()):
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        archive += b"070701" + "".join(f"{field:08x}" for field in fields).encode() + name.encode() + b"\0"
        archive += bytes(-len(archive) % 4) + data
        archive += bytes(-len(archive) % 4)
    return archive


def kernels(build):
    """Where images and components are: for another processor, in a build that other tests share."""
    return f"{build if build == BUILD else f'{BUILD}/aarch64'}/lib/rumpus"


def fill(disk, arch, directory, names, script):
    for package in sorted(glob.glob(f"{directory}/archives/*.deb")):
        disk.package(package)
    build = programs(arch, directory, names)
    for path in glob.glob(f"{kernels(build)}/*"):
        if re.search(r"/(linux(-net)?\.img|[\d.]+(-net)?)$", path):
            disk.add(path)
    for name in names:
        disk.add(f"{build}/{name}")
    disk.add(f"{TOP}/tests")
    for name in ("dev", "proc", "sys", "run", "root"):
        disk.directory(name)
    for name in ("tmp", "var/tmp", "logs"):
        disk.directory(name, 0o1777)
    disk.link("usr/bin/awk", "mawk")
    disk.link("etc/mtab", "../proc/self/mounts")
    disk.text("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n")
    disk.text("usr/sbin/tests", script(build, f"{kernels(build)}/linux.img"), 0o755)


def write(disk, directory):
    """What qemu wants: three files."""
    if not disk.kernel or len(disk.early) <= len(EARLY) // 2:
        raise Obstacle("the package of the kernel has not what this script looks for")
    for name, content in (("vmlinuz", disk.kernel), ("initrd", initrd(disk.early))):
        with open(f"{directory}/{name}", "wb") as file:
            file.write(content)
    path = f"{directory}/disk.new"
    with open(path, "wb") as file:
        file.truncate(DISK)
    run("mkfs.ext4", "/usr/sbin/mkfs.ext4", "-q", "-F", path)
    run("rumpus untar", f"{BUILD}/bin/rumpus", "untar", "-f", f"{directory}/disk.tar", f"{path}:/")
    os.rename(path, f"{directory}/disk.img")


def make(arch, directory, names, script):
    """
    The files "vmlinuz", "initrd" and "disk.img" in @directory.
    @names: programs of the build, below its folder. @script: what the machine runs, by the folder of the build.
    """
    for program in ("apt-get", "dpkg-deb") + (("aarch64-linux-gnu-gcc",) if arch == "arm64" else ()):
        if not shutil.which(program):
            raise Obstacle(f"{program} is missing")
    download(arch, directory)
    disk = Disk(f"{directory}/disk.tar")
    try:
        fill(disk, arch, directory, names, script)
        disk.tar.close()
        write(disk, directory)
    finally:
        os.unlink(f"{directory}/disk.tar")
