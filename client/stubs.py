#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Make the C source of NetBSD's system calls by name from client/syscalls.tbl.

usage: client/stubs.py TABLE
"""

import sys

TYPES = {"i": "uint32_t", "l": "uint64_t"}
RESULTS = {
    "int": ("int", "return (int)client_stub("),
    "long": ("long", "return client_stub("),
    "error": ("int", "return client_stub_error("),
    "none": ("void", "client_stub("),
}


def parse(path):
    seen = set()
    for number, line in enumerate(open(path, encoding="utf-8"), 1):
        words = line.split("#")[0].split()
        if not words:
            continue
        where = f"{path}:{number}: "
        if len(words) != 4 or not words[0].isdigit():
            sys.exit(where + "a line is: number name result arguments")
        call, name, result, arguments = words
        if result not in RESULTS:
            sys.exit(where + f"result {result}; there are {' '.join(RESULTS)}")
        if arguments != "." and set(arguments) - set("il-"):
            sys.exit(where + f"arguments {arguments}; there are i, l and -, or . for none")
        if name in seen:
            sys.exit(where + name + " is there twice")
        seen.add(name)
        yield int(call), name, result, "" if arguments == "." else arguments


def stub(call, name, result, arguments):
    kind, action = RESULTS[result]
    parameters, places = [], []
    for letter in arguments:
        if letter == "-":
            places.append("0")
            continue
        places.append("abcdefgh"[len(parameters)])
        parameters.append(f"{TYPES[letter]} {places[-1]}")
    head = f"{kind} rump___sysimpl_{name}({', '.join(parameters) or 'void'})"
    lines = [f"{head};", f"{head}", "{"]
    if places:
        lines.append(f"\tconst uint64_t arguments[] = {{ {', '.join(places)} }};")
        lines.append("")
        lines.append(f"\t{action}{call}, arguments, sizeof(arguments));")
    else:
        lines.append(f"\t{action}{call}, NULL, 0);")
    return "\n".join(lines + ["}"])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__.strip().splitlines()[-1])
    print("/* Made by client/stubs.py */\n#include \"stub.h\"\n\n#pragma GCC visibility push(default)\n")
    print("\n\n".join(stub(*row) for row in parse(sys.argv[1])))


main()
