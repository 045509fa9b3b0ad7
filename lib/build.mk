# SPDX-License-Identifier: BSD-2-Clause
# librumpus: the embedding library, from the sources of every folder that belongs to it (librumpus-src).

lib-src := $(addprefix lib/,loader.c gate.c thread.c wait.c process.c kernel.c upcalls.c device.c disk.c net.c netlink.c rtnetlink.c \
	net_configure.c net_automatic.c name_servers.c dhcp.c dhcp_message.c dhcp_keep.c component.c crc32.c debug.c posix/host.c posix/image.c posix/log.c)
librumpus-src += $(lib-src)

librumpus-soname := librumpus.so.0
librumpus-obj = $(librumpus-src:%.c=$(BUILD)/obj/%.o)

$(BUILD)/obj/lib/%.o: rumpus-cflags += -include lib/export.h -Ilib/arch/$(platform-cpu)
$(BUILD)/obj/io/%.o: rumpus-cflags += -include lib/export.h
$(BUILD)/obj/lib/posix/image.o: rumpus-cflags += -DRUMPUS_LIBDIR='"$(PREFIX)/lib"'

all-targets += $(BUILD)/lib/librumpus.so $(BUILD)/lib/librumpus.a $(BUILD)/lib/pkgconfig/rumpus.pc

# Objects come from files that are included later.
.SECONDEXPANSION:

$(BUILD)/lib/$(librumpus-soname): lib/librumpus.map $$(librumpus-obj)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -pthread -Wl,-soname,$(librumpus-soname) -Wl,--version-script,$< -Wl,-Bsymbolic-functions \
		-Wl,-z,defs,-z,now,-z,relro,-z,nodelete $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(rumpus-libs)

$(BUILD)/lib/librumpus.so: $(BUILD)/lib/$(librumpus-soname)
	$(Q)ln -sf $(librumpus-soname) $@

$(BUILD)/lib/librumpus.a: $$(librumpus-obj)
	@mkdir -p $(@D)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/lib/pkgconfig/rumpus.pc: packaging/rumpus.pc.in Makefile $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS_PRIVATE@|$(strip $(rumpus-libs))|' $< >$@

# gdb finds this file beside the library by its name.
all-targets += $(BUILD)/lib/$(librumpus-soname)-gdb.py
$(BUILD)/lib/$(librumpus-soname)-gdb.py: lib/gdb/librumpus-gdb.py
	@mkdir -p $(@D)
	$(Q)cp $< $@

# For static programs that carry their kernel: link this object beside librumpus.a. It makes them GPL-2.0-only.
$(BUILD)/lib/rumpus/embed.o: lib/embed.S $(BUILD)/lib/rumpus/linux.img
	@mkdir -p $(@D)
	$(call say,AS,$@)
	$(Q)$(CC) -DIMAGE='"$(BUILD)/lib/rumpus/linux.img"' -c -o $@ $<

include tests/lib/build.mk
