# SPDX-License-Identifier: BSD-2-Clause
# TAP for test scripts, which read this file with "." and end with done_testing.
# shellcheck shell=sh

count=0
bad=0
# Files that a failed check shows
shown=out

# ok STATUS NAME: one check, which passed when STATUS is 0
ok() {
    count=$((count + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $count - $2"
    else
        bad=1
        echo "not ok $count - $2"
        for file in $shown; do
            [ ! -e "$file" ] || sed 's/^/# /' "$file"
        done
    fi
}

# skip REASON: a check that cannot be made here
skip() {
    count=$((count + 1))
    echo "ok $count # SKIP $1"
}

# done_testing: the plan, and the end of the script
done_testing() {
    echo "1..$count"
    exit "$bad"
}
