#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""find: what the host's find finds. As root in a loop mount of the image, else in a twin. Argument: file system, "-root"."""

import os
import shlex
import subprocess
import sys

import harness
import trees
from harness import check, digest, expect, ok, parsed, run, tool

# Each for both; "@" begins the name of a file in the tree. Of a twin, whose owners, inodes and sizes of directories differ,
# only what follows the first lines is asked.
IN_A_MOUNT = r"""
-size 4
-size -2
-size +100k
-size +4096c
-size 0
-size -1M
-size 2w
-uid 0
-uid +1000
-gid -5679
-links 2
-links +2 -type d
-inum +20
-nouser
-newer @one
-anewer @one
-cnewer @one
-newermt '2013-01-01'
-newerat '1999-12-31 23:59:59'
-not -newermt @1300000000
-newerma @one
-mtime +3000
-mtime -3000
-mtime 4000
-ctime -1
-cmin -600
-atime +10000
-amin +600
-samefile @one
-perm 644
-perm -u+s
-perm /111
-perm -111
-perm /u=s,g=s
-perm -o=r,g=w
-perm /000
-perm u=rwx,go=rx
-printf '%P %s %m %M %n %i %d %y %l %f\n'
-mindepth 1 -printf '%p|%h|%H|%k|%b\n'
-printf '%T@ %A@ %C@ [%TY-%Tm-%Td %TH:%TM:%TS] %t %c %TT %T+\n'
-printf '%5d|%-8s|%8s|%#m|%.2f|%U %G\n'
-printf '%%\t\101\\n%AX %Ap %Tj %Ta %TB\n'
-type f -printf '%s\0'
-empty
-nogroup -o -name one -printf '%u %g\n'
"""

ANYWHERE = r"""
-true
-name '*.txt' -o -name 'f1*'
-name 'f?'
-name '[!f]*'
-iname 'F1?'
-name '*[[:space:]]*'
-name '*-*'
-name '.*'
-path '*/b/*'
-path '*/c' -prune -o -print
-ipath '*/B/*' -type f
-wholename '*deep/deep' -print
-type f
-type d
-type l,p,s
-type f -empty
-type d -not -empty -name c
-lname '*'
-lname 'x*' -o -ilname 'ONE'
-maxdepth 1
-mindepth 2 -maxdepth 3
-maxdepth 0
-mindepth 70
-depth -name 'deep'
-name c -prune
-name c -prune -o -name 'f*' -print
-not -type f
! -type f ! -type d
\( -type f -o -type l \) -a -not \( -name 'f*' -o -name 'size*' \)
-type f , -type d
-type f -print , -name c -print
-false -o -name one
-false
-xdev -noleaf -mount -name one
-name one -print0 -print
-type d -print0
-name one -not -print
-perm -u+w -type f -name 'f1*'
"""


def lines_of(data, separators=b"\n\0"):
    for separator in separators[1:]:
        data = data.replace(bytes([separator]), separators[:1])
    return sorted(data.split(separators[:1]))


def same(args, image, root):
    """@root: the host's directory that holds the same."""
    words = shlex.split(args)
    mine = run("find", f"{image}:/tree", *[f"{image}:/tree/{w[1:]}" if w.startswith("@") and not w[1].isdigit() else w for w in words])
    host = subprocess.run(["find", "tree", *[f"tree/{w[1:]}" if w.startswith("@") and not w[1].isdigit() else w for w in words]],
                          cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    got = lines_of(mine.out.replace(os.fsencode(image) + b":/tree", b"tree"))
    wanted = lines_of(host.stdout)
    wrong = [f"only rumpus: {line!r}" for line in got if line not in wanted][:5]
    wrong += [f"only the host: {line!r}" for line in wanted if line not in got][:5]
    ok(mine.code == host.returncode == 0 and got == wanted, f"find {args}",
       "\n".join(wrong) + f"\n{mine.code} {mine.err} {host.returncode} {host.stderr}")


def in_a_mount(image):
    os.mkdir("mnt")
    made = tool("mount", "-o", "loop,ro,noatime", "copy.img", "mnt")
    if not ok(made.returncode == 0, "mounted by the host", made.stdout):
        return
    try:
        for args in (IN_A_MOUNT + ANYWHERE).strip().splitlines():
            if args:
                same(args, image, "mnt")
        got = run("find", f"{image}:/tree", "-depth").out.replace(b"disk.img:/tree", b"tree")
        wanted = subprocess.run(["find", "tree", "-depth"], cwd="mnt", stdout=subprocess.PIPE, check=True).stdout
        ok(got == wanted, "in the same order, too")
        same("-user root -o -group root", image, "mnt")
    finally:
        tool("umount", "mnt")


def in_a_twin(image):
    os.mkdir("twin")
    os.rename("tree", "twin/tree")
    for args in ANYWHERE.strip().splitlines():
        same(args, image, "twin")
    os.rename("twin/tree", "tree")


def removing(kind):
    image = harness.mkfs("removing.img", kind)
    expect("a tree to remove from", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    for args in ("-name 'f1*' -delete", "-type l -print -delete", "-path '*/deep/*' -delete", "-name c -delete"):
        before = run("find", f"{image}:/tree").out.count(b"\n")
        result = run("find", f"{image}:/tree", *shlex.split(args))
        after = run("find", f"{image}:/tree").out.count(b"\n")
        if args == "-name c -delete":
            ok(result.code == 1 and "Directory not empty" in result.err and before == after, "a directory with files stays", result)
        else:
            ok(result.code == 0 and after < before, f"{args}: {before - after} files less", result)
    ok(b"f1" not in run("find", image, "-name", "f1*").out, "they are gone")
    expect("everything", 0, "find", image, "-mindepth", "1", "-not", "-name", "lost+found", "-delete", message="^$")
    ok(run("find", image, "-not", "-name", "lost+found").out == b"removing.img:/\n", "and the root is left")
    expect("read-only", 1, "-o", "ro", "find", image, "-mindepth", "1", "-delete", message="read-only|^$") if kind == "ext4" else None
    check(image, kind)


def own(image):
    """What find(1) does not have."""
    result = run("find", image, "-xattr", "user.*")
    ok(lines_of(result.out)[1:] == sorted([b"disk.img:/tree/a", b"disk.img:/tree/a/b/hard", b"disk.img:/tree/one",
                                           b"disk.img:/tree/size-4096"]), "-xattr finds extended attributes", result)
    os.utime("reference", (1, 1300000000))
    ok(run("find", image, "-name", "one", "-newer", "reference").out == b"disk.img:/tree/one\n", "-newer than a host file")
    born = [run("find", image, "-name", "one", "-newerBt", text).out for text in ("1 hour ago", "tomorrow")]
    ok(born == [b"disk.img:/tree/one\n", b""], "times of birth", born)
    found = parsed("find", "--json", image, "-name", "size-5*", "-o", "-type", "p")
    ok(sorted((f["path"], f["type"]) for f in found) == [("disk.img:/tree/fifo", "fifo"), ("disk.img:/tree/size-511", "regular file"),
                                                         ("disk.img:/tree/size-5242883", "regular file")], "--json", found)
    ok(parsed("find", "--json", image, "-false") == [], "--json of nothing")
    result = run("find", f"{image}:/tree", "-type", "d", "-print", "-quit")
    ok(result.code == 0 and result.out == b"disk.img:/tree\n", "-quit", result)
    result = run("find", f"{image}:/tree/a", f"{image}:/tree/one", "-maxdepth", "0", "-printf", "%H %P.")
    ok(result.out == b"disk.img:/tree/a .disk.img:/tree/one .", "several operands", result)
    result = run("find", image, f"{image}:", "-maxdepth", "1", "-name", "tree", "-printf", "%p %P %h %f\n")
    ok(result.out == b"disk.img:/tree tree disk.img: tree\n" * 2, "an image alone", result)
    ok(run("find", image, "-maxdepth", "0", "-name", "/", "-path", "/").out == b"disk.img:/\n", "the root is called /")
    result = run("find", f"{image}:/tree", "-name", "one", "-ls")
    ok(b"-rws--x--x   2 " in result.out and result.out.endswith(b" disk.img:/tree/one\n"), "-ls", result)
    main_end, other = os.openpty()
    for args in (("-print",), ("-printf", "%p\n"), ("-ls",)):
        result = run("find", image, "-name", "two*", *args, stdout=other)
        shown = os.read(main_end, 4096)
        ok(rb"/two\nlines" in shown, f"{args[0]} on a terminal", shown)
    os.close(other)
    os.close(main_end)


def refusals(image):
    for args, message in (("", "find where"), ("-name x", "invalid option"), ("@ -frob", "-frob is not understood"),
                          ("@ -name", "-name needs an argument"), ("@ ( -name x", r"\( has no \) that ends it"),
                          ("@ -name x )", r"\) has no \( before it"), ("@ ( )", "has no expression after it"),
                          ("@ -o -name x", "-o has no test before it"), ("@ -name x -o", "ends where a test should follow"),
                          ("@ !", "ends where a test should follow"), ("@ -size x", "needs a number with one of the units"),
                          ("@ -size 1Q", "one of the units"), ("@ -type x", "needs one of b c d"), ("@ -type f,", "needs one of"),
                          ("@ -mtime x", "needs a number"), ("@ -uid root", "needs a number"), ("@ -perm rw", "needs a mode"),
                          ("@ -maxdepth -1", "needs a number"), ("@ -newerXY z", "one of a B c m"),
                          ("@ -newermt soon", "needs a date"), ("@ -printf %Q", '"%Q" is not understood'),
                          ("@ -printf %T", "is not understood"), ("@ -exec rm {} ;", "xargs -0 rumpus"),
                          ("@ -fprint x", "redirect standard output"), ("@ -name x y", "y is out of place"),
                          ("@ " + "( " * 300 + "-true " + ") " * 300, "nested too deep")):
        expect(f"find {args[:30]}", 2, "find", *[f"{image}:/tree" if word == "@" else word for word in args.split()], message=message)
    expect("a reference that is not there", 1, "find", image, "-newer", "nowhere", message="nowhere: cannot examine.*IMAGE:/PATH")
    expect("a user that the image does not have", 1, "find", image, "-user", "nobody-there", message='no user "nobody-there" in the')
    result = expect("a place that is not there", 1, "find", f"{image}:/missing", f"{image}:/tree/one", message="missing: cannot")
    ok(result.out == b"disk.img:/tree/one\n", "the other is looked at", result)
    with open("/dev/full", "wb") as full:
        expect("find to a full disk", 1, "find", image, stdout=full, message="standard output.*no space")
    process = harness.spawn("find", image)
    process.stdout.close()
    process.stdout = None
    result = harness.collect(process)
    ok(result.code in (-13, 0) and not result.err, "find | head ends without a word", result)


def main():
    kind, _, who = sys.argv[1].partition("-")
    harness.start(as_root=who == "root")
    trees.make("tree")
    trees.write("reference", b"")
    image = harness.mkfs("disk.img", kind)
    expect(f"{kind}: a tree", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    # The host's find looks names of users up in its own files.
    expect("a place for accounts", 0, "mkdir", f"{image}:/etc", message="^$")
    expect("those of the host", 0, "cp", "/etc/passwd", "/etc/group", f"{image}:/etc", message="^$")
    sums = digest(image)
    if who == "root":
        subprocess.run(["cp", image, "copy.img"], check=True)
        in_a_mount(image)
    else:
        in_a_twin(image)
        own(image)
        refusals(image)
        removing(kind)
    ok(digest(image) == sums, f"{kind}: finding changed not one byte")
    harness.done()


main()
