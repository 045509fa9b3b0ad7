# SPDX-License-Identifier: BSD-2-Clause
# Example programs, each built as a user would build it, with the shared library; run by tests/lib/examples.sh.

examples := embed echo fetch blast route serve

$(BUILD)/examples/%: examples/%.c $(BUILD)/lib/librumpus.so | $(generated)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -Wall -Wextra $(CFLAGS) -Iinclude -I$(BUILD)/include -o $@ $< -L$(BUILD)/lib -lrumpus \
		-Wl,-rpath,'$$ORIGIN/../lib'

all-targets += $(examples:%=$(BUILD)/examples/%)
