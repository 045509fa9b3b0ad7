# SPDX-License-Identifier: BSD-2-Clause
# Tests of the system-call table and of the user ABI, against the host's kernel and headers.

$(BUILD)/obj/tests/syscall/%.o: rumpus-cflags += -Itests

$(BUILD)/tests/syscall/abi: $(addprefix $(BUILD)/obj/tests/syscall/,abi.o facts.o errors.o refused.o) \
		$(BUILD)/obj/tests/tap.o $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ $(rumpus-libs)

$(BUILD)/tests/syscall/pointers.h: tests/syscall/pointers.py tests/syscall/pointers.tbl $(syscall-tables)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)tests/syscall/pointers.py $(syscall-tables) tests/syscall/pointers.tbl >$@

$(BUILD)/obj/tests/syscall/pointers.o: $(BUILD)/tests/syscall/pointers.h
$(BUILD)/obj/tests/syscall/pointers.o: rumpus-cflags += -I$(BUILD)/tests/syscall

$(BUILD)/tests/syscall/pointers: $(addprefix $(BUILD)/obj/tests/,syscall/pointers.o syscall/arguments.o tap.o) \
		$(BUILD)/lib/librumpus.a
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ $(rumpus-libs)

tests += $(BUILD)/tests/syscall/pointers tests/syscall/table.py $(BUILD)/tests/syscall/abi

# With the kernel image of "make net"
long-tests += $(BUILD)/tests/syscall/pointers:net
