#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The tree that was built is the distribution's, and linux/pristine.sh would say so if it were not.
set -u

top=${RUMPUS_TOP:?run by make check}
package=linux-source-${RUMPUS_LINUX:?}
built=$RUMPUS_BUILD/linux-$RUMPUS_LINUX
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

"$top/linux/pristine.sh" "$package" "$built" >out 2>&1
ok $? "no file of $package was changed"

# A copy whose files are links to the same ones, but for those that are altered.
mkdir copy
cp -rl "$built/source" copy/source && cp -a "$built/tree" copy/tree
ok $? "a copy to alter"
victim=copy/source/fs/ext4/super.c
cp "$victim" altered && rm -f "$victim"
# One byte, and the size stays.
{ head -c 1000 altered; printf X; tail -c +1002 altered; } >"$victim"
rm -f copy/source/lib/string.c
echo '/* one more */' >copy/source/mm/extra.c
rm -f copy/tree/Makefile && cp copy/source/Makefile copy/tree/Makefile
"$top/linux/pristine.sh" "$package" copy >out 2>&1
[ $? -eq 1 ]
ok $? "altered, it is refused"
for what in 'fs/ext4/super.c: Contents differ' 'lib/string.c' 'mm/extra.c' 'tree/Makefile'; do
    grep -q "$what" out
    ok $? "named: $what"
done
chmod -R u+w copy

"$top/linux/tree.sh" linux-source-0.0 missing >out 2>&1
[ $? -eq 1 ] && grep -q 'linux-source-0.0.tar.xz is missing: run scripts/packages' out
ok $? "a package that is not installed, and the remedy"
done_testing
