#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Completion: in rumpus sh, and in a real bash and a real zsh."""

import os
import re
import shutil
import subprocess

import harness
from harness import expect, ok, run
from terminal import Terminal

FILES = os.path.join(os.environ["RUMPUS_TOP"], "tools/completion")


def candidates(line, *tail):
    """What the program offers: text to whether the word is complete with it."""
    result = run("_complete", "--", line, *tail)
    return {entry[1:].split("\t")[0]: entry[0] == "=" for entry in result.text.splitlines()}


def same(name, got, expected):
    ok(got == expected, name, f"expected {expected}\ngot {got}")


def offers():
    listed = re.findall(r"^  ([a-z-]+) +\S", run("help").text.split("Options of all")[0], re.M)
    same("all subcommands", candidates("rumpus "), dict.fromkeys(listed, True))
    same("of which some begin so", candidates("rumpus d"), {name: True for name in listed if name[0] == "d"})
    same("help, and what it is about", candidates("rumpus help mk"), {"mkdir": True})
    for name in listed:
        if name == "help":
            continue
        text = run("help", name).text
        found = set(re.findall(r"^  (?:-\w, |    )?(--[a-z0-9-]+)", text, re.M)) | set(re.findall(r"^  (-\w)\b", text, re.M))
        offered = set(candidates(f"rumpus {name} -"))
        ok(found and found == offered, f"{name}: all its options, and no others", f"only in help {found - offered}\n"
           f"only offered {offered - found}")
    same("options before the subcommand", candidates("rumpus --part"), {"--partition": True})
    same("an image, which a path is to follow", candidates("rumpus cat di"), {"disk.img:/": False})
    same("or may", candidates("rumpus ls di"), {"disk.img": False})
    same("or may not", candidates("rumpus dmesg di"), {"disk.img": True})
    same("a directory on the way", candidates("rumpus ls su"), {"sub/": False})
    same("paths in an image", candidates("rumpus ls disk.img:/"), {"disk.img:/etc/": False, "disk.img:/it's here": True,
         "disk.img:/lost+found/": False, "disk.img:/eta": True})
    same("of which some begin so", candidates("rumpus cat -- disk.img:/et"), {"disk.img:/etc/": False, "disk.img:/eta": True})
    same("hidden ones only when wanted", candidates("rumpus ls disk.img:/etc/."), {"disk.img:/etc/.hidden": True})
    same("in a partition, by the options that are there", candidates("rumpus -p 2 ls parts.img:/"),
         {"parts.img:/lost+found/": False, "parts.img:/second": True})
    same("after the subcommand, too", candidates("rumpus ls -p2 parts.img:/s"), {"parts.img:/second": True})
    same("which partitions there are", candidates("rumpus ls parts.img@"), dict.fromkeys((f"parts.img@{part}" for part in
         ("1", "2", "one", "two")), False))
    same("of which some begin so, and want a path", candidates("rumpus cat parts.img@t"), {"parts.img@two:/": False})
    same("paths in one of them", candidates("rumpus cat parts.img@2:/s"), {"parts.img@2:/second": True})
    ok("\text4, 16.0 MiB, two\n" in run("_complete", "--", "rumpus ls parts.img@two").text, "with what they are")
    same("no partitions", [candidates(f"rumpus ls {name}@") for name in ("disk.img", "nothing.img")], [{}, {}])
    for quote in "'\"":
        same(f"words in {quote}", candidates(f"rumpus cat {quote}disk.img:/it"), {"disk.img:/it's here": True})
    same("what a shell replaces is all that is told", candidates("rumpus cat disk.img:/et", "/et"), {"/etc/": False, "/eta": True})
    same("an option's argument is a file of the host", candidates("rumpus tar -f di"), {"disk.img": True})
    same("no image", candidates("rumpus ls nothing.img:/"), {})
    same("names that would control the terminal are not offered", candidates("rumpus ls disk.img:/etc/"),
         {"disk.img:/etc/hosts": True, "disk.img:/etc/hostname": True})
    expect("an odd call", 2, "_complete", message="takes a line")


def judge(name, shell, lines, prompt=None):
    """What is on the screen is painted in bits: lines, typed with tabs in them, are judged by what they do."""
    for what, typed, answer in lines:
        if prompt:
            shell.expect(prompt)
        shell.send(typed)
        # zsh may clear the rest of the screen first.
        ok(shell.expect(rf"\n(?:\x1b\[J)?{answer}"), f"{name}: {what}", shell.all)


def leave(name, shell):
    shell.send("exit\r")
    ok(shell.end() == 0, f"{name}: and it can be left", shell.all)


def inner_shell():
    shell = Terminal(harness.program(), "sh", "disk.img")
    shell.expect("> ")
    judge("sh", shell, (
        ("a word", "mkd\t--help\r", r"usage: rumpus \[OPTIONS\] mkdir"),
        ("an option", "ls --rec\tetc\r", r"etc:\r\n"),
        ("a path", "cat /etc/hostn\t\r", r"a host\r\n"),
        ("one that needs quotes", "cat it\t\r", r"quoted\r\n"),
        ("one in quotes", "cat 'it\t\r", r"quoted\r\n"),
        ("cd, directories alone", "cd e\t\rpwd\r", r"/etc\r\n"),
        ("choices are shown", "cat host\t\t", r"hostname +hosts\r\n"),
        ("files of the host", "s > su\tout\r! cat sub/out\r", r"hosts\r\n"),
        ("after host:, too", "cp hostname host:su\tcopied\r! cat sub/copied\r", r"a host\r\n"),
        ("a line for the host's sh is left alone", "! echo disk.im\t.\r", r"disk.im\s?\.\r\n")))
    leave("sh", shell)


def outer_shell(name, shell):
    judge(name, shell, ((what, f"rumpus {typed}\r", answer) for what, typed, answer in (
        ("a subcommand", "mkd\t--help", r"usage: rumpus \[OPTIONS\] mkdir"),
        ("an option", "ls --rec\tdisk.img:/etc", "disk.img:/etc:"),
        ("an image", "cat di\teta", "eta"),
        ("a path in it", "cat disk.img:/etc/hostn\t", "a host"),
        ("an image and a path", "cat di\tet\tc/hostn\t", "a host"),
        ("a path that needs quotes", "cat disk.img:/it\t", "quoted"),
        ("a path in quotes", "cat \"disk.img:/it\t", "quoted"),
        ("a partition, and a path in it", "ls parts.img@tw\t:/sec\t", "parts.img@two:/second"),
        ("a path in a partition", "ls --partition 2 parts.img:/sec\t", "parts.img:/second"))), prompt="READY> ")
    ok("\\:" not in shell.all, f"{name}: without needless quotes", shell.all)
    shell.expect("READY> ")
    leave(name, shell)


def bash():
    with open("bashrc", "w", encoding="utf-8") as file:
        file.write(f"PS1='READY> '\nbind 'set enable-bracketed-paste off'\n. '{FILES}/rumpus'\n")
    outer_shell("bash", Terminal("bash", "--noprofile", "--rcfile", "bashrc", "-i"))


def zsh():
    if not shutil.which("zsh"):
        harness.skip("zsh", "zsh is not installed")
        return
    os.mkdir("functions")
    shutil.copy(f"{FILES}/_rumpus", "functions")
    with open(".zshrc", "w", encoding="utf-8") as file:
        file.write("unsetopt prompt_cr prompt_sp\nunset zle_bracketed_paste\nPS1='READY> '\n"
                   "fpath=($PWD/functions $fpath)\nautoload -Uz compinit\ncompinit -D -u\nbindkey -e\nunsetopt list_beep\n")
    os.environ["ZDOTDIR"] = os.getcwd()
    outer_shell("zsh", Terminal("zsh", "-d", "-i"))


def make_images():
    os.makedirs("tree/etc")
    os.mkdir("sub")
    for name, text in (("etc/hosts", "hosts"), ("etc/hostname", "a host"), ("etc/.hidden", ""), ("eta", ""), ("it's here", "quoted"),
                       ("etc/\x1b[31mred", "")):
        with open(f"tree/{name}", "w", encoding="utf-8") as file:
            file.write(f"{text or os.path.basename(name)}\n")
    harness.mkfs("disk.img", "ext4", 16 << 20)
    expect("an image", 0, "cp", "-r", "tree/.", "disk.img:/", message="^$")
    harness.mkfs("part", "ext4", 16 << 20)
    expect("a partition", 0, "cp", "tree/eta", "part:/second", message="^$")
    harness.gpt("parts.img", 40 << 20, [(1 << 20, 16 << 20, "one", "11111111-0000-0000-0000-000000000001"),
                                       (18 << 20, 16 << 20, "two", "11111111-0000-0000-0000-000000000002")])
    with open("part", "rb") as part, open("parts.img", "r+b") as image:
        image.seek(18 << 20)
        image.write(part.read())
    os.unlink("part")
    shutil.rmtree("tree")


def main():
    harness.start()
    # The shells find the program by its name, and nothing of the user who runs the test.
    os.environ.update(TERM="xterm", HOME=os.getcwd(), PATH=f"{os.path.dirname(harness.program())}:{os.environ['PATH']}")
    make_images()
    offers()
    inner_shell()
    bash()
    zsh()
    harness.done()


main()
