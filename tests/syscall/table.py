#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The system-call table has every call of the kernel's own table and no other; the generator refuses bad tables."""

import glob
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from tap import ok, plan, skip  # noqa: E402

TOP = os.environ.get("RUMPUS_TOP", os.getcwd())
BUILD = os.environ.get("RUMPUS_BUILD", os.path.join(TOP, "build"))
GENERATE = os.path.join(TOP, "syscall/generate.py")
TABLES = [os.path.join(TOP, "syscall", name) for name in ("syscalls.tbl", "exceptions.tbl")]
KERNEL_TABLE = "tree/arch/x86/entry/syscalls/syscall_64.tbl"




def names(path, column, leave_out=()):
    found = {}
    with open(path) as table:
        for line in table:
            fields = line.split()
            if fields and not line.startswith("#") and fields[1] not in leave_out:
                found[fields[column]] = fields
    return found


def generate(kind, tables):
    return subprocess.run([GENERATE, kind] + tables, capture_output=True, text=True)


def complete():
    kernel_tables = sorted(glob.glob(os.path.join(BUILD, "linux-*", KERNEL_TABLE)))
    ours = names(TABLES[0], 0)
    if not kernel_tables:
        skip("no call is missing", "no kernel tree: make build/lib/rumpus/linux.img extracts it")
    for path in kernel_tables:
        release = re.search(r"/linux-([^/]*)/", path).group(1)
        theirs = names(path, 2, ["x32"])
        missing = sorted(set(theirs) - set(ours))
        ok(not missing, f"no call of Linux {release} is missing", " ".join(missing))
        if release == "6.12":
            more = sorted(set(ours) - set(theirs))
            ok(not more, f"no call is unknown to Linux {release}", " ".join(more))
            wrong = [n for n, fields in ours.items()
                     if re.search(r"number=(\d+)", " ".join(fields)) and n in theirs
                     and re.search(r"number=(\d+)", " ".join(fields)).group(1) != theirs[n][0]]
            ok(not wrong, "numbers are those of Linux", " ".join(wrong))


def outputs():
    results = {kind: generate(kind, TABLES) for kind in ("header", "stubs", "refused", "manual")}
    for kind, result in results.items():
        ok(result.returncode == 0 and result.stdout, f"{kind} is generated", result.stderr)
    ours = names(TABLES[0], 0)
    for kind in ("header", "stubs"):
        missing = [n for n in ours if f"long rumpus_sys_{n}(" not in results[kind].stdout]
        ok(not missing, f"{kind}: every call", " ".join(missing))
    refused = [n for n, fields in ours.items() if fields[1] == "refused"]
    listed = re.findall(r"__NR_(\w+), \d+", results["refused"].stdout)
    ok(sorted(refused) == sorted(listed), "the kernel's list has the refused calls")
    ok(not [l for l in results["header"].stdout.splitlines() if len(l.expandtabs(8)) > 140], "lines are not too long")


def header_compiles():
    source = "#include <rumpus/syscalls.h>\nint main(void) { return (int)rumpus_sys_getpid(); }\n"
    include = [f"-I{os.path.join(TOP, 'include')}", f"-I{os.path.join(BUILD, 'include')}"]
    for command in (["gcc", "-x", "c", "-std=gnu11"], ["gcc", "-x", "c", "-std=gnu89"], ["g++", "-x", "c++"],
                    ["g++", "-x", "c++", "-std=c++20"]):
        result = subprocess.run(command + ["-Wall", "-Wextra", "-Werror", "-fsyntax-only"] + include + ["-"],
                                input=source, capture_output=True, text=True)
        ok(result.returncode == 0, f"the header alone: {' '.join(command)}", *result.stderr.splitlines())


def bad_tables():
    good = "read\tplain\tint fd\tread\nfork\trefused\tvoid\tfork\n"
    exception = "fork\tENOSYS\tno\n"
    cases = (
        ("a good one", good, exception, ""),
        ("a call twice", good + "read\tplain\tint fd\tread\n", exception, "twice"),
        ("a refused call without exception", good, "", "does not agree"),
        ("an exception for a plain call", good, exception + "read\tENOSYS\tno\n", "does not agree"),
        ("an exception for no call", good, exception + "nothing\tENOSYS\tno\n", "unknown calls"),
        ("an exception twice", good, exception * 2, "twice"),
        ("an unknown errno", good, "fork\tEODD\tno\n", "unknown errno"),
        ("too few columns", "read\tplain\n", "", "columns"),
        ("seven arguments", "read\tplain\t" + ", ".join(f"int a{i}" for i in range(7)) + "\tread\n", "", "arguments"),
        ("an unknown note", "read\tplain\tint fd\tread\tcolour=red\n", "", "unknown note"),
    )
    for name, calls, exceptions, message in cases:
        with open("calls", "w") as table:
            table.write(calls)
        with open("exceptions", "w") as table:
            table.write(exceptions)
        result = generate("stubs", ["calls", "exceptions"])
        good_result = result.returncode == 0 if not message else result.returncode != 0 and message in result.stderr
        ok(good_result, f"generator: {name}", result.stderr)
    result = generate("nonsense", TABLES)
    ok(result.returncode != 0 and "usage" in result.stderr, "generator: usage")


complete()
outputs()
header_compiles()
bad_tables()
sys.exit(plan())
