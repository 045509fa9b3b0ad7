#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Generate the calls that the test of bad pointers makes: every call of the table that takes a pointer.

usage: tests/syscall/pointers.py SYSCALLS.TBL EXCEPTIONS.TBL POINTERS.TBL > RESULT
"""

import re
import sys

ERRNO = {"ENOSYS": 38, "EINTR": 4}
DESCRIPTORS = ("FILE", "DIR", "READER", "WRITER", "EPOLL", "TIMER", "PIDFD", "INOTIFY")
POINTERS = ("IN", "OUT", "PATH", "NEW", "ONE")
# Values for arguments that are no pointers, by name: the first pattern that matches counts.
VALUES = [
    (r"^(\w*dirfd|dfd)$", "-100"),  # AT_FDCWD
    (r"^pidfd$", "PIDFD"),
    (r"(fd|fd_in|fd_out)$", "FILE"),
    (r"sigsetsize", "8"),
    (r"^(iovcnt|nr_segs|nsops|nfds|size)$", "1"),
    (r"^(count|len|buflen|bufsiz|bufsize|msgsz|msg_len|cpusetsize)$", "64"),
]


def rows(path):
    with open(path) as table:
        for line in table:
            if line.strip() and not line.startswith("#"):
                yield line.rstrip("\n").split("\t")


def guess(argument):
    name = re.search(r"(\w+)$", argument).group(1)
    if "*" in argument:
        if "char *" in argument and "const" in argument:
            return "NEW" if re.match(r"new|linkpath", name) else "PATH"
        return "IN" if "const" in argument else "OUT"
    return next((value for pattern, value in VALUES if re.search(pattern, name)), "0")


def emit(name, number, arguments, expected):
    words = []
    for word in arguments:
        if word in DESCRIPTORS or word in POINTERS:
            words.append(f"{{ {word}, 0 }}")
        else:
            words.append(f"{{ VALUE, {int(word, 0)} }}")
    answers = ", ".join(expected) or "0"
    text = f'{{ "{name}", {number}, {len(words)}, {{ {", ".join(words)} }}, {len(expected)}, {{ {answers} }} }},\n'
    print(text if str(number).isdigit() else f"#ifdef {number}\n{text}#endif\n", end="")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    refused = {row[0]: ERRNO[row[1]] for row in rows(sys.argv[2])}
    special = {row[0]: row[1:] for row in rows(sys.argv[3])}
    print("/* Generated from the tables of system calls by tests/syscall/pointers.py */")
    for row in rows(sys.argv[1]):
        name, arguments = row[0], [] if row[2] == "void" else row[2].split(", ")
        number = next((note[7:] for note in row[4:] if note.startswith("number=")), f"SYS_{name}")
        wanted = special.pop(name, ["-"])
        words = [guess(a) for a in arguments] if wanted[0] == "-" else wanted[0].split(", ")
        expected = wanted[1].split("|") if len(wanted) > 1 else []
        if name in refused:
            expected = [f"-{refused[name]}"]
        if any(word in POINTERS for word in words):
            emit(name, number, words, expected)
    if special:
        sys.exit(f"{sys.argv[3]}: no such calls: {' '.join(special)}")


if __name__ == "__main__":
    main()
