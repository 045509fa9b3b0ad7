#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Names that a target takes for one and the same: nothing is lost without a word. Argument: such a file system."""

import os
import sys

import harness
import kinds
from harness import expect, ok, run

FILES = {"Makefile": "1", "makefile": "2", "MAKEFILE": "3", "Doc/a": "4", "doc/a": "5", "doc/b": "6", "other": "7"}


def make_sources():
    os.mkdir("tree")
    for path, text in FILES.items():
        os.makedirs(os.path.dirname(f"tree/{path}"), exist_ok=True)
        with open(f"tree/{path}", "wb") as file:
            file.write(text.encode())
    os.symlink("other", "tree/OTHER")


def make(kind, path):
    """An empty image whose root holds names that differ in case for one."""
    if kind != "ext4-casefold":
        kinds.make(kind, path)
        return
    kinds.make("ext4", path, "-O", "casefold")
    harness.tool("debugfs", "-w", "-R", "set_inode_field / flags 0x40080000", path)  # of directories: fold case


def copied(image):
    """What is in an image, by path."""
    found = run("find", f"{image}:/tree", "-type", "f").text.split()
    return {path.removeprefix(f"{image}:/tree/"): run("cat", path).text for path in found}


def is_told(name, image, *words, **more):
    """Whichever of them comes first is there, whole; of each other one a message says that it is not."""
    result = run(*words, **more)
    told = [line for line in result.err.splitlines() if "its name is the same as \"" in line]
    found = copied(image)
    ok(result.code == 1 and len(told) >= 3 and all(f"{image}:/tree/" in line for line in told), f"{name}: those that are left out are told",
       result)
    ok(len([path for path in found if path.lower() == "makefile"]) == 1 and len({path[:3] for path in found if path[3:4] == "/"}) == 1,
       f"{name}: one of each", found)
    # Where there are no symbolic links, the file "other" may get the name of what could not be made.
    ok(all(text == FILES.get(path, FILES[path.lower()]) for path, text in found.items()), f"{name}: and it is what it was", found)


def main():
    kind = sys.argv[1]
    harness.start()
    kinds.find_programs()
    make_sources()
    make(kind, "disk.img")
    is_told("cp", "disk.img", "cp", "-r", "tree", "disk.img:/")
    is_told("over it, again", "disk.img", "cp", "-r", "tree", "disk.img:/")
    make(kind, "other.img")
    harness.tool("tar", "-cf", "tree.tar", "tree")
    is_told("untar", "other.img", "untar", "-f", "tree.tar", "other.img")
    kinds.make("ext4", "case.img")
    run("cp", "-r", "tree", "case.img:/")
    make(kind, "third.img")
    is_told("from another image", "third.img", "cp", "-r", "case.img:/tree", "third.img:/")

    os.mkdir("renamed")
    with open("renamed/OTHER", "wb") as file:
        file.write(b"new")
    expect("what was there before is replaced, as any other file is", 0, "cp", "-r", "renamed/.", "disk.img:/tree", message="^$")
    found = copied("disk.img")
    ok([found[path] for path in found if path.lower() == "other"] == ["new"], "and only that", found)
    os.rename("renamed", "DOC")
    expect("a directory that was there before is used", 0, "cp", "-r", "DOC", "disk.img:/tree", message="^$")
    found = copied("disk.img")
    ok(len({path.split("/")[0] for path in found if path.lower().startswith("doc/")}) == 1 and "new" in found.values(), "by its own name", found)
    harness.done()


main()
