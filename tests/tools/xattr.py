#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""getfattr and setfattr: dumps as the host's tools write and read them. Argument: file system, "-root"."""

import os
import shutil
import subprocess
import sys

import harness
import trees
from harness import check, expect, ok, parsed, run, same_tree, snapshot, tool

VALUES = (("user.text", "plain", b"plain"), ("user.quoted", '"a \\"b\\" \\\\ \\012c"', b'a "b" \\ \nc'), ("user.hex", "0x00ff10", b"\0\xff\x10"),
          ("user.base64", "0sAAECAwT/", bytes([0, 1, 2, 3, 4, 255])), ("user.empty", "", b""), ("user.long", "x" * 300, b"x" * 300),
          ("user.odd\nname=x", "v", b"v"), ("user.zero-at-end", "text\\000", b"text\0"))


def odd_names():
    trees.write("tree/b\nc", b"")
    os.setxattr("tree/b\nc", "user.of odd=\nname", b"some \"text\"\\ with\nlines")
    os.setxattr("tree/b\nc", "user.binary", bytes(range(256)))
    os.setxattr("tree/b\nc", "user.mostly", b"mostly text \xe4 with one odd byte")


def dumps_of(data):
    """A dump by file: orders of directories differ."""
    return sorted(part.strip(b"\n") for part in data.split(b"# file: ") if part.strip())


def dumps_like_host(image):
    """The host's getfattr in a twin of the tree."""
    for options in ("-R", "-R -d", "-R -d -e hex", "-R -d -e base64", "-R -d -e text", "-R -d -m ^user.l", "-R -d -m -"):
        # With -h: the host's tool shows the attributes of what a link leads to under the link's name, too.
        mine = run("getfattr", "-h", *options.split(), f"{image}:/tree")
        host = subprocess.run(["getfattr", "-h", *options.split(), "tree"], stdout=subprocess.PIPE, check=False).stdout
        got, wanted = dumps_of(mine.out), dumps_of(host)
        ok(mine.code == 0 and got == wanted, f"getfattr {options}", f"{[g for g in got if g not in wanted]}\n{[w for w in wanted if w not in got]}")
    got = run("getfattr", "-n", "user.short", f"{image}:/tree/one", f"{image}:/tree/a/b/hard").out
    ok(got == b'# file: tree/one\nuser.short="v"\n\n# file: tree/a/b/hard\nuser.short="v"\n\n', "getfattr -n", got)
    ok(run("getfattr", "--only-values", "-n", "user.binary", f"{image}:/tree/b\nc").out == bytes(range(256)), "--only-values")
    told = parsed("getfattr", "--json", f"{image}:/tree/one")
    ok([t["name"] for t in told] == ["user.short", "user.zero"] and told[0]["value_base64"] == "dg==", "--json", told)


def setting(image):
    one = f"{image}:/tree/one"
    for name, text, value in VALUES:
        expect(f"setfattr -n {name!r}", 0, "setfattr", "-n", name, "-v", text, one, message="^$")
        got = run("getfattr", "--only-values", "-n", name, one).out
        ok(got == value, f"its value is {value[:20]!r}", got)
    expect("through a symbolic link", 0, "setfattr", "-n", "user.by-link", f"{image}:/tree/link", message="^$")
    ok(b"user.by-link" in run("getfattr", one).out and b"user.by-link" in run("getfattr", f"{image}:/tree/link").out, "to the file")
    expect("of the link itself", 1, "setfattr", "-h", "-n", "user.x", f"{image}:/tree/link", message="user.x: not for this kind of file")
    expect("but trusted ones", 0, "setfattr", "-h", "-n", "trusted.x", "-v", "y", f"{image}:/tree/link", message="^$")
    ok(run("getfattr", "-h", "-d", "-m", "-", f"{image}:/tree/link").out == b'# file: tree/link\ntrusted.x="y"\n\n', "are there")
    expect("setfattr -x", 0, "setfattr", "-x", "user.long", one, message="^$")
    ok(b"user.long" not in run("getfattr", one).out, "it is gone")
    expect("once more", 1, "setfattr", "-x", "user.long", one, message="user.long: no such attribute")


def restoring(kind, image):
    dump = run("getfattr", "-R", "-d", "-m", "-", image)
    with open("dump", "wb") as file:
        file.write(dump.out)
    other = harness.mkfs("other.img", kind)
    expect("a tree without attributes", 0, "cp", "-r", "tree", f"{other}:/", message="^$")
    expect("setfattr --restore", 0, "setfattr", "-h", "--restore=dump", other, message="^$")
    again = run("getfattr", "-R", "-h", "-d", "-m", "-", other)
    ok(set(dumps_of(dump.out)) <= set(dumps_of(again.out)), "it has all of the dump", set(dumps_of(dump.out)) - set(dumps_of(again.out)))
    check(other, kind)
    # What the host wrote, below a directory.
    with open("dump", "wb") as file:
        file.write(subprocess.run(["getfattr", "-R", "-h", "-d", "-e", "base64", "one", "a", "b\nc"], cwd="tree", stdout=subprocess.PIPE, check=False).stdout)
    expect("what the host's getfattr wrote", 0, "setfattr", "--restore", "dump", f"{other}:/tree", message="^$")
    ok(run("getfattr", "--only-values", "-n", "user.binary", f"{other}:/tree/b\nc").out == bytes(range(256)), "is there")
    # And the other way around.
    with open("dump", "wb") as file:
        file.write(run("getfattr", "-R", "-d", f"{image}:/tree").out)
    subprocess.run(["cp", "-r", "tree", "twin"], check=True)
    os.makedirs("place")
    os.rename("twin", "place/tree")
    done = tool("setfattr", "--restore=../dump", cwd="place")
    ok(done.returncode == 0 and os.getxattr("place/tree/one", "user.hex") == b"\0\xff\x10", "the host's setfattr reads ours", done.stdout)


def acls(image):
    """As the host's setfacl makes them."""
    trees.write("acl", b"")
    tool("setfacl", "-m", "u:1234:rwx,g:5678:r", "acl")
    expect("a file with an ACL", 0, "cp", "-p", "acl", f"{image}:/", message="^$|owner cannot be kept")
    got = run("getfattr", "--only-values", "-n", "system.posix_acl_access", f"{image}:/acl").out
    ok(got == os.getxattr("acl", "system.posix_acl_access"), "its ACL is an attribute", got)
    value = "0x" + got.hex()
    expect("which can be set", 0, "setfattr", "-n", "system.posix_acl_access", "-v", value, f"{image}:/tree/empty", message="^$")
    ok(run("stat", "-c", "%a", f"{image}:/tree/empty").text.strip() == "674", "with the mode that belongs to it")
    expect("but no wrong one", 1, "setfattr", "-n", "system.posix_acl_access", "-v", "wrong", f"{image}:/tree/empty", message="system.posix_acl_access: ")


def refusals(image):
    for line, message in (("getfattr", "attributes of what"), ("getfattr -e octal @", "give text, hex or base64"),
                          ("getfattr -m ( @", "is no regular expression"), ("setfattr @", "give one of -n, -x and --restore"),
                          ("setfattr -n user.x -x user.y @", "give one of"), ("setfattr -v x @", "give one of"),
                          ("setfattr -x user.x -v x @", "-v needs -n"), ("setfattr -n user.x -v 0x1 @", "is not understood"),
                          ("setfattr -n user.x -v 0s??? @", "is not understood"), ("setfattr -n user.x", "attributes of what"),
                          ("setfattr --restore=broken @", "no line .# file: PATH. comes before"),
                          ("setfattr --restore=dump @ @", "one place to restore to")):
        trees.write("broken", b'user.x="y"\n')
        expect(line, 2, *[f"{image}:/tree/one" if w == "@" else w for w in line.split()], message=message)
    expect("a dump that is not there", 1, "setfattr", "--restore=nowhere", image, message="nowhere: cannot be read")
    expect("a missing file", 1, "getfattr", f"{image}:/missing", message="missing: cannot")
    expect("a missing attribute", 1, "getfattr", "-n", "user.none", f"{image}:/tree/one", message="user.none: no such attribute")
    expect("a name that cannot be", 1, "setfattr", "-n", "nonsense", f"{image}:/tree/one", message="nonsense: attributes of this name")
    expect("a read-only image", 1, "-o", "ro", "setfattr", "-n", "user.x", f"{image}:/tree/one", message="read-only")


def main():
    kind, _, who = sys.argv[1].partition("-")
    harness.start(as_root=who == "root")
    trees.make("tree")
    odd_names()
    image = harness.mkfs("disk.img", kind)
    expect(f"{kind}: a tree", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    dumps_like_host(image)
    setting(image)
    restoring(kind, image)
    if kind != "f2fs":
        acls(image)
    if who != "root":
        refusals(image)
    check(image, kind)
    harness.done()


main()
