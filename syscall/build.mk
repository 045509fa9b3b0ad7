# SPDX-License-Identifier: BSD-2-Clause
# System calls by name, all from one table.

syscall-tables := syscall/syscalls.tbl syscall/exceptions.tbl

generated += $(BUILD)/include/rumpus/syscalls.h $(BUILD)/include/rumpus/syscall_refused.h
librumpus-src += $(BUILD)/syscall/stubs.c
all-targets += $(BUILD)/man/rumpus_syscalls.3

$(BUILD)/include/rumpus/syscalls.h: syscall/generate.py $(syscall-tables)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)syscall/generate.py header $(syscall-tables) >$@

$(BUILD)/include/rumpus/syscall_refused.h: syscall/generate.py $(syscall-tables)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)syscall/generate.py refused $(syscall-tables) >$@

$(BUILD)/syscall/stubs.c: syscall/generate.py $(syscall-tables)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)syscall/generate.py stubs $(syscall-tables) >$@

$(BUILD)/man/rumpus_syscalls.3: syscall/generate.py $(syscall-tables)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)syscall/generate.py manual $(syscall-tables) >$@

include tests/syscall/build.mk
