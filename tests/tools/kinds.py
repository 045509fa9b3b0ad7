# SPDX-License-Identifier: BSD-2-Clause
"""File systems that are components: how their images are made, by the programs that Debian has for them."""

import os
import random
import shutil
import sys

import harness
import hfsplus
import tap
from harness import tool

MIB = 1 << 20

# name: (bytes, how to make it: a program, or what does it here, how to check it or None, type that rumpus finds)
WRITABLE = {
    "ext2": (64 * MIB, ["mkfs.ext2", "-q", "-F"], ["e2fsck", "-fn"], "ext2"),
    "ext3": (64 * MIB, ["mkfs.ext3", "-q", "-F"], ["e2fsck", "-fn"], "ext3"),
    "f2fs": (128 * MIB, ["mkfs.f2fs", "-q"], ["fsck.f2fs", "--dry-run"], "f2fs"),
    "vfat": (64 * MIB, ["mkfs.vfat"], ["fsck.vfat", "-n"], "vfat"),
    "exfat": (64 * MIB, ["mkfs.exfat"], ["fsck.exfat", "-n"], "exfat"),
    "ntfs": (64 * MIB, ["mkntfs", "-F", "-q", "-Q"], ["ntfsfix", "--no-action"], "ntfs3"),
    "minix": (32 * MIB, ["mkfs.minix", "-3"], ["fsck.minix", "-f"], "minix"),
    "nilfs2": (192 * MIB, ["mkfs.nilfs2", "-q"], None, "nilfs2"),
    "jfs": (32 * MIB, ["mkfs.jfs", "-q"], ["fsck.jfs", "-n", "-f"], "jfs"),
    "hfs": (32 * MIB, ["hformat"], None, "hfs"),
    "hfsplus": (64 * MIB, hfsplus.make, None, "hfsplus"),
    "udf": (64 * MIB, ["mkudffs", "--utf8"], None, "udf"),
}
# What a release of Debian that is supported does not have; whatever else is missing is an error
ABSENT = ("hformat",)
# Of those that are in the kernel image, close to the least that their mkfs takes
SIZES = {"ext4": 64 * MIB, "xfs": 300 * MIB, "btrfs": 128 * MIB}
# name: (how to make IMAGE of the directory "tree", type that rumpus finds)
READABLE = {
    **{f"squashfs-{c}": (["mksquashfs", "tree", "IMAGE", "-quiet", "-no-progress", "-comp", c], "squashfs")
       for c in ("gzip", "lzo", "lz4", "xz", "zstd")},
    "erofs": (["mkfs.erofs", "IMAGE", "tree"], "erofs"),
    "erofs-lz4hc": (["mkfs.erofs", "-zlz4hc", "IMAGE", "tree"], "erofs"),
    "iso9660-rock": (["xorriso", "-as", "mkisofs", "-quiet", "-R", "-o", "IMAGE", "tree"], "iso9660"),
    "iso9660-joliet": (["xorriso", "-as", "mkisofs", "-quiet", "-J", "-joliet-long", "-o", "IMAGE", "tree"], "iso9660"),
    "romfs": (["genromfs", "-d", "tree", "-f", "IMAGE"], "romfs"),
    "cramfs": (["mkfs.cramfs", "tree", "IMAGE"], "cramfs"),
    "ufs1": (["makefs", "-t", "ffs", "-o", "version=1", "IMAGE", "tree"], "ufs"),
    "ufs1-be": (["makefs", "-t", "ffs", "-B", "be", "-o", "version=1", "IMAGE", "tree"], "ufs"),
    # With more inodes than there are files: see move_superblock().
    **{f"ufs2{more}": (["makefs", "-t", "ffs", "-B", order, "-s", "8m", "-o", "version=2,bsize=4096,fsize=1024,density=1024", "IMAGE",
                        "tree"], "ufs") for more, order in (("", "le"), ("-be", "be"))},
}
# Features that mkfs sets by default in Debian 13, or that are usual elsewhere; name: (kind, options for mkfs, those for mounts)
FEATURES = {
    "ext4-new": ("ext4", ["-O", "orphan_file,metadata_csum_seed,fast_commit,inline_data,casefold,ea_inode,large_dir"], None),
    "ext4-bigalloc": ("ext4", ["-O", "bigalloc,mmp,sparse_super2,^resize_inode"], None),
    "ext4-quota": ("ext4", ["-O", "quota,project,verity,encrypt"], None),
    "xfs-new": ("xfs", ["-i", "nrext64=1", "-m", "bigtime=1,inobtcount=1,rmapbt=1"], None),
    "xfs-v4": ("xfs", ["-m", "crc=0"], None),
    "btrfs-xxhash": ("btrfs", ["--csum", "xxhash", "-R", "quota"], "compress=zstd"),
    "btrfs-sha256": ("btrfs", ["--csum", "sha256", "-n", "65536"], "compress=lzo"),
    "btrfs-blake2": ("btrfs", ["--csum", "blake2", "-M"], "compress=zlib"),
    "f2fs-new": ("f2fs", ["-O", "extra_attr,inode_checksum,sb_checksum,compression,casefold,inode_crtime,flexible_inline_xattr",
                          "-C", "utf8"], "compress_algorithm=zstd,compress_extension=*"),
    "f2fs-android": ("f2fs", ["-g", "android"], None),
    # Quota files of another owner than root are wrong as mkfs.f2fs 1.15 writes them: for id 0, with the entry of the owner.
    "f2fs-quota": ("f2fs", ["-R", "0:0", "-O", "extra_attr,quota,project_quota"], None),
    "vfat-12": ("vfat", ["-F", "12"], None),
    "vfat-32": ("vfat", ["-F", "32"], None),
    "udf-1.02": ("udf", ["-r", "1.02"], None),
}


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def make_tree():
    """Names and contents that every one of them can hold."""
    source = random.Random(18)
    os.makedirs("tree/dir/deeper")
    os.mkdir("tree/empty")
    for size in (0, 1, 511, 4096, 70000, 1 << 20):
        write(f"tree/size-{size}", source.randbytes(size))
    write("tree/same", bytes(300000))  # compresses
    write("tree/dir/name of 27 bytes, blanks", b"x")
    write("tree/dir/deeper/last.text", b"text\n" * 5000)
    for i in range(100):
        write(f"tree/dir/deeper/file-{i}", b"%d" % i)


def find_programs():
    """Most of them are where ordinary users do not look."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    os.environ["HOME"] = os.getcwd()  # hformat keeps notes there


def make(name, path, *options):
    """An image of this kind: empty, or of the directory "tree" where nothing else can fill it. @options: more for mkfs"""
    if name in harness.MKFS:
        harness.mkfs(path, name, SIZES[name], *options)
        return
    if name in WRITABLE:
        size, words, _, _ = WRITABLE[name]
        if callable(words):
            words(path, size)
            return
        with open(path, "wb") as image:
            image.truncate(size)
        words = [*words, *options, path]
    else:
        words = [word.replace("IMAGE", path) for word in READABLE[name][0]]
    if words[0] in ABSENT and not shutil.which(words[0]):
        tap.skip_all(f"no {words[0]}")
    made = tool(*words)
    if made.returncode:
        print(f"Bail out! {words[0]}: {made.stdout}")
        sys.exit(1)


def move_superblock(path):
    """
    UFS2 as NetBSD and FreeBSD have it. The superblock that Debian's makefs leaves at 8 KiB is nothing that the driver
    finds. A copy goes to where it looks, which is among inodes that no file has.
    """
    with open(path, "r+b") as image:
        superblock = os.pread(image.fileno(), 8192, 8192)
        if any(os.pread(image.fileno(), 8192, 65536)):
            raise RuntimeError(f"{path}: the place at 64 KiB is in use")
        os.pwrite(image.fileno(), superblock, 65536)
