#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""
Images that the programs of Debian 13 make: by default, and with all that is new in them. Filled, listed, copied, checked, compared,
and then examined by the checkers of that release. What the kernel cannot is refused with the name of what it is.

usage: trixie.py [WORD]    WORD: only images whose names have it
"""

import io
import os
import sys
import tarfile

import harness
import kinds
import release
from harness import expect, ok, run, tool

MIB = 1 << 20
PACKAGES = ("e2fsprogs", "xfsprogs", "btrfs-progs", "f2fs-tools", "dosfstools", "exfatprogs", "ntfs-3g", "erofs-utils", "squashfs-tools",
            "udftools", "jfsutils", "nilfs-tools", "genisoimage", "xorriso", "makefs")
EXT4 = ["mkfs.ext4", "-q", "-F"]
XFS = ["mkfs.xfs", "-q", "-f"]
BTRFS = ["mkfs.btrfs", "-q", "-f"]
F2FS = ["mkfs.f2fs", "-q", "-f"]
COMPRESSION = "extra_attr,inode_checksum,sb_checksum,compression,inode_crtime,flexible_inline_xattr"
# By the first part of a name: bytes, how the checker is called, and whether owners, devices and attributes can all be kept
KINDS = {
    "ext4": (64 * MIB, ["e2fsck", "-fn"], True),
    "xfs": (320 * MIB, ["xfs_repair", "-n"], True),
    "btrfs": (128 * MIB, ["btrfs", "check", "--force"], True),
    "f2fs": (128 * MIB, ["fsck.f2fs", "--dry-run"], True),
    "vfat": (64 * MIB, ["fsck.fat", "-n"], False),
    "exfat": (64 * MIB, ["fsck.exfat", "-n"], False),
    "ntfs": (64 * MIB, ["ntfsfix", "--no-action"], False),
    "udf": (64 * MIB, None, False),
    "jfs": (32 * MIB, ["jfs_fsck", "-n", "-f"], True),
    "nilfs2": (192 * MIB, None, False),
}
# Name: how it is made, options for mounting when it is filled
WRITABLE = {
    "ext4": (EXT4, None),
    "ext4-new": ([*EXT4, "-O", "orphan_file,metadata_csum_seed,fast_commit,stable_inodes,verity,encrypt,ea_inode,large_dir,inline_data"], None),
    "ext4-casefold": ([*EXT4, "-O", "casefold,encrypt", "-E", "encoding=utf8-12.1"], None),
    "ext4-bigalloc": ([*EXT4, "-O", "bigalloc,sparse_super2,^resize_inode,quota,project,mmp"], None),
    "ext4-fast-commit": ([*EXT4, "-O", "fast_commit", "-J", "fast_commit_size=256"], None),
    "ext4-1k-orphans": ([*EXT4, "-b", "1024", "-E", "orphan_file_size=64k"], None),
    "xfs": (XFS, None),
    "xfs-new": ([*XFS, "-i", "nrext64=1,exchange=1", "-n", "parent=1", "-m", "rmapbt=1,autofsck=1"], None),
    "xfs-4k": ([*XFS, "-s", "size=4096", "-n", "size=64k", "-b", "size=4096"], None),
    "btrfs": (BTRFS, None),
    "btrfs-bgt": ([*BTRFS, "-O", "block-group-tree,no-holes,free-space-tree"], "compress-force=zstd:15"),
    "btrfs-squota": ([*BTRFS, "-O", "squota", "--csum", "blake2"], None),
    "btrfs-quota": ([*BTRFS, "-O", "quota", "-n", "64k", "--csum", "xxhash"], "compress=lzo"),
    "btrfs-mixed": ([*BTRFS, "-M", "-O", "^no-holes,^free-space-tree,^block-group-tree"], None),
    "f2fs": (F2FS, None),
    "f2fs-lz4": ([*F2FS, "-O", COMPRESSION], "compress_algorithm=lz4:9,compress_extension=*"),
    "f2fs-lzo": ([*F2FS, "-O", COMPRESSION], "compress_algorithm=lzo,compress_extension=*"),
    "f2fs-lzo-rle": ([*F2FS, "-O", COMPRESSION], "compress_algorithm=lzo-rle,compress_extension=*"),
    "f2fs-zstd": ([*F2FS, "-O", COMPRESSION], "compress_algorithm=zstd:6,compress_extension=*,compress_chksum"),
    "f2fs-casefold": ([*F2FS, "-O", "extra_attr,casefold,project_quota,encrypt,verity,lost_found", "-C", "utf8:strict"], None),
    "f2fs-nat": ([*F2FS, "-i", "-g", "android"], None),
    "vfat": (["mkfs.fat"], None),
    "vfat-12": (["mkfs.fat", "-F", "12", "-s", "64"], None),
    "vfat-32": (["mkfs.fat", "-F", "32", "-s", "1", "-S", "512"], None),
    "exfat": (["mkfs.exfat"], None),
    "exfat-packed": (["mkfs.exfat", "--pack-bitmap", "-c", "32K"], None),
    "ntfs": (["mkntfs", "-F", "-q", "-Q"], None),
    "ntfs-64k": (["mkntfs", "-F", "-q", "-Q", "-c", "65536"], None),
    "udf": (["mkudffs", "--utf8"], None),
    "udf-1.02": (["mkudffs", "--utf8", "-r", "1.02"], None),
    "udf-2.01": (["mkudffs", "--utf8", "-r", "2.01", "-b", "512"], None),
    "jfs": (["mkfs.jfs", "-q"], None),
    "nilfs2": (["mkfs.nilfs2", "-q"], None),
}
# Made of the directory "tree": how, and how it is checked
FILLED = {
    "ext4-directory": ([*EXT4, "-d", "tree", "IMAGE", "64M"], ["e2fsck", "-fn"]),
    "ext4-archive": ([*EXT4, "-d", "tree.tar", "IMAGE", "64M"], ["e2fsck", "-fn"]),
    "btrfs-zstd": ([*BTRFS, "--rootdir", "tree", "--compress", "zstd:15", "--shrink", "IMAGE"], ["btrfs", "check", "--force"]),
    "btrfs-subvolume": ([*BTRFS, "--rootdir", "tree", "--subvol", "dir", "IMAGE"], ["btrfs", "check", "--force"]),
    "erofs": (["mkfs.erofs", "IMAGE", "tree"], ["fsck.erofs", "--extract"]),
    **{f"erofs-{name}": (["mkfs.erofs", *words, "IMAGE", "tree"], ["fsck.erofs", "--extract"]) for name, words in {
        "lz4": ["-zlz4"], "lz4hc": ["-zlz4hc,12", "-C65536"], "lzma": ["-zlzma,level=109", "-C65536", "-Eztailpacking"],
        "deflate": ["-zdeflate,9"], "libdeflate": ["-zlibdeflate,12"], "zstd": ["-zzstd,level=19", "-C131072"],
        "several": ["-zlz4hc:lzma:deflate:zstd"], "dedupe": ["-zzstd", "-Ededupe,all-fragments"], "fragments": ["-zlzma", "-Efragments"],
        "chunks": ["--chunksize=16384"], "blocks": ["-b", "512"], "prefix": ["--xattr-prefix=user.", "-Exattr-name-filter"],
        "noinline": ["-Enoinline_data,force-inode-extended"]}.items()},
    **{f"squashfs-{name}": (["mksquashfs", "tree", "IMAGE", "-quiet", "-no-progress", "-comp", *words], ["unsquashfs", "-no-progress", "-f"])
       for name, words in {
           "gzip": ["gzip", "-Xcompression-level", "9"], "zstd-1": ["zstd", "-Xcompression-level", "1"],
           "zstd-22": ["zstd", "-Xcompression-level", "22", "-b", "1M"], "xz": ["xz", "-Xbcj", "x86", "-Xdict-size", "100%"],
           "lz4": ["lz4", "-Xhc"], "lzo": ["lzo"], "none": ["zstd", "-noI", "-noD", "-noF"], "tail": ["zstd", "-tailends", "-no-exports"],
       }.items()},
    "iso9660-xorriso": (["xorriso", "-as", "mkisofs", "-quiet", "-R", "-J", "-o", "IMAGE", "tree"], None),
    "iso9660-genisoimage": (["genisoimage", "-quiet", "-R", "-o", "IMAGE", "tree"], None),
    "iso9660-udf": (["genisoimage", "-quiet", "-R", "-udf", "-o", "IMAGE", "tree"], None),
    "ufs1": (["makefs", "-t", "ffs", "-o", "version=1", "IMAGE", "tree"], None),
}
# Name: (how it is made, what is said)
REFUSED = {
    "xfs-metadir": ([*XFS, "-m", "metadir=1", "IMAGE"], "its feature metadir"),
    "xfs-rtgroups": ([*XFS, "-m", "metadir=1", "-r", "rtdev=other.img,rgcount=2", "IMAGE"], "its feature metadir"),
    "xfs-16k": ([*XFS, "-b", "size=16k", "IMAGE"], r"block size \(16384 bytes\)"),
    "btrfs-8k": ([*BTRFS, "-s", "8k", "IMAGE"], "sectorsize 8192"),
    "squashfs-lzma": (["mksquashfs", "tree", "IMAGE", "-quiet", "-no-progress", "-comp", "lzma"], "lzma"),
    "ufs2": (["makefs", "-t", "ffs", "-o", "version=2", "IMAGE", "tree"], "version=1"),
}


# What ordinary users have no way to make
SPECIAL = {
    "link": {"type": tarfile.SYMTYPE, "linkname": "dir/deeper/last.text", "mode": 0o777},
    "hard": {"type": tarfile.LNKTYPE, "linkname": "./same"},
    "fifo": {"type": tarfile.FIFOTYPE, "mode": 0o640},
    "null": {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3, "mode": 0o666},
    "owned": {"uid": 70000, "gid": 80000, "mode": 0o4711, "size": 5, "mtime": 1234567890, "pax_headers": {"SCHILY.xattr.user.colour": "green"}},
}


def make_archive(name, full):
    """What is in "tree", with @full also what is SPECIAL. Returns what an archive of an image is to have of it."""
    with tarfile.open(name, "w", format=tarfile.PAX_FORMAT) as archive:
        archive.add("tree", ".")
        for path, more in SPECIAL.items() if full else ():
            entry = tarfile.TarInfo(f"./{path}")
            for key, value in more.items():
                setattr(entry, key, value)
            archive.addfile(entry, io.BytesIO(b"owned"[:entry.size]))
    return members(name)


def members(name):
    """Path to what counts, by a reader that is not ours; hard links as what they lead to."""
    found = {}
    with tarfile.open(name) as archive:
        for entry in archive:
            path = entry.name.removeprefix("./").strip("/")
            if not path or path == "." or path.startswith("lost+found") or path.startswith(".nilfs"):
                continue
            if entry.islnk():
                found[path] = found[entry.linkname.removeprefix("./")]
                continue
            data = archive.extractfile(entry).read() if entry.isfile() else None
            xattrs = {key: value for key, value in entry.pax_headers.items() if key.startswith("SCHILY.xattr.user")}
            found[path] = (entry.type, data, entry.linkname, xattrs, entry.mode, entry.uid, entry.gid, entry.devmajor, entry.devminor,
                           int(entry.mtime))
    return found


def differences(got, wanted, fields):
    return [f"{path}: {str(got.get(path, ())[3:])[:200]} instead of {str(wanted.get(path, ())[3:])[:200]}" for path in sorted({*got, *wanted})
            if got.get(path, ())[:fields] != wanted.get(path, ())[:fields]]


def contents_of(root):
    """Files below a directory of the host: path to contents."""
    found = {}
    for path, _, files in os.walk(root):
        for name in files:
            with open(f"{path}/{name}", "rb") as file:
                found[os.path.relpath(f"{path}/{name}", root)] = file.read()
    return found


def build(words, size=None):
    """Makes disk.img of @size bytes, or of "tree". Returns whether that went well."""
    for name in ("disk.img", "other.img"):
        if os.path.exists(name):
            os.unlink(name)
    with open("other.img", "wb") as file:
        file.truncate(64 * MIB)
    if size:
        with open("disk.img", "wb") as file:
            file.truncate(size)
    words = [word.replace("IMAGE", "disk.img") for word in words]
    made = tool(*words, *([] if "disk.img" in words else ["disk.img"]))
    return ok(made.returncode == 0, f"{' '.join(words)}", made.stdout)


def look(name, wanted, fields):
    """All that only reads: the image has in its root what @wanted has, as far as the first @fields of it go."""
    before = harness.digest("disk.img")
    expect(f"{name}: ls -lR", 0, "ls", "-lR", "disk.img", message="^$")
    expect(f"{name}: tar", 0, "tar", "-f", "got.tar", "disk.img", message="^$")
    wrong = differences(members("got.tar"), wanted, fields)
    ok(not wrong, f"{name}: the archive has what went in", "\n".join(wrong))
    expect(f"{name}: check", 0, "check", "disk.img", message="^$")
    out = f"out-{name}"
    os.mkdir(out)
    expect(f"{name}: cp out", 0, "cp", "-r", "disk.img:/dir", "disk.img:/same", "disk.img:/size-70000", out, message="^$")
    got = contents_of(out)
    ok(len(got) == 104 and all(wanted[path][1] == data for path, data in got.items()), f"{name}: files have their contents", sorted(got))
    expect(f"{name}: diff", 0, "diff", "--contents", "disk.img:/dir", "tree/dir", message="^$")
    ok(harness.digest("disk.img") == before, f"{name}: not one byte has changed")


def examine(name, words):
    """By its own checker, of Debian 13."""
    if not words:
        return
    checked = tool(*words, "disk.img")
    ok(checked.returncode == 0, f"{name}: {words[0]} finds no error", checked.stdout)


def fill(name, words, options, archives):
    size, checker, full = KINDS[name.partition("-")[0]]
    wanted, archive = archives[full]
    if not build(words, size):
        return
    mount = ["-o", options] if options else []
    if full:
        expect(f"{name}: untar", 0, *mount, "untar", "-f", archive, "disk.img", message="^$")
    else:
        expect(f"{name}: cp in", 0, *mount, "cp", "-r", "tree/.", "disk.img:/", message="^$")
    look(name, wanted, 10 if full else 2)
    expect(f"{name}: cp in what came out", 0, *mount, "cp", "-r", f"out-{name}", "disk.img:/again", message="^$")
    expect(f"{name}: is the same", 0, "diff", "--contents", "disk.img:/again", f"out-{name}", message="^$")
    expect(f"{name}: rm", 0, "rm", "-r", "disk.img:/dir", message="^$")
    examine(name, checker)


def devices():
    """EROFS with its data in another image: told, and read when they are put together."""
    if not build(["mkfs.erofs", "--quiet", "--chunksize=4096", "--blobdev=other.img", "IMAGE", "tree"]):
        return
    expect("erofs-devices: what is missing is told", 1, "cat", "disk.img:/size-70000", message="has data in 1 other image")
    with open("disk.img", "ab") as target, open("other.img", "rb") as source:
        target.write(source.read())
    ok(run("cat", "disk.img:/size-70000").out == contents_of("tree")["size-70000"], "erofs-devices: together they can be read")


def main():
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    harness.start()
    os.environ["TMPDIR"] = os.getcwd()
    kinds.find_programs()
    release.fetch(f"{os.getcwd()}/release", "trixie", PACKAGES)
    kinds.make_tree()
    archives = {full: (make_archive(name, full), name) for full, name in ((True, "full.tar"), (False, "tree.tar"))}
    for name, (words, options) in WRITABLE.items():
        if word in name:
            fill(name, words, options, archives)
    for name, (words, checker) in FILLED.items():
        if word in name and build(words):
            look(name, archives[False][0], 2)
            examine(name, checker)
    for name, (words, message) in REFUSED.items():
        if word in name and build(words, None if "tree" in words else 320 * MIB):
            expect(f"{name}: is refused", 1, "ls", "disk.img", message=message)
    if word in "erofs-devices":
        devices()
    harness.done()


main()
