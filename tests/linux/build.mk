# SPDX-License-Identifier: BSD-2-Clause
# Tests of the kernel inside: its ends, its life, what a program may do around it.

linux-tests := fair hung kick life lockup processes signals

$(BUILD)/obj/tests/linux/%.o: rumpus-cflags += -Ilib -Itests -Itests/lib

# Where functions lie in the image: for a test that has one called.
$(BUILD)/obj/tests/linux/image-symbols.h: $(linux-image)
	@mkdir -p $(@D)
	$(Q)nm $(linux-dir)/obj/vmlinux | awk '$$3 == "iput" { print "#define IMAGE_IPUT 0x" $$1 }' >$@

$(BUILD)/obj/tests/linux/lockup.o: $(BUILD)/obj/tests/linux/image-symbols.h
$(BUILD)/obj/tests/linux/lockup.o: rumpus-cflags += -I$(BUILD)/obj/tests/linux

$(linux-tests:%=$(BUILD)/tests/linux/%): $(BUILD)/tests/linux/%: $(BUILD)/obj/tests/linux/%.o \
		$(BUILD)/obj/tests/lib/fixture.o $(BUILD)/obj/tests/tap.o $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ $(rumpus-libs)

tests += $(linux-tests:%=$(BUILD)/tests/linux/%)
long-tests += $(BUILD)/tests/linux/life:long
