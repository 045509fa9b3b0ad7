# SPDX-License-Identifier: BSD-2-Clause
# librumpclient.so.0: rumpclient(3), remote clients of rump kernels. Shares the wire with the server in librumpuser.

client-src := $(addprefix client/,host.c connection.c call.c serve.c fork.c stub.c) \
	$(addprefix platform/posix/rumpuser/,sp_stream.c sp_url.c signal.c errno.c) rumpuser/errno.c
client-stubs := $(BUILD)/obj/client/stubs.o
client-obj := $(client-src:%.c=$(BUILD)/obj/%.o) $(client-stubs)
client-lib := $(BUILD)/lib/librumpclient.so.0
client-cflags := $(rumpuser-cflags) -Irumpuser/plain

all-targets += $(client-lib)

$(BUILD)/obj/client/%.o: rumpus-cflags += $(client-cflags)

$(BUILD)/client/stubs.c: client/stubs.py client/syscalls.tbl
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)client/stubs.py client/syscalls.tbl >$@

$(client-stubs): $(BUILD)/client/stubs.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(rumpus-cflags) -Iclient $(CFLAGS) -MMD -MP -c -o $@ $<

$(client-lib): client/librumpclient.map $(client-obj)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -pthread -Wl,-soname,$(notdir $@) -Wl,--version-script,$< -Wl,-Bsymbolic-functions \
		-Wl,-z,defs,-z,now,-z,relro,-z,nodelete $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^)

include tests/rumpuser/proxy.mk tests/rumpuser/stubs.mk
