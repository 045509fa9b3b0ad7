# SPDX-License-Identifier: BSD-2-Clause
# File-system tests through librumpus: each program runs once for each file system.

fs-test-types    := ext4 xfs btrfs
fs-test-programs := data stress full replay faults
fs-test-common   := $(BUILD)/obj/tests/fs/fs.o $(BUILD)/obj/tests/coverage.o $(BUILD)/obj/tests/tap.o

$(BUILD)/tests/fs/data: $(BUILD)/obj/tests/fs/tree.o $(BUILD)/obj/tests/fs/import.o
$(BUILD)/tests/fs/cuts: $(BUILD)/obj/tests/fs/cuts_work.o

$(addprefix $(BUILD)/tests/fs/,$(fs-test-programs) cuts): $(BUILD)/tests/fs/%: $(BUILD)/obj/tests/fs/%.o $(fs-test-common) \
		$(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(rumpus-libs)

# Power cuts at some writes of a workload, or at all
fs-cut-types := ext4 ext4-journal ext4-writeback xfs btrfs f2fs
tests += $(fs-cut-types:%=$(BUILD)/tests/fs/cuts:%)
long-tests += $(foreach part,1 2 3 4,$(fs-cut-types:%=$(BUILD)/tests/fs/cuts:%-all-$(part)/4))

tests += $(foreach type,$(fs-test-types),$(fs-test-programs:%=$(BUILD)/tests/fs/%:$(type)))
