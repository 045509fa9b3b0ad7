#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The example of a kernel with a disk and a network: files of an image are pages. An ordinary user runs it.
set -u

build=${RUMPUS_BUILD:?run by make check}
unset RUMPUS_IMAGE
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/serving.sh
. "$(dirname "$0")/../serving.sh"
PATH=$PATH:/sbin:/usr/sbin

# get PATH: the page, in the file "page"; its status
get() {
    python3 - "$port" "$1" <<'END'
import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
connection.putrequest("GET", sys.argv[2], skip_host=True)
connection.endheaders()
answer = connection.getresponse()
with open("page", "wb") as file:
    file.write(answer.read())
print(answer.status)
END
}

mkdir tree tree/dir
seq 2000000 >tree/numbers
echo "a page" >tree/dir/page
ln -s dir/page tree/inside
ln -s /dir/page tree/absolute
ln -s ../../../proc/version tree/outside
: >tree/empty
truncate -s 40M disk.img
mkfs.ext4 -q -d tree disk.img >out 2>&1
ok $? "an image is made"
sha256sum disk.img >before

# Copies, for the others may lie where only root may go
mkdir -p prefix/examples prefix/lib/rumpus
cp "$build/examples/serve" prefix/examples/ && cp -P "$build"/lib/librumpus.so* prefix/lib/ &&
    cp "$build/lib/rumpus/linux-full.img" prefix/lib/rumpus/
ok $? "the program, the library and the image are there"
chmod 755 . && chmod 644 disk.img
serve() {
    if [ "$(id -u)" -eq 0 ]; then
        exec setpriv --reuid=65534 --regid=65534 --clear-groups prefix/examples/serve "$@"
    fi
    exec prefix/examples/serve "$@"
}

# Nobody has this port now. Should somebody take it first, the message says so and the test fails.
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
serve disk.img ext4 "$port" >out 2>&1 &
server=$!
await grep -q "http://127.0.0.1:$port/" out
ok $? "serve has a disk and a network"
[ "$(get /numbers)" = 200 ] && cmp -s page tree/numbers
ok $? "a file of 15 MB arrives as it is in the image"
[ "$(get /empty)" = 200 ] && [ ! -s page ]
ok $? "an empty one"
[ "$(get /inside)" = 200 ] && cmp -s page tree/dir/page
ok $? "a link"
[ "$(get /absolute)" = 200 ] && cmp -s page tree/dir/page
ok $? "a link from the root of the image"
for name in /missing /dir / /outside /../../proc/version; do
    [ "$(get $name)" = 404 ]
    ok $? "$name is no file of the image"
done
printf 'nonsense\r\n\r\n' | python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
s.sendall(sys.stdin.buffer.read())
print(s.recv(100).decode())' "$port" | grep -q "400 Bad Request"
ok $? "what is no request is told so"
(serve disk.img ext4 "$port") >second 2>&1
[ $? -eq 1 ] && grep -q "$port" second
ok $? "the port is taken: $(head -n 1 second)"
stop_server
sha256sum -c before >out 2>&1
ok $? "the image is as it was"

! (serve missing.img ext4 "$port") >out 2>&1 && grep -q "missing.img" out
ok $? "no such image"
! (serve disk.img xfs "$port") >out 2>&1 && grep -q "Invalid argument" out
ok $? "another file system"
(serve) >out 2>&1
[ $? -eq 2 ] && grep -q usage out
ok $? "no arguments"

done_testing
