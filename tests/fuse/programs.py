#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Programs that ask much of a file system, on a mount: tar, cp -a, rsync, a database with several writers, git, a build."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import threading

import mounting

import harness
from harness import ok, tool

PARTS = 24  # files that are compiled


def make_tree(root):
    """Files, links, modes, times and attributes."""
    rng = random.Random(5)
    for i in range(300):
        folder = f"{root}/{i % 7}/{i % 11}"
        os.makedirs(folder, exist_ok=True)
        path = f"{folder}/file{i}"
        with open(path, "wb") as file:
            file.write(rng.randbytes(rng.choice((0, 10, 4096, 70000))))
            if i % 20 == 0:
                file.truncate(500000)
        os.chmod(path, rng.choice((0o600, 0o644, 0o755)))
        if i % 9 == 0:
            os.link(path, path + ".link")
            os.symlink(f"file{i}", path + ".symlink")
            os.setxattr(path, "user.number", b"%d" % i)
        os.utime(path, ns=(i * 10**9 + 1, i * 10**9 + 123456789))


def archives(here):
    make_tree("tree")
    expected = harness.snapshot("tree")
    done = tool("tar", "-C", "tree", "--xattrs", "--sparse", "-cf", "tree.tar", ".")
    os.mkdir(f"{here}/untarred")
    done = tool("tar", "-C", f"{here}/untarred", "--xattrs", "-xpf", "tree.tar")
    ok(done.returncode == 0, "tar unpacks", done.stdout)
    got = harness.snapshot(f"{here}/untarred")
    # tar keeps whole nanoseconds only in its own format; of the root directory both have times of their own.
    for tree in (got, expected):
        for told in tree.values():
            told[3] //= 10**9
        tree.pop(".")
    harness.same_tree({k: v for k, v in got.items() if os.path.splitext(k)[1]},
                      {k: v for k, v in expected.items() if os.path.splitext(k)[1]}, "links are what they were")
    harness.same_tree(got, expected, "and so is the rest")
    done = tool("cp", "-a", f"{here}/untarred", f"{here}/copied")
    again = harness.snapshot(f"{here}/copied")
    again.pop(".")
    for told in again.values():
        told[3] //= 10**9
    ok(done.returncode == 0, "cp -a copies within the mount", done.stdout)
    harness.same_tree(again, got, "to the same")
    shutil.rmtree(f"{here}/untarred")
    ok(not os.path.exists(f"{here}/untarred"), "rm -r")


def synchronised(here):
    """rsync with all that it can keep, there, again after changes, and back."""
    if not shutil.which("rsync"):
        harness.skip("rsync", "it is not installed; the package is called rsync")
        return
    tool("setfacl", "-m", "u:12345:rw-", "tree/1/1/file1")
    tool("setfacl", "-d", "-m", "g:54321:r-x", "tree/2")
    keep = ("rsync", "-aHAX", "--delete", "--modify-window=-1")  # times to the nanosecond

    def turn(source, target, name):
        done = tool(*keep, f"{source}/", target)
        ok(done.returncode == 0, name, done.stdout)
        harness.same_tree(harness.snapshot(target), harness.snapshot(source), "with links, ACLs, attributes and times")
        # -c reads all contents again; -i names what would be transferred.
        done = tool(*keep, "-nic", f"{source}/", target)
        ok(done.returncode == 0 and not done.stdout, "it finds nothing more to do", done.stdout)

    turn("tree", f"{here}/rsynced", "rsync -aHAX to the mount")
    ok("user:12345:rw-" in tool("getfacl", "-n", f"{here}/rsynced/1/1/file1").stdout, "ACLs arrive")
    shutil.rmtree("tree/3")
    with open("tree/4/again", "wb") as file:
        file.write(b"new" * 50000)
    os.link("tree/4/again", "tree/5/link")
    with open("tree/1/1/file1", "ab") as file:
        file.write(b"more")
    turn("tree", f"{here}/rsynced", "rsync -aHAX --delete of what has changed")
    turn(f"{here}/rsynced", "back", "rsync -aHAX from the mount")
    shutil.rmtree(f"{here}/rsynced")


def write_rows(path, number, problems):
    try:
        database = sqlite3.connect(path, timeout=60)
        for i in range(40):
            with database:
                database.execute("insert into rows values (?, ?, ?)", (number, i, "x" * (i * 50)))
        database.close()
    except sqlite3.Error as error:
        problems.append(str(error))


def databases(here):
    for journal in ("delete", "wal"):
        path = f"{here}/{journal}.db"
        database = sqlite3.connect(path)
        database.execute(f"pragma journal_mode={journal}")
        database.execute("create table rows (writer integer, number integer, data text)")
        database.commit()
        problems = []
        writers = [threading.Thread(target=write_rows, args=(path, i, problems)) for i in range(3)]
        for writer in writers:
            writer.start()
        for writer in writers:
            writer.join()
        count, = database.execute("select count(*) from rows").fetchone()
        check, = database.execute("pragma integrity_check").fetchone()
        database.close()
        ok((count, check, problems) == (120, "ok", []), f"sqlite with journal_mode={journal} and three writers",
           (count, check, problems))


def repositories(here):
    if not shutil.which("git"):
        harness.skip("git", "it is not installed")
        return
    env = {**os.environ, "HOME": os.path.abspath("."), "GIT_CONFIG_NOSYSTEM": "1"}
    git = ["git", "-c", "user.name=n", "-c", "user.email=e@x", "-c", "init.defaultBranch=m", "-c", "safe.directory=*"]

    def run(*args):
        return tool(*git, *args, env=env)

    run("init", "-q", f"{here}/repository")
    make_tree(f"{here}/repository")
    done = [run("-C", f"{here}/repository", "add", "-A"), run("-C", f"{here}/repository", "commit", "-qm", "one"),
            run("clone", "-q", f"{here}/repository", f"{here}/clone"), run("-C", f"{here}/clone", "gc", "-q"),
            run("-C", f"{here}/clone", "fsck", "--full"), run("-C", f"{here}/clone", "status", "--porcelain")]
    ok(all(d.returncode == 0 for d in done) and not done[-1].stdout, "git add, commit, clone, gc, fsck, status",
       "\n".join(d.stdout for d in done))


MAKEFILE = """parts := $(patsubst %.c,%.o,$(wildcard part*.c))
program: main.o libparts.a
\t$(CC) -o $@ main.o -L. -lparts
libparts.a: $(parts)
\trm -f $@
\t$(AR) rcs $@ $^
%.o: %.c many.h
\t$(CC) -O1 -g -c -o $@ $<
"""


def source_of(name):
    """The contents of one file of a program."""
    if name == "Makefile":
        return MAKEFILE
    if name == "many.h":
        return "".join(f"int part{i}(void);\n" for i in range(PARTS))
    if name == "main.c":
        total = " + ".join(f"part{i}()" for i in range(PARTS))
        return f'#include <stdio.h>\n#include "many.h"\nint main(void) {{ return printf("sum %d\\n", {total}) < 0; }}\n'
    number = name.removeprefix("part").removesuffix(".c")
    return f'#include <stdlib.h>\n#include "many.h"\nint part{number}(void) {{ return abs(-{number}); }}\n'


def compilers(here):
    """make with several compilers at once: object files, an archive, a program; times decide what is made again."""
    os.mkdir(f"{here}/source")
    for name in ("main.c", "many.h", "Makefile", *(f"part{i}.c" for i in range(PARTS))):
        with open(f"{here}/source/{name}", "w", encoding="utf-8") as file:
            file.write(source_of(name))
    env = {**os.environ, "TMPDIR": here}
    done = tool("make", "-C", f"{here}/source", "-j3", env=env)
    ran = tool(f"{here}/source/program") if done.returncode == 0 else None
    ok(ran and ran.stdout == f"sum {sum(range(PARTS))}\n", f"make builds a program of {PARTS} files and a library, which runs",
       done.stdout + (ran.stdout if ran else ""))
    done = tool("make", "-C", f"{here}/source", "-j3", env=env)
    ok("up to date" in done.stdout or "Nothing to be done" in done.stdout, "nothing is to be made then", done.stdout)
    past = os.stat(f"{here}/source/program").st_mtime_ns
    os.utime(f"{here}/source/part7.c")
    done = tool("make", "-C", f"{here}/source", env=env)
    ok(done.stdout.count(" -c ") == 1 and os.stat(f"{here}/source/program").st_mtime_ns > past,
       "after a change of one file, that one and the program", done.stdout)


def main():
    kind = sys.argv[1]
    mounting.start()
    image = mounting.make("disk.img", kind)
    result = mounting.mount(image, "m", "--idmap")
    ok(result.code == 0, f"{kind}: mounted", result)
    here = os.path.abspath("m/w")
    for part in (archives, synchronised, databases, repositories, compilers):
        part(here)
    result = mounting.umount("m")
    ok(result.code == 0, f"{kind}: unmounted", result)
    harness.check(image, kind)
    mounting.finish()


main()
