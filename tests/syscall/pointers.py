#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Generate the calls that the test of bad pointers makes: every call of the table that takes a pointer.

usage: tests/syscall/pointers.py SYSCALLS.TBL EXCEPTIONS.TBL POINTERS.TBL > RESULT
"""

import re
import sys

ERRNO = {"ENOSYS": 38, "EINTR": 4}
IMAGES = {"fs": "FS", "net": "NET", "all": "FS | NET"}
POINTERS = ("IN", "ONE", "PATH", "LINK", "NEW", "DOT", "ATTRIBUTE", "MOUNT", "DISK", "OUT", "LENGTH", "CAPABILITY")
# Values for arguments that are no pointers, by name: the first pattern that matches counts.
VALUES = [
    (r"^(\w*dirfd|dfd)$", "-100"),  # AT_FDCWD
    (r"^pidfd$", "PIDFD"),
    (r"(fd|fd_in|fd_out)$", "REGULAR"),
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


def argument(word):
    """A word of the table, or SHAPE>WORD for a pointer that is in a structure, as an initializer"""
    if re.fullmatch(r"-?\d\w*", word):
        return f"{{ VALUE, PLAIN, {int(word, 0)} }}"
    shape, _, inner = word.rpartition(">")
    return f"{{ {inner}, {shape or 'PLAIN'}, 0 }}"


def fields(notes, where):
    """The notes of a row as designated initializers"""
    text = ""
    for note in notes:
        key, _, value = note.partition("=")
        if key == "unread":
            bits = sum(1 << int(number) - 1 for number in value.partition(":")[0].split(","))
            text += f", .unread = {bits}"
        elif key == "absent" and value in IMAGES:
            text += f", .absent = {IMAGES[value]}"
        elif key == "since":
            major, _, minor = value.partition(".")
            text += f", .since = {int(major) << 8 | int(minor)}"
        elif key == "meanwhile":
            text += f", .meanwhile = {value}"
        elif key == "local":
            text += ", .local = true"
        else:
            sys.exit(f"{where}: '{note}' is no note")
    return text


def emit(label, number, words, expected, rest):
    arguments = ", ".join(argument(word) for word in words)
    answers = f", .answers = {len(expected)}, .expected = {{ {', '.join(expected)} }}" if expected else ""
    text = f'{{ .label = "{label}", .number = {number}, .args = {len(words)}, .arg = {{ {arguments} }}{answers}{rest} }},\n'
    print(text if str(number).isdigit() else f"#ifdef {number}\n{text}#endif\n", end="")


def emit_call(name, arguments, number, given, refused):
    """All rows of one call"""
    for columns in given or [["-"]]:
        words = [guess(a) for a in arguments] if columns[0] == "-" else columns[0].split(", ")
        expected = columns[1].split("|") if columns[1:] and columns[1] != "-" else []
        rest = fields(columns[2:], name)
        if refused:
            expected, rest = [f"-{refused}"], rest + ", .refused = true"
        if any(word.rpartition(">")[2] in POINTERS for word in words):
            emit(f"{name}({columns[0]})" if len(given) > 1 else name, number, words, expected, rest)
        elif given:
            sys.exit(f"{name}: '{columns[0]}' has no pointer")


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    refused = {row[0]: ERRNO[row[1]] for row in rows(sys.argv[2])}
    special = {}
    for row in rows(sys.argv[3]):
        special.setdefault(row[0], []).append(row[1:])
    print("/* Generated from the tables of system calls by tests/syscall/pointers.py */")
    for row in rows(sys.argv[1]):
        name, arguments = row[0], [] if row[2] == "void" else row[2].split(", ")
        number = next((note[7:] for note in row[4:] if note.startswith("number=")), f"SYS_{name}")
        emit_call(name, arguments, number, special.pop(name, []), refused.get(name))
    if special:
        sys.exit(f"{sys.argv[3]}: no such calls: {' '.join(special)}")


if __name__ == "__main__":
    main()
