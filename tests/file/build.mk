# SPDX-License-Identifier: BSD-2-Clause
# Tests of the family file

$(BUILD)/tests/file/file: $(addprefix $(BUILD)/obj/tests/,file/file.o tap.o) $(BUILD)/obj/io.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(uring-libs)

check-targets += $(BUILD)/tests/file/file
tests += $(BUILD)/tests/file/file
