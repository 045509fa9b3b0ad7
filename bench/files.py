# SPDX-License-Identifier: BSD-2-Clause
"""Rows about many files: /usr/include into images and out of them, beside loop mounts and programs with readers of their own."""

import os
import shutil
import subprocess
import time

MIB = 1 << 20
SOURCE = "/usr/include"
IMAGE_SIZE = 2048 * MIB
FIND_FILES = 200000
FAT_FILES, FAT_SIZE = 4000, 16 << 10
MKFS = {
    "ext4": ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0"],
    "xfs": ["mkfs.xfs", "-q", "-f"],
    "btrfs": ["mkfs.btrfs", "-q", "-f"],
    "vfat": ["mkfs.vfat", "-F", "32"],
}


def run(*command):
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True)


def fresh(path):
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path)


class Files:
    """What the rows share: an archive of the tree, and how ours and the peers are timed."""

    def __init__(self, bench, skip):
        self.bench = bench
        self.skip = skip
        self.peak = 0
        self.archive = bench.path("tree.tar")
        if not os.path.exists(self.archive):
            run("tar", "-cf", self.archive, "-C", os.path.dirname(SOURCE), os.path.basename(SOURCE))

    def image(self, name, kind, *more):
        path = self.bench.path(name)
        with open(path, "wb") as file:
            file.truncate(IMAGE_SIZE)
        run(*MKFS[kind], *more, path)
        run("sync", path)
        return path

    def ours(self, *arguments):
        """Seconds of one command of ours; the most memory that one of its processes has had is kept."""
        start = time.monotonic()
        pid = os.posix_spawn(self.bench.rumpus, [self.bench.rumpus, *arguments], os.environ,
                             file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
        _, status, usage = os.wait4(pid, 0)
        if status:
            raise subprocess.CalledProcessError(status, arguments)
        self.peak = max(self.peak, usage.ru_maxrss * 1024)
        return time.monotonic() - start

    def copy_out(self, image):
        """Return: a folder, and a function that copies the tree out of @image into it"""
        target = self.bench.path("out")

        def copy():
            fresh(target)
            return self.ours("cp", "-r", image + ":/include", target)

        return target, copy

    def on_loop(self, path, kind, *command):
        """Seconds of mounting, @command with "{}" for the mount point, unmounting, and writing all of it to the disk."""
        start = time.monotonic()
        point = self.bench.mount(path, kind)
        try:
            run(*[word.replace("{}", point) for word in command])
        finally:
            self.bench.unmount()
        run("sync", path)
        return time.monotonic() - start

    def row(self, name, ours, theirs, must, aim):
        self.peak = 0
        mine, other, reason = self.bench.alternate(ours, theirs)
        yield (name, f"{mine:.2f} s", "skipped" if reason else f"{other:.2f} s", "-" if reason else f"{other / mine:.2f} x", must, aim,
               *([reason] if reason else []))
        if self.peak:
            yield "    memory of our command at its most", f"{self.peak / MIB:.0f} MiB", "-", "-", "300 MiB", "128 MiB"


def row_untar(bench, skip):
    files = Files(bench, skip)
    for kind, must, aim in (("ext4", "1.0 x", "1.5 x"), ("xfs", "0.9 x", "1.3 x"), ("btrfs", "0.9 x", "1.3 x")):
        def mine():
            return files.ours("untar", "-f", files.archive, files.image("ours.img", kind))

        def theirs():
            return files.on_loop(files.image("theirs.img", kind), kind, "tar", "-xpf", files.archive, "-C", "{}")

        yield from files.row(f"untar {SOURCE} into {kind}, beside tar on a loop mount", mine, theirs, must, aim)


def row_fuse(bench, skip):
    files = Files(bench, skip)

    def theirs():
        if not shutil.which("fuse2fs") or not os.path.exists("/dev/fuse"):
            raise skip("no fuse2fs here")
        path, point = files.image("theirs.img", "ext4"), bench.path("fuse")
        os.makedirs(point, exist_ok=True)
        start = time.monotonic()
        server = subprocess.Popen(["fuse2fs", "-f", path, point, "-o", "fakeroot"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            while not os.path.ismount(point):
                if server.poll() is not None:
                    raise skip("fuse2fs does not mount here")
                time.sleep(0.01)
            run("tar", "-xpf", files.archive, "-C", point)
        finally:
            subprocess.run(["umount", point], stderr=subprocess.DEVNULL, check=False)
            server.wait()
        run("sync", path)
        return time.monotonic() - start

    yield from files.row(f"untar {SOURCE} into ext4, beside tar on fuse2fs",
                         lambda: files.ours("untar", "-f", files.archive, files.image("ours.img", "ext4")), theirs, "12 x", "25 x")


def row_make_image(bench, skip):
    files = Files(bench, skip)

    def mine():
        start = time.monotonic()
        path = files.image("ours.img", "ext4")
        files.ours("cp", "-a", SOURCE, path + ":/")
        return time.monotonic() - start

    def theirs():
        start = time.monotonic()
        run("sync", files.image("theirs.img", "ext4", "-d", SOURCE))
        return time.monotonic() - start

    yield from files.row(f"an ext4 image of {SOURCE}, beside mke2fs -d", mine, theirs, "-", "-")


def row_copy_out(bench, skip):
    files = Files(bench, skip)
    image = files.image("copy.img", "ext4")
    files.ours("untar", "-f", files.archive, image)
    target, copy_out = files.copy_out(image)

    def theirs():
        fresh(target)
        return files.on_loop(image, "ext4", "cp", "-r", "{}/include", target)

    yield from files.row("cp -r of it out of ext4, beside a loop mount", copy_out, theirs, "0.9 x", "1.3 x")


def row_find(bench, skip):
    files = Files(bench, skip)
    image = files.image("find.img", "ext4", "-N", str(FIND_FILES + 5000))
    folder = bench.path("many")
    for i in range(FIND_FILES // 1000):
        os.makedirs(f"{folder}/{i}")
        for j in range(1000):
            os.close(os.open(f"{folder}/{i}/{j}", os.O_CREAT | os.O_WRONLY, 0o644))
    files.ours("cp", "-r", folder, image + ":/")
    shutil.rmtree(folder)
    for words in (["-name", "*77"], ["-size", "+1M"]):
        yield from files.row(f"find {words[0]} over {FIND_FILES} files, beside a loop mount", lambda: files.ours("find", image, *words),
                             lambda: files.on_loop(image, "ext4", "find", "{}", *words), "0.9 x", "1.3 x")


def timed(skip, path, *command):
    """Seconds of a program of the host's and of writing the image to the disk; it may be absent."""
    if not shutil.which(command[0]):
        raise skip(f"{command[0]} is absent")
    start = time.monotonic()
    run(*command)
    run("sync", path)
    return time.monotonic() - start


def row_readers(bench, skip):
    """Programs that have readers and writers of their own: the same tree through each, out of an image and into one."""
    files = Files(bench, skip)
    image = files.image("readers.img", "ext4")
    files.ours("untar", "-f", files.archive, image)
    target, copy_out = files.copy_out(image)

    def theirs(*command):
        fresh(target)
        return timed(skip, image, *command)

    yield from files.row("cp -r of it out of ext4, beside debugfs rdump", copy_out,
                         lambda: theirs("debugfs", "-R", f"rdump /include {target}", image), "-", "-")
    yield from files.row("tar of it out of ext4, beside guestfish tar-out",
                         lambda: files.ours("tar", "-f", bench.path("out.tar"), image + ":/include"),
                         lambda: theirs("guestfish", "--ro", "-a", image, "-m", "/dev/sda", "tar-out", "/include", bench.path("out.tar")),
                         "-", "-")


def row_fat(bench, skip):
    files = Files(bench, skip)
    tree = bench.path("plain")  # FAT has neither links nor names that differ in case alone
    for i in range(FAT_FILES // 100):
        os.makedirs(f"{tree}/{i}")
        for j in range(100):
            with open(f"{tree}/{i}/{j}", "wb") as file:
                file.write(os.urandom(FAT_SIZE))

    def ours():
        return files.ours("cp", "-r", tree, files.image("ours.img", "vfat") + ":/")

    def theirs():
        path = files.image("theirs.img", "vfat")
        return timed(skip, path, "mcopy", "-s", "-Q", "-i", path, tree, "::/")

    yield from files.row(f"cp -r of {FAT_FILES} files into FAT, beside mcopy", ours, theirs, "-", "-")
    shutil.rmtree(tree)


ROWS = {"untar": row_untar, "untar-fuse": row_fuse, "make-image": row_make_image, "copy-out": row_copy_out, "find": row_find,
        "readers": row_readers, "fat": row_fat}
