#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Tests of "make install": everything is where it belongs, and a program can be built against it.
set -u

top=${RUMPUS_TOP:?run by make check}
prefix=${RUMPUS_PREFIX:?}
dest=$PWD/dest
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/tap.sh"

make -C "$top" -q all >out 2>&1
ok $? "make has nothing to do after make"
make -C "$top" install DESTDIR="$dest" >out 2>&1
ok $? "make install"
for file in bin/rumpus sbin/mount.rumpus sbin/mount.fuse.rumpus sbin/umount.fuse.rumpus lib/librumpus.a lib/librumpus.so lib/librumpus.so.0 lib/librumpuser.so.0 lib/rumpus/linux.img \
    lib/pkgconfig/rumpus.pc lib/librumpus.so.0-gdb.py include/rumpus/rumpus.h include/rumpus/syscalls.h include/rumpus/hyp_blk.h \
    lib/librumpclient.so.0 include/rump/rumpclient.h share/man/man3/rumpclient.3 share/man/man3/rumpuser.3 \
    share/man/man1/rumpus.1 share/man/man1/rumpus-cp.1 share/man/man3/rumpus_syscalls.3 share/man/man3/rumpus_net.3 share/doc/rumpus/README.md share/doc/rumpus/doc/security.md \
    lib/systemd/system/rumpus-mount@.service lib/systemd/user/rumpus-mount@.service \
    share/doc/rumpus/examples/media/72-rumpus-media.rules share/doc/rumpus/GPL-2.0-only.txt share/bash-completion/completions/rumpus share/zsh/site-functions/_rumpus; do
    [ -s "$dest$prefix/$file" ]
    ok $? "$file"
done
ls "$dest$prefix"/lib/rumpus/*/components "$dest$prefix"/lib/rumpus/*/vfat.ko >out 2>&1
ok $? "components of the kernel and their index"
ls "$dest$prefix"/lib/rumpus/linux-net.img "$dest$prefix"/lib/rumpus/*-net/components \
    "$dest$prefix"/lib/rumpus/*-net/wireguard.ko >out 2>&1
ok $? "those of the kernel with a network"
if [ -e "${RUMPUS_BUILD:?}/lib/rumpus/linux-full.img" ]; then
    ls "$dest$prefix"/lib/rumpus/linux-full.img "$dest$prefix"/lib/rumpus/*-full/components \
        "$dest$prefix"/lib/rumpus/*-full/nfsd.ko >out 2>&1
    ok $? "those of the kernel with file systems and a network"
else
    skip "the kernel with file systems and a network was not built (make full)"
fi
find "$dest" -mindepth 1 -maxdepth 1 ! -name "$(echo "$prefix" | cut -d/ -f2)" >out
[ ! -s out ]
ok $? "nothing outside PREFIX"

cat >program.c <<'END'
#include <stdio.h>
#include <string.h>
#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

int main(void)
{
	struct rumpus *kernel;
	int ret = rumpus_boot(NULL, &kernel);

	if (ret) {
		fprintf(stderr, "boot: %s\n", strerror(-ret));
		return 1;
	}
	printf("%s, process %ld\n", rumpus_version(kernel), rumpus_sys_getpid());
	return rumpus_halt(kernel) != 0;
}
END
PKG_CONFIG_LIBDIR="$dest$prefix/lib/pkgconfig:/usr/lib/$(gcc -dumpmachine)/pkgconfig"
export PKG_CONFIG_LIBDIR
flags() {
    pkg-config --define-variable=prefix="$dest$prefix" "$@" rumpus
}
unset RUMPUS_IMAGE
# shellcheck disable=SC2046 # flags, one a word
cc -Wall -Werror -o shared program.c $(flags --cflags --libs) >out 2>&1
ok $? "a program is built with the shared library"
LD_LIBRARY_PATH=$dest$prefix/lib RUMPUS_IMAGE=$dest$prefix/lib/rumpus/linux.img ./shared >out 2>&1 &&
    grep -q "^Linux 6\." out
ok $? "it runs a kernel"
# shellcheck disable=SC2046
cc -Wall -Werror -o static program.c $(flags --cflags) "$dest$prefix/lib/librumpus.a" \
    $(flags --static --libs | sed 's/-lrumpus//') >out 2>&1
ok $? "a program is built with the static library"
RUMPUS_IMAGE=$dest$prefix/lib/rumpus/linux.img ./static >out 2>&1 && grep -q "^Linux 6\." out
ok $? "it runs a kernel"
# shellcheck disable=SC2046
c++ -x c++ -Wall -Werror -fsyntax-only $(flags --cflags) - >out 2>&1 <<'END'
#include <rumpus/hyp.h>
#include <rumpus/hyp_blk.h>
#include <rumpus/hyp_file.h>
#include <rumpus/image.h>
#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>
END
ok $? "the headers are usable from C++"
RUMPUS_IMAGE=$dest$prefix/lib/rumpus/linux.img "$dest$prefix/bin/rumpus" info /dev/null >out 2>&1
[ $? -ne 127 ] && grep -q "/dev/null" out
ok $? "the command starts"

done_testing
