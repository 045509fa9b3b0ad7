#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What an image may hold that is no file system: named, with what helps, by all subcommands and in partitions."""

import json
import struct
import zlib

import harness
from harness import digest, expect, ok, parsed, run

MIB = 1 << 20


def lvm():
    label = bytearray(512)
    label[:8], label[8:16], label[20:24], label[24:32] = b"LABELONE", struct.pack("<Q", 1), struct.pack("<I", 32), b"LVM2 001"
    label[32:64] = b"0123456789abcdef" * 2
    label[16:20] = struct.pack("<I", zlib.crc32(bytes(label[20:]), 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF)
    return bytes(label)


def raid():
    superblock = bytearray(256)
    struct.pack_into("<II", superblock, 0, 0xA92B4EFC, 1)
    superblock[16:32] = b"0123456789abcdef"
    struct.pack_into("<Q", superblock, 144, 8)
    total = sum(struct.unpack("<64I", superblock))
    struct.pack_into("<I", superblock, 216, (total + (total >> 32)) & 0xFFFFFFFF)
    return bytes(superblock)


def bitlocker():
    return b"\xeb\x58\x90-FVE-FS-" + struct.pack("<H", 512) + bytes(163) + struct.pack("<Q", 65536)


def apfs():
    return struct.pack("<QQQHHHH4sI", 0, 1, 1, 1, 0x8000, 0, 0, b"NXSB", 4096) + bytes(32) + b"0123456789abcdef"


SWAP = struct.pack("<III", 1, 1023, 0)
# name: (what it is called, a word of the remedy, (where, bytes)...)
CONTENTS = {
    "luks1": ("LUKS encryption, version 1", "cryptsetup open", (0, b"LUKS\xba\xbe\0\1")),
    "luks2": ("LUKS encryption, version 2", "cryptsetup open", (0, b"LUKS\xba\xbe\0\2")),
    "bitlocker": ("BitLocker encryption", "--type bitlk", (0, bitlocker()), (65536, b"-FVE-FS-" + struct.pack("<HH", 64, 2))),
    "lvm": ("a physical volume of LVM2", "vgchange -ay", (512, lvm())),
    "raid": ("a member of an MD RAID, version 1.2", "mdadm --assemble", (4096, raid())),
    "swap": ("swap space", "no files", (1024, SWAP), (4086, b"SWAPSPACE2")),
    "apfs": ("APFS", "apfs-fuse", (0, apfs())),
    "vmfs": ("VMFS", "vmfs-fuse", (2 * MIB, struct.pack("<I", 0x2FABF15E))),
    "refs": ("ReFS", "Windows", (0, b"\0\0\0ReFS\0")),
    "ubi": ("a UBI volume", "flash", (0, b"UBI#\1")),
}
# name: (what it is called, what to run, where and which bytes)
CONTAINERS = {
    "qcow2": ("a qcow2 image", "qemu-img convert -O raw IMAGE new.img", 0, b"QFI\xfb\0\0\0\3"),
    "vmdk": ("a VMDK image", "qemu-img convert -O raw IMAGE new.img", 0, b"KDMV"),
    "vhdx": ("a VHDX image", "qemu-img convert -O raw IMAGE new.img", 0, b"vhdxfile"),
    "vhd": ("a VHD image", "qemu-img convert -O raw IMAGE new.img", 0, b"conectix"),
    "vdi": ("a VDI image", "qemu-img convert -O raw IMAGE new.img", 64, b"\x7f\x10\xda\xbe"),
    "dmg": ("an Apple disk image", "qemu-img convert -O raw IMAGE new.img", 4 * MIB - 512, b"koly"),
    "sparse": ("an Android sparse image", "simg2img IMAGE new.img", 0, b"\x3a\xff\x26\xed"),
    "gzip": ("compressed by gzip", "gunzip -k IMAGE", 0, b"\x1f\x8b\x08"),
    "xz": ("compressed by xz", "unxz -k IMAGE", 0, b"\xfd7zXZ\0"),
    "zstd": ("compressed by zstd", "unzstd IMAGE", 0, b"\x28\xb5\x2f\xfd"),
    "tar": ("a tar archive", "rumpus untar -f IMAGE new.img", 257, b"ustar"),
}


def write(name, *parts, size=4 * MIB):
    with open(name, "wb") as file:
        file.truncate(size)
        for offset, data in parts:
            file.seek(offset)
            file.write(data)
    return name


def told_everywhere(image, message):
    """Whatever one tries, the answer is the same, and nothing is written."""
    before = digest(image)
    for words in ["ls"], ["check"], ["df"], ["tar"], ["find"], ["mkdir", "-p"], ["sh", "-c", "ls"], ["dmesg"]:
        path = ":/x" if words[0] == "mkdir" else ""
        expect(f"{words[0]} {image}", 1, *words, image + path, message=message)
    ok(digest(image) == before, "it stays as it is")


def contents():
    for name, (called, remedy, *parts) in CONTENTS.items():
        image = write(f"{name}.img", *parts)
        result = expect(f"info {name}", 0, "info", image, message="^$")
        ok(f"\nHolds:            {called}\n" in result.text and remedy in result.text, "it has a name, and a remedy", result)
        expect(f"ls {name}", 1, "ls", image, message=f"^rumpus: {image}: holds {called}, .*{remedy}")
        place = parsed("info", "--json", image)["places"][0]
        ok(not place["mounted"] and remedy in place["reason"] and place["file_system"], "for programs, too", place)
    told_everywhere("luks2.img", "luks2.img: holds LUKS encryption, version 2, which cannot be unlocked here yet; .* losetup -fP --show luks2.img")


def containers():
    for name, (called, remedy, *part) in CONTAINERS.items():
        image = write(f"disk.{name}", part)
        remedy = remedy.replace("IMAGE", image)
        result = expect(f"info {name}", 0, "info", image, message="^$")
        ok(f"\nFormat:           {name}\n" in result.text and remedy in result.text, "its format, and a remedy", result)
        expect(f"ls {name}", 1, "ls", image, message=f"^rumpus: {image}: is {called}; .*: {remedy}\n$")
        told = parsed("info", "--json", image)
        ok(told["format"] == name and remedy in told["places"][0]["reason"], "for programs, too", told)
    told_everywhere("disk.qcow2", "disk.qcow2: is a qcow2 image; convert it: qemu-img")
    expect("a partition of it", 1, "ls", "disk.qcow2@1", message="disk.qcow2@1: is a qcow2 image")
    harness.gpt("real.img", 8 * MIB, [(MIB, MIB, "empty", "00000000-0000-0000-0000-000000000001")])
    with open("real.img", "r+b") as file:
        file.write(b"BZh")
    ok(parsed("info", "--json", "real.img")["format"] == "raw", "the bytes before a partition table are no format")


def stack():
    """Partitions of which some hold this, one a damaged file system, one nothing."""
    names = ["data", "luks2", "swap", "empty", "broken"]
    harness.gpt("stack.img", 400 * MIB, [(MIB + 64 * MIB * i, 64 * MIB, name, f"00000000-0000-0000-0000-00000000000{i}")
                                         for i, name in enumerate(names)])
    harness.mkfs("data", "ext4", 64 * MIB)
    harness.mkfs("broken", "ext4", 64 * MIB, "-O", "^metadata_csum")
    with open("broken", "r+b") as file:
        file.seek(1024 + 0x60)
        incompatible = int.from_bytes(file.read(4), "little")
        file.seek(1024 + 0x60)
        file.write(struct.pack("<I", incompatible | 0x40000000))
    for name in "luks2", "swap":
        write(name, *CONTENTS[name][2:], size=64 * MIB)
    with open("stack.img", "r+b") as target:
        for i, name in enumerate(names):
            if name != "empty":
                target.seek(MIB + 64 * MIB * i)
                with open(name, "rb") as source:
                    target.write(source.read())
    result = expect("info of all of them", 0, "info", "stack.img", message="^$")
    rows = [line for line in result.text.splitlines() if line[:1].isdigit()]
    ok([row.split("  ")[0] for row in rows] == list("12345") and "LUKS encryption, version 2" in rows[1] and "none known" in rows[3],
       "a row for each", result)
    reasons = {line.split(":")[0][-1]: line for line in result.text.splitlines() if line.startswith("Not mounted, ")}
    ok(sorted(reasons) == list("2345"), "a reason for each that is not mounted", result)
    ok("cryptsetup" in reasons["2"] and "no files" in reasons["3"] and "mkfs" in reasons["4"] and "40000000" in reasons["5"], "the right ones", reasons)
    told = parsed("info", "--json", "stack.img")["places"]
    ok([(p["mounted"], "reason" in p) for p in told] == [(True, False)] + [(False, True)] * 4, "for programs, too", told)
    result = run("df", "stack.img")
    ok(result.code == 1 and [line.split()[0] for line in result.text.splitlines()[1:]] == ["stack.img@1"], "df: what there is space in", result)
    ok(result.err.startswith("rumpus: stack.img@5: cannot be mounted as ext4: ") and result.err.count("\n") == 1,
       "the damaged one is told, what holds no files is not", result)
    result = run("df", "--json", "stack.img")
    ok(result.code == 1 and len(json.loads(result.out)) == 5, "df --json has all of them", result)
    expect("one of them", 1, "ls", "stack.img@luks2", message="stack.img@luks2: holds LUKS encryption, version 2")
    expect("none chosen", 1, "ls", "stack.img", message=r'2 \(LUKS encryption, version 2, 64.0 MiB, "luks2"\), 3 \(swap space, ')
    expect("info of one", 0, "info", "stack.img@3", message="^$")
    expect("info of the damaged one", 1, "info", "stack.img@5", message="stack.img@5: cannot be mounted as ext4: .*40000000")


def main():
    harness.start()
    contents()
    containers()
    stack()
    harness.done()


main()
