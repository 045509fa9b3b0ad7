# SPDX-License-Identifier: BSD-2-Clause
"""TAP for test programs in Python, which find this module beside their own folder."""

import sys

HEAD, TAIL, WIDTH = 20, 60, 1000  # lines of a long explanation that are shown, and characters of each

_count = 0
_failed = 0


def _shorten(lines):
    left_out = len(lines) - HEAD - TAIL
    return lines if left_out <= 0 else lines[:HEAD] + [f"... {left_out} more lines ..."] + lines[-TAIL:]


def ok(passed, name, *details):
    """Report one check; @details are shown when it failed. Returns whether it passed."""
    global _count, _failed
    _count += 1
    _failed += not passed
    print(f"{'' if passed else 'not '}ok {_count} - {name}", flush=True)
    for detail in () if passed else details:
        for line in _shorten(str(detail).splitlines()):
            print(f"# {line[:WIDTH]}", flush=True)
    return passed


def skip(name, why):
    """Report a check that cannot be made here."""
    global _count
    _count += 1
    print(f"ok {_count} - {name} # SKIP {why}", flush=True)


def skip_all(why):
    """End a program that can check nothing here."""
    print(f"1..0 # SKIP {why}", flush=True)
    sys.exit(77)


def plan():
    """Print the plan. Returns what to exit with."""
    print(f"1..{_count}", flush=True)
    return 1 if _failed else 0
