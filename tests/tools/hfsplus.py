# SPDX-License-Identifier: BSD-2-Clause
"""
Empty HFS+ volumes, for which Debian has no mkfs: Apple's Technical Note TN1150, "HFS Plus Volume Format".

Everything is big-endian. The volume's blocks are: boot blocks and header, bitmap, B-tree of extents, B-tree of the
catalog; in the last one is the second header.
"""

import struct

BLOCK = 4096
NODE = 4096  # bytes of a B-tree node
CATALOG_NODES, EXTENTS_NODES = 256, 16

EPOCH = 2082844800  # seconds from 1904, where times begin, to 1970
MADE = EPOCH + 1600000000
LEAF, HEADER = -1, 1  # kinds of nodes
BIG_KEYS, VARIABLE_INDEX_KEYS = 2, 4
ROOT_PARENT, ROOT, FIRST_USER = 1, 2, 16  # catalog node IDs
FOLDER, FOLDER_THREAD = 1, 3
UNMOUNTED = 1 << 8
DIRECTORY = 0o40755


def _node(kind, height, records):
    """Records from the front, their offsets from the back."""
    data = struct.pack(">IIbBHH", 0, 0, kind, height, len(records), 0)
    offsets = b""
    for record in records:
        offsets = struct.pack(">H", len(data)) + offsets
        data += record
    offsets = struct.pack(">H", len(data)) + offsets
    return data.ljust(NODE - len(offsets), b"\0") + offsets


def _tree(nodes, longest_key, attributes, leaf):
    """A B-tree of one leaf, or of none. @leaf: its records"""
    used = 2 if leaf else 1
    header = struct.pack(">HIIIIHHIIHIBBI64x", 1 if leaf else 0, used - 1, len(leaf), used - 1, used - 1, NODE, longest_key,
                         nodes, nodes - used, 0, nodes * NODE, 0, 0, attributes)
    bitmap = bytes([0xff << (8 - used) & 0xff]).ljust(NODE - 14 - len(header) - 128 - 8, b"\0")
    data = _node(HEADER, 0, [header, bytes(128), bitmap])
    if leaf:
        data += _node(LEAF, 1, leaf)
    return data.ljust(nodes * NODE, b"\0")


def _name(text):
    return struct.pack(f">H{len(text)}H", len(text), *map(ord, text))


def _record(parent, name, data):
    key = struct.pack(">I", parent) + _name(name)
    return struct.pack(">H", len(key)) + key + data


def _root_folder(label):
    folder = struct.pack(">HHII5I", FOLDER, 0, 0, ROOT, *[MADE] * 5)
    folder += struct.pack(">IIBBHI", 0, 0, 0, 0, DIRECTORY, 0) + bytes(16 + 16) + struct.pack(">II", 0, 0)
    thread = struct.pack(">HHI", FOLDER_THREAD, 0, ROOT_PARENT) + _name(label)
    return [_record(ROOT_PARENT, label, folder), _record(ROOT, "", thread)]


def _fork(start, count):
    return struct.pack(">QIIII56x", count * BLOCK, count * BLOCK, count, start, count)


def make(path, size, label="Untitled"):
    """Make the file @path, whose size of @size bytes is a multiple of BLOCK, an empty volume."""
    blocks = size // BLOCK
    bitmap_at = 1
    extents_at = bitmap_at + -(-blocks // (8 * BLOCK))
    catalog_at = extents_at + EXTENTS_NODES
    used = catalog_at + CATALOG_NODES
    header = struct.pack(">2sHI4sI4IIIIIIIIIIIQ32x", b"H+", 4, UNMOUNTED, b"10.0", 0, MADE, MADE, 0, MADE, 0, 0, BLOCK, blocks,
                         blocks - used - 1, used, BLOCK, BLOCK, FIRST_USER, 0, 1)
    header += _fork(bitmap_at, extents_at - bitmap_at) + _fork(extents_at, EXTENTS_NODES) + _fork(catalog_at, CATALOG_NODES)
    header += _fork(0, 0) * 2
    bits = (1 << blocks) - (1 << blocks - used) | 1  # the first ones, and the last one
    with open(path, "wb") as image:
        image.truncate(size)
        for place in (1024, size - 1024):
            image.seek(place)
            image.write(header)
        image.seek(bitmap_at * BLOCK)
        image.write((bits << -blocks % 8).to_bytes(-(-blocks // 8), "big"))
        image.seek(extents_at * BLOCK)
        image.write(_tree(EXTENTS_NODES, 10, BIG_KEYS, []))
        image.write(_tree(CATALOG_NODES, 516, BIG_KEYS | VARIABLE_INDEX_KEYS, _root_folder(label)))
