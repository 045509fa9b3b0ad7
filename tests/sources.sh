#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Tests of scripts/sources with a make-believe apt-get: nothing is downloaded.
set -u

sources=${RUMPUS_TOP:?run by make check}/scripts/sources
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
shown="out err calls"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir" || exit 1
cache=$dir/cache/rumpus/sources

# Knows the package "known"; says what it was called for, and keeps the list that it was given
mkdir bin
cat >bin/apt-get <<END
#!/bin/sh
for word; do
    case \$word in
    Dir::Etc::SourceList=*) cp "\${word#*=}" "$dir/list" ;;
    indextargets) cat "$dir/targets"; exit ;;
    update) echo update >>"$dir/calls"; exit ;;
    known) echo known >>"$dir/calls"; echo text >known_1.orig.tar.xz ;;
    unknown) echo "E: no such package" >&2; exit 100 ;;
    esac
done
END
chmod +x bin/apt-get
# shellcheck source=/dev/null
(. /etc/os-release && echo "http://mirror.example/debian/ $VERSION_CODENAME") >targets
echo "http://elsewhere.example/ other" >>targets

# run STATUS PACKAGE...: run the script with that apt-get
run() {
    wanted=$1
    shift
    : >calls
    PATH="$dir/bin:$PATH" XDG_CACHE_HOME="$dir/cache" "$sources" "$@" >out 2>err
    got=$?
    [ "$got" -eq "$wanted" ]
}

run 0 known && [ "$(cat out)" = "$cache/known_1.orig.tar.xz" ] && [ "$(cat "$cache/known_1.orig.tar.xz")" = text ]
ok $? "an archive is got, and its place printed"
grep -q '^deb-src \[signed-by=.*\] http://mirror.example/debian/ .* main$' list && ! grep -q elsewhere list
ok $? "from where this machine gets this release, with Debian's signature"
run 0 known && [ "$(cat out)" = "$cache/known_1.orig.tar.xz" ] && [ ! -s calls ]
ok $? "what is there is not got again"
run 69 known unknown && grep -q "no such package" err && grep -q "unknown cannot be had from http://mirror.example" err
ok $? "what cannot be had is told"
[ "$(ls -A "$cache")" = known_1.orig.tar.xz ]
ok $? "and leaves nothing behind"
: >targets
run 69 unknown && grep -q "see /etc/apt/sources.list" err
ok $? "a machine without archives of its release"
: >file
XDG_CACHE_HOME="$dir/file" "$sources" known >out 2>err
[ $? -eq 1 ] && grep -q "set XDG_CACHE_HOME" err
ok $? "a cache that cannot be made"
run 2
ok $? "no package"

done_testing
