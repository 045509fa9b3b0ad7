# SPDX-License-Identifier: BSD-2-Clause
# Test of the system calls by name that librumpclient exports; their sources with a rumpclient_syscall() of its own

$(BUILD)/tests/rumpuser/stubs: $(addprefix $(BUILD)/obj/,tests/rumpuser/stubs.o tests/tap.o client/stub.o) $(client-stubs)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^

tests += $(BUILD)/tests/rumpuser/stubs
