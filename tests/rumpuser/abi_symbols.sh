#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The ABI of librumpuser.so.0: its names, and none but these, as the table has them, and what it depends on.
set -u

table=${RUMPUS_TOP:?run by make check}/rumpuser/symbols.tbl
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

grep '^rump' "$table" | sort >wanted
# The interface has 67 functions; a row that is lost from the table would go unnoticed below.
[ "$(grep -c '^rumpuser_' wanted)" -eq 67 ]
ok $? "the table has the 67 functions of revision 17"

for library in lib/librumpuser.so.0 lib/debug/librumpuser.so.0; do
    path=${RUMPUS_BUILD:?}/$library
    nm -D --defined-only "$path" | sed 's/.* //' | sort >exported
    diff wanted exported >out
    ok $? "$library exports the names of the table, all, and no others"
    nm -D --defined-only --with-symbol-versions "$path" | grep '@' >out
    [ ! -s out ]
    ok $? "$library: no name has a version"
    readelf -dW "$path" >out
    grep -q 'SONAME.*\[librumpuser\.so\.0\]' out
    ok $? "$library: SONAME"
    readelf -dW "$path" | grep NEEDED | grep -v -e '\[libc\.so\.6\]' -e '\[liburing\.so\.2\]' -e '\[ld-linux' >out
    [ ! -s out ]
    ok $? "$library needs the C library and liburing alone"
    readelf -dW "$path" | grep TEXTREL >out
    [ ! -s out ]
    ok $? "$library is position-independent"
done

done_testing
