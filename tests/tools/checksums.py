# SPDX-License-Identifier: BSD-2-Clause
"""Checksums of file systems: made right again, so that damage gets past whoever verifies them first."""

import struct
import zlib

PAGE = 4096


def _table(polynomial):
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        table.append(value)
    return table


CRC32C = _table(0x82F63B78)


def crc32c(data, value=0xFFFFFFFF):
    """Without the last inversion."""
    for byte in data:
        value = value >> 8 ^ CRC32C[(value ^ byte) & 0xFF]
    return value


def crc16(data):
    """CRC-ITU-T, as UDF has it: the highest bit first, from zero."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _ in range(8):
            value = (value << 1 ^ (0x1021 if value & 0x8000 else 0)) & 0xFFFF
    return value


def _blocks(image, size):
    """Starts of the blocks of this size that have been changed."""
    return sorted({number * PAGE // size * size for number in image.pages})


def _put(image, offset, data):
    if image.read(offset, len(data)) == data:
        return 0
    image.write(offset, data)
    return 1


def _with_hole(data, at, length=4):
    return data[:at] + bytes(length) + data[at + length:]


# Of XFS, as big-endian numbers: magic at the start of a sector or block: (where the checksum is, bytes that it covers)
XFS_SECTORS = {0x58465342: 224, 0x58414746: 216, 0x58414749: 312, 0x5841464C: 32}
XFS_BLOCKS = {
    **dict.fromkeys((0x41423342, 0x41423343, 0x49414233, 0x46494233, 0x52334243), 52),  # btrees of an allocation group
    **dict.fromkeys((0x424D4133, 0x524D4233), 64),  # btrees of an inode's extents
    **dict.fromkeys((0x58444233, 0x58444433, 0x58444633), 4),  # directory: one block, data, free
    0x58534C4D: 12, 0x5841524D: 12,  # a symbolic link, a large attribute
}
XFS_DA_BLOCKS = dict.fromkeys((0x3EBE, 0x3BEE, 0x3DF1, 0x3DFF), 12)  # magic of 16 bits at 8: directory and attribute trees


def _xfs_checksum(data):
    magic = int.from_bytes(data[:4], "big")
    if magic in XFS_BLOCKS:
        return XFS_BLOCKS[magic]
    return XFS_DA_BLOCKS.get(int.from_bytes(data[8:10], "big"))


def _xfs_put(image, offset, data, at):
    return _put(image, offset + at, struct.pack("<I", crc32c(_with_hole(data, at)) ^ 0xFFFFFFFF))


def xfs(image):
    """Version 5: sectors of headers, inodes of 512 bytes, blocks of 4096 bytes."""
    done = 0
    for start in _blocks(image, PAGE):
        block = image.read(start, PAGE)
        for offset in range(0, len(block), 512):
            sector = block[offset:offset + 512]
            magic = int.from_bytes(sector[:4], "big")
            if magic in XFS_SECTORS:
                done += _xfs_put(image, start + offset, sector, XFS_SECTORS[magic])
            elif sector[:2] == b"IN" and sector[4] == 3:
                done += _xfs_put(image, start + offset, sector, 100)
        at = _xfs_checksum(block)
        if at:
            done += _xfs_put(image, start, block, at)
    return done


def btrfs(image):
    """crc32c in the first bytes of superblocks and of nodes, which know the file system's identity."""
    done = 0
    identity = image.read(0x10020, 16)
    for start in _blocks(image, 16384):
        for offset, size in [(start, 16384)] + [(start + at, PAGE) for at in range(0, 16384, PAGE)]:
            data = image.read(offset, size)
            superblock = data[64:72] == b"_BHRfS_M"
            if data[32:48] != identity or superblock == (size > PAGE):
                continue
            if not superblock and offset != start:
                continue
            done += _put(image, offset, struct.pack("<I", crc32c(data[32:]) ^ 0xFFFFFFFF))
    return done


def f2fs(image):
    """The blocks of a checkpoint; nothing else has one by default."""
    done = 0
    for start in _blocks(image, PAGE):
        data = image.read(start, PAGE)
        at = int.from_bytes(data[164:168], "little")  # checksum_offset of a checkpoint
        if 192 <= at <= PAGE - 4 and int.from_bytes(data[:8], "little") < 1 << 32:
            crc = zlib.crc32(data[:at], 0xF2F52010 ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
            done += _put(image, start + at, struct.pack("<I", crc))
    return done


def nilfs2(image):
    """The superblocks: at 1 KiB, and in the last but one block of 4 KiB."""
    done = 0
    for start in (1024, image.base.size // PAGE * PAGE - PAGE):
        data = image.read(start, 1024)
        length, seed = struct.unpack_from("<HxxI", data, 8)
        if data[6:8] == b"\x34\x34" and 20 <= length <= len(data):
            crc = zlib.crc32(_with_hole(data[:length], 16), seed ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
            done += _put(image, start + 16, struct.pack("<I", crc))
    return done


def erofs(image):
    """The superblock at 1 KiB, with what follows it in its block."""
    data = image.read(1024, PAGE - 1024)
    return _put(image, 1028, struct.pack("<I", crc32c(_with_hole(data, 4))))


def romfs(image):
    """The sum of the first 512 bytes is 0."""
    data = image.read(0, 512)
    words = struct.unpack(f">{len(data) // 4}I", data)
    return _put(image, 12, struct.pack(">I", (words[3] - sum(words)) % (1 << 32)))


def udf(image):
    """Descriptors begin with a tag, which has a checksum of itself and a CRC of what follows."""
    done = 0
    for start in _blocks(image, 512):
        data = image.read(start, PAGE)
        identifier, version = struct.unpack_from("<HH", data)
        place = int.from_bytes(data[12:16], "little")
        if not 0 < identifier < 267 or version not in (2, 3) or place > image.base.size // 512:
            continue
        length = min(int.from_bytes(data[10:12], "little"), len(data) - 16)
        tag = bytearray(data[:16])
        tag[8:10] = struct.pack("<H", crc16(data[16:16 + length]))
        tag[4] = (sum(tag) - tag[4]) % 256
        done += _put(image, start, bytes(tag))
    return done


def exfat(image):
    """The boot sectors; their checksum fills the twelfth."""
    value = 0
    for at, byte in enumerate(image.read(0, 11 * 512)):
        if at not in (106, 107, 112):  # what changes while it is mounted
            value = ((value << 31 | value >> 1) + byte) % (1 << 32)
    return _put(image, 11 * 512, struct.pack("<I", value) * 128)


REPAIRS = {
    "xfs": xfs, "btrfs": btrfs, "f2fs": f2fs, "nilfs2": nilfs2, "erofs": erofs, "erofs-lz4hc": erofs, "romfs": romfs,
    "udf": udf, "exfat": exfat,
}


def repair(kind, image):
    """Make right what is wrong of @image, a Mutant. Return: how many checksums were changed"""
    return REPAIRS[kind](image) if kind in REPAIRS else 0
