# SPDX-License-Identifier: BSD-2-Clause
# I/O backends. A new block backend is io/blk/NAME.c, which defines blk_backend_NAME, and its name in blk-backends; a new
# network backend is the same with net.

# URING=no builds without liburing: the backend "file" has threads then. So does a cross build, unless told otherwise.
URING ?= $(if $(CROSS_COMPILE),no,yes)
uring-modes := no yes
ifeq ($(filter $(URING),$(uring-modes)),)
$(error URING is one of: $(uring-modes))
endif
uring-libs := $(if $(filter yes,$(URING)),-luring)

# SLIRP=no builds without libslirp's header: there is no backend "slirp" then.
SLIRP ?= $(if $(CROSS_COMPILE),no,yes)
ifeq ($(filter $(SLIRP),no yes),)
$(error SLIRP is one of: no yes)
endif

blk-backends := file mem window ro cow fault
net-backends := pair shm tap packet stream pcap impair $(if $(filter yes,$(SLIRP)),slirp)

io-src := io/spec.c io/thread.c io/process.c $(addprefix io/blk/,$(addsuffix .c,$(blk-backends))) \
	io/blk/open.c io/blk/blk.c io/blk/wrapper.c io/blk/pool.c io/blk/$(if $(filter yes,$(URING)),ring.c,ring_none.c) \
	io/blk/file_run.c io/blk/file_lock.c io/blk/file_holder.c io/blk/fault_cache.c \
	$(addprefix io/net/,$(addsuffix .c,$(net-backends))) io/net/open.c io/net/net.c io/net/wrapper.c io/net/poller.c io/net/inbox.c \
	io/net/fds.c io/net/host.c io/net/shm_bus.c io/net/shm_ring.c io/net/shm_send.c io/net/shm_receive.c \
	io/file/host.c io/file/mem.c

librumpus-src += $(io-src)
# For those who link what is here: io_uring
rumpus-libs += $(uring-libs)

# Tables of backends, that open.c of each family looks names up in
io-families := blk net
$(io-families:%=$(BUILD)/include/%_backends.h): $(BUILD)/include/%_backends.h: io/build.mk $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q){ printf '/* Made by io/build.mk */\n'; \
	  printf 'extern const struct $*_backend $*_backend_%s;\n' $($*-backends); \
	  printf 'static const struct $*_backend *const $*_backends[] = {\n'; \
	  printf '\t&$*_backend_%s,\n' $($*-backends); \
	  printf '\tNULL,\n};\n'; } > $@
generated += $(io-families:%=$(BUILD)/include/%_backends.h)

$(BUILD)/obj/io.a: $(io-src:%.c=$(BUILD)/obj/%.o)
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

include tests/blk/build.mk tests/net/build.mk tests/file/build.mk
