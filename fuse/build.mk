# SPDX-License-Identifier: BSD-2-Clause
# The FUSE server. VNODE chooses the folder that implements vnode.h.

VNODE ?= calls

fuse-src := fuse/server.c fuse/readers.c fuse/reply.c fuse/setid.c fuse/extra.c fuse/ops_node.c fuse/ops_entry.c fuse/ops_file.c fuse/ops_dir.c fuse/ops_xattr.c \
	$(sort $(wildcard fuse/$(VNODE)/*.c))
fuse-obj := $(fuse-src:%.c=$(BUILD)/obj/%.o)
fuse-libs := -l:libfuse3.a -ldl

$(fuse-obj): rumpus-cflags += -DFUSE_USE_VERSION=314

include tests/fuse/build.mk
