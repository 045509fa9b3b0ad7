# SPDX-License-Identifier: BSD-2-Clause
# Tests of the family blk; each is one source with the helpers

blk-tests := spec conformance durability host_sync fault file lock part denied

blk-test-bin := $(addprefix $(BUILD)/tests/blk/,$(blk-tests))
blk-test-obj := $(addprefix $(BUILD)/obj/tests/,blk/disk.o blk/liar.o tap.o)

$(BUILD)/obj/tests/blk/disk.o: rumpus-cflags += -DBLK_URING=$(if $(uring-libs),1,0)

$(blk-test-bin): $(BUILD)/tests/blk/%: $(BUILD)/obj/tests/blk/%.o $(blk-test-obj) $(BUILD)/obj/io.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread $(blk-test-wrap) -o $@ $^ $(uring-libs)

$(BUILD)/tests/blk/host_sync: blk-test-wrap := -Wl,--wrap=fdatasync -Wl,--wrap=pwritev2 -Wl,--wrap=fallocate

check-targets += $(blk-test-bin)
tests += $(blk-test-bin)
