#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The tree's own KUnit suites, run by a kernel in a process: each of their cases is a check here.

usage: kunit.py [SET]     "short", which is the default, or "all"
"""

import os
import re
import subprocess
import sys

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


class Report:
    """TAP out of KTAP: one line for each case of a suite."""

    def __init__(self):
        self.count = 0
        self.failed = 0

    def check(self, passed, name, why=""):
        self.count += 1
        self.failed += not passed
        print(f"{'ok' if passed else 'not ok'} {self.count} - {name}{why}")

    def explain(self, lines):
        for line in lines[-20:]:
            print("# " + line)

    def ktap(self, glob, text):
        """Returns how many suites there were."""
        cases, since, suites = [], [], 0
        for line in text.splitlines():
            match = RESULT.match(line)
            if not match:
                since.append(line)
                continue
            depth, outcome, _, name, rest = match.groups()
            if len(depth) == 4:
                skip = re.search(r"SKIP\b\s*(.*)", rest or "")
                cases.append((outcome == "ok", name, f" # SKIP {skip.group(1)}" if skip else "", since))
                since = []
            elif not depth:
                suites += 1
                for passed, case, why, lines in cases:
                    if name in LEFT_OUT:
                        passed, why = True, f" # SKIP {LEFT_OUT[name]}"
                    self.check(passed, f"{name}: {case}", why)
                    if not passed:
                        self.explain(lines)
                if not cases:
                    self.check(outcome == "ok", name)
                cases, since = [], []
        if cases:
            self.check(False, f"{glob}: ended within a suite, after {cases[-1][1]}")
            self.explain(text.splitlines())
        return suites


def main():
    report = Report()
    everything = sys.argv[1:] == ["all"]
    for glob in [""] if everything else SHORT:
        text, status = run(glob)
        suites = report.ktap(glob, text)
        if status or not suites:
            report.check(False, f"{glob or 'all suites'}: {suites} suites, exit status {status}")
            report.explain(text.splitlines())
    print(f"1..{report.count}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
