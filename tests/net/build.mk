# SPDX-License-Identifier: BSD-2-Clause
# Tests of the family net; each is one source with the helpers

net-tests := spec conformance wrappers
net-test-bin := $(addprefix $(BUILD)/tests/net/,$(net-tests))
net-test-obj := $(addprefix $(BUILD)/obj/tests/,net/station.o net/frames.o net/space.o tap.o)

$(net-test-bin): $(BUILD)/tests/net/%: $(BUILD)/obj/tests/net/%.o $(net-test-obj) $(BUILD)/obj/io.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(rumpus-libs)

tests += $(net-test-bin)
