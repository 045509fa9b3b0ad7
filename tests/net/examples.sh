#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The example programs with a network do what their comments say, with the image that they find by name.
set -u

build=${RUMPUS_BUILD:?run by make check}
unset RUMPUS_IMAGE
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/serving.sh
. "$(dirname "$0")/../serving.sh"

"$build/examples/echo" "is anybody there?" echo.pcapng >out 2>&1 && grep -qx "is anybody there?" out
ok $? "echo: two kernels with a wire between them"
tcpdump -nr echo.pcapng 2>/dev/null | grep -q "10.0.0.2.[0-9]* > 10.0.0.1.7: Flags \[S\]"
ok $? "echo: the capture has the connection"
! "$build/examples/echo" >out 2>&1 && grep -q usage out
ok $? "echo: no arguments"

"$build/examples/route" >out 2>&1 && [ "$(cat out)" = "1  10.1.0.254
2  10.2.0.1" ]
ok $? "route: the way leads through the kernel in the middle"

"$build/examples/blast" 20000 >out 2>&1 && grep -q "^20000 datagrams of 64 bytes sent" out
ok $? "blast: datagrams go and arrive"
"$build/examples/blast" 2000 1400 impair,seed=3,loss=10:pair:blast >out 2>&1 &&
    arrived=$(sed -n 's/.*; \([0-9]*\) arrived.*/\1/p' out) && [ "$arrived" -gt 0 ] && [ "$arrived" -lt 2000 ]
ok $? "blast: not all of them over a bad network"
"$build/examples/blast" 10 70000 >out 2>&1
[ $? -eq 2 ] && grep -q usage out
ok $? "blast: datagrams that are none"

# shellcheck disable=SC2317 # await calls it
has_port() {
    port=$(sed -n 's/.*port \([0-9]*\).*/\1/p' server.log) && [ -n "$port" ]
}

mkdir pages
echo "a page of the host's" >pages/page
# Port 0: one that is free, which the server prints.
python3 -u -m http.server 0 --bind 127.0.0.1 --directory pages >server.log 2>&1 &
server=$!
await has_port
"$build/examples/fetch" 10.0.2.2 "$port" /page fetch.pcapng >out 2>&1 && grep -qx "a page of the host's" out
ok $? "fetch: a page from a server on the host's loopback"
tcpdump -nr fetch.pcapng "tcp port $port" 2>/dev/null | grep -q "Flags \[S\.\]"
ok $? "fetch: the capture has the connection"
stop_server
! "$build/examples/fetch" 10.0.2.2 "$port" /page >out 2>&1 && grep -q "10.0.2.2: Connection refused" out
ok $? "fetch: nobody listens any more"

done_testing
