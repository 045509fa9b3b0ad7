#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The proxy's tests with NetBSD's own librumpuser and librumpclient at the other end; RUMP_ORIGINAL names their folder.
set -u

original=${RUMP_ORIGINAL:-}
programs=${RUMPUS_BUILD:?run by make check}/tests/rumpuser
if [ ! -e "$original/librumpuser.so.0" ] || [ ! -e "$original/librumpclient.so.0" ]; then
    echo "1..0 # SKIP RUMP_ORIGINAL names no folder with NetBSD's libraries"
    exit 77
fi
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

# pair NAME SERVER CLIENT PROGRAM: folders of the libraries; empty is ours
pair() {
    PROXY_ORIGINAL=1 PROXY_SERVER_LIBRARIES=${2:-/} LD_LIBRARY_PATH=$3 "$programs/$4" >log 2>&1
    status=$?
    { grep -A 2 '^not ok' log; echo "exit status $status"; } >out
    ok $status "$4: $1"
}

for program in proxy proxy_life; do
    pair "their server, our client" "$original" "" $program
    pair "our server, their client" "" "$original" $program
    pair "both theirs" "$original" "$original" $program
done
done_testing
