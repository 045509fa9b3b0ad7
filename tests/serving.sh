# SPDX-License-Identifier: BSD-2-Clause
# A server in the background of a test script, which reads this file with "." and sets "server" to its process: it ends
# with the script at the latest.
# shellcheck shell=sh

server=
trap '[ -z "$server" ] || kill $server 2>/dev/null' EXIT
trap 'exit 130' INT TERM

# await COMMAND...: until it succeeds, or for 30 s
await() {
    tries=0
    until "$@"; do
        [ $tries -lt 300 ] || return 1
        sleep 0.1
        tries=$((tries + 1))
    done
}

# stop_server: end it now
stop_server() {
    kill "$server"
    wait "$server" 2>/dev/null
    server=
}
