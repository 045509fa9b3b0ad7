#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Tests of the test runner: programs that fail in every way it must notice. It is run first by "make check".
# Usage: tests/runner.sh; the runner is tests/run beside it.
set -u

run=$(cd "$(dirname "$0")" && pwd)/run
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
cd "$dir" || exit 1

# program NAME < BODY: a fake test program
program() {
    { echo '#!/bin/sh'; cat; } >"$1"
    chmod +x "$1"
}

# expect NAME STATUS TALLY TEXT PROGRAM...: run the programs and look at status, last line and a text in the output
expect() {
    name=$1 status=$2 tally=$3 text=$4
    shift 4
    "$run" --logs logs --timeout 1 "$@" >out 2>&1
    got=$?
    [ "$got" -eq "$status" ] && [ "$(tail -n 1 out)" = "$tally" ] && grep -qF -- "$text" out
    ok $? "$name"
}

program good <<'END'
echo "ok 1 - one"
echo "ok 2 - two"
echo 1..2
END
program early-plan <<'END'
echo 1..1
echo "ok - without a number"
END
program failing <<'END'
echo "ok 1 - fine"
echo "not ok 2 - broken"
echo "# got 1, expected 2"
echo 1..2
exit 1
END
program lying <<'END'
echo "not ok 1 - broken"
echo 1..1
END
program crashing <<'END'
echo "ok 1 - fine"
echo 1..1
kill -SEGV $$
END
program status <<'END'
echo "ok 1 - fine"
echo 1..1
exit 3
END
program no-plan <<'END'
echo "ok 1 - fine"
END
program short <<'END'
echo 1..3
echo "ok 1 - fine"
END
program long <<'END'
echo 1..1
echo "ok 1 - fine"
echo "ok 2 - too many"
END
program gap <<'END'
echo "ok 1 - fine"
echo "ok 3 - where is 2"
echo 1..2
END
program silent <<'END'
exit 0
END
program skip-one <<'END'
echo "ok 1 - fine"
echo "ok 2 # SKIP no such hardware"
echo 1..2
END
program skip-all <<'END'
echo "no loop devices here" >&2
exit 77
END
program skip-plan <<'END'
echo "1..0 # SKIP not on this machine"
END
program bail <<'END'
echo "ok 1 - fine"
echo "Bail out! no disk"
exit 1
END
program half-line <<'END'
echo 1..1
printf 'ok 1 - no newline at the end'
END
program hanging <<END
echo "ok 1 - fine"
trap '' TERM
setsid sleep 1000 &
echo \$! >"$dir/pid"
while :; do sleep 0.1; done
END
program leaving <<END
echo "ok 1 - fine"
echo 1..1
setsid sleep 1000 >/dev/null &
echo \$! >"$dir/pid"
END
program private <<END
[ "\$(ls -A | wc -l)" -eq 0 ] && [ "\$PWD" = "\$TMPDIR" ] && echo "ok 1 - empty directory"
touch file
pwd >"$dir/where"
echo 1..1
END
program complaining <<'END'
echo "[    0.5] BUG: KASAN: slab-use-after-free in f+0x1/0x2" >>"$RUMPUS_LOG"
echo "ok 1 - it noticed nothing"
echo 1..1
END
program quiet <<'END'
echo "[    0.5] Linux version 0" >>"$RUMPUS_LOG"
echo "ok 1 - fine"
echo 1..1
END
program argument <<'END'
[ "$1" = "ext4" ] && echo "ok 1 - argument"
echo 1..1
END
program noise <<'END'
echo "not ok 1 - on the wrong stream" >&2
echo "ok 1 - fine"
echo "	not ok - of a subtest"
echo 1..1
END

expect "passing programs" 0 "3 passed, 0 failed, 0 skipped" "good" ./good ./early-plan
expect "a failing check with its explanation" 1 "1 passed, 1 failed, 0 skipped" "# got 1, expected 2" ./failing
expect "failures do not end the run" 1 "3 passed, 1 failed, 0 skipped" "not ok 2 - broken" ./failing ./good
expect "a failed check with status 0" 1 "0 passed, 2 failed, 0 skipped" "exit status 0 although" ./lying
expect "a crash" 1 "1 passed, 1 failed, 0 skipped" "killed by SIGSEGV" ./crashing
expect "an exit status without a failed check" 1 "1 passed, 1 failed, 0 skipped" "exit status 3" ./status
expect "a missing plan" 1 "1 passed, 1 failed, 0 skipped" "no plan" ./no-plan
expect "too few checks" 1 "1 passed, 1 failed, 0 skipped" "3 checks were planned, 1 were made" ./short
expect "too many checks" 1 "2 passed, 1 failed, 0 skipped" "1 checks were planned, 2 were made" ./long
expect "a gap in the numbers" 1 "2 passed, 1 failed, 0 skipped" "check number 3 where 2 was due" ./gap
expect "a program that checks nothing" 1 "0 passed, 1 failed, 0 skipped" "no plan" ./silent
expect "a skipped check" 0 "1 passed, 0 failed, 1 skipped" "no such hardware" ./skip-one
expect "a skipped program, by status" 0 "0 passed, 0 failed, 1 skipped" "exit status 77" ./skip-all
expect "a skipped program, by plan" 0 "0 passed, 0 failed, 1 skipped" "not on this machine" ./skip-plan
expect "a program that gives up" 1 "1 passed, 1 failed, 0 skipped" "no disk" ./bail
expect "a last line without its end" 0 "1 passed, 0 failed, 0 skipped" "half-line" ./half-line
expect "a missing program" 1 "0 passed, 1 failed, 0 skipped" "No such file" ./missing
"$run" --logs logs ./bail ./half-line >out 2>&1
sed '1,/^failed:$/d' out | grep -q '^bail .*1 FAILED'
ok $? "failures are told again at the end"
expect "no programs at all" 1 "0 passed, 0 failed, 0 skipped" "no test programs"
expect "an argument after a colon" 0 "1 passed, 0 failed, 0 skipped" "argument:ext4" ./argument:ext4
expect "only unindented lines of standard output count" 0 "1 passed, 0 failed, 0 skipped" "noise" ./noise
grep -q "wrong stream" logs/noise.log
ok $? "the log has both streams"

expect "a program that hangs and ignores SIGTERM" 1 "1 passed, 2 failed, 0 skipped" "no end after 1 seconds" ./hanging
! kill -0 "$(cat pid)" 2>/dev/null
ok $? "its child in another session is gone"
expect "a kernel that complains" 1 "1 passed, 1 failed, 0 skipped" "a kernel says: [    0.5] BUG: KASAN" ./complaining
grep -q "what kernels said" logs/complaining.log
ok $? "and the log has what it said"
expect "a kernel that does not" 0 "1 passed, 0 failed, 0 skipped" "1 passed" ./quiet
expect "a child left behind" 1 "1 passed, 1 failed, 0 skipped" "left processes behind: sleep" ./leaving
! kill -0 "$(cat pid)" 2>/dev/null
ok $? "the child is gone"
expect "a private directory" 0 "1 passed, 0 failed, 0 skipped" "private" ./private
[ -s where ] && [ ! -e "$(cat where)" ]
ok $? "the directory is gone afterwards"

# Mounts and loop devices need the right to make them.
program mounting <<'END'
mkdir m && mount -t tmpfs none m || exit 77
echo "ok 1 - mounted"
echo 1..1
END
program looping <<'END'
truncate -s 1M disk && losetup -f disk 2>/dev/null || exit 77
echo "ok 1 - attached"
echo 1..1
END
if [ "$(id -u)" -eq 0 ] && mkdir m && mount -t tmpfs none m 2>/dev/null; then
    umount m
    expect "a mount left behind" 1 "1 passed, 1 failed, 0 skipped" "left mounts behind" ./mounting
    if [ -e /dev/loop-control ]; then
        expect "a loop device left behind" 1 "1 passed, 1 failed, 0 skipped" "left loop devices behind" ./looping
    else
        skip "no loop devices"
    fi
else
    for what in "mount" "loop device"; do
        skip "no right to make a $what"
    done
fi

done_testing
