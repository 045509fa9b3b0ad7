# SPDX-License-Identifier: BSD-2-Clause
# Tests of the kernel inside: its ends, its life, its components, what a program may do around it.

linux-tests := components volumes arrays fair hung kick life lockup parked processes signals

$(BUILD)/obj/tests/linux/%.o: rumpus-cflags += -Ilib -Itests -Itests/lib -Ilinux/arch/rump/tests

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
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(rumpus-libs)

$(addprefix $(BUILD)/tests/linux/,volumes arrays): $(BUILD)/obj/tests/linux/disks.o

tests += $(linux-tests:%=$(BUILD)/tests/linux/%)
long-tests += $(BUILD)/tests/linux/life:long

# Another upstream, whose kernel is built first if its packages are there
long-tests += $(if $(filter 6.12-x86_64,$(LINUX)-$(platform-cpu)),tests/linux/upstream.sh:6.1)
needs-tests/linux/upstream.sh/6.1 = $(if $(shell scripts/packages --linux 6.1 --list build),,upstream-6.1)

upstream-6.1:
	+@$(MAKE) LINUX=6.1 BUILD=$(BUILD)/$@ all

.PHONY: upstream-6.1

# One more kernel for the tests of debuggers, sanitizers and the tree's own suites: building it takes minutes.
linux-check-variant := small-debug-kasan-ubsan-lockdep-kunit-trace-gcov
linux-check-image := $(linux-image:.img=-$(linux-check-variant).img)
linux-check-folder := $(linux-dir)/obj-$(linux-check-variant)
linux-check-component := $(linux-check-folder)/.minix
linux-check-tests := $(if $(filter 6.12-x86_64,$(LINUX)-$(platform-cpu)), \
	$(addprefix tests/linux/,debug.py kunit.py sanitizers.py))

# One component for it, with its symbols: those of all would take minutes more.
$(linux-check-component): $(linux-check-image) linux/components.py
	+@$(call linux-make,$(@D)) fs/minix/minix.ko >>$(@D)/build.log 2>&1 || $(call linux-complain,$(@D))
	@folder="$(dir $(linux-image))$$(cat $(@D)/include/config/kernel.release)" && mkdir -p "$$folder" && \
		cp $(@D)/fs/minix/minix.ko "$$folder" && linux/components.py index "$$folder"
	@touch $@

$(BUILD)/tests/linux/kernel: $(BUILD)/obj/tests/linux/kernel.o $(BUILD)/obj/tests/coverage.o \
		$(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(rumpus-libs)

check-targets += $(BUILD)/tests/linux/kernel
linux-check-long  := $(if $(linux-check-tests),tests/linux/kunit.py:all tests/linux/lkdtm.py)
$(foreach test,$(linux-check-tests) $(linux-check-long), \
	$(eval needs-$(subst :,/,$(test)) := $(linux-check-image) $(linux-check-component)))
tests += $(linux-check-tests)
long-tests += $(linux-check-long)

# By-product of the kernel image: litmus tests in the kernel's own words
litmus-kernel := $(BUILD)/linux-$(LINUX)/obj/arch/rump/tests/litmus.o

$(litmus-kernel): $(linux-image) ;

$(BUILD)/tests/linux/litmus: $(addprefix $(BUILD)/obj/tests/,linux/litmus.o tap.o) $(litmus-kernel)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^

tests += tests/linux/ordering.py $(BUILD)/tests/linux/litmus

# The same for aarch64, under an emulator. What it needs is built before: that takes longer than a test may.
aarch64-here  := $(filter 6.12-x86_64,$(LINUX)-$(platform-cpu))
aarch64-tests := $(if $(aarch64-here),$(addprefix tests/linux/,aarch64.sh ordering.py:aarch64))
aarch64-long  := $(if $(aarch64-here),$(addprefix tests/linux/aarch64.sh:,blk net ext4 xfs btrfs components))
$(foreach test,$(aarch64-tests) $(aarch64-long),$(eval needs-$(subst :,/,$(test)) := aarch64-image))
needs-tests/linux/aarch64.sh/components := aarch64-components

aarch64-cross := aarch64-linux-gnu-
aarch64-image: aarch64-goal := lib/rumpus/linux.img
aarch64-components: aarch64-goal := linux-$(LINUX)/obj/.components

# One after the other: the second begins with what the first makes.
aarch64-components: | aarch64-image
aarch64-image: | all
aarch64-image aarch64-components:
ifneq ($(shell command -v $(aarch64-cross)gcc),)
	+$(Q)$(MAKE) --no-print-directory BUILD=$(BUILD)/aarch64 CROSS_COMPILE=$(aarch64-cross) CC=$(aarch64-cross)gcc \
		AR=$(aarch64-cross)ar LDFLAGS=-static $(BUILD)/aarch64/$(aarch64-goal)
endif

tests += $(aarch64-tests)
long-tests += $(aarch64-long)

.PHONY: aarch64-image aarch64-components
