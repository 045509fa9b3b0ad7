# SPDX-License-Identifier: BSD-2-Clause
# The conformance suite of the basic hypercalls: one source, a program for each platform.

hyp-suite-src := $(addprefix tests/hyp/,suite.c errno.c host.c instance.c memory.c pages.c budget.c thread.c slot.c \
	wait.c time.c timer.c owner.c fault.c chain.c leak.c stub.c arch/$(platform-cpu)/code.c arch/$(platform-cpu)/fault.S) \
	tests/tap.c
hyp-suite-obj := $(patsubst %.S,$(BUILD)/obj/%.o,$(hyp-suite-src:%.c=$(BUILD)/obj/%.o))

$(BUILD)/tests/hyp/conformance-%: $(BUILD)/obj/tests/hyp/main.o $(hyp-suite-obj) $(BUILD)/obj/platform-%.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^

.SECONDARY: $(hyp-suite-obj) $(BUILD)/obj/tests/hyp/main.o

hyp-tests := $(addprefix $(BUILD)/tests/hyp/,conformance-posix conformance-replay conformance-stub)

check-targets += $(hyp-tests)
tests += $(hyp-tests)
