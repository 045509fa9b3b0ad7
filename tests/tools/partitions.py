#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Partitions that are named in addresses: several of one image in a command, each as if it were an image of its own."""

import json
import os
import re
import shutil

import harness
import kinds
from harness import check, digest, expect, ok, parsed, run

MIB = 1 << 20
NAMES = ["boot", "root", "odd@name"]
PLACES = [(MIB, 60 * MIB), (64 * MIB, 60 * MIB), (128 * MIB, 60 * MIB)]
UUID = "00000000-0000-0000-0000-00000000000"


def make(image):
    harness.gpt(image, 200 * MIB, [(*place, name, f"{UUID}{i}") for i, (place, name) in enumerate(zip(PLACES, NAMES), 1)])
    for start, size in PLACES:
        harness.mkfs("part.img", "ext4", size)
        with open("part.img", "rb") as source, open(image, "r+b") as target:
            target.seek(start)
            shutil.copyfileobj(source, target, MIB)
    return image


def take(image, number):
    start, size = PLACES[number - 1]
    with open(image, "rb") as source, open("part.img", "wb") as target:
        source.seek(start)
        target.write(source.read(size))
    return "part.img"


def between(image):
    """What is read stays as it is, byte by byte, while another partition of the same file is written to."""
    os.makedirs("tree/deep")
    for name in "one", "deep/two":
        with open(f"tree/{name}", "w", encoding="utf-8") as file:
            file.write(f"{name}\n" * 50000)
    expect("into one partition", 0, "cp", "-r", "tree", f"{image}@1:/", message="^$")
    before = digest(take(image, 1))
    expect("from it into another", 0, "cp", "-r", f"{image}@1:/tree", f"{image}@root:/", message="^$")
    ok(digest(take(image, 1)) == before, "what is read stays as it is")
    check(take(image, 2), "ext4")
    expect("both have the same", 0, "diff", "--no-times", f"{image}@1:/tree", f"{image}@2:/tree", message="^$")
    expect("moved to the third", 0, "mv", f"{image}@2:/tree", f"{image}@{UUID}3:/moved", message="^$")
    names = run("find", f"{image}@2", f"{image}@p3", "-type", "f").text.split()
    ok(sorted(names) == [f"{image}@p3:/moved/deep/two", f"{image}@p3:/moved/one"], "it is there alone", names)
    for number in 2, 3:
        check(take(image, number), "ext4")
    archive = run("tar", f"{image}@3:/moved").out
    with open("moved.tar", "wb") as file:
        file.write(archive)
    expect("by an archive", 0, "untar", "-f", "moved.tar", f"{image}@2:/", message="^$")
    expect("as much", 0, "diff", "--no-times", f"{image}@2:/moved", f"{image}@3:/moved", message="^$")


def words(image):
    """Wherever an image may be named."""
    text = run("cat", f"{image}@odd@name:/moved/deep/two").text
    ok(text.startswith("deep/two\n"), "a name with the mark in it", text[:80])
    rows = run("df", image).text.splitlines()[1:]
    ok([row.split()[0] for row in rows] == [f"{image}@{i}" for i in (1, 2, 3)], "df names them so", rows)
    told = parsed("info", "--json", f"{image}@2")
    ok((told["image"], len(told["places"]), told["places"][0]["partition_name"]) == (image, 1, "root"), "info of one", told)
    text = run("sh", "-c", "cat tree/one", f"{image}@1").text
    ok(text.startswith("one\n"), "a shell", text[:80])
    text = run("_complete", f"rumpus ls {image}@1:/tr").text
    ok(text == f"+{image}@1:/tree/\t\n", "completion", text)
    text = run("-p", "1", "find", f"{image}:/tree/one", f"{image}@3:/moved/one").text
    ok(text == f"{image}:/tree/one\n{image}@3:/moved/one\n", "-p is for those that name none", text)
    text = run("doctor", f"{image}@2").text
    ok(re.search(rf"\n{image}@2 +ok +ext4, can be read and written to\n", text), "doctor", text)
    expect("check of two", 0, "check", f"{image}@1", f"{image}@3", message="^$")


def refused(image):
    before = run("find", f"{image}@1", f"{image}@2", f"{image}@3").text
    for word in "ls", "df", "info":
        result = expect(f"{word} of one that is missing", 1, word, f"{image}@9", message=f'^rumpus: {image}@9: has no partition "9"; there are: 1 \\(ext4, ')
        ok(result.err.count("\n") == 1, "a line says so", result)
    harness.gpt("many.img", 64 * MIB, [(MIB + i * MIB, MIB, f"partition {i}", f"{UUID[:-2]}{i:03}") for i in range(1, 41)])
    expect("more than there is room for", 1, "ls", "many.img", message=r'choose one with -p: 1 \(no .*"partition 12"\).*, and more, which info shows\n$')
    os.unlink("many.img")
    expect("which is to be used is said so", 1, "cp", "-r", f"{image}@1:/tree", f"{image}:/", message=f"choose one, as in {image}@1: 1 \\(ext4")
    expect("nothing after the mark", 1, "ls", f"{image}@", message=f"{image}@: no such file")
    expect("an image without a table", 1, "ls", "part.img@1", message="part.img@1: has no partition table; leave out @1")
    expect("one by two names", 1, "mv", f"{image}@1:/tree", f"{image}@boot:/other", message=f"{image}@boot: is where {image}@1 is, too")
    expect("one by two names, for reading", 0, "diff", f"{image}@1", f"{image}@boot", message="^$")
    os.link(image, "alias.img")
    expect("by two names of the file", 1, "cp", f"{image}@1:/tree/one", "alias.img@2:/", message=f"alias.img@2: is the same image as {image}")
    ok(run("find", f"{image}@1", f"{image}@2", f"{image}@3").text == before, "nothing was made or moved")
    os.mkfifo("lines")
    lines = os.open("lines", os.O_RDWR)
    os.write(lines, b"pwd\n")  # and no more: it waits
    holder = harness.spawn("sh", "-w", f"{image}@3", stdin="lines")
    ok(holder.stdout.readline() == b"/\n", "a shell that writes to a partition")
    result = run("touch", f"{image}@3:/x")
    ok(f"{image}@3: partition 3 is in use by" in result.err, "one that is written to by somebody else", result)
    for word in "df", "info", "check":
        result = run(word, f"{image}@3")
        ok(result.code == 1 and result.err.count("\n") == 1 and "partition 3 is in use by" in result.err, f"{word} says so once", result)
    told = run("check", "--json", f"{image}@3")
    ok([(one["checked"], one["clean"]) for one in json.loads(told.out)] == [(False, False)], "that it is not checked, for programs", told)
    expect("its neighbour is not", 0, "touch", f"{image}@1:/x", message="^$")
    expect("all of them are", 1, "df", image, message=f"{image}: is in use by")
    holder.kill()
    holder.communicate()
    os.close(lines)
    os.mkdir("place")
    os.mkdir("place@home")
    shutil.move(image, f"place@home/{image}")
    expect("the mark in a directory's name, beside a directory", 0, "ls", f"place@home/{image}@1:/tree", message="^$")
    shutil.move(f"place@home/{image}", image)
    expect("a directory has none", 1, "ls", "place@1", message="place@1: is a directory")
    shutil.copy("part.img", f"{image}@1")
    names = run("ls", f"{image}@1").text.split()
    ok("tree" not in names, "a file of such a name wins", names)


def discs():
    """Images of CDs that have partitions, too: the whole is one of the places."""
    kinds.find_programs()
    os.makedirs("disc/directory")
    with open("disc/file", "w", encoding="utf-8") as file:
        file.write("on a disc\n")
    kinds.make("vfat", "efi.img")
    make_disc = ["xorriso", "-as", "mkisofs", "-quiet", "-R"]
    for table, words in {"dos": [], "gpt": ["-appended_part_as_gpt"]}.items():
        image = f"{table}.iso"
        harness.tool(*make_disc, "-append_partition", "2", "0xef", "efi.img", *words, "-o", image, "disc")
        told = parsed("info", "--json", image)
        places = [(p.get("number", 0), p.get("file_system")) for p in told["places"] if p["mounted"] and p.get("number") != 1]
        ok(told["partition_table"] == table and places == [(0, "iso9660"), (2, "vfat")], f"{table}: the disc, and a partition in it", told)
        text = run("cat", f"{image}:/file").text
        ok(text == "on a disc\n", "without a partition, it is the disc", text)
        expect("the partition", 0, "ls", f"{image}@2", message="^$")
        text = run("df", image).text
        ok(f"\n{image} " in text and f"\n{image}@2 " in text, "df has both", text)
    harness.tool(*make_disc, "-hfsplus", "-o", "mac.iso", "disc")
    text = run("-t", "hfsplus", "cat", "mac.iso:/file").text
    ok(text == "on a disc\n", "HFS+, which is in the same image", text)
    text = run("-t", "hfsplus", "info", "mac.iso").text
    ok("\nFile system:      hfsplus\n" in text, "info of it", text)
    result = expect("a kind of table that is not read", 1, "ls", "mac.iso@3",
                    message='mac.iso@3: its partition table is of the kind "mac", which is not read here, .*: dd ')
    harness.tool(*result.err[result.err.index("dd "):].split())
    text = run("cat", "part.img:/file").text
    ok(text == "on a disc\n", "what is said helps", text)


def main():
    harness.start()
    image = make("disk.img")
    between(image)
    words(image)
    refused(image)
    discs()
    harness.done()


main()
