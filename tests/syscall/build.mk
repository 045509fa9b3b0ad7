# SPDX-License-Identifier: BSD-2-Clause
# Tests of the system-call table and of the user ABI, against the host's kernel and headers.

$(BUILD)/obj/tests/syscall/%.o: rumpus-cflags += -Itests

$(BUILD)/tests/syscall/abi: $(addprefix $(BUILD)/obj/tests/syscall/,abi.o facts.o errors.o refused.o) \
		$(BUILD)/obj/tests/tap.o $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ $(rumpus-libs)

tests += tests/syscall/table.py $(BUILD)/tests/syscall/abi
