#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The manual and the program's own help are about the same subcommands and options, and both teach by example."""

import os
import re
import shutil
import subprocess

import harness
from harness import ok, run

PAGE = os.path.join(os.environ["RUMPUS_TOP"], "man/rumpus.1")


def subcommands():
    return [name for name in re.findall(r"^  ([a-z]+) +\S", run("help").text.split("Options of all")[0], re.M) if name != "help"]


def options_of_help(text):
    """Letters and long names that help lists: each option of it by one or both."""
    found = []
    for line in re.findall(r"^  ((?:-\w|  )(?:, |  )?(?:--[a-z0-9-]+)?)", text, re.M):
        names = re.findall(r"--[a-z0-9-]+|-\w(?![\w-])", line)
        if names:
            found.append(names)
    return found


def sections(page):
    """Of the page: the text of each ".Ss", and what is under OPTIONS before the first of them."""
    parts = re.split(r"^\.Ss (.+)$", page.split("\n.Sh OPTIONS\n")[1].split("\n.Sh ")[0], flags=re.M)
    found = {None: parts[0]}
    for names, text in zip(parts[1::2], parts[2::2]):
        for name in re.split(r"[ ,]+", names.replace("and", "")):
            found[name] = text
    return found


def options_of_page(text):
    """Options that have an item of their own in a list."""
    found = set()
    for item in re.findall(r"^\.It (Fl .*)$", text, re.M):
        words = re.sub(r" Ns\b", "", item.replace(", Fl ", ", "))
        found |= {f"-{flag}" for flag in re.findall(r"(?:Fl|,) (?!(?:Ar|Cm|No|Op)\b)(-?[A-Za-z0-9][a-z0-9-]*)", words)}
    return found


def compare(name, text, listed):
    described = options_of_page(text)
    known = {flag for names in listed for flag in names}
    ok(not [names for names in listed if not described & set(names)], f"{name}: every option is in the page",
       f"help has {listed}\nthe page has {sorted(described)}")
    # Another form of an option is not in help, but is understood, and so are the words of find.
    unknown = [flag for flag in described - known
               if re.search("invalid option|is not understood", run(name, "nothing.img", flag).err)]
    ok(not unknown, f"{name}: and no other", f"only in the page: {unknown}")


def main():
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    harness.start()
    found = sections(page)
    names = subcommands()
    ok(len(names) > 10, "there are subcommands", names)
    common = options_of_help(run("help").text.split("Options of all")[1])
    compare("rumpus", found[None], common)
    synopsis = page.split("\n.Sh SYNOPSIS\n")[1].split("\n.Sh ")[0]
    for name in names:
        ok(re.search(rf"^\.Cm {name}$", synopsis, re.M), f"{name} is in the synopsis")
        text = run("help", name).text
        own = re.search(r"\nOptions:\n(.*?)\n\n", text, re.S)
        compare(name, found.get(name, ""), options_of_help(own.group(1)) if own else [])
        examples = text.split("\nExamples:\n")[-1].splitlines()
        ok("\nExamples:\n" in text and len(examples) >= 1 and all(re.match(rf"  .*\brumpus .*\b{name}\b.*  +\S", line) for line in examples),
           f"help {name} teaches by example", text)
        ok(max(map(len, text.splitlines())) <= 130, f"help {name}: no line is long", text)
    for tool, *arguments in (("man", "--warnings", "-l"), ("mandoc", "-T", "lint", "-W", "error")):
        if not shutil.which(tool):
            harness.skip(f"{tool} has nothing to complain about", f"{tool} is not installed")
            continue
        with open("page.1", "w", encoding="utf-8") as file:
            file.write(page)
        result = subprocess.run([tool, *arguments, "page.1"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL, env=dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="100"), check=False)
        ok(not result.stderr and not result.returncode, f"{tool} has nothing to complain about", result.stderr)
    harness.done()


main()
