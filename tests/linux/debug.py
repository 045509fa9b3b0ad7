#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""gdb and perf on a process that holds kernels with debug information."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from tap import ok, plan, skip  # noqa: E402

BUILD = os.environ["RUMPUS_BUILD"]
KERNEL = os.path.join(BUILD, "tests/linux/kernel")
SCRIPT = os.path.join(os.environ["RUMPUS_TOP"], "lib/gdb/librumpus-gdb.py")
os.environ["RUMPUS_IMAGE"] = os.environ["RUMPUS_CHECK_IMAGE"]
# gdb would ask the network for symbols of the host's libraries, and colour what it says.
os.environ.pop("DEBUGINFOD_URLS", None)
os.environ["TERM"] = "dumb"



def gdb(commands, *arguments):
    """Run gdb without a terminal. Returns all that it said; what follows "echo === WORD" is found by section()."""
    line = ["gdb", "-q", "-nx", "-batch", "-ex", "set pagination off", "-ex", "set confirm off", "-ex", "set width 0",
            "-x", SCRIPT]
    for command in commands:
        line += ["-ex", command]
    done = subprocess.run(line + list(arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                          stdin=subprocess.DEVNULL)
    return done.stdout.decode("utf-8", "replace")


def mark(word):
    return f"echo \\n=== {word}\\n"


def section(text, word):
    match = re.search(rf"^=== {word}\n(.*?)(?=^=== |\Z)", text, re.MULTILINE | re.DOTALL)
    return match.group(1) if match else ""


def ordered(text, *words):
    """Whether the words come in this order."""
    at = 0
    for word in words:
        at = text.find(word, at)
        if at < 0:
            return False
    return True


def started():
    """A program is started by gdb; the breakpoint is set before there is any kernel to have it."""
    # Calls may be carried by a thread of the kernel's own. After a pause, that has left, and the program's own takes them.
    calls = [word for number in range(20) for word in ("pause=20", f"mkdir=/there{number}")]
    text = gdb(["set breakpoint pending on", "break do_mkdirat if $_thread == 1", "run",
                mark("inside"), "backtrace",
                mark("dmesg"), "lx-dmesg",
                mark("ps"), "lx-ps",
                mark("lsmod"), "lx-lsmod",
                mark("symbols"), "lx-symbols", "info symbol do_mkdirat", "info line minix_iget",
                mark("sleeper"), "rumpus-bt 2",
                mark("all"), "rumpus-bt all",
                mark("finish"), "finish",
                mark("end"), "kill"],
               "--args", KERNEL, "boot", "component=minix", *calls)
    inside = section(text, "inside")
    ok(ordered(inside, "do_mkdirat", "rump_system_call", "rump_caller_main", "<signal handler called>",
               "rump_caller_call", "rumpus_syscall", "make_directory", "main (argc="),
       "a backtrace goes from the kernel's function to the program's main", text)
    ok("corrupt stack" not in text and "Backtrace stopped" not in text, "no backtrace is cut short", inside)
    ok("/there" in inside, "arguments of the program's functions are shown", inside)
    ok("Linux version" in section(text, "dmesg"), "lx-dmesg", section(text, "dmesg"))
    ok(ordered(section(text, "ps"), "swapper/0", "caller", "kthreadd"), "lx-ps", section(text, "ps"))
    ok(re.search(r"^0x[0-9a-f]+ +minix ", section(text, "lsmod"), re.MULTILINE), "lx-lsmod", section(text, "lsmod"))
    ok("do_mkdirat in section .text of " in section(text, "symbols"),
       "lx-symbols leaves the kernel's symbols", text)
    ok(re.search(r'Line \d+ of "[^"]*fs/minix/inode.c" starts at address', section(text, "symbols")),
       "and brings those of a component", section(text, "symbols"))
    sleeper = section(text, "sleeper")
    ok(ordered(sleeper, 'task 2 "kthreadd"', "schedule", "kthreadd", "first_instruction"),
       "rumpus-bt shows the stack of a kernel thread", sleeper)
    ok("carried by thread 1" in section(text, "all"), "rumpus-bt tells which host thread runs a task",
       section(text, "all"))
    finish = section(text, "finish")
    ok("Value returned" in finish, "finish returns from the kernel's function", finish)


def attached():
    """gdb comes to a process that has had three kernels and has two."""
    program = subprocess.Popen([KERNEL, "boot", "boot", "boot", "halt", "mkdir=/there", "wait"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = []
    for line in program.stdout:
        said.append(line.decode("utf-8", "replace"))
        if line == b"waiting\n":
            break
    text = gdb([f"attach {program.pid}", mark("kernels"), "rumpus-kernels", mark("first"), "print &init_task",
                "rumpus-kernel 2", mark("second"), "print &init_task", mark("stacks"), "rumpus-bt all", "detach"])
    program.stdin.close()
    program.stdout.read()
    status = program.wait()
    kernels = section(text, "kernels")
    ok(len(re.findall(r"^[* ] \d+  0x", kernels, re.MULTILINE)) == 2, "two kernels are listed, not the halted one",
       text)
    first, second = (re.search(r"0x[0-9a-f]+", section(text, word)) for word in ("first", "second"))
    ok(first and second and first.group() != second.group(), "rumpus-kernel chooses whose names are meant", text)
    ok("is current on virtual CPU" in section(text, "stacks"), "a task that is in user mode has a stack", text)
    ok(status == 0, "the process goes on when gdb leaves", "".join(said))


def profiled():
    record = subprocess.run(["perf", "record", "-q", "-e", "cpu-clock:u", "-F", "997", "-g", "-o", "perf.data", KERNEL,
                             "boot", "work=2"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if record.returncode:
        print(f"# {record.stdout.decode('utf-8', 'replace').strip()[:300]}")
        skip("perf record", "perf cannot record here")
        return
    report = subprocess.run(["perf", "report", "-i", "perf.data", "--stdio", "--no-children", "-g", "none", "-F",
                             "overhead,symbol"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
    text = report.stdout.decode("utf-8", "replace")
    ok(len(re.findall(r"\[\.\] (shmem_\w+|__memcpy|generic_perform_write|copy_\w+|filemap_\w+)", text)) > 2,
       "perf report names the kernel's functions", text)
    script = subprocess.run(["perf", "script", "-i", "perf.data", "-F", "ip,sym"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, check=False).stdout.decode("utf-8", "replace")
    ok(any(ordered(sample, "vfs_write", "rump_caller_main", "rump_context_link", "rumpus_syscall")
           for sample in script.split("\n\n")),
       "its call chains go from the kernel to the program", script[:4000])


def main():
    for name in (started, attached, profiled):
        name()
    return plan()


if __name__ == "__main__":
    sys.exit(main())
