# SPDX-License-Identifier: BSD-2-Clause
# Tests of the kernel inside: its ends, its life, what a program may do around it.

linux-tests := kick life lockup signals

$(BUILD)/obj/tests/linux/%.o: rumpus-cflags += -Ilib -Itests -Itests/lib

$(linux-tests:%=$(BUILD)/tests/linux/%): $(BUILD)/tests/linux/%: $(BUILD)/obj/tests/linux/%.o \
		$(BUILD)/obj/tests/lib/fixture.o $(BUILD)/obj/tests/tap.o $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ $(rumpus-libs)

tests += $(linux-tests:%=$(BUILD)/tests/linux/%)
long-tests += $(BUILD)/tests/linux/life:long
