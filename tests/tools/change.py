#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Changing files in an image as the host's own tools change a twin of them. Argument: file system, "-root"."""

import os
import resource
import shlex
import subprocess
import sys
import time

import harness
import trees
from harness import check, expect, ok, run, same_tree, snapshot

# Run by rumpus and by the host's program of that name; "@" begins the name of a file in the tree.
MODES = r"""
chmod 640 @one
chmod u+s,g-r,o=x @size-511
chmod -R a+rX,g-w @a
chmod 2755 @a/b
chmod 755 @a/b
chmod 2775 @a/b/c
chmod 00755 @a/b/c
chmod u=rwx,g=u,o=g-w @empty
chmod +t,g+s @a/b
chmod a=,u+rw @size-4096
chmod -- -w @a/b/c/f1
chmod +x @a/b/c/f2
chmod =rw @a/b/c/f3
chmod u+rws-x,o+X @a/b/c/f4
chmod o+X @a/b/c/f5
chmod --reference=@one @a/b/c/f6
chmod 7 @a/b/c/f7
chmod a+7 @a/b/c/f7
chmod 4711 @link
chmod -R go= @deep
"""

SIZES = r"""
truncate -s 100 @size-511
truncate -s +5 @size-511
truncate -s -7 @size-4096
truncate -s <50 @size-65536
truncate -s >70000 @size-65537
truncate -s /4096 @size-131072
truncate -s %4096 @one
truncate -s 1K @a/b/c/f10
truncate -s 2KB @a/b/c/f11
truncate -s 3MiB @a/b/c/f12
truncate -r @one -s +3 @a/b/c/f13
truncate --reference @one @a/b/c/f14
truncate -s 12 @new-by-truncate
truncate -c -s 12 @not-there
"""

LINKS = r"""
ln @one @second
ln -s some/where @symbolic
ln -sf else/where @symbolic
ln -sfn a @to-directory
ln -sfn deep @to-directory
ln -s target @to-directory
ln -f @size-511 @second
ln @empty @size-511 @a/b
ln -s x y z/w @a/b/c
ln -f @empty @a/b/empty
ln @symbolic @hard-to-symbolic
"""

OWNERS = r"""
chown 12 @one
chown :34 @one
chown 56:78 @size-511
chown -h 90:91 @link
chown 92:93 @link
chown -R 1000:1001 @a
chown --reference=@one @empty
chown 4294967294:0 @size-4096
"""

TIMES = r"""
touch -d "2020-02-03 04:05:06.789012345" @one
touch -a -d @1234567890.5 @one
touch -m -t 202101020304.05 @empty
touch -t 8501020304 @size-511
touch -r @one @size-4096
touch -h -d "2001-01-01 00:00:01Z" @link
touch -d "1960-07-08T09:10:11+0330" @fifo
touch -d "2031-12-31" @a
"""


def words(line, prefix):
    return [word.replace("@", prefix, 1) if word.startswith(("@", "--reference=@")) and not word.startswith("@1") else word
            for word in shlex.split(line)]


def both(lines, image):
    """Each line on both sides; both must do it or refuse it."""
    for line in lines.strip().splitlines():
        mine = run(*words(line, f"{image}:/tree/"))
        host = subprocess.run(words(line, "twin/"), stderr=subprocess.PIPE, check=False)
        ok((mine.code == 0) == (host.returncode == 0), line, f"{mine}\nhost: {host.returncode} {host.stderr}")


def comparable(tree):
    """Without times of modification, which differ by when a command ran; owners are for root to compare."""
    return {path: told[:1] + (told[1:3] if os.geteuid() == 0 else []) + told[4:] for path, told in tree.items()}


def compare(image, name):
    # What a command makes belongs to root in an image: as another user, a copy of it loses that.
    result = run("cp", "-a", f"{image}:/tree", f"out-{name}")
    ok(result.code == 0 or (result.code == 3 and os.geteuid()), f"{name}: copied out", result)
    same_tree(comparable(snapshot(f"out-{name}")), comparable(snapshot("twin")), f"{name}: as the host's tools do it")


def modes_sizes_links(kind, image):
    for name, lines in (("sizes", SIZES), ("modes", MODES), ("links", LINKS)):
        both(lines, image)
        compare(image, name)
    check(image, kind)


def times(image):
    both(TIMES, image)
    for name in ("one", "empty", "size-511", "size-4096", "link", "fifo", "a"):
        st = os.lstat(f"twin/{name}")
        mine = run("stat", "-c", "%.9X %.9Y", f"{image}:/tree/{name}").text.split()
        host = [f"{ns // 10**9}.{ns % 10**9:09}" for ns in (st.st_atime_ns, st.st_mtime_ns)]
        # What was read since may have another time of access.
        ok(mine[1:] == host[1:] and (name != "one" or mine == host), f"{name} has the same times", f"{mine} {host}")
    before = time.time()
    expect("touch makes a file", 0, "touch", f"{image}:/tree/created", message="^$")
    born = run("stat", "-c", "%Y %a %s", f"{image}:/tree/created").text.split()
    ok(before - 2 <= int(born[0]) <= time.time() + 2 and born[1:] == ["644", "0"], "now, empty, with the umask's mode", born)
    for text, away in (("now", 0), ("yesterday", -86400), ("2 hours ago", -7200), ("+3 days", 259200), ("next week", 604800)):
        expect(f"touch -d '{text}'", 0, "touch", "-d", text, f"{image}:/tree/created", message="^$")
        then = int(run("stat", "-c", "%Y", f"{image}:/tree/created").text)
        ok(abs(then - time.time() - away) < 60, f"{text} is {away} seconds from now", then - time.time())
    expect("touch -r of a host file", 0, "touch", "-r", "twin/one", f"{image}:/tree/created", message="^$")
    ok(int(run("stat", "-c", "%Y", f"{image}:/tree/created").text) == int(os.stat("twin/one").st_mtime), "has its time")
    expect("touch -c of nothing", 0, "touch", "-c", f"{image}:/no/such/file", message="^$")


def owners(image):
    both(OWNERS, image)
    compare(image, "owners")
    os.makedirs("etc")
    trees.write("etc/passwd", b"root:x:0:0::/:\nme:x:4242:17::/:\n123:x:321:0::/:\n")
    trees.write("etc/group", b"root:x:0:\nus:x:4343:\n")
    expect("accounts of the image", 0, "cp", "-r", "etc", f"{image}:/", message="^$")
    for owner, numbers in (("me:us", "4242:4343"), ("123", "321:4343"), (":root", "321:0"), ("77:88", "77:88")):
        expect(f"chown {owner}", 0, "chown", owner, f"{image}:/tree/one", message="^$")
        got = run("stat", "-c", "%u:%g", f"{image}:/tree/one").text.strip()
        ok(got == numbers, f"{owner} is {numbers}", got)
    expect("a name that the image does not know", 1, "chown", "daemon", f"{image}:/tree/one",
           message='no user "daemon" in the image.s /etc/passwd; give a number')
    expect("the largest owner", 0, "chown", "4294967294", f"{image}:/tree/one", message="^$")
    expect("a larger one", 1, "chown", "4294967295", f"{image}:/tree/one", message="user 4294967295: the largest number is 4294967294")


def refusals(image):
    one = f"{image}:/tree/one"
    for line, message in (
            ("chmod u+q @", 'mode "u\\+q" is not understood; write it as 644'), ("chmod 8 @", "not understood"),
            ("chmod 77777 @", "not understood"), ("chmod @", "which mode, and of what"), ("chown : @", "a group must follow"),
            ("chown @", "which owner"), ("touch -d soon @", 'date "soon" is not understood'),
            ("touch -t ext4 @", "put -t before the subcommand"), ("touch -d now -r x @", "only one"),
            ("truncate @", "Give -s or -r"), ("truncate -s 5X @", "not understood"), ("truncate -s 99E @", "more than any file"),
            ("truncate -s /0 @", "no multiples of 0"), ("truncate -r x -s 5 @", "must be relative"), ("ln @", "at least a target"),
            ("ln @ other.img:/x", "from one image into another")):
        expect(line, 2, *[one if word == "@" else word for word in line.split()], message=message)
    missing = f"{image}:/tree/missing"
    expect("chmod of a missing file", 1, "chmod", "644", missing, message="missing: cannot open: No such file|missing: cannot examine")
    expect("but the others are done", 1, "chmod", "600", missing, one, message="missing")
    ok(run("stat", "-c", "%a", one).text == "600\n", "as seen by stat")
    expect("touch where no directory is", 1, "touch", f"{image}:/no/file", message="a directory on the way is missing")
    expect("truncate of a directory", 1, "truncate", "-s", "1", f"{image}:/tree/a", message="Is a directory")
    expect("truncate to too much", 1, "truncate", "-s", "+9223372036854775807", f"{image}:/tree/size-511",
           message="cannot change the size: File too large")
    expect("ln over a file", 1, "ln", one, f"{image}:/tree/empty", message='"empty" exists there already; use -f')
    expect("ln -f over a directory", 1, "ln", "-sf", "x/a", f"{image}:/tree", message="Is a directory")
    expect("a link without a name", 1, "ln", "-s", "/", f"{image}:/tree", message="has no last component")
    expect("ln to a directory", 1, "ln", f"{image}:/tree/a", f"{image}:/tree/x", message="it is a directory; use -s")
    expect("several targets into a file", 1, "ln", "-s", "x", "y", one, message="is no directory")
    expect("a reference that is not there", 1, "chmod", "--reference", "nowhere", one, message="nowhere: cannot examine")
    expect("one that is not in the image", 1, "chmod", f"--reference={missing}", one, message="missing: cannot examine")
    os.chmod(image, 0o444)
    if os.geteuid():
        expect("an image that must not be written", 1, "chmod", "600", one, message="no permission to write")
    os.chmod(image, 0o644)
    expect("a read-only mount", 1, "-o", "ro", "chmod", "600", one, message="read-only")


def many(kind, count):
    """Many files at once, with little memory."""
    image = harness.mkfs("many.img", kind, 1 << 30, *(["-N", "150000"] if kind == "ext4" else []))
    os.mkdir("many")
    for i in range(100):
        os.mkdir(f"many/{i}")
        for j in range(count // 100):
            os.mknod(f"many/{i}/{j}", 0o644)
    expect(f"{kind}: {count} files in", 0, "cp", "-r", "many", f"{image}:/", message="^$")
    expect(f"{kind}: chmod -R of them", 0, "chmod", "-R", "o=", f"{image}:/many", message="^$")
    expect(f"{kind}: chown -R of them", 0, "chown", "-R", "5:6", f"{image}:/many", message="^$")
    result = run("stat", "-c", "%a %u:%g", *[f"{image}:/many/{i}/{i}" for i in range(100)])
    ok(result.text == "640 5:6\n" * 100, f"{kind}: each has mode and owners", result)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >> 10
    ok(peak < 300, f"{kind}: in less than 300 MiB", f"{peak} MiB")


def main():
    kind, _, who = sys.argv[1].partition("-")
    harness.start(as_root=who == "root")
    if who == "many":
        many(kind, 100000)
        harness.done()
    trees.make("tree")
    image = harness.mkfs("disk.img", kind)
    expect(f"{kind}: a tree", 0, "cp", "-a", "tree", f"{image}:/", message="^$")
    subprocess.run(["cp", "-a", "tree", "twin"], check=True)
    if who != "root":
        both("chmod 711 @one", image)  # the host takes the bit away when an ordinary user changes the size
    modes_sizes_links(kind, image)
    if who == "root":
        owners(image)
    else:
        refusals(image)
        many(kind, 10000)
    times(image)
    check(image, kind)
    harness.done()


main()
