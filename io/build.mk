# SPDX-License-Identifier: BSD-2-Clause
# I/O backends. A new block backend is io/blk/NAME.c, which defines blk_backend_NAME, and its name in blk-backends.

# URING=no builds without liburing: the backend "file" has threads then. So does a cross build, unless told otherwise.
URING ?= $(if $(CROSS_COMPILE),no,yes)
uring-modes := no yes
ifeq ($(filter $(URING),$(uring-modes)),)
$(error URING is one of: $(uring-modes))
endif
uring-libs := $(if $(filter yes,$(URING)),-luring)

blk-backends := file mem window ro cow fault

io-src := io/spec.c io/thread.c $(addprefix io/blk/,$(addsuffix .c,$(blk-backends))) \
	io/blk/open.c io/blk/blk.c io/blk/wrapper.c io/blk/pool.c io/blk/$(if $(filter yes,$(URING)),ring.c,ring_none.c) \
	io/blk/file_run.c io/blk/file_lock.c io/blk/fault_cache.c \
	io/file/host.c io/file/mem.c

librumpus-src += $(io-src)
# For those who link what is here: io_uring
rumpus-libs += $(uring-libs)

# The table of backends that io/blk/open.c looks names up in
$(BUILD)/include/blk_backends.h: io/build.mk
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q){ printf '/* Made by io/build.mk */\n'; \
	  printf 'extern const struct blk_backend blk_backend_%s;\n' $(blk-backends); \
	  printf 'static const struct blk_backend *const blk_backends[] = {\n'; \
	  printf '\t&blk_backend_%s,\n' $(blk-backends); \
	  printf '\tNULL,\n};\n'; } > $@
generated += $(BUILD)/include/blk_backends.h

$(BUILD)/obj/io.a: $(io-src:%.c=$(BUILD)/obj/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

include tests/blk/build.mk tests/file/build.mk
