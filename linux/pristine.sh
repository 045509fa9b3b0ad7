#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Prove that the tree which is built is the distribution's: the package as it was shipped, each of its files in the
# tree with the same content, no file more, and nothing but links to them beside arch/rump.
# usage: pristine.sh PACKAGE DIRECTORY
set -eu

package=$1
dir=$2
tarball=/usr/src/$package.tar.xz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
status=0

complain() {
    echo "not pristine: $1" >&2
    shift
    sed 's/^/    /' "$@" | head -n 20 >&2
    status=1
}

if [ ! -e "$dir/tree/.ready" ]; then
    echo "$dir/tree is missing: run make first" >&2
    exit 1
fi

# The package database has a checksum of the archive.
dpkg --verify "$package" >"$work/package" 2>&1 || true
[ ! -s "$work/package" ] || complain "$package differs from what Debian shipped; reinstall it" "$work/package"

# Names of all members go to standard output, and so does what differs. Times and owners are not the tree's content,
# and write permission is taken from it on purpose.
(cd "$dir/source" && tar --compare --verbose --file="$tarball" --strip-components=1 >"$work/compared" 2>"$work/errors") ||
    true
grep -E ': (Contents differ|Size differs|File type differs|Symlink differs)$' "$work/compared" >"$work/differs" || true
grep -v '^tar: : ' "$work/errors" | grep -E 'Warning: Cannot|Cannot (stat|open)|unexpected|not recoverable' >>"$work/differs" || true
[ ! -s "$work/differs" ] || complain "files that differ from $tarball; remove $dir and build again" "$work/differs"

# What tar named is all that there may be.
grep -vE ': (Contents|Size|File type|Symlink|Mode|Mod time|Uid|Gid) diff' "$work/compared" |
    sed -e 's|^[^/]*/||' -e 's|/$||' -e '/^$/d' | LC_ALL=C sort >"$work/shipped"
(cd "$dir/source" && find . -mindepth 1 | sed 's|^\./||' | LC_ALL=C sort) >"$work/present"
LC_ALL=C comm -13 "$work/shipped" "$work/present" >"$work/extra"
[ ! -s "$work/extra" ] || complain "files that are not in $tarball" "$work/extra"
[ -s "$work/shipped" ] || complain "$tarball could not be read" "$work/errors"

# The folder that is built holds links into the source, and ours.
find "$dir/tree" -mindepth 1 ! -type l ! -path "$dir/tree/arch" ! -path "$dir/tree/.ready" >"$work/foreign"
find "$dir/tree" -mindepth 1 -type l ! -path "$dir/tree/arch/rump" -printf '%p -> %l\n' |
    grep -vE -- '-> (\.\./source/|\.\./\.\./source/arch/)[^/]+$' >>"$work/foreign" || true
[ ! -s "$work/foreign" ] || complain "entries of $dir/tree that are not links to upstream's files" "$work/foreign"

if [ $status -eq 0 ]; then
    echo "pristine: $(wc -l <"$work/shipped") entries of $package $(dpkg-query -W -f '${Version}' "$package"), none changed"
fi
exit $status
