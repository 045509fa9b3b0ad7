# SPDX-License-Identifier: BSD-2-Clause
# librumpuser.so.0: NetBSD's rumpuser(3), revision 17, over hyp.h and the I/O families.
#
# Two variants, chosen by folder: lib/librumpuser.so.0, and lib/debug/librumpuser.so.0, which checks how the kernel uses
# its locks and threads. rumpuser/plain/ or rumpuser/debug/ is what differs.

rumpuser-platform := posix

# Sources beside platform and io; the platform's build.mk adds its own.
rumpuser-src := $(addprefix rumpuser/,init.c report.c errno.c lock.c mutex.c cv.c rw.c thread.c lwp.c component.c clock.c \
	pages.c memory.c file.c disk.c bio.c transfer.c)
rumpuser-debug-src := rumpuser/debug/check.c

include platform/$(rumpuser-platform)/rumpuser/build.mk

rumpuser-lib := $(BUILD)/lib/librumpuser.so.0
rumpuser-debug-lib := $(BUILD)/lib/debug/librumpuser.so.0
all-targets += $(rumpuser-lib)

rumpuser-cflags := -Irumpuser -Iplatform/$(rumpuser-platform)/rumpuser \
	-Iplatform/$(rumpuser-platform)/rumpuser/arch/$(platform-cpu)

$(BUILD)/obj/rumpuser/%.o: rumpus-cflags += $(rumpuser-cflags) -Irumpuser/plain
$(BUILD)/obj/platform/$(rumpuser-platform)/rumpuser/%.o: rumpus-cflags += $(rumpuser-cflags) -Irumpuser/plain

$(BUILD)/obj/debug/%.o: %.c $(BUILD)/flags | $(generated)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(rumpus-cflags) $(rumpuser-cflags) -Irumpuser/debug $(CFLAGS) -MMD -MP -c -o $@ $<

# The ABI is not versioned symbol by symbol.
$(BUILD)/rumpuser/symbols.map: rumpuser/symbols.tbl
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q){ echo '{ global:'; sed -n 's/^rump.*/	&;/p' $<; echo 'local: *; };'; } >$@

# Deferred, because folders that are included later add sources.
rumpuser-below = $(rumpuser-host-src) $(platform-posix-src) $(io-src)
rumpuser-obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(rumpuser-src) $(rumpuser-below))
rumpuser-debug-obj = $(patsubst %.c,$(BUILD)/obj/debug/%.o,$(rumpuser-src) $(rumpuser-debug-src)) \
	$(patsubst %.c,$(BUILD)/obj/%.o,$(rumpuser-below))

$(rumpuser-lib): $$(rumpuser-obj)
$(rumpuser-debug-lib): $$(rumpuser-debug-obj)

$(rumpuser-lib) $(rumpuser-debug-lib): $(BUILD)/rumpuser/symbols.map
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -pthread -Wl,-soname,$(notdir $@) -Wl,--version-script,$(BUILD)/rumpuser/symbols.map \
		-Wl,-Bsymbolic-functions -Wl,-z,defs,-z,now,-z,relro,-z,nodelete $(CFLAGS) $(LDFLAGS) \
		-o $@ $(filter %.o,$^) $(rumpus-libs)

include tests/rumpuser/abi.mk
