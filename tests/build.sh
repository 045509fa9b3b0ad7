#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Tests of the top Makefile on a toy tree: what changes is rebuilt, and nothing else.
set -u

top=${RUMPUS_TOP:?run by make check}
unset MAKEFLAGS MAKEOVERRIDES MFLAGS MAKELEVEL BUILD CFLAGS LDFLAGS CC DEBUG V PREFIX SANDBOX
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

# made PATTERN ARGUMENT...: run make; its output has the pattern
made() {
    pattern=$1
    shift
    make "$@" >out 2>&1 && grep -q "$pattern" out
}

# idle ARGUMENT...: make has nothing to do
idle() {
    make "$@" >out 2>&1 && ! grep -qE "CC|LD|GEN" out && make -q "$@" >>out 2>&1
}

cp "$top/Makefile" .
mkdir -p include tests bench scripts
for folder in platform io lib syscall sandbox linux rumpuser client examples fuse; do
    mkdir -p $folder
    : >$folder/build.mk
done
cp "$top/scripts/build.mk" scripts/
cp "$top/bench/build.mk" bench/
: >tests/build.mk
mkdir tools
cat >tools/build.mk <<'END'
all-targets += $(BUILD)/bin/toy
generated += $(BUILD)/include/made.h

$(BUILD)/include/made.h: tools/number
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)echo "#define NUMBER $$(cat $<)" >$@

$(BUILD)/bin/toy: $(BUILD)/obj/tools/toy.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^
END
echo 3 >tools/number
cat >tools/toy.c <<'END'
#include <toy.h>
#include <made.h>
int main(void)
{
	return NUMBER + TOY;
}
END
echo "#define TOY 4" >include/toy.h

made "LD *bin/toy" && { build/bin/toy; [ $? -eq 7 ]; }
ok $? "all is the default target, generated headers come first"
[ "$(wc -l <out)" -eq 3 ]
ok $? "a short line for each step"
idle
ok $? "a second make has nothing to do"
sleep 1
echo "#define TOY 5" >include/toy.h
made "CC *obj/tools/toy.o" && { build/bin/toy; [ $? -eq 8 ]; }
ok $? "a changed header rebuilds"
sleep 1
echo 4 >tools/number
made "GEN" && { build/bin/toy; [ $? -eq 9 ]; }
ok $? "a changed source of a generated header rebuilds"
rm include/toy.h
sed -i '/toy.h/d; s/ + TOY//' tools/toy.c
made "CC" && { build/bin/toy; [ $? -eq 4 ]; }
ok $? "a header may go"
made "CC" CFLAGS=-O0
ok $? "changed flags rebuild"
idle CFLAGS=-O0
ok $? "the same flags do not"
made "CC" CFLAGS="-O0 -DTEXT='\"with spaces\"'"
ok $? "flags with quotes"
idle CFLAGS="-O0 -DTEXT='\"with spaces\"'"
ok $? "the same flags with quotes do not rebuild"
made "CC" DEBUG=1
ok $? "DEBUG=1 rebuilds"
made "Wall.*toy.c" V=1
ok $? "V=1 shows whole commands"
made "bin/toy" BUILD="$PWD/elsewhere" && [ -x elsewhere/bin/toy ] && idle BUILD="$PWD/elsewhere"
ok $? "results go where BUILD says"
sed -i 's/NUMBER/NO_NUMBER/' tools/toy.c
! make >out 2>&1
ok $? "an error of the compiler ends make"
made "bench" help && grep -q "LINUX=6.12" out
ok $? "help lists targets and variables"
make clean >out 2>&1 && [ ! -e build ]
ok $? "clean leaves nothing"

done_testing
