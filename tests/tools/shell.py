#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""rumpus sh: lines from the command line, from a script, from a terminal."""

import os
import re
import signal
import subprocess
import time

import harness
from harness import check, digest, expect, ok, run, spawn
from terminal import Terminal

HOLE = 64 << 30  # bytes; more than anybody reads in a test


def script(text, *args, code=0, message=None, name=None):
    """Run a script of lines on standard input."""
    with open("script", "w", encoding="utf-8") as file:
        file.write(text)
    result = run("sh", *args, stdin="script")
    passed = result.code == code and (message is None or re.search(message, result.err))
    ok(passed, name or text.strip().replace("\n", "; "), f"expected exit {code}, message {message!r}\n{result}")
    return result


def same(name, result, expected):
    ok(result.text == expected, name, f"expected {expected!r}\n{result}")


def make_tree():
    os.makedirs("tree/dir/deep")
    for name in ("a.c", "b.c", "c.h", "with space", "it's", "dir/x.c", "dir/deep/y.c", "star*", "-dash"):
        with open(f"tree/{name}", "w", encoding="utf-8") as file:
            file.write(f"{name}\n")
    os.symlink("dir/deep", "tree/link")
    with open("tree/hole", "wb") as file:
        file.truncate(HOLE)


def words(image):
    same("one line", script("pwd", image), "/\n")
    same("-c, with several commands", expect("-c", 0, "sh", "-c", "cd dir; pwd;ls", image, message="^$"), "/dir\ndeep\nx.c\n")
    same("start in a directory", run("sh", "-c", "pwd", f"{image}:/dir/../dir/deep/"), "/dir/deep\n")
    same("cd and ..", script("cd dir/deep\npwd\ncd ..\npwd\ncd\npwd", image), "/dir/deep\n/dir\n/\n")
    same("a link is the way that was come", script("cd link\npwd\nls\ncd ..\npwd\n", image), "/link\ny.c\n/\n")
    same("paths are relative", script("cd dir\ncat x.c ../a.c /b.c", image), "dir/x.c\na.c\nb.c\n")
    same("no operand: here", script("cd dir\nls", image), "deep\nx.c\n")
    script("cd nowhere", image, code=1, message="nowhere: No such file")
    script("cd a.c", image, code=1, message="a.c: Not a directory")
    script("frobnicate", image, code=2, message='no subcommand "frobnicate"; "help" lists')
    ok("files" in script("check", image).text and "files" in script("cd dir; check", image).text, "check is of the whole image")
    script("check dir", image, code=2, message="only whole images")
    script("ls -Z", image, code=2, message="invalid option -Z")
    script("sh x", image, code=2, message="a shell already")
    script("ls -o ro", image, code=2, message="when the shell is started")
    script("cat", image, code=2, message="cat what")
    expect("two images", 2, "sh", image, image, message="takes one image")
    expect("no such image", 1, "sh", "missing.img", message="missing.img: no such file")
    expect("no such directory", 1, "sh", f"{image}:/a.c", message="no directory to start in")
    result = script("help", image)
    ok(all(f"  {name} " in result.text for name in ("ls", "cp", "cat", "cd", "exit", "lcd")), "help lists the words", result)


def every_subcommand(image):
    """Whatever there is outside is inside as well."""
    listed = re.findall(r"^  ([a-z]+) +\S", run("help").text.split("Options of all")[0], re.M)
    names = [name for name in listed if name not in ("help", "sh")]
    ok(len(names) >= 7, "subcommands are found", names)
    result = script("\n".join(f"{name} --help" for name in names), image, name="each subcommand is a word")
    same("with the same help", result, "".join(run("help", name).text for name in names))
    script("tar dir | tar t > /dev/null\ntar -f x.tar dir\nstat a.c | cat\ntree dir > out", image, message="^$",
           name="what goes to files and programs")
    def archived(name, line, *expected):
        told = script(f"{line} | tar t", image).text.split()
        ok(sorted(told) == sorted(expected), name, told)

    archived("tar: names from the present directory on", "cd dir; tar deep x.c", "deep/", "deep/y.c", "x.c")
    archived("tar: the present directory", "cd dir/deep; tar", "./", "./y.c")
    archived("tar -C goes on from there", "cd dir; tar -C deep y.c", "y.c")
    archived("tar -C and the directory as a whole", "cd dir; tar -C deep", "./", "./y.c")
    archived("tar -C from the root", "cd dir; tar -C /dir/deep y.c", "y.c")
    archived("tar -C upwards", "cd dir/deep; tar -C .. x.c", "x.c")
    script("cd dir; tar -C nothing y.c > /dev/null", image, code=1, message="y.c: cannot open", name="tar -C into nothing")
    script("tar dir", image, code=0, message="^$", name="an archive to standard output, which is no terminal")
    script("! stat x.tar > /dev/null", image)
    for name in ("info", "dmesg"):
        result = run("sh", "-c", name, image)
        ok(result.code == 0 and result.text and not result.err, f"{name} in a shell", result)


def quoting(image):
    same("quotes", script("cat 'with space' \"it's\" with\\ space", image), "with space\nit's\nwith space\n")
    same("patterns", script("cat *.c", image), "a.c\nb.c\n")
    same("patterns with directories", script("cat */*.c [ab].? d*/d*/?.c", image), "dir/x.c\ndir/deep/y.c\na.c\nb.c\ndir/deep/y.c\n")
    same("quoted patterns are none", script("cat 'star*' star\\*", image), "star*\nstar*\n")
    same("relative to cd", script("cd dir\ncat *.c", image), "dir/x.c\n")
    same("absolute", script("cd dir\ncat /[ab].c", image), "a.c\nb.c\n")
    script("cat *.nothing", image, code=1, message=r"\*\.nothing: No such file")
    same("a comment, an empty line", script("# ls\n\n   \npwd # and so on\n", image), "/\n")
    same("after --", script("cat -- -dash", image), "-dash\n")
    script("cat 'a", image, code=2, message="quote is not closed")
    script("pwd || pwd", image, code=2, message=r'there is no "\|\|"')
    script("pwd & pwd", image, code=2, message='there is no "&"')
    script("pwd >", image, code=2, message="names no file")
    script("| cat", image, code=2, message="nothing is before")
    script("ls |", image, code=2, message="nothing follows")


def host(image):
    same("a pipe", script("ls -1 | sort -r | head -n 2", image), "with space\nstar*\n")
    same("a pipe ends with the command", script("ls -1 | grep '[;]' ; pwd", image), "/\n")
    same("a program of the host", script("! echo $((6 * 7)); echo x", image), "42\nx\n")
    script("! exit 7", image, code=7)
    script("ls | exit 9", image, code=9)
    script("cat a.c > out; cat b.c >> out; cat a.c b.c > two", image)
    ok(open("out", encoding="utf-8").read() == "a.c\nb.c\n" and os.stat("out").st_mode & 0o777 == 0o644,
       "files of the host, with the umask")
    script("ls > /nowhere/out", image, code=1, message="/nowhere/out: No such file")
    os.mkdir("there")
    same("lcd", script("lcd there\ncat a.c > inside\nlpwd\n! cat inside\ncp /b.c host:; cp /a.c host:again\n! cat b.c again", image),
         f"{os.getcwd()}/there\na.c\nb.c\na.c\n")
    script("lcd /nowhere", image, code=1, message="/nowhere: No such file")
    result = script("cat hole | head -c 3 | wc -c\npwd", image, name="a program that does not read to the end")
    same("does not end the shell", result, "3\n/\n")
    with open("/dev/full", "wb") as full:
        result = run("sh", "-c", "cat a.c; pwd", image, stdout=full)
    ok(result.code == 1 and "standard output" in result.err, "a full disk is told", result)


def statuses(image):
    script("cat nothing\npwd", image, code=0, message="nothing: No such file")
    same("-e leaves at the first failure", script("pwd\ncat nothing\npwd", "-e", image, code=1), "/\n")
    same("-e, of a program", script("ls | false\npwd", "-e", image, code=1), "")
    script("exit 5\npwd", image, code=5)
    script("cat nothing\nexit", image, code=1)
    script("exit x", image, code=2, message="status from 0 to 255")
    before = digest(image)
    script("mkdir d", image, code=1, message='open for reading; .*"rumpus sh -w"')
    ok(digest(image) == before, "nothing is changed without -w")


def writing():
    image = harness.mkfs("write.img", "ext4", 64 << 20)
    lines = ["mkdir -p a/b", "cd a", "cp -r host:tree/dir .", "cp host:tree/a.c b/copied", "cp b/copied b/again",
             "cp -r dir /elsewhere", "rm dir/x.c", "cp -r b host:taken"]
    result = script("\n".join(lines), "-ew", image, name="copies of all directions, and removals")
    ok(result.err == "", "without a word", result)
    ok(sorted(os.listdir("taken")) == ["again", "copied"], "out")
    same("in", run("ls", "-R", f"{image}:/a"), f"{image}:/a:\nb\ndir\n\n{image}:/a/b:\nagain\ncopied\n\n"
         f"{image}:/a/dir:\ndeep\n\n{image}:/a/dir/deep:\ny.c\n")
    check(image, "ext4")
    del os.environ["TZ"]
    script("touch -d 'yesterday 12:00' t\nuntar < x.tar\nchmod 600 t\nls -l t", "-ew", image, message="^$",
           name="dates and archives are understood in the worker as well, with the time zone of the host")
    os.environ["TZ"] = "UTC"
    script("chmod --reference host:x.tar t\nchmod --reference a t", "-w", image, message="host:x.tar: cannot examine",
           name="files to be like are those of the image")
    many = "".join(f"cp host:tree/a.c f{i}\ncp f{i} host:out\ncp -r a g{i}\ncat f{i} nothing\n" for i in range(40))
    result = script("! ls /proc/$PPID/fd | wc -l\n" + many + "! ls /proc/$PPID/fd | wc -l\n", "-w", image, name="many lines")
    counts = [line for line in result.text.splitlines() if line.isdigit()]
    ok(len(counts) == 2 and counts[0] == counts[1], "leave nothing open", counts)
    dumped = harness.tool("/usr/sbin/dumpe2fs", "-h", image).stdout
    ok("needs_recovery" not in dumped, "the image is unmounted", dumped)
    check(image, "ext4")
    small = harness.mkfs("small.img", "ext4", 4 << 20)
    with open("large", "wb") as file:
        file.write(os.urandom(16 << 20))
    result = script("cp host:large large\ncp host:tree/a.c a.c\ncat a.c\n", "-w", small, code=0, message="no space is left",
                    name="a copy that fails in the middle")
    same("does not disturb the next one", result, "a.c\n")
    check(small, "ext4")


def prompt(directory):
    return re.escape(f"disk.img:{directory}> ")


def terminal(image):
    shell = Terminal(harness.program(), "sh", image)
    ok(shell.expect(prompt("/")), "a terminal gets a prompt", shell.all)
    shell.send("cd dir\r")
    ok(shell.expect(prompt("/dir")), "which says where it is", shell.all)
    shell.send("pwdx\x7f\r")
    ok(shell.expect(r"pwd.*\r\n/dir\r\n"), "a line can be edited", shell.all)
    shell.send("\x1b[A\x1b[A\x1b[A\r\x1b[A\x1b[A\r")
    ok(shell.expect(r"\r\n/dir\r\n"), "and had again", shell.all)
    shell.send("rubbish")
    shell.expect("rubbish")
    shell.send("\x03")
    shell.expect(prompt("/dir"))
    shell.send("pwd\r")
    ok(shell.expect(r"\r\n/dir\r\n") and "no subcommand" not in shell.all, "Ctrl-C gives up a line", shell.all)
    shell.send("cat /hole | sleep 1000\r")
    time.sleep(0.5)
    shell.send("\x03")
    shell.send("pwd\r")
    ok(shell.expect(r"\^C(?s:.*)\r\n/dir\r\n"), "Ctrl-C ends a command and its program", shell.all)
    shell.send("cat /hole > /dev/null\r")
    time.sleep(0.5)
    shell.send("\x03")
    time.sleep(0.6)
    shell.send("\x03")
    shell.send("! echo after $((1 + 1))\r")
    ok(shell.expect(r"after 2"), "and a command alone, however often it comes", shell.all)
    ok("has not ended" not in shell.all, "at once", shell.all)
    shell.expect(prompt("/dir"))
    shell.send("\x04")
    ok(shell.end() == 0, "the end of the file leaves", shell.all)


def terminal_writing():
    image = harness.mkfs("disk.img", "ext4", 64 << 20)
    shell = Terminal(harness.program(), "sh", "-w", image)
    shell.expect(prompt("/"))
    shell.send("mkdir made\r")
    shell.expect(prompt("/"))
    shell.send("exit\r")
    ok(shell.end() == 0 and "unmounted; all changes are in the image" in shell.all, "exit says that it unmounts", shell.all)
    same("and the image has it", run("ls", image), "lost+found\nmade\n")
    shell = Terminal(harness.program(), "sh", "-w", image)
    shell.expect(prompt("/"))
    os.kill(shell.pid, signal.SIGTERM)
    ok(shell.end() == 143, "SIGTERM leaves, too", shell.all)
    dumped = harness.tool("/usr/sbin/dumpe2fs", "-h", image).stdout
    ok("needs_recovery" not in dumped, "unmounted", dumped)
    shell = Terminal(harness.program(), "sh", "-w", image)
    shell.expect(prompt("/"))
    with open(f"/proc/{shell.pid}/task/{shell.pid}/children", encoding="utf-8") as children:
        os.kill(int(children.read().split()[0]), signal.SIGKILL)
    ok(shell.end() == 1 and "killed by signal 9" in shell.all and "was not unmounted" in shell.all,
       "a worker that ends ends the shell, without a key", shell.all)


def panic():
    """A file system that is told to panic when it is damaged, and is."""
    image = harness.mkfs("disk.img", "ext4", 64 << 20)
    script("mkdir bad\ncp host:tree/a.c bad", "-w", image)
    block = int(harness.tool("/usr/sbin/debugfs", "-R", "blocks /bad", image).stdout.split()[-1])
    size = int(re.search(r"Block size: +(\d+)", harness.tool("/usr/sbin/dumpe2fs", "-h", image).stdout).group(1))
    with open(image, "r+b") as file:
        file.seek(block * size)
        file.write(b"\xff" * size)
    result = script("pwd\nls bad\npwd\n", "-o", "errors=panic", image, code=1, name="a panic ends a script",
                    message="the kernel in the worker ended")
    same("at once", result, "/\n")
    shell = Terminal(harness.program(), "sh", "-o", "errors=panic", image)
    shell.expect(prompt("/"))
    shell.send("ls bad\r")
    ok(shell.end() == 1 and "the kernel in the worker ended" in shell.all, "and a shell on a terminal", shell.all)


def interrupted(image):
    process = spawn("sh", "-c", "cat hole; pwd", image, stdout=subprocess.DEVNULL)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    result = harness.collect(process, 30)
    ok(result.code == 130, "SIGINT ends a script", result)


def main():
    harness.start()
    os.environ["TERM"] = "xterm"
    make_tree()
    image = harness.mkfs("disk.img", "ext4", 64 << 20)
    expect("a tree to look at", 0, "cp", "-r", "tree/.", f"{image}:/", message="^$")
    words(image)
    every_subcommand(image)
    quoting(image)
    host(image)
    statuses(image)
    interrupted(image)
    terminal(image)
    writing()
    os.unlink("disk.img")
    terminal_writing()
    panic()
    harness.done()


main()
