#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The manual and the program's own help are about the same subcommands and options, and both teach by example."""

import glob
import os
import re
import shutil
import subprocess

import harness
from harness import expect, ok, run

PAGES = os.path.join(os.environ["RUMPUS_TOP"], "man")


def read(name):
    path = os.path.join(PAGES, name)
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def section(page, title):
    found = re.search(rf"^\.Sh {title}\n(.*?)(?=^\.Sh |\Z)", page, re.M | re.S)
    return found.group(1) if found else ""


def subcommands():
    listed = re.findall(r"^  ([a-z-]+) +(\S.*)$", run("help").text.split("Options of all")[0], re.M)
    return {name: summary for name, summary in listed if name != "help"}


def options_of_help(text):
    """Letters and long names that help lists: each option of it by one or both."""
    found = []
    for line in re.findall(r"^  ((?:-\w|  )(?:, |  )?(?:--[a-z0-9-]+)?)", text, re.M):
        names = re.findall(r"--[a-z0-9-]+|-\w(?![\w-])", line)
        if names:
            found.append(names)
    return found


def options_of_page(text):
    """Options that have an item of their own in a list."""
    found = set()
    for item in re.findall(r"^\.It (Fl .*)$", text, re.M):
        words = re.sub(r" Ns\b", "", item.replace(", Fl ", ", "))
        found |= {f"-{flag}" for flag in re.findall(r"(?:Fl|,) (?!(?:Ar|Cm|No|Op)\b)(-?[A-Za-z0-9][a-z0-9-]*)", words)}
    return found


def compare_options(name, text, listed):
    described = options_of_page(text)
    known = {flag for names in listed for flag in names}
    ok(not [names for names in listed if not described & set(names)], f"{name}: every option is in the page",
       f"help has {listed}\nthe page has {sorted(described)}")
    # Another form of an option is not in help, but is understood, and so are the words of find.
    unknown = [flag for flag in described - known
               if re.search("invalid option|is not understood", run(name, "nothing.img", flag).err)]
    ok(not unknown, f"{name}: and no other", f"only in the page: {unknown}")


def examples_of_help(text):
    """Lines that it shows, and what it says about them."""
    return [re.match(r"  (\S.*?)  +(\S.*)$", line) for line in text.split("\nExamples:\n")[-1].splitlines() if line.startswith("  ")]


def exit_codes(page):
    return set(re.findall(r"^\.It ([0-9]+)$", section(page, "EXIT STATUS"), re.M))


def compare_page(name, summary):
    page = read(f"rumpus-{name}.1")
    text = run("help", name).text
    ok(page, f"{name} has a page")
    ok(f'"man rumpus-{name}"' in text and f'"man rumpus-{name}"' in run(name, "--help").text, "that its help names", text)
    ok(f".Nd {summary}\n" in page, f"{name}: the page begins as help does", page[:200])
    synopsis = section(page, "SYNOPSIS")
    ok(re.search(rf"^\.Nm rumpus\n(\.Op Ar OPTIONS\n)?\.Cm {name}$", synopsis, re.M), f"{name}: it has a synopsis", synopsis)
    own = re.search(r"\nOptions:\n(.*?)\n\n", text, re.S)
    listed = options_of_help(own.group(1)) if own else []
    compare_options(name, section(page, "DESCRIPTION"), listed)
    ok(("-json" in synopsis) == (["--json"] in listed), f"{name}: --json is in the synopsis, if there is one", synopsis)
    examples = examples_of_help(text)
    ok(examples and all(found and re.match(rf"(.*\b)?rumpus .*\b{name}\b", found.group(1)) for found in examples),
       f"help {name} teaches by example", text)
    shown = re.findall(r"^\$ (.*)$", section(page, "EXAMPLES").replace("\\e", "\\"), re.M)
    ok(shown == [found.group(1) for found in examples if found], f"{name}: the page has the same examples", shown)
    ok(max(map(len, text.splitlines())) <= 130, f"help {name}: no line is long", text)
    compare_codes(name, page)


def compare_codes(name, page):
    codes = exit_codes(page)
    ok({"0", "2"} <= codes and "128+N" in section(page, "EXIT STATUS"), f"{name}: its page tells exit codes", codes)
    arguments = {"chmod": ("0", "missing.img:/x"), "chown": ("0", "missing.img:/x"), "cp": ("missing.img:/x", "here"),
                 "mv": ("missing.img:/x", "here"), "ln": ("-s", "x", "missing.img:/x"), "diff": ("missing.img", "."),
                 "truncate": ("-s", "1", "missing.img:/x"), "setfattr": ("-n", "user.x", "missing.img:/x"),
                 "mount": ("missing.img", "."), "umount": ("missing",), "mounts": ("--no-such-option",), "find": ("missing.img",),
                 "tar": ("-f", "out.tar", "missing.img"), "net-demo": ("-w", "missing/x")}
    trouble = run(name, *arguments.get(name, ("missing.img:/x" if "/FILE" in page or "/DIRECTORY" in page else "missing.img",)))
    ok(str(trouble.code) in codes - {"0"}, f"{name}: that of what goes wrong is among them", trouble)
    expect(f"{name}: 2 is for the command line", 2, name, "--no-such-option", message="--no-such-option")


def codes():
    """Each documented code of the command, as it comes."""
    wanted = exit_codes(read("rumpus.1"))
    image = harness.mkfs("codes.img", "ext4", 16 << 20)
    with open("file", "w", encoding="utf-8") as file:
        file.write("text\n")
    expect("exit 0", 0, "cp", "file", f"{image}:/")
    expect("exit 1", 1, "cat", f"{image}:/missing")
    expect("exit 2", 2, "cat")
    expect("its owner lost", 0, "chown", "4711:4711", f"{image}:/file")
    expect("exit 3", 3, "cp", "-p", f"{image}:/file", "copy", message="owner")
    ok(wanted == {"0", "1", "2", "3"}, "these, and no others, are in the manual", wanted)


def well_formed():
    pages = sorted(glob.glob(f"{PAGES}/*.[13]"))
    for tool, *arguments in (("man", "--warnings", "-l"), ("mandoc", "-T", "lint", "-W", "error")):
        if not shutil.which(tool):
            harness.skip(f"{tool} has nothing to complain about", f"{tool} is not installed")
            continue
        for page in pages:
            shutil.copy(page, ".")
        names = [os.path.basename(page) for page in pages]
        result = subprocess.run([tool, *arguments, *names], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                stdin=subprocess.DEVNULL, env=dict(os.environ, LC_ALL="C.UTF-8", MANWIDTH="100"), check=False)
        ok(not result.stderr and not result.returncode, f"{tool} has nothing to complain about", result.stderr)


def references(names):
    """What the pages refer to is there, and the overview refers to all."""
    overview = set(re.findall(r"^\.It Xr rumpus-([a-z-]+) 1$", section(read("rumpus.1"), "SUBCOMMANDS"), re.M))
    ok(overview == set(names), "the overview lists every page", overview ^ set(names))
    for path in sorted(glob.glob(f"{PAGES}/rumpus*.[13]")):
        name = os.path.basename(path)
        missing = [f"{to}.{chapter}" for to, chapter in re.findall(r"\bXr (rump[\w-]*) (\d)", read(name))
                   if not os.path.exists(f"{PAGES}/{to}.{chapter}") and to != "rumpus_syscalls"]
        ok(not missing, f"{name} refers to pages that are there", missing)


def main():
    harness.start()
    names = subcommands()
    ok(len(names) > 10, "there are subcommands", names)
    common = options_of_help(run("help").text.split("Options of all")[1])
    compare_options("rumpus", section(read("rumpus.1"), "OPTIONS"), common)
    for name, summary in names.items():
        compare_page(name, summary)
    references(names)
    codes()
    well_formed()
    harness.done()


main()
