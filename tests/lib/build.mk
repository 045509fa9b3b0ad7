# SPDX-License-Identifier: BSD-2-Clause
# Tests of librumpus. Most run on a make-believe kernel image, so that they are fast and can provoke anything.

lib-tests := loader gate life stress linux config memory window remap lending
lib-fake := $(BUILD)/tests/lib/fake.img

# As the real image is linked. Freestanding: no call to a C library may slip in.
lib-image-flags := -std=gnu11 -O2 -fPIC -ffreestanding -fno-stack-protector -fvisibility=hidden -Wall -Wextra \
	-Wno-unused-parameter -Iinclude -shared -nostdlib -Wl,-Bsymbolic -Wl,-z,text,-z,defs,-z,noexecstack,-z,separate-code \
	-Wl,--build-id=none $(if $(filter aarch64,$(platform-cpu)),-mno-outline-atomics)

$(BUILD)/tests/lib/fake.img: tests/lib/fake_kernel.c tests/lib/fake.h include/rumpus/image.h include/rumpus/hyp.h
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(lib-image-flags) -Wl,-z,pack-relative-relocs -o $@ $<

$(lib-tests:%=$(BUILD)/tests/lib/%): $(BUILD)/tests/lib/%: $(BUILD)/obj/tests/lib/%.o $(BUILD)/obj/tests/lib/fixture.o \
		$(BUILD)/obj/tests/tap.o $(BUILD)/lib/librumpus.a | $(lib-fake)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ $(rumpus-libs)

$(addprefix $(BUILD)/tests/lib/,window remap lending): $(BUILD)/obj/tests/lib/mapping.o
$(BUILD)/tests/lib/lending: $(BUILD)/obj/tests/lib/spy.o
$(BUILD)/tests/lib/config: LDFLAGS += -Wl,--wrap=pthread_create,--wrap=sysconf

$(BUILD)/tests/lib/embed.o: lib/embed.S $(lib-fake)
	$(call say,AS,$@)
	$(Q)$(CC) -DIMAGE='"$(lib-fake)"' -c -o $@ $<

$(BUILD)/tests/lib/embedded: tests/lib/embedded.cc tests/lib/fake.h $(BUILD)/tests/lib/embed.o $(BUILD)/obj/tests/tap.o \
		$(BUILD)/lib/librumpus.a | $(generated)
	$(call say,LD,$@)
	$(Q)$(CXX) -Wall -Wextra -Werror -Wpedantic -pthread $(CFLAGS) $(LDFLAGS) -Iinclude -I$(BUILD)/include -Itests \
		-o $@ $< $(filter %.o %.a,$^) $(rumpus-libs)

$(BUILD)/obj/tests/lib/%.o: rumpus-cflags += -Ilib -Ilib/arch/$(platform-cpu) -Itests \
	-DFAKE_IMAGE='"$(abspath $(lib-fake))"'
$(BUILD)/obj/tests/lib/memory.o: rumpus-cflags += -Iplatform/posix

tests += $(lib-tests:%=$(BUILD)/tests/lib/%) $(addprefix $(BUILD)/tests/lib/gate:,fenced late) \
	$(BUILD)/tests/lib/embedded tests/lib/examples.sh tests/lib/manual.py
check-targets += $(lib-fake)
long-tests += $(BUILD)/tests/lib/memory:long
