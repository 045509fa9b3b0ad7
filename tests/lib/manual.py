#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every public function of <rumpus/rumpus.h> has its page in section 3, with its prototype and all its errors."""

import glob
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from tap import ok, plan  # noqa: E402

TOP = os.environ["RUMPUS_TOP"]
HEADER = os.path.join(TOP, "include/rumpus/rumpus.h")
DECLARATION = re.compile(r"^((?:const )?(?:struct )?\w+[ *]+)(rumpus_\w+)\(([^;]*)\);", re.M)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def tidy(words):
    return " ".join(words.split())


def declared(text):
    """Functions of the header: what they return, and their arguments."""
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return {name: (tidy(type_), tuple(tidy(argument) for argument in arguments.split(",")))
            for type_, name, arguments in DECLARATION.findall(bare)}


def errors(text):
    """What the comment before each function says that it may return."""
    found = {}
    for comment, rest in re.findall(r"/\*\*(.*?)\*/\n(.*?)(?=\n\n|\n/\*\*)", text, re.S):
        for _, name, _ in DECLARATION.findall(rest):
            found[name] = set(re.findall(r"-(E[A-Z]+)\b", comment))
    return found


def synopsis(page):
    """Functions of a page, as declared() has them."""
    found = {}
    for type_, name, arguments in re.findall(r"^\.Ft (.*)\n\.Fn (\w+) (.*)$", page, re.M):
        found[name] = (type_, tuple(re.findall(r'"([^"]*)"', arguments)) or (arguments,))
    return found


def main():
    header = read(HEADER)
    functions = declared(header)
    ok(len(functions) > 20 and "rumpus_boot" in functions, "the header has functions", functions)
    pages = {os.path.basename(path): read(path) for path in sorted(glob.glob(f"{TOP}/man/rumpus*.3"))}
    told, returned = {}, errors(header)
    for name, page in pages.items():
        told.update((function, (name, prototype)) for function, prototype in synopsis(page).items() if function in functions)
    for function, prototype in functions.items():
        page, shown = told.get(function, ("no page", None))
        ok(shown == prototype, f"{function} is in the synopsis of {page}", f"declared {prototype}\nthe page has {shown}")
        text = pages.get(page, "")
        ok(re.search(rf"^\.Nm {function}( ,)?$", text, re.M), f"{function} is a name of {page}")
        body = text.split("\n.Sh DESCRIPTION\n")[-1]
        ok(re.search(rf"^\.Fn .*\b{function}\b", body, re.M) or function == "rumpus_syscall", f"{page} says what {function} does")
        missing = [error for error in sorted(returned[function]) if not re.search(rf"\bEr {error}\b", body)]
        ok(not missing, f"{page} has the errors of {function}", missing)
    extra = [name for page in pages.values() for name in synopsis(page) if name.startswith("rumpus_") and name not in functions]
    ok(not extra, "no page has a function that is not there", extra)
    members = re.search(r"^struct rumpus_config \{(.*?)^\};", header, re.M | re.S).group(1)
    names = re.findall(r"(\w+)(?:\)\([^;]*\))?;", members)
    missing = [name for name in names if f"\n.It Fa {name}\n" not in pages["rumpus.3"]]
    ok(len(names) == 11 and not missing, "rumpus.3 has all of struct rumpus_config", f"{names}\nmissing: {missing}")
    return plan()


sys.exit(main())
