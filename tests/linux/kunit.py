#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The tree's own KUnit suites, run by a kernel in a process: each of their cases is a check here.

usage: kunit.py [SET]     "short", which is the default, or "all"
"""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from tap import ok, plan, skip  # noqa: E402

# What "short" runs: file systems, lib, mm, lists; seconds together. Not kasan: sanitizers.py has it.
SHORT = ["ext4_*", "fat_test", "list*", "hlist*", "klist", "slub_test", "hashtable", "hash", "checksum", "string*",
         "bits-test", "cmdline", "resource", "overflow", "memcpy", "siphash", "time_test_cases", "iov_iter", "cpumask"]
# Suites that cannot pass here, and why.
LEFT_OUT = {"usercopy": "maps memory into a process of the kernel's own, which has none"}
RESULT = re.compile(r"^(?:\[ *\d+\.\d+\] )?( *)(not ok|ok) (\d+) -? ?(\S+)(?: #? ?(.*))?$")


def run(glob):
    """Boot a kernel that runs the suites which match. Returns its console output and its exit status."""
    program = os.path.join(os.environ["RUMPUS_BUILD"], "tests/linux/kernel")
    environment = dict(os.environ, RUMPUS_IMAGE=os.environ["RUMPUS_CHECK_IMAGE"])
    environment.pop("RUMPUS_LOG", None)  # some suites provoke warnings
    command_line = "kunit.enable=1" + (f" kunit.filter_glob={glob}" if glob else "")
    done = subprocess.run([program, f"boot={command_line}"], env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    return done.stdout.decode("utf-8", "replace"), done.returncode


def tell(suite, cases):
    """One check for each case of a suite: whether it passed, its name, why it was skipped, what was said since the last."""
    for passed, case, skipped, lines in cases:
        skipped = LEFT_OUT.get(suite, skipped)
        if skipped is None:
            ok(passed, f"{suite}: {case}", "\n".join(lines[-20:]))
        else:
            skip(f"{suite}: {case}", skipped)


def convert(glob, text):
    """TAP out of KTAP. Returns how many suites there were."""
    cases, since, suites = [], [], 0
    for line in text.splitlines():
        match = RESULT.match(line)
        if not match:
            since.append(line)
            continue
        depth, outcome, _, name, rest = match.groups()
        if len(depth) == 4:
            skipped = re.search(r"SKIP\b\s*(.*)", rest or "")
            cases.append((outcome == "ok", name, skipped and skipped.group(1), since))
            since = []
        elif not depth:
            suites += 1
            tell(name, cases)
            if not cases:
                ok(outcome == "ok", name)
            cases, since = [], []
    if cases:
        ok(False, f"{glob}: ended within a suite, after {cases[-1][1]}", text)
    return suites


def main():
    everything = sys.argv[1:] == ["all"]
    for glob in [""] if everything else SHORT:
        text, status = run(glob)
        suites = convert(glob, text)
        if status or not suites:
            ok(False, f"{glob or 'all suites'}: {suites} suites, exit status {status}", text)
    return plan()


if __name__ == "__main__":
    sys.exit(main())
