#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# House rules that a machine can check: licences, scripts, links of the documents.
set -u

# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
cd "${RUMPUS_TOP:?run by make check}" || exit 1
out=$(mktemp) || exit 1
shown=$out
trap 'rm -f "$out" "$out.files"' EXIT
trap 'exit 130' INT TERM

# none NAME: what is in the file $out breaks the rule
none() {
    [ ! -s "$out" ]
    ok $? "$1"
}

# In a clone, what git knows; in an unpacked archive, everything but results.
git ls-files >"$out.files" 2>/dev/null || find . -type f ! -path './build/*' ! -path './.git/*' >"$out.files"

# files PATTERN...: names that match one, a line each
files() {
    while read -r file; do
        for pattern; do
            # shellcheck disable=SC2254 # it is a pattern
            case $file in
            $pattern) [ ! -f "$file" ] || echo "$file" ;;
            esac
        done
    done <"$out.files"
}

# scripts INTERPRETER: files that begin so
scripts() {
    while read -r file; do
        if [ -f "$file" ] && head -n 1 "$file" | grep -q "^#!.*$1"; then
            echo "$file"
        fi
    done <"$out.files"
}

files '*.c' '*.h' '*.S' '*.mk' Makefile '*.sh' '*.py' '*Kconfig*' '*.tbl' '*.lds.S' | while read -r file; do
    head -n 3 "$file" | grep -q "SPDX-License-Identifier: " || echo "$file"
done >"$out"
none "every source says its licence"

files 'linux/*' | while read -r file; do
    ! head -n 3 "$file" | grep "SPDX-License-Identifier: " | grep -qv "GPL-2.0" || echo "$file"
done | grep -v -e '^linux/build.mk' -e '^linux/[^/]*\.\(sh\|py\)$' >"$out"
none "what is linked into the kernel is GPL-2.0-only"

files '*.c' '*.h' '*.S' '*.mk' Makefile '*.sh' '*.py' '*.md' | while read -r file; do
    grep -Hn '[[:space:]]$' "$file"
done >"$out"
none "no white space at the end of a line"

scripts '\(/sh\|/bash\)' | while read -r file; do
    case $(head -n 1 "$file") in
    *bash*) bash -n "$file" 2>&1 ;;
    *) sh -n "$file" 2>&1 ;;
    esac
done >"$out"
none "the shell can read all scripts"

scripts python | while read -r file; do
    python3 -c 'import ast, sys; ast.parse(open(sys.argv[1]).read(), sys.argv[1])' "$file" 2>&1
done >"$out"
none "Python can read all programs"

# Beside such a program, whatever imports the module gets the program.
files '*.py' | python3 -c '
import os, sys
for path in sys.stdin.read().split():
    if os.path.basename(path)[:-3] in sys.stdlib_module_names - set(sys.builtin_module_names):
        print(path)' >"$out"
none "no program has the name of a module of Python's own"

scripts '\(/sh\|/bash\|python\)' | while read -r file; do
    [ -x "$file" ] || echo "$file"
done >"$out"
none "scripts are executable"

# [text](target): files of this repository, with or without a section
files '*.md' | while read -r file; do
    grep -o '](\([^)#]*\)' "$file" | cut -c 3- | grep -v '^[a-z]*:' | while read -r target; do
        [ -z "$target" ] || [ -e "$(dirname "$file")/$target" ] || echo "$file: $target"
    done
done >"$out"
none "links of the documents lead somewhere"

if command -v shellcheck >/dev/null 2>&1; then
    scripts '\(/sh\|/bash\)' | xargs shellcheck -x >"$out" 2>&1
    none "shellcheck finds nothing"
else
    skip "no shellcheck here"
fi

done_testing
