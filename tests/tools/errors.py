#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Bad input: a message that names it and the remedy, an exit code, and nothing harmed."""

import fcntl
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import time

import harness
from harness import check, digest, expect, ok, run


def usage():
    expect("no subcommand", 2, message="no subcommand")
    expect("an unknown one", 2, "frobnicate", message='no subcommand "frobnicate"')
    for typed, meant in (("hlp", "help"), ("sl", "ls"), ("unmount", "umount"), ("treee", "tree")):
        expect(f'"{typed}" may be a slip', 2, typed, "x", message=f'"{typed}" \\(do you mean "{meant}"\\?\\)')
    ok("do you mean" not in run("frobnicate").err and "do you mean" not in run("x" * 5000).err, "not everything may")
    expect("help has suggestions, too", 2, "help", "mkdr", message='do you mean "mkdir"')
    expect("an unknown option", 2, "ls", "-Z", "x", message="invalid option")
    expect("an operand that looks like one", 2, "chmod", "-x", "x:/y", message="put -- before operands")
    expect("an expression in place of a path", 2, "find", "-name", "x", message="operands .* come first")
    expect("too short an option", 2, "--ver", message="--ver may be any of --verbose, --version")
    expect("a shortened option", 0, "--versi")
    expect("cat of nothing", 2, "cat", message="usage: rumpus")
    expect("cp of one", 2, "cp", "x", message="usage: rumpus")
    expect("cp without an image", 2, "cp", "/etc/passwd", "x", message="neither .* is in an image; write IMAGE:/PATH")
    expect("mkdir with a bad mode", 2, "mkdir", "-m", "rwx", "x:/y", message="give the mode in octal")
    result = expect("help", 0, "help")
    ok(all(name in result.text for name in ("info", "ls", "cat", "cp", "mkdir", "rm", "dmesg")), "it lists all there is")
    for name in ("info", "ls", "cat", "cp", "mkdir", "rm", "dmesg"):
        own = expect(f"help {name}", 0, "help", name, message="^$")
        ok(f"usage: rumpus [OPTIONS] {name} " in own.text and "Examples:" in own.text, "it has usage and examples", own)
        ok(run(name, "--help").text == own.text, f"{name} --help says the same")
    ok("-p, --preserve" in run("help", "cp").text and "-p, --partition" not in run("help", "cp").text, "-p of cp is cp's own")
    ok("-p, --partition" in run("help", "ls").text, "-p of ls is the partition")
    expect("help for what is not there", 2, "help", "frobnicate", message='no subcommand "frobnicate"')
    expect("an option without its argument", 2, "mkdir", "-m", message="option -m needs an argument")
    expect("a long one", 2, "ls", "--partition", message="option --partition needs an argument")
    expect("an argument too many", 2, "ls", "--all=x", "y", message="option --all=x takes no argument")
    result = expect("--version", 0, "--version")
    ok(result.text.startswith("rumpus "), "it says what it is", result)


def images():
    expect("no such image", 1, "ls", "missing.img", message="missing.img: no such file; check the path")
    open("real.img", "wb").close()
    expect("a path without its slash", 1, "ls", "real.img:etc/hosts", message="begins with a slash: real.img:/etc/hosts")
    os.mkdir("directory")
    expect("a directory", 1, "ls", "directory", message="directory: is a directory; give an image")
    os.mkfifo("fifo")
    expect("a fifo", 1, "ls", "fifo", message="fifo: is neither a file nor a block device")
    open("empty.img", "wb").close()
    expect("an empty file", 1, "ls", "empty.img", message="empty.img: is empty; give it a size")
    with open("tiny.img", "wb") as file:
        file.write(b"x" * 100)
    expect("a file without a whole block", 1, "ls", "tiny.img", message="tiny.img: .*no block of 512")
    with open("noise.img", "wb") as file:
        file.write(os.urandom(4 << 20))
    expect("unknown contents", 1, "ls", "noise.img", message="noise.img: no file system is recognised.*mkfs.*-t")
    expect("unknown contents, type given", 1, "-t", "ext4", "ls", "noise.img", message="cannot be mounted as ext4: .*kernel says: .*EXT4")
    expect("a type without a driver", 1, "-t", "nosuchfs", "ls", "noise.img", message="nosuchfs.*no driver; check -t")
    expect("a type without a name", 1, "-t", "", "ls", "noise.img", message='is to be of type "", for which')


def archives(image):
    """Each of these says what is wrong, and nothing else."""
    for name, code, message, *args in (
            ("no directory for a copy", 1, "nowhere/x: the directory that it should be in", "cp", f"{image}:/file", "nowhere/x"),
            ("no directory for an archive", 1, "nowhere/x.tar: cannot be written", "tar", "-f", "nowhere/x.tar", image),
            ("no archive", 1, "nothing.tar: cannot be opened", "untar", "-f", "nothing.tar", image),
            ("nothing that is one", 1, "noise.img: Unrecognized archive format; nothing was unpacked", "untar", "-f", "noise.img", image),
            ("a directory in its place", 1, "directory: Is a directory; nothing was unpacked", "untar", "-f", "directory", image)):
        result = expect(name, code, *args, message=message)
        ok(len(result.err.splitlines()) == 1, "in one line", result)
    expect("an ending that says nothing", 2, "tar", "-a", "-f", "x.zip", image, message='what "x.zip" ends in')
    ok(not os.path.exists("x.zip"), "nothing is written then")
    expect("plain tar, by its ending", 0, "tar", "-a", "-f", "x.tar", image, message="^$")


def closed(image):
    """What the caller has closed is not replaced by the image, into which messages would be written."""
    sums = digest(image)
    for redirections in ("2>&-", ">&-", "<&-", "<&- >&- 2>&-"):
        done = subprocess.run(["sh", "-c", f'exec "$@" {redirections}', "sh", harness.program(), "rm", f"{image}:/file",
                               "missing.img:/x"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=harness.TIMEOUT)
        ok(done.returncode == 1 and digest(image) == sums, f"{redirections}: the image is as it was", done)
    done = subprocess.run(["sh", "-c", 'exec "$@" >&-', "sh", harness.program(), "ls", image], stderr=subprocess.PIPE, check=False,
                          timeout=harness.TIMEOUT)
    ok(done.returncode == 1 and b"standard output: Bad file descriptor" in done.stderr, "a listing that goes nowhere is a failure", done)
    with open("/dev/full", "wb") as full:
        for words in (("help",), ("help", "cp"), ("--version",), ("cp", "--help")):
            expect(f"{' '.join(words)} to a full disk", 1, *words, stdout=full, message="standard output: no space")


def truncated():
    for kind in ("ext4", "xfs", "btrfs"):
        image = harness.mkfs("short.img", kind)
        os.truncate(image, 64 << 20)
        expect(f"{kind}: truncated", 1, "ls", image, message="short.img: cannot be mounted as.*kernel says: .")
        with open(image, "r+b") as file:
            for offset in range(0, 8 << 20, 4096):
                file.seek(offset + 512)
                file.write(b"\xff" * 512)
        result = run("ls", image)
        ok(result.code in (0, 1) and "HANGS" not in result.err, f"{kind}: overwritten in part: no hang, no crash", result)


def permissions(image):
    os.chmod(image, 0)
    expect("no permission to read", 1, "ls", image, message="no permission to read the image; change its mode")
    os.chmod(image, 0o444)
    expect("read-only is enough to read", 0, "ls", image)
    expect("no permission to write", 1, "mkdir", f"{image}:/d", message="no permission to write to the image")
    os.chmod(image, 0o644)
    expect("mounted read-only on request", 1, "-o", "ro", "mkdir", f"{image}:/d", message="mounted read-only")


def locked(image):
    before = digest(image)
    with open(image, "r+b") as holder:
        fcntl.fcntl(holder, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        expect("locked by another writer", 1, "mkdir", f"{image}:/d", message=f"{image}: .*in use by .*; end that one first")
        expect("for readers too", 1, "ls", image, message="in use by")
    ok(digest(image) == before, "a refused command changed nothing")


def twice(image):
    os.symlink(image, "alias.img")
    expect("one image by two names", 1, "cp", f"{image}:/a", "alias.img:/b", message="alias.img: is the same image as disk.img")
    os.unlink("alias.img")


def several(image):
    """Images that have nothing to do with each other: a bad one, wherever it stands, is told of, and the others are looked at."""
    harness.mkfs("other.img", "ext4", 64 << 20)
    told = {"missing.img": "missing.img: no such file", "empty.img": "empty.img: is empty",
            "tiny.img": "tiny.img: .*no block of 512", "noise.img": "noise.img: no file system is recognised"}
    for word in ("check", "df"):
        for bad, message in told.items():
            for names in ([bad, image, "other.img"], [image, bad, "other.img"], [image, "other.img", bad]):
                result = expect(f"{word} {' '.join(names)}", 1, word, "--json", *names, message=message)
                good = [name for name in names if name != bad]
                seen = [line["image"] for line in json.loads(result.out or b"[]") if line.get("checked", True)]
                ok(seen == good, "has the others", result)
        result = expect(f"{word}: all are bad", 1, word, *told, message="(?s)" + ".*".join(told.values()))
        nothing = "".join(f"{name}: not checked\n" for name in told) if word == "check" else ""
        ok(result.text == nothing, "and nothing is told but this", result)
    os.unlink("other.img")
    expect("where images are layers, all of them are needed", 1, "--lower", "missing.img", "check", image, message=told["missing.img"])


def unmounted(image, when):
    state = harness.tool("/usr/sbin/dumpe2fs", "-h", image).stdout
    ok("needs_recovery" not in state, f"{when}: the image is unmounted", state)


def in_place(image):
    """A target on the host that cannot be opened is no reason to remove it, unless a file can take its place."""
    expect("a file to copy out", 0, "cp", "tiny.img", f"{image}:/out", message="^$")
    os.symlink("nowhere/at-all", "dangling")
    expect("a target that leads nowhere", 1, "cp", f"{image}:/out", "dangling", message="dangling: cannot create")
    ok(os.path.islink("dangling"), "it stays")
    with open("sealed", "wb"):
        os.chmod("sealed", 0o400)
    expect("a target without permission to write", 0, "cp", f"{image}:/out", "sealed", message="^$")
    ok(os.stat("sealed").st_size == os.stat("tiny.img").st_size, "is replaced")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        expect("a socket as target", 1, "cp", f"{image}:/out", "socket", message="socket: cannot create")
    ok(os.path.exists("socket"), "stays, too")


def no_files(image):
    """Targets that are no files, and take bytes in their order alone."""
    content = os.urandom(200 << 10)
    with open("holes", "wb") as file:
        file.write(content)
        file.seek(1 << 20)
        file.write(content)
        file.truncate(2 << 20)
    expect("a file with holes to copy out", 0, "cp", "holes", f"{image}:/holes", message="^$")
    whole = open("holes", "rb").read()
    result = expect("to a pipe by the name /dev/stdout", 0, "cp", f"{image}:/holes", "/dev/stdout", message="^$")
    ok(result.out == whole, "all of it arrives, holes as zeroes", len(result.out))
    expect("to /dev/null", 0, "cp", f"{image}:/holes", "/dev/null", message="^$")
    os.mkfifo("taker")
    with open("given", "wb") as given:
        reader = subprocess.Popen(["cat", "taker"], stdout=given)
    expect("to a fifo", 0, "cp", f"{image}:/holes", "taker", message="^$")
    reader.wait(timeout=10)
    ok(open("given", "rb").read() == whole, "the same")
    expect("-a to /dev/null", 0, "cp", "-a", f"{image}:/holes", "/dev/null", message="^$")


def paths(image):
    expect("a directory for what follows", 0, "mkdir", "-p", f"{image}:/dir/sub", message="^$")
    expect("mkdir -p -m with a slash at the end", 0, "mkdir", "-p", "-m", "700", f"{image}:/new/own//", message="^$")
    result = expect("to look at its mode", 0, "ls", "-l", f"{image}:/new", message="^$")
    ok(re.search("drwx------.*own", result.text), "it is the one that was asked for", result)
    expect("mkdir of what is there", 1, "mkdir", f"{image}:/dir", message="dir: cannot make the directory: File exists")
    expect("but not with -p", 0, "mkdir", "-p", f"{image}:/dir", message="^$")
    expect("mkdir without the way", 1, "mkdir", f"{image}:/x/y", message="on the way is missing; use -p")
    expect("cat of a missing file", 1, "cat", f"{image}:/missing", message="missing: No such file")
    expect("cat of a directory", 1, "cat", f"{image}:/dir", message="is a directory; list it")
    expect("ls of a missing path", 1, "ls", f"{image}:/missing", message="missing: No such file")
    expect("cp of a missing path", 1, "cp", f"{image}:/missing", ".", message="missing: cannot open: No such file")
    expect("cp of a missing host file", 1, "cp", "missing", f"{image}:/", message="missing: cannot open: No such file")
    expect("cp of a directory without -r", 1, "cp", f"{image}:/dir", ".", message="is a directory; use -r")
    expect("rm of a missing file", 1, "rm", f"{image}:/missing", message="missing: cannot remove: No such file")
    expect("but not with -f", 0, "rm", "-f", f"{image}:/missing", message="^$")
    expect("rm of a directory without -r", 1, "rm", f"{image}:/dir", message="is a directory; use -r")
    expect("rm of the root", 1, "rm", "-r", image, message="is not removed")
    expect("a host target that cannot be", 1, "cp", f"{image}:/dir", "no/such/place", message="cannot be opened")
    expect("several sources into a file", 1, "cp", "tiny.img", "noise.img", f"{image}:/file", message="is no directory")
    unmounted(image, "after that")
    expect("a target below what is missing", 1, "cp", "tiny.img", f"{image}:/dir/no/..", message="no such directory|cannot be opened")
    unmounted(image, "after that")


def other_types(image):
    expect("a file for what follows", 0, "cp", "tiny.img", f"{image}:/file", message="^$")
    os.makedirs("tree/file")
    expect("a directory over a file", 1, "cp", "-r", "tree/file", f"{image}:/", message="the source is a directory, the target is not")
    os.makedirs("tree2")
    shutil.copy("tiny.img", "tree2/dir")
    expect("a file over a directory", 1, "cp", "-r", "tree2/dir", f"{image}:/", message="the target is a directory, the source is not")
    expect("the same, out", 1, "cp", "-r", f"{image}:/file", "tree", message="the target is a directory, the source is not")
    shutil.copy("tiny.img", "dir")
    expect("a directory over a file, out", 1, "cp", "-r", f"{image}:/dir", ".", message="the source is a directory, the target is not")
    os.unlink("dir")


def full():
    image = harness.mkfs("small.img", "ext4", 16 << 20)
    with open("much", "wb") as file:
        file.write(os.urandom(24 << 20))
    expect("an image that is full", 1, "cp", "much", f"{image}:/", message="no space is left.*larger")
    check(image, "ext4")
    listed = run("ls", image)
    ok("much" not in listed.text.split(), "no half of a file is left in it", listed)
    os.mkdir("many")
    for i in range(3000):
        with open(f"many/{i}", "wb") as file:
            file.write(b"x" * 9000)
    expect("full of many files", 1, "cp", "-r", "many", f"{image}:/", message="no space is left")
    check(image, "ext4")


def options(image):
    expect("a mount option that no driver has", 1, "-o", "frobnicate", "ls", image, message='options "frobnicate".*kernel says.*frobnicate')
    expect("options of the driver's and of the kernel's", 0, "-o", "noatime,errors=continue,nodev", "ls", image, message="^$")
    expect("options after the subcommand", 0, "ls", "--type", "ext4", "-l", image, message="^$")


def partitions():
    start = 16 << 20
    harness.gpt("parted.img", 400 << 20, [
        (8 << 20, 8 << 20, "boot", "00000000-0000-0000-0000-000000000001"),
        (start, 340 << 20, "data", "12345678-1234-1234-1234-123456789ABC"),
    ])
    harness.mkfs("part.img", "ext4", 340 << 20)
    with open("part.img", "rb") as source, open("parted.img", "r+b") as target:
        target.seek(start)
        shutil.copyfileobj(source, target, 1 << 20)
    expect("no partition chosen", 1, "ls", "parted.img", message=r'has partitions; choose one with -p: 1 \(no file system, 8.0 MiB, "boot"\), 2 \(ext4')
    expect("one that is not there", 1, "-p", "9", "ls", "parted.img", message='no partition "9"')
    expect("one without a file system", 1, "-p", "1", "ls", "parted.img", message="no file system is recognised")
    expect("a partition of an image without", 1, "-p", "1", "ls", "part.img", message="has no partition table; leave out -p 1")
    for name in ("2", "p2", "data", "12345678-1234-1234-1234-123456789abc"):
        expect(f"-p {name}", 0, "-p", name, "ls", "parted.img", message="^$")
    expect("writing to it", 0, "--partition", "2", "mkdir", "-p", "parted.img:/new/directory", message="^$")
    expect("it is there", 0, "ls", "-p", "2", "parted.img:/new/directory", message="^$")
    result = expect("info tells the table", 0, "info", "parted.img", message="^$")
    ok("gpt" in result.text and re.search(r"\n2 .*340 MiB.* ext4 .* data ", result.text), "with its entries", result)


def kernel(image):
    os.environ["RUMPUS_IMAGE"] = "/nonexistent/linux.img"
    expect("no kernel image", 1, "ls", image, message="/nonexistent/linux.img: the kernel image cannot be opened.*install it")
    shutil.copy(harness.kernel_image(), "altered.img")
    with open("altered.img", "r+b") as file:
        file.write(b"not an ELF file")
    os.environ["RUMPUS_IMAGE"] = os.path.abspath("altered.img")
    expect("an altered one", 1, "ls", image, message="the kernel does not boot: .")
    os.truncate("altered.img", 5000)
    expect("a truncated one", 1, "ls", image, message="the kernel does not boot: .")
    del os.environ["RUMPUS_IMAGE"]


def panic():
    """A kernel that ends by itself: its reason reaches the user, within a second, and nothing hangs."""
    image = harness.mkfs("panic.img", "ext4", 64 << 20)
    os.makedirs("found/DIRECTORY")
    open("found/DIRECTORY/MARKFILE", "wb").close()
    expect("a directory for what follows", 0, "cp", "-r", "found", f"{image}:/", message="^$")
    with open(image, "r+b") as file:
        file.seek(file.read().find(b"MARKFILE"))
        file.write(b"M")
        file.write(b"*")
    expect("a damaged directory", 1, "ls", "-R", image, message="checksum does not match")
    started = time.monotonic()
    result = expect("a kernel panic", 1, "-o", "errors=panic", "ls", "-R", image, message="kernel in the worker ended: .*panic")
    ok("last message of its kernel" in result.err and time.monotonic() - started < 5, "it is told at once, with the last message", result)


def colons():
    image = harness.mkfs("with:colon.img", "ext4")
    expect("an image with a colon in its name", 0, "mkdir", f"{image}:/d", message="^$")
    result = expect("it wins over a path", 0, "ls", image, message="^$")
    ok("d" in result.text.split(), "and is the image", result)


def main():
    harness.start()
    usage()
    images()
    truncated()
    image = harness.mkfs("disk.img", "ext4")
    permissions(image)
    locked(image)
    expect("a file to work on", 0, "cp", "/etc/passwd", f"{image}:/file", message="^$")
    archives(image)
    closed(image)
    paths(image)
    in_place(image)
    no_files(image)
    twice(image)
    several(image)
    other_types(image)
    full()
    options(image)
    partitions()
    kernel(image)
    panic()
    colons()
    check(image, "ext4")
    harness.done()


main()
