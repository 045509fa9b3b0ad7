#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Extract the distribution's kernel source and lay a folder of links beside it, in which arch/rump is ours.
# usage: tree.sh PACKAGE DIRECTORY
set -eu

package=$1
dir=$2
tarball=/usr/src/$package.tar.xz
overlay=$(cd "$(dirname "$0")" && pwd)/arch/rump

if [ ! -r "$tarball" ]; then
    echo "$tarball is missing: run scripts/packages, or apt-get install $package" >&2
    exit 1
fi

rm -rf "$dir/source" "$dir/tree"
mkdir -p "$dir/source" "$dir/tree/arch"
tar -xf "$tarball" --strip-components=1 -C "$dir/source"
chmod -R a-w "$dir/source"

for entry in "$dir"/source/* "$dir"/source/.[!.]*; do
    name=${entry##*/}
    [ "$name" = arch ] || ln -s "../source/$name" "$dir/tree/$name"
done
for entry in "$dir"/source/arch/*; do
    ln -s "../../source/arch/${entry##*/}" "$dir/tree/arch/${entry##*/}"
done
# Relative: a clone that is moved or copied with what was built still compiles its own.
ln -sr "$overlay" "$dir/tree/arch/rump"
touch "$dir/tree/.ready"
