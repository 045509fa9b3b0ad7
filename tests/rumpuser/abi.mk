# SPDX-License-Identifier: BSD-2-Clause
# Tests of librumpuser.so.0 that need no kernel; linked with the library as a rump kernel is.

rumpuser-abi-tests := $(addprefix $(BUILD)/tests/rumpuser/,abi abi_file abi_barrier abi_loader)

$(rumpuser-abi-tests): $(BUILD)/tests/rumpuser/%: $(BUILD)/obj/tests/rumpuser/%.o $(BUILD)/obj/tests/tap.o $(rumpuser-lib)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $(filter %.o,$^) $(rumpuser-lib) -Wl,-rpath,'$(abspath $(BUILD)/lib)'

# Two libraries that look alike; one has the hash table of old.
rumpuser-parts := $(BUILD)/tests/rumpuser/part1.so $(BUILD)/tests/rumpuser/part2.so

$(BUILD)/tests/rumpuser/part%.so: tests/rumpuser/abi_part.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -fPIC -shared -Wall $(CFLAGS) -DPART=$* -Wl,--hash-style=$(if $(filter 1,$*),gnu,sysv) -o $@ $<

$(BUILD)/tests/rumpuser/abi_loader: | $(rumpuser-parts)
$(BUILD)/obj/tests/rumpuser/abi_loader.o: rumpus-cflags += -DPART_ONE='"$(abspath $(BUILD))/tests/rumpuser/part1.so"' \
	-DPART_TWO='"$(abspath $(BUILD))/tests/rumpuser/part2.so"'

# With the debug build; function names of the program for its messages.
$(BUILD)/tests/rumpuser/abi_debug: $(BUILD)/obj/tests/rumpuser/abi_debug.o $(BUILD)/obj/tests/tap.o $(rumpuser-debug-lib)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -rdynamic -o $@ $(filter %.o,$^) $(rumpuser-debug-lib) \
		-Wl,-rpath,'$(abspath $(dir $(rumpuser-debug-lib)))'

$(rumpuser-abi-tests:$(BUILD)/%=$(BUILD)/obj/%.o) $(BUILD)/obj/tests/rumpuser/abi_debug.o: rumpus-cflags += -Irumpuser

check-targets += $(rumpuser-lib) $(rumpuser-debug-lib)
tests += $(rumpuser-abi-tests) $(BUILD)/tests/rumpuser/abi_debug tests/rumpuser/abi_symbols.sh
