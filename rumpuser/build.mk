# SPDX-License-Identifier: BSD-2-Clause
# librumpuser.so.0: NetBSD's rumpuser(3), revision 17, over hyp.h and the I/O families.

rumpuser-src :=		# sources of librumpuser beside platform and io; platform/posix/rumpuser/build.mk adds to it

include platform/posix/rumpuser/build.mk

rumpuser-lib := $(BUILD)/lib/librumpuser.so.0

$(BUILD)/obj/rumpuser/%.o: rumpus-cflags += -Irumpuser
$(BUILD)/obj/platform/posix/rumpuser/%.o: rumpus-cflags += -Irumpuser

# The ABI is not versioned symbol by symbol.
$(BUILD)/rumpuser/symbols.map: rumpuser/symbols.tbl
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q){ echo '{ global:'; sed -n 's/^rumpuser_.*/	&;/p' $<; echo 'local: *; };'; } >$@

# Deferred, because folders that are included later add sources.
rumpuser-obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(rumpuser-src) $(platform-posix-src) $(io-src))

$(rumpuser-lib): $(BUILD)/rumpuser/symbols.map $$(rumpuser-obj)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -pthread -Wl,-soname,$(notdir $@) -Wl,--version-script,$< -Wl,-Bsymbolic-functions \
		-Wl,-z,defs,-z,now,-z,relro,-z,nodelete $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(rumpus-libs)
