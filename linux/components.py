#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make the directory of components: modules of the kernel's build, stripped, and the index that librumpus reads.

usage: components.py install OBJ DIRECTORY [STRIP]   from a build's folder to DIRECTORY/RELEASE, instead of what was there
       components.py index DIRECTORY                 anew for the *.ko of a directory, after adding one's own

The index is text, a line for each fact:

    component NAME BYTES CRC32 [[?]NEEDED...]   the file NAME.ko; with "?" it can do without
    builtin NAME                                part of the image
    alias OTHER NAME                            what the kernel may ask for, and which component offers it
"""

import os
import shutil
import struct
import subprocess
import sys
import zlib

# What drivers ask for when they are used, and do not say: loaded with them, for later may be too late.
WANTED = {
    "f2fs": ["crypto-crc32"],
}

HEADER = "rumpus-components 1"
INDEX = "components"


def modinfo(path):
    """The strings of a module's section .modinfo, as a list of (key, value)."""
    with open(path, "rb") as file:
        data = file.read()
    if data[:6] != b"\x7fELF\x02\x01":
        sys.exit(f"{path}: not an ELF file of 64 bits; was it built for another machine?")
    shoff, shentsize, shnum, shstrndx = struct.unpack_from("<Q", data, 40) + struct.unpack_from("<HHH", data, 58)
    sections = [struct.unpack_from("<IIQQQQ", data, shoff + i * shentsize) for i in range(shnum)]
    names = sections[shstrndx][4]
    for section in sections:
        name = data[names + section[0]:data.index(b"\0", names + section[0])]
        if name == b".modinfo":
            return parse_modinfo(data[section[4]:section[4] + section[5]])
    sys.exit(f"{path}: has no section .modinfo: not a module")


def parse_modinfo(data):
    return [tuple(entry.decode().split("=", 1)) for entry in data.split(b"\0") if b"=" in entry]


def component_lines(path):
    """What the index says about one file."""
    name = os.path.basename(path)[:-len(".ko")]
    with open(path, "rb") as file:
        data = file.read()
    needed = [f"?{word}" for word in WANTED.get(name, [])]
    aliases = []
    for key, value in modinfo(path):
        if key == "depends":
            needed += [word for word in value.split(",") if word]
        elif key == "softdep" and value.startswith("pre:"):
            needed += [f"?{word}" for word in value[len("pre:"):].split("post:")[0].split()]
        elif key == "alias":
            aliases.append(value)
    yield " ".join(["component", name, str(len(data)), f"{zlib.crc32(data):08x}", *needed])
    for alias in aliases:
        yield from alias_lines(alias, name)


def alias_lines(alias, name):
    # Patterns are for devices that a bus finds; a kernel of these components has no such bus.
    if not set(alias) & set("*?[ "):
        yield f"alias {alias} {name}"


def builtin_lines(obj):
    with open(f"{obj}/modules.builtin", encoding="utf-8") as file:
        for line in file:
            yield f"builtin {os.path.basename(line.strip())[:-len('.ko')].replace('-', '_')}"
    with open(f"{obj}/modules.builtin.modinfo", "rb") as file:
        for key, value in parse_modinfo(file.read()):
            # NAME.alias=OTHER
            if key.endswith(".alias"):
                yield from alias_lines(value, key[:-len(".alias")])


def write_index(directory, extra):
    lines = list(extra)
    for name in sorted(os.listdir(directory)):
        if name.endswith(".ko"):
            lines += component_lines(f"{directory}/{name}")
    with open(f"{directory}/{INDEX}.new", "w", encoding="utf-8") as file:
        file.write("\n".join([HEADER, *lines]) + "\n")
    os.rename(f"{directory}/{INDEX}.new", f"{directory}/{INDEX}")


def keep_builtin(directory):
    """Lines of an index that are not about files."""
    try:
        with open(f"{directory}/{INDEX}", encoding="utf-8") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    builtin = {line.split()[1] for line in lines if line.startswith("builtin ")}
    return [line for line in lines if line.startswith("builtin ") or
            (line.startswith("alias ") and line.split()[2].replace("-", "_") in builtin)]


def install(obj, directory, strip):
    with open(f"{obj}/include/config/kernel.release", encoding="utf-8") as file:
        directory = f"{directory}/{file.read().strip()}"
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    with open(f"{obj}/modules.order", encoding="utf-8") as file:
        for line in file:
            # Objects in later versions, modules in earlier ones.
            source = os.path.splitext(line.strip())[0] + ".ko"
            target = f"{directory}/{os.path.basename(source).replace('-', '_')}"
            subprocess.run([*strip.split(), "--remove-section=.comment", "-o", target, f"{obj}/{source}"],
                           check=True)
            os.chmod(target, 0o644)
    write_index(directory, builtin_lines(obj))


def main(arguments):
    if len(arguments) in (3, 4) and arguments[0] == "install":
        install(arguments[1], arguments[2], arguments[3] if len(arguments) == 4 else "strip --strip-unneeded")
    elif len(arguments) == 2 and arguments[0] == "index":
        write_index(arguments[1], keep_builtin(arguments[1]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
