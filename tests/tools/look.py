#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What is told about files: as the host's own tools tell it of the same image. Argument: file system, "-root"."""

import base64
import json
import os
import re
import subprocess
import sys

import harness
import trees
from harness import check, digest, expect, ok, parsed, run, tool

STAT_FORMATS = ("%a %A %b %B %f %F %g %h %i %n %o %s %t %T %u", "%x|%y|%z|%w", "%X %Y %Z %W %.3X %.9Y",
                "[%10s] [%-10s] [%010s] [%#a] [%5.2F] [%'s] [%+5u]", "%% %n %N")


def same(got, wanted, name):
    """Bytes of lines, in any order."""
    got, wanted = sorted(got), sorted(wanted)
    wrong = [f"only rumpus: {line!r}" for line in got if line not in wanted][:10]
    wrong += [f"only the host: {line!r}" for line in wanted if line not in got][:10]
    return ok(got == wanted, name, "\n".join(wrong))


def host(*args):
    """A tool of the host's, in the mounted tree. Returns bytes."""
    return subprocess.run(args, cwd="mnt", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout


def all_names():
    return [os.fsencode(os.path.relpath(os.path.join(path, name), "mnt"))
            for path, dirs, files in os.walk("mnt") for name in dirs + files]


def stat_like_host(image):
    names = all_names()
    for form in STAT_FORMATS:
        # What GNU stat quotes in a way of its own is left to other formats.
        chosen = [name for name in names if re.fullmatch(rb"[-\w/.]+", name) or "%N" not in form]
        got = run("stat", "-c", form, *[os.fsencode(image) + b":/" + name for name in chosen]).out
        wanted = host("stat", "-c", form, *chosen)
        got = got.replace(os.fsencode(image) + b":/", b"")
        same(got.split(b"\n"), wanted.split(b"\n"), f"stat -c '{form}'")
    got = run("stat", "-L", "-c", "%i %F", f"{image}:/tree/link").out
    ok(got == host("stat", "-L", "-c", "%i %F", "tree/link"), "stat -L")


def du_like_host(image):
    for options in ("", "-a", "-s", "-l", "-b", "-ab", "-c", "-d 1", "-d0 -h", "-ah", "--inodes", "-a0"):
        got = run("du", *options.split(), f"{image}:/tree").out.replace(os.fsencode(image) + b":/", b"")
        wanted = host("du", *options.split(), "tree")
        if "b" in options:
            # Newer versions of du count no apparent size for directories; neither does rumpus.
            got, wanted = (re.sub(rb"(?m)^\d+\t(?=(tree(/.*)?)$)", b"", lines) if "a" not in options else lines
                           for lines in (got, wanted))
            got, wanted = (b"\n".join(line for line in lines.split(b"\n") if not line.endswith(directories()))
                           for lines in (got, wanted))
        same(got.split(b"\n"), wanted.split(b"\n"), f"du {options}")


def directories():
    return tuple(b"\t" + os.fsencode(os.path.relpath(path, "mnt")) for path, _, _ in os.walk("mnt")) + (b"-never",)


def mounted(image):
    os.mkdir("mnt")
    made = tool("mount", "-o", "loop,ro", "copy.img", "mnt")
    if not ok(made.returncode == 0, "mounted by the host", made.stdout):
        return
    try:
        stat_like_host(image)
        du_like_host(image)
    finally:
        tool("umount", "mnt")


def stat_alone(image):
    for name in ("one", "size-65537", "link", "a", "a/b/c", "fifo", "holes"):
        st = os.lstat(f"tree/{name}")
        result = run("stat", "-c", "%f %s %h %u %g %.9Y", f"{image}:/tree/{name}")
        got = result.text.split()
        wanted = [f"{st.st_mode:x}", str(st.st_size), str(st.st_nlink), str(st.st_uid), str(st.st_gid),
                  f"{st.st_mtime_ns // 10**9}.{st.st_mtime_ns % 10**9:09}"]
        if name.startswith("a"):
            got[1:3] = wanted[1:3] = []  # of directories, sizes and links are the file system's own
        ok(got == wanted, f"stat of {name}", f"{got} instead of {wanted}\n{result}")
    result = expect("stat for people", 0, "stat", f"{image}:/tree/one", f"{image}:/tree/link", message="^$")
    ok(re.search(r"File: disk.img:/tree/one\n  Size: 1 .*regular file\n", result.text), "with size and type", result)
    ok("File: disk.img:/tree/link -> one\n" in result.text and "(4711/-rws--x--x)" in result.text, "links and modes", result)
    ok(run("stat", "--printf", r"%s\t%n\n\101\0", f"{image}:/tree/one").out == b"1\tdisk.img:/tree/one\nA\0", "escapes of --printf")


def debugfs(image):
    """An independent reader."""
    for name in ("one", "size-131072", "a/b/c/f17"):
        inode, mode, links, blocks = run("stat", "-c", "%i %a %h %b", f"{image}:/tree/{name}").text.split()
        told = tool("/usr/sbin/debugfs", "-R", f"stat /tree/{name}", image).stdout
        ok(all(re.search(wanted, told) for wanted in (rf"Inode: {inode}\b", rf"Mode: +0*{mode}\b", rf"Links: {links}\b",
                                                       rf"Blockcount: {blocks}\b")), f"debugfs agrees about {name}", told)


def as_json(image):
    told = parsed("stat", "--json", f"{image}:/tree/one", f"{image}:/tree/link")
    ok([(t["path"], t["type"], t["mode"], t["size"]) for t in told] ==
       [("disk.img:/tree/one", "regular file", "4711", 1), ("disk.img:/tree/link", "symbolic link", "0777", 3)], "stat", told)
    ok(told[1]["target"] == "one" and told[0]["modified"].endswith("Z"), "with target and times", told)

    def count(entry):
        return 1 + sum(count(below) for below in entry.get("contents", []))

    told = parsed("tree", "-a", "--json", f"{image}:/tree")
    ok(count(told[0]) == 1 + sum(len(d) + len(f) for _, d, f in os.walk("tree")), "tree has every file", count(told[0]))
    odd = [entry for entry in told[0]["contents"] if "path_base64" in entry]
    ok(len(odd) == 1 and base64.b64decode(odd[0]["path_base64"]).endswith(b"/not-utf8-\xff\xfe"), "with exact names", odd)
    told = parsed("du", "-s", "--json", f"{image}:/tree/a", f"{image}:/tree/empty")
    ok([t["path"] for t in told] == ["disk.img:/tree/a", "disk.img:/tree/empty"] and told[1]["inodes"] == 1, "du", told)
    told = parsed("ls", "--json", f"{image}:/tree/one", f"{image}:/tree/a")
    ok(told[0]["path"] == "disk.img:/tree/one" and told[0]["mode"] == "4711" and
       [t["path"] for t in told[1:]] == [f"disk.img:/tree/a/{name}" for name in sorted(os.listdir("tree/a"))], "ls", told)
    told = parsed("ls", "-aR", "--json", f"{image}:/tree")
    found = {os.path.join(path, name) for path, dirs, files in os.walk("tree") for name in dirs + files}
    named = {t["path"][len("disk.img:/"):] for t in told if "path_base64" not in t and not t["path"].endswith(("/.", "/.."))}
    expected = {path for path in found if not re.search("[\udc80-\udcff]", path)}
    ok(named == expected and len(told) > len(found), "ls -R has every file", named ^ expected)
    result = expect("ls of what is missing", 1, "ls", "--json", f"{image}:/missing", message="/missing: No such file")
    ok(json.loads(result.out) == [], "is an empty array", result)
    ok(run("ls", "-R", image).text.startswith(f"{image}:/:\n"), "the root has the heading of a directory")
    names = [name for name in os.listdir("tree/a") if not name.startswith(".")]
    told = {entry["path"].rpartition("/")[2]: entry for entry in parsed("ls", "--json", f"{image}:/tree/a")}
    for sort, key in {"-t": lambda name: told[name]["modified"], "-S": lambda name: told[name]["size"]}.items():
        # What is equal remains in the order of names, which turns round with the rest.
        groups = [[name for name in sorted(names, key=os.fsencode) if key(name) == value] for value in sorted({key(name) for name in names})[::-1]]
        wanted = [name for group in groups for name in group]
        got = run("ls", "-1", sort, f"{image}:/tree/a").text.splitlines()
        ok(got == wanted, f"ls {sort}", f"{got}\n{wanted}")
        got = run("ls", "-1r", sort, f"{image}:/tree/a").text.splitlines()
        ok(got == wanted[::-1], f"ls -r {sort}", f"{got}\n{wanted}")
    told = parsed("dmesg", "--json", image)
    lines = run("dmesg", image).text.splitlines()
    shown = [(t["level"] in range(8), t["text"]) for t in told if "Linux version" in t["text"]]
    ok(shown == [(True, line.split("] ", 1)[1]) for line in lines if "Linux version" in line] and
       all(isinstance(t["microseconds"], int) for t in told), "dmesg", told)
    ok(parsed("tree", "--json", "-L", "1", "-I", "*", f"{image}:/tree")[0]["contents"] == [], "an empty tree")


def drawing(image):
    drawn = expect("a tree", 0, "tree", f"{image}:/tree/a", message="^$").out
    lines = [line for line in drawn.split(b"\n") if line]
    ok(lines[0] == b"disk.img:/tree/a" and lines[-1] == b"2 directories, 303 files",
       "from the root to the sum", drawn[-300:])
    ok(b"|-- b" in drawn and b"|   |-- c" in drawn and b"`-- hard-symlink -> one" in drawn, "with branches", drawn[-300:])
    drawn = run("tree", "-d", "-L", "2", f"{image}:/tree/a").out
    ok(drawn.count(b"-- ") == 2 and b"f17" not in drawn, "directories only, of two levels", drawn)
    drawn = run("tree", "-smf", "-I", "f*", f"{image}:/tree/a").out
    ok(b"[-rws--x--x           1]  disk.img:/tree/a/b/hard" in drawn and b"/f1" not in drawn, "details, whole paths", drawn)


def terminal(image):
    """To a terminal names are harmless, to a pipe exact."""
    main_end, other = os.openpty()
    for args in (("stat", "-c", "%n"), ("du",), ("tree", "-f")):
        result = run(*args, f"{image}:/tree/two\nlines", b"disk.img:/tree/not-utf8-\xff\xfe", stdout=other)
        shown = os.read(main_end, 65536)
        ok(result.code == 0 and rb"two\nlines" in shown and rb"not-utf8-\377\376" in shown, f"{args[0]} on a terminal", shown)
        ok(b"two\nlines" in run(*args, f"{image}:/tree/two\nlines").out, f"{args[0]} in a pipe")
    os.close(other)
    os.close(main_end)


def refusals(image):
    for line, message in (("stat", "tell about what"), ("tree", "a tree of what"), ("du", "what takes"),
                          ("stat -c %Q x", 'format "%Q": "%Q" is not understood'), ("stat -c %5 x", "not understood"),
                          ("tree -L 0 x", "depth of 1 or more"), ("tree -L x y", "give a number"),
                          ("du -s -a x", "exclude"), ("du -s -d 3 x", "exclude")):
        expect(line, 2, *line.split(), message=message)
    for name in ("stat", "tree", "du"):
        expect(f"{name} of a missing file", 1, name, f"{image}:/missing", message="missing: cannot (open|examine): No such file")
        result = expect(f"{name} of that and another", 1, name, f"{image}:/missing", f"{image}:/tree/one", message="missing")
        ok("tree/one" in result.text, "the other is told", result)
        with open("/dev/full", "wb") as full:
            expect(f"{name} to a full disk", 1, name, f"{image}:/tree/one", stdout=full, message="standard output.*no space")


def main():
    kind, _, who = sys.argv[1].partition("-")
    harness.start(as_root=who == "root")
    trees.make("tree")
    image = harness.mkfs("disk.img", kind)
    expect(f"{kind}: a tree", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    sums = digest(image)
    if who == "root":
        subprocess.run(["cp", image, "copy.img"], check=True)
        mounted(image)
    else:
        stat_alone(image)
        as_json(image)
        drawing(image)
        terminal(image)
        refusals(image)
        if kind == "ext4":
            debugfs(image)
    ok(digest(image) == sums, f"{kind}: looking changed not one byte")
    check(image, kind)
    harness.done()


main()
