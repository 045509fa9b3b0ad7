#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Generate from the one table of system calls: header, stubs, list of refused calls, manual page.

usage: syscall/generate.py KIND SYSCALLS.TBL EXCEPTIONS.TBL > RESULT, where KIND is header, stubs, refused or manual
"""

import collections
import re
import sys

ERRNO = {"ENOSYS": 38, "EINTR": 4}  # Linux's numbers, the same on every processor
MAX_ARGUMENTS = 6

Call = collections.namedtuple("Call", "name refused arguments purpose page number")
Exception_ = collections.namedtuple("Exception_", "error reason")


class TableError(Exception):
    pass


def rows(path, least, most):
    with open(path) as table:
        for number, line in enumerate(table, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            fields = line.split("\t")
            if not least <= len(fields) <= most or "" in fields:
                raise TableError(f"{path}:{number}: {least} to {most} columns expected")
            yield f"{path}:{number}", fields


def parse_notes(where, note):
    key, _, value = note.partition("=")
    if note and (key not in ("page", "number") or not value):
        raise TableError(f"{where}: unknown note {note}")
    return {key: value}


def read_exceptions(path):
    exceptions = {}
    for where, (name, error, reason) in rows(path, 3, 3):
        if name in exceptions:
            raise TableError(f"{where}: {name} is here twice")
        if error not in ERRNO:
            raise TableError(f"{where}: unknown errno {error}")
        exceptions[name] = Exception_(error, reason)
    return exceptions


def read_calls(path, exceptions):
    calls = {}
    for where, fields in rows(path, 4, 5):
        name, kind, arguments, purpose = fields[:4]
        notes = parse_notes(where, fields[4] if len(fields) > 4 else "")
        arguments = [] if arguments == "void" else arguments.split(", ")
        if name in calls:
            raise TableError(f"{where}: {name} is here twice")
        if len(arguments) > MAX_ARGUMENTS:
            raise TableError(f"{where}: too many arguments")
        if kind not in ("plain", "refused") or (kind == "refused") != (name in exceptions):
            raise TableError(f"{where}: class {kind} does not agree with the exceptions")
        calls[name] = Call(name, exceptions.get(name), arguments, purpose, notes.get("page", name), notes.get("number"))
    unknown = set(exceptions) - set(calls)
    if unknown:
        raise TableError(f"exceptions for unknown calls: {' '.join(sorted(unknown))}")
    return list(calls.values())


def prototype(call):
    return f"long rumpus_sys_{call.name}({', '.join(call.arguments) or 'void'})"


def guarded(call, text):
    """Calls without a number of their own exist where <sys/syscall.h> has one."""
    return text if call.number else f"#ifdef SYS_{call.name}\n{text}#endif\n"


def wrap(text, indent):
    """Break a declaration after commas, as the house style does."""
    lines = []
    while len(text) + (8 if lines else 0) > 118:
        cut = text.rindex(", ", 0, 110) + 1
        lines.append(text[:cut])
        text = text[cut + 1:]
    return ("\n" + indent).join(lines + [text])


def emit_header(calls):
    print("""/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls to the kernel inside this program. Generated from syscall/syscalls.tbl.
 *
 * Each function takes what the system call of the same name takes and returns what it returns: 0 or more, or a negative
 * errno; errno itself is untouched. Where a C library wraps a call, the arguments here are those of the kernel: signal
 * sets have a size of 8 bytes, struct kernel_sigaction is that of <asm/signal.h>, timers and message queues are ints.
 * Calls that a thread of an embedding program cannot make return the error named here.
 *
 * Needs a compiler's default or GNU feature set (-std=gnu11, not -std=c11 alone).
 */
#ifndef RUMPUS_SYSCALLS_H
#define RUMPUS_SYSCALLS_H

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif
""")
    for tag in sorted({t for c in calls for a in c.arguments for t in re.findall(r"\b(?:struct|union) \w+", a)}):
        print(f"{tag};")
    for call in calls:
        doc = f"/** rumpus_sys_{call.name}() - {call.purpose}; {call.page}(2)"
        if call.refused:
            doc += f".\n * Return: -{call.refused.error}: {call.refused.reason}\n"
        print("\n" + guarded(call, f"{doc} */\n{wrap(prototype(call), chr(9))};\n"), end="")
    print("""
#ifdef __cplusplus
}
#endif

#endif""")


def emit_stubs(calls):
    print("""// SPDX-License-Identifier: BSD-2-Clause
/* System calls by name. Generated from syscall/syscalls.tbl. */
#include <errno.h>

#include <rumpus/rumpus.h>

#pragma GCC visibility push(default)
#include <rumpus/syscalls.h>
#pragma GCC visibility pop
""")
    for call in calls:
        if call.number:
            print(f"#ifndef SYS_{call.name}\n#define SYS_{call.name} {call.number}\n#endif")
    for call in calls:
        names = ["(long)" + re.search(r"(\w+)$", a).group(1) for a in call.arguments]
        names += ["0"] * (MAX_ARGUMENTS - len(names))
        body = f"return rumpus_syscall(SYS_{call.name}, {', '.join(names)});"
        if call.refused:
            body = f"return -{call.refused.error};"
        print("\n" + guarded(call, f"{prototype(call)}\n{{\n\t{body}\n}}\n"), end="")


def emit_refused(calls):
    print("""/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System calls that a kernel refuses to threads of an embedding program. Generated from syscall/exceptions.tbl.
 *
 * For kernels: includes nothing; the includer's own <asm/unistd.h> comes first.
 */
#ifndef RUMPUS_SYSCALL_REFUSED_H
#define RUMPUS_SYSCALL_REFUSED_H

static const struct {
	unsigned short number;
	short error; /* positive */
} rumpus_refused[] = {""")
    for call in calls:
        if call.refused:
            entry = f"\t{{ __NR_{call.name}, {ERRNO[call.refused.error]} }}, /* {call.refused.error} */\n"
            print(f"#ifdef __NR_{call.name}\n{entry}#endif")
    print("};\n\n#endif")


def emit_manual(calls):
    def escape(text):
        return text.replace("\\", "\\e").replace("-", "\\-")

    print(""".\\" SPDX-License-Identifier: BSD-2-Clause
.\\" Generated from syscall/syscalls.tbl
.TH RUMPUS_SYSCALLS 3 "" "rumpus" "Library Functions"
.SH NAME
rumpus_syscalls \\- system calls to the kernel inside this program
.SH SYNOPSIS
.nf
.B #include <rumpus/syscalls.h>
.PP
.BI "long rumpus_sys_" NAME "(" arguments ");"
.fi
.PP
Link with \\fI\\-lrumpus\\fP.
.SH DESCRIPTION
Each function makes the system call of its name to the process of the kernel that the calling thread is in; see
.BR rumpus_process_enter ().
Arguments are those of the Linux kernel. Where the C library's function differs, section "C library/kernel differences" of
the manual page says how; signal sets have a size of 8 bytes.
.SH RETURN VALUE
What the system call returns: 0 or more, or a negative
.IR errno .
.I errno
itself is not changed. Beside the errors of each call:
.TP
.B \\-ESHUTDOWN
There is no kernel, it has ended, or this is a forked child of the program that booted it.
.TP
.B \\-EDEADLK
The call was made by a signal handler or callback that interrupted a call.
.TP
.B \\-EINTR
A signal of the kernel's or
.BR rumpus_thread_interrupt ()
ended the call.
.TP
.B \\-ESRCH
The process was ended by a signal of the kernel's, or destroyed.
.SH CALLS""")
    for call in calls:
        if not call.refused:
            print(f".TP\n.B rumpus_sys_{call.name}({escape(', '.join(call.arguments) or 'void')})")
            print(f"{escape(call.purpose[0].upper() + call.purpose[1:])}; see\n.BR {call.page} (2).")
    print(".SH CALLS THAT ARE REFUSED\nThese return an error at once.")
    for call in calls:
        if call.refused:
            print(f".TP\n.B {call.name}\n.BR \\-{call.refused.error} :\n{escape(call.refused.reason)}.")
    print(".SH SEE ALSO\n.BR rumpus (1),\n.BR syscalls (2)")


EMIT = {"header": emit_header, "stubs": emit_stubs, "refused": emit_refused, "manual": emit_manual}


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in EMIT:
        sys.exit(__doc__)
    try:
        EMIT[sys.argv[1]](read_calls(sys.argv[2], read_exceptions(sys.argv[3])))
    except TableError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
