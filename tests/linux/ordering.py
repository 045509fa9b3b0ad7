#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The kernel's barriers and atomic operations are the instructions that this CPU's memory model asks for.

usage: tests/linux/ordering.py [CPU]     of a build for that one, below that for this machine

Reads the object code of the litmus tests (linux/arch/rump/tests/litmus.c), of the hand-over of virtual CPUs and of the
tree's spin locks. Running them, as litmus does, proves little, above all in an emulator: code that lacks a barrier may
work there for ever.
"""

import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from tap import ok, plan, skip_all  # noqa: E402

TOP = os.environ.get("RUMPUS_TOP", os.getcwd())
BUILD = os.path.join(os.environ.get("RUMPUS_BUILD", os.path.join(TOP, "build")), *sys.argv[1:2])
OBJECTS = os.path.join(BUILD, "linux-" + os.environ.get("RUMPUS_LINUX", "6.12"), "obj")
MACHINES = {62: ("x86_64", ("objdump", "x86_64-linux-gnu-objdump")), 183: ("aarch64", ("aarch64-linux-gnu-objdump",
                                                                                     "objdump"))}

# What counts, by CPU: kinds of instructions and how objdump writes them; the first that fits is it. All the rest counts
# for nothing. "full" is a barrier between all accesses before and after; the other names are those of the memory model.
# A locked instruction of x86-64 is a full barrier and an access in one; plain accesses have acquire and release there.
KINDS = {
    "x86_64": (
        ("full", r"lock |xchg +.*\(|mfence"),
        ("load", r"mov\w* +\S*\(%\w+\),%\w+$"),
        ("store", r"mov\w* +\S+,\S*\(%\w+\)$"),
    ),
    "aarch64": (
        ("full", r"dmb\s+ish$"),
        ("rmb", r"dmb\s+ishld$"),
        ("wmb", r"dmb\s+ishst$"),
        ("exclusive-acquire", r"ldaxr"),
        ("exclusive-load", r"ldxr"),
        ("exclusive-release", r"stlxr"),
        ("exclusive-store", r"stxr"),
        ("acquire", r"ldar[bh]?\s"),
        ("release", r"stlr[bh]?\s"),
        ("load", r"ldu?r[bh]?\s"),
        ("store", r"stu?r[bh]?\s"),
    ),
}

RMW = "exclusive-load exclusive-release full"
EXPECTED = {
    "x86_64": {
        "mp_write_release": "store store",
        "mp_read_acquire": "load load",
        "sb_none_[01]": "store load",
        "sb_(mb|xchg|cmpxchg|add_return|fetch_or|set_bit|after_atomic|before_atomic)_[01]": "store full load",
        "sb_(raise|release)": "full load",
        "iriw_read_(xy|yx)": "load full load",
    },
    "aarch64": {
        "mp_write_release": "store release",
        "mp_read_acquire": "acquire load",
        "mp_write_wmb": "store wmb store",
        "mp_read_rmb": "load rmb load",
        "mp_write_xchg_release": "store exclusive-load exclusive-release",
        "mp_read_cmpxchg_acquire": "exclusive-acquire exclusive-store load",
        "sb_none_[01]": "store load",
        "sb_mb_[01]": "store full load",
        "sb_(xchg|cmpxchg|add_return|fetch_or|set_bit)_[01]": f"store {RMW} load",
        "sb_after_atomic_[01]": "store exclusive-load exclusive-store full load",
        "sb_before_atomic_[01]": "store full exclusive-load exclusive-store load",
        "sb_(raise|release)": f"{RMW} load",
        "lb_0": "acquire store",
        "lb_1": "load release",
        "iriw_read_(xy|yx)": "load full load",
    },
}

# Code of the kernel itself: what must be among its instructions, in this order.
CONTAINED = {
    "x86_64": (
        ("arch/rump/kernel/cpu.o", "rump_raise", "full load"),
        ("kernel/locking/spinlock.o", "_raw_spin_lock", "full"),
    ),
    "aarch64": (
        ("arch/rump/kernel/cpu.o", "rump_raise", f"{RMW} load"),
        ("arch/rump/kernel/cpu.o", "rump_unpark", RMW),
        ("arch/rump/kernel/cpu.o", "rump_cpu_await_exit", "full acquire"),
        ("arch/rump/kernel/caller.o", "rump_caller_call", f"release {RMW} acquire"),
        ("arch/rump/kernel/hung.o", "rump_hung_switch", RMW),
        ("arch/rump/kernel/smp.o", "pv_kick", "exclusive-release"),
        ("arch/rump/kernel/watch.o", "rump_watch_upcall", f"{RMW} load"),
        ("arch/rump/drivers/hyp_blk.o", "complete_upcall", RMW),
        ("kernel/locking/spinlock.o", "_raw_spin_lock", "exclusive-acquire exclusive-store"),
        ("kernel/locking/qspinlock.o", "__pv_queued_spin_unlock", "exclusive-load exclusive-release"),
    ),
}



def machine(path):
    with open(path, "rb") as stream:
        return MACHINES[int.from_bytes(stream.read(20)[18:20], "little")]


def functions(objdump, path):
    """Instructions of an object file, by function."""
    text = subprocess.run([objdump, "-d", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    found = {}
    for line in text.splitlines():
        head = re.match(r"[0-9a-f]+ <(.+)>:$", line)
        if head:
            found[head.group(1)] = current = []
        elif re.match(r"\s+[0-9a-f]+:\t", line):
            current.append(re.sub(r"\s+(//|<|#).*", "", line.split("\t", 1)[1]).replace("\t", " ").strip())
    return found


def ordering(instructions, cpu):
    kinds = []
    for instruction in instructions:
        kind = next((kind for kind, pattern in KINDS[cpu] if re.match(pattern, instruction)), None)
        if kind:
            kinds.append(kind)
    return kinds


def is_contained(wanted, kinds):
    rest = iter(kinds)
    return all(any(kind == have for have in rest) for kind in wanted)


def is_ordered(wanted, kinds):
    """A thread that reads also stores what it has read, for the test's own use, wherever the compiler likes."""
    if "store" not in wanted:
        kinds = [kind for kind in kinds if kind != "store"]
    return kinds[:len(wanted)] == wanted and set(kinds[len(wanted):]) <= {"store"}


def check_litmus(cpu, code):
    for pattern, wanted in EXPECTED[cpu].items():
        names = [name for name in code if re.fullmatch(pattern, name)]
        wanted = wanted.split()
        bad = []
        for name in names:
            kinds = ordering(code[name], cpu)
            if not is_ordered(wanted, kinds):
                bad.append(f"{name}: {' '.join(kinds)}")
        ok(names and not bad, f"{cpu}: {pattern}: {' '.join(wanted)}", *(bad or ["there is no such function"]))


def main():
    litmus = os.path.join(OBJECTS, "arch/rump/tests/litmus.o")
    if not os.path.exists(litmus):
        skip_all(f"{litmus} is not there: no kernel was built")
    cpu, tools = machine(litmus)
    objdump = next((tool for tool in tools if shutil.which(tool)), None)
    check_litmus(cpu, functions(objdump, litmus))
    for path, name, wanted in CONTAINED[cpu]:
        kinds = ordering(functions(objdump, os.path.join(OBJECTS, path)).get(name, []), cpu)
        ok(is_contained(wanted.split(), kinds), f"{cpu}: {name}: {wanted}", "has: " + " ".join(kinds))
    return plan()


sys.exit(main())
