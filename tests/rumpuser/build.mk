# SPDX-License-Identifier: BSD-2-Clause
# Tests of librumpuser: a test kernel that plays a rump kernel's part, and groups of checks, each a process of its own.

ru-suite-src := $(addprefix tests/rumpuser/,calls.c check.c kernel.c lwp.c lock.c suite.c server.c client.c mutex.c rwlock.c \
	condvar.c order.c clock.c thread.c memory.c file.c bio.c sync.c host.c component.c load.c) tests/tap.c
ru-suite-obj := $(ru-suite-src:%.c=$(BUILD)/obj/%.o)

ru-groups := early mutex mutex-smp mutex-load mutex-load-1 condvar condvar-smp condvar-load condvar-load-1 order scheduler \
	scheduler-1 rwlock rwlock-load clock ticker thread lwp memory file bio bio-load sync init host component

$(BUILD)/obj/tests/rumpuser/%.o: rumpus-cflags += -I.

ru-programs := $(addprefix $(BUILD)/tests/rumpuser/,suite broken)
ru-mistakes := $(addprefix $(BUILD)/obj/tests/rumpuser/,mistakes_lock.o mistakes_io.o mistakes_host.o)

$(BUILD)/tests/rumpuser/suite $(BUILD)/tests/rumpuser/suite-debug: $(BUILD)/obj/tests/rumpuser/main.o
$(BUILD)/tests/rumpuser/broken: $(BUILD)/obj/tests/rumpuser/broken.o $(ru-mistakes)

# By the dynamic linker, as the users of the library do it: LD_LIBRARY_PATH puts another one in its place.
$(ru-programs): $(ru-suite-obj) $(rumpuser-lib)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -Wl,-rpath,'$$ORIGIN/../../lib' -o $@ $^

# The same with the library that checks how it is used: a sound kernel hears nothing of it.
ru-debug-groups := mutex-load condvar condvar-load order scheduler rwlock rwlock-load thread lwp memory file bio-load \
	component

$(BUILD)/tests/rumpuser/suite-debug: $(ru-suite-obj) $(rumpuser-debug-lib)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -Wl,-rpath,'$$ORIGIN/../../lib/debug' -o $@ $^

# With a Linux kernel beside it
$(BUILD)/tests/rumpuser/both: $(BUILD)/obj/tests/rumpuser/both.o $(ru-suite-obj) $(rumpuser-lib) \
		$(BUILD)/lib/librumpus.so.0
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -Wl,-rpath,'$$ORIGIN/../../lib' -o $@ $^

tests += $(addprefix $(BUILD)/tests/rumpuser/suite:,$(ru-groups)) $(BUILD)/tests/rumpuser/broken \
	$(addprefix $(BUILD)/tests/rumpuser/suite-debug:,$(ru-debug-groups)) $(BUILD)/tests/rumpuser/both

# On another CPU
tests += tests/rumpuser/aarch64.sh
long-tests += tests/rumpuser/aarch64.sh:long

# How often what is random is repeated; what the environment says comes first.
check-long: export RU_LONG ?= 20
