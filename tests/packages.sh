#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Tests of scripts/packages with a make-believe dpkg-query, apt-get, sudo and id: nothing is installed.
set -u

packages=${RUMPUS_TOP:?run by make check}/scripts/packages
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
shown="out calls"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir" || exit 1

# command_is NAME < BODY: put a command in front of the real ones
mkdir bin
command_is() {
    { echo '#!/bin/sh'; cat; } >"bin/$1"
    chmod +x "bin/$1"
}

# run STATUS ARGUMENT...: run the script with the make-believe commands
run() {
    wanted=$1
    shift
    : >calls
    env PATH="$dir/bin:$path" "$packages" "$@" >out 2>&1
    got=$?
    [ "$got" -eq "$wanted" ]
}

# Only the tools that the script itself needs, so that a sudo of this machine stays out of sight.
path=$dir/tools
mkdir tools
for tool in sh env sort tr tail mktemp rm cat sed; do
    ln -s "$(command -v $tool)" "tools/$tool"
done

# dpkg-query knows what the file "installed" names; status 1 when one is unknown, as the real one
command_is dpkg-query <<END
shift 3
status=0
for package; do
    if grep -qx "\$package" "$dir/installed"; then echo "\$package installed"
    elif grep -qx "\$package" "$dir/removed"; then echo "\$package config-files"
    else status=1; fi
done
exit \$status
END
ln -s "$(command -v grep)" tools/grep
command_is apt-get <<END
echo "apt-get \$*" >>"$dir/calls"
case " \$* " in *" \$(cat "$dir/broken" 2>/dev/null) "*) echo "E: no luck"; exit 100 ;; esac
END
command_is id <<'END'
echo 0
END
: >installed
: >removed

run 0 --list && grep -qx linux-source-6.12 out && grep -qx e2fsprogs out
ok $? "a machine with nothing lacks everything"
cp out all
run 0 --linux 6.1 --list && grep -qx linux-source-6.1 out
ok $? "another upstream version"
run 0 --list bench && ! grep -qx gcc out && grep -qx e2fsprogs out
ok $? "one set"
run 0 --list long && grep -qx fio out && ! grep -qx fio all
ok $? "what only long tests want is asked for by name"

grep -vx bison all >installed
echo bison >removed
run 0 --list && [ "$(cat out)" = bison ]
ok $? "a removed package whose configuration stayed is missing"
run 0 && grep -q 'apt-get -q update' calls && grep -qx 'apt-get -q -y install --no-install-recommends bison' calls
ok $? "only what is missing is installed"
[ "$(cat out)" = "Installing bison" ]
ok $? "one line says so"
echo update >broken
run 1 && grep -q "E: no luck" out && grep -q bookworm-security out
ok $? "a failing apt-get is shown, with the remedy"
rm broken

cp all installed
run 0 && [ ! -s out ] && [ ! -s calls ]
ok $? "nothing is said or done when nothing is missing"

: >installed
command_is id <<'END'
echo 1000
END
run 1 && grep -q "As root: apt-get install .*linux-source-6.12" out && [ ! -s calls ]
ok $? "neither root nor sudo"
command_is sudo <<END
echo "sudo" >>"$dir/calls"
exec "\$@"
END
run 0 && [ "$(grep -c sudo calls)" -eq 2 ] && grep -q "apt-get -q -y install" calls
ok $? "sudo is used when there is one"
rm bin/dpkg-query
run 1 && grep -q "no Debian system" out
ok $? "another distribution"
run 2 --wrong && grep -q usage: out
ok $? "a wrong argument"

done_testing
