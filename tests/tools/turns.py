#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Images that have nothing to do with each other: one that ends its kernel keeps nobody from looking at the others."""

import json
import os
import resource
import signal
import subprocess

import harness
from harness import expect, ok, run

MIB = 1 << 20
OPTIONS = ["-o", "errors=panic"]


def make():
    """Two that are sound, and between them one whose directory makes the kernel panic as soon as it is read."""
    os.makedirs("tree/directory")
    for name in ("directory/MARKFILE", "file"):
        with open(f"tree/{name}", "wb") as file:
            file.write(name.encode())
    for name in ("first.img", "panic.img", "last.img"):
        harness.mkfs(name, "ext4", 64 * MIB)
        expect(f"a tree into {name}", 0, "cp", "-r", "tree", f"{name}:/", message="^$")
    with open("panic.img", "r+b") as file:
        file.seek(file.read().find(b"MARKFILE"))
        file.write(b"M*")
    with open("noise.img", "wb") as file:
        file.write(os.urandom(MIB))


IMAGES = ["first.img", "missing.img", "panic.img", "noise.img", "last.img"]
TOLD = (r"(?s)^rumpus: missing.img: no such file[^\n]*\n(rumpus: panic.img[^\n]*\n)*rumpus: panic.img: the kernel in the worker ended: [^\n]*panic"
        r"[^\n]*\nrumpus: panic.img: last message of its kernel: [^\n]*\nrumpus: noise.img: no file system[^\n]*\n$")


def checked():
    result = expect("check goes on after a panic", 1, *OPTIONS, "check", *IMAGES, message=TOLD)
    lines = result.text.splitlines()
    ok([line.split(":")[0] for line in lines] == ["first.img"] * 2 + ["missing.img", "panic.img", "noise.img"] + ["last.img"] * 2,
       "it has an answer for each", result)
    ok([line for line in lines if line.endswith(": not checked")] == lines[2:5], "also that there is none", result)
    result = run(*OPTIONS, "check", "--json", *IMAGES)
    told = json.loads(result.out)
    ok(result.code == 1 and [(one["image"], one["checked"], one["clean"]) for one in told] ==
       [(name, name in ("first.img", "last.img"), name in ("first.img", "last.img")) for name in IMAGES], "for programs, too", result)


def others():
    """All that only looks."""
    words = {
        "ls": (["ls", "-R"], ":/tree", "first.img:/tree/directory:"),
        "du": (["du", "-c"], ":/tree", "\ttotal"),
        "tree": (["tree"], ":/tree", "2 directories, 4 files"),
        "cat": (["cat"], ":/tree/file", "filefile"),
    }
    for name, (command, path, sign) in words.items():
        expected = 0 if name == "cat" else 1
        images = ["first.img", "panic.img", "last.img"] if expected else ["first.img", "last.img"]
        result = run(*OPTIONS, *command, *(image + path for image in images))
        ok(result.code == expected and sign in result.text, f"{name} goes on", result)
        ok(name == "cat" or "last.img:/tree" in result.text, f"{name} has the last one", result)
    result = run("stat", "-c", "%n", "first.img:/tree", "missing.img:/x", "last.img:/tree")
    ok(result.code == 1 and result.text.split() == ["first.img:/tree", "last.img:/tree"], "stat", result)
    result = run("df", "first.img", "missing.img", "noise.img", "last.img")
    ok(result.code == 1 and [line.split()[0] for line in result.text.splitlines()] == ["Image", "first.img", "last.img"], "df: one table", result)
    result = run("info", "first.img", "missing.img", "last.img")
    ok(result.code == 1 and result.text.count("\nFile system:      ext4") == 2 and "\n\nImage:            last.img\n" in result.text, "info", result)
    result = run("info", "--json", "first.img", "last.img")
    decoder, text, names = json.JSONDecoder(), result.text, []
    while text.strip():
        told, end = decoder.raw_decode(text.strip())
        names.append(told["image"])
        text = text.strip()[end:]
    ok(result.code == 0 and names == ["first.img", "last.img"], "info --json: an object for each", result)


def found():
    """find, which has words after its images."""
    result = run(*OPTIONS, "find", "first.img:/tree", "missing.img", "panic.img", "last.img:/tree", "-type", "f", "-name", "MARK*")
    ok(result.code == 1 and result.text.split() == ["first.img:/tree/directory/MARKFILE", "last.img:/tree/directory/MARKFILE"] and
       "panic.img: the kernel in the worker ended" in result.err, "find goes on after a panic", result)
    told = json.loads(run("find", "--json", "first.img", "noise.img", "last.img", "-name", "file").out)
    ok([one["path"] for one in told] == ["first.img:/tree/file", "last.img:/tree/file"], "find --json is one array", told)
    result = run("find", "first.img", "last.img", "panic.img", "-name", "file", "-print", "-quit")
    ok(result.code == 0 and result.text == "first.img:/tree/file\n", "-quit is for all of them", result)
    result = run("find", "first.img", "last.img", "-newer", "last.img:/tree/file", "-quit", "-o", "-path", "/nothing")
    ok(result.code == 0 and not result.err, "a file of one of them to compare with", result)
    expect("what is wrong is told once", 2, "find", "first.img", "last.img", "-nonsense", message="^rumpus: -nonsense is not[^\n]*\nusage")
    expect("what removes needs all of them", 1, "find", "first.img", "noise.img", "-name", "file", "-delete", message="noise.img")
    ok(run("cat", "first.img:/tree/file").text == "file", "or does nothing")


def disk():
    """Partitions of a disk, among them one that ends its kernel, one without a file system, and swap space."""
    names = {"last.img": "sound", "panic.img": "panic", "noise.img": "noise", "swap.img": "swap", "first.img": "other"}
    with open("swap.img", "wb") as file:
        file.truncate(4 * MIB)
    os.chmod("swap.img", 0o600)
    harness.tool("/sbin/mkswap", "swap.img")
    harness.gpt("disk.img", 350 * MIB, [((66 * i - 65) * MIB, os.path.getsize(image), name, f"00000000-0000-0000-0000-00000000000{i}")
                                        for i, (image, name) in enumerate(names.items(), 1)])
    with open("disk.img", "r+b") as target:
        for i, image in enumerate(names, 1):
            target.seek((66 * i - 65) * MIB)
            with open(image, "rb") as file:
                target.write(file.read())
    before = harness.digest("disk.img")
    result = run(*OPTIONS, "check", "disk.img")
    lines = [line for line in result.text.splitlines() if "; data has none" not in line]
    ok(result.code == 1 and len(lines) == 5, "check has a line for each partition", result)
    ok([line.partition(":")[0] for line in lines] == [f"disk.img@{number}" for number in range(1, 6)], "in their order", result)
    for number, said in {1: "ext4, 2 files", 2: "not checked", 3: "holds no file system that is known, not checked",
                         4: "holds swap space, not checked", 5: "ext4, 2 files"}.items():
        ok(any(line.startswith(f"disk.img@{number}: {said}") for line in lines), f"of partition {number}", result)
    ok("rumpus: disk.img@2: the kernel in the worker ended" in result.err and "disk.img@4" not in result.err, "what went wrong is told of that one",
       result)
    told = json.loads(run(*OPTIONS, "check", "--json", "disk.img", "first.img").out)
    ok([(one["image"], one["checked"], one.get("holds")) for one in told] ==
       [("disk.img@1", True, None), ("disk.img@2", False, None), ("disk.img@3", False, ""), ("disk.img@4", False, "swap space"),
        ("disk.img@5", True, None), ("first.img", True, None)], "for programs, too", told)
    result = run("-p", "sound", "check", "disk.img")
    ok(result.code == 0 and result.text.count("\n") == 2 and result.text.startswith("disk.img: ext4"), "or the one that is named", result)
    ok(harness.digest("disk.img") == before, "not one byte has changed")


def sums():
    """What is about all of them together."""
    lines = run("du", "-s", "-c", "first.img:/tree", "last.img:/tree", "first.img:/tree/file").text.splitlines()
    sizes = [int(line.split()[0]) for line in lines]
    ok(len(sizes) == 4 and sum(sizes[:3]) == sizes[3] > 0, "the total of du is the sum of its lines", lines)
    told = json.loads(run("du", "-s", "-c", "--json", "first.img:/tree", "last.img:/tree").out)
    ok(told[2]["name"] == "total" and told[2]["inodes"] == told[0]["inodes"] + told[1]["inodes"], "also in JSON", told)
    text = run("ls", "first.img:/tree/directory", "first.img:/tree/file", "last.img:/tree/directory").text
    ok(text == "first.img:/tree/directory:\nMARKFILE\nfirst.img:/tree/file\n\nlast.img:/tree/directory:\nMARKFILE\n" or
       text.count(":\nMARKFILE\n") == 2, "ls has headings for each", text)


def many():
    names = [f"copy{i}.img" for i in range(12)]
    for name in names:
        os.link("first.img", name)
    result = expect("more than a worker could hold", 0, "check", *names, message="^$")
    ok(result.text.count(": ext4, 2 files") == 12, "all are checked", result)
    expect("where they belong together, there is a limit", 2, "tar", *names, message="more than 8 images")
    expect("what is wrong with a later one is told before", 2, "check", "first.img", "last.img:/tree", message="only whole images are checked")


def unopened():
    """A turn that cannot begin leaves nothing open for the next ones."""
    images = ["first.img", "last.img"] * 30
    result = run("ls", *images, env={**os.environ, "RUMPUS_IMAGE": "/nowhere"}, limits={resource.RLIMIT_NOFILE: (40, 40)})
    told = set(result.err.splitlines())
    ok(result.code == 1 and len(told) == 1 and "/nowhere: the kernel image cannot be opened" in result.err, "no kernel", result)
    told = run("check", "--json", "missing.img")
    ok(told.code == 1 and [(one["image"], one["checked"]) for one in json.loads(told.out or b"[]")] == [("missing.img", False)],
       "a single image that is not checked is told of, too", told)


def stopped():
    """A signal is for all of them."""
    process = harness.spawn("check", *["last.img", "first.img"] * 200)
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    result = harness.collect(process)
    ok(result.code == 130 and result.text.count("\n") < 800, "SIGINT ends it", result)
    process = harness.spawn("check", *["last.img", "first.img"] * 200, stdout=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    process.wait()
    ok(process.returncode == -signal.SIGPIPE, "a reader that goes away, too", process.returncode)


def main():
    harness.start()
    make()
    checked()
    others()
    found()
    disk()
    sums()
    many()
    unopened()
    stopped()
    harness.done()


main()
