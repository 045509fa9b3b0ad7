# SPDX-License-Identifier: BSD-2-Clause
# Tests of mounts; mounting.py is what they share, on top of the harness of tests/tools.

fuse-test-types := ext4 xfs btrfs

tests += $(foreach type,$(fuse-test-types) $(fuse-test-types:%=%-root),tests/fuse/posix.py:$(type))
tests += $(foreach program,fsx programs life many groups,$(fuse-test-types:%=tests/fuse/$(program).py:%))
tests += $(foreach kind,ext4-plain xfs btrfs vfat,tests/fuse/damaged.py:$(kind)-0+12)
tests += tests/fuse/turns.py:200 tests/fuse/astray.py tests/fuse/errors.py tests/fuse/contain.py tests/fuse/full.py tests/fuse/layers.py tests/fuse/at.py tests/fuse/partitions.py tests/fuse/device.py tests/fuse/confined.py
tests += $(addprefix tests/fuse/names.py:,vfat exfat ntfs)
tests += tests/fuse/mount8.py:root tests/fuse/mount8.py:user tests/fuse/service.py tests/fuse/media.py
tests += $(addprefix tests/fuse/handles.py:,ext4 xfs btrfs f2fs ntfs udf vfat exfat squashfs-gzip erofs iso9660-rock)

needs-tests/fuse/handles.py/btrfs := $(BUILD)/tests/fuse/subvolume
$(BUILD)/tests/fuse/subvolume: $(BUILD)/obj/tests/fuse/subvolume.o $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(rumpus-libs)

# It writes registers of the one processor that it knows.
ifeq ($(platform-cpu),x86_64)
$(BUILD)/tests/fuse/inject: $(BUILD)/obj/tests/fuse/inject.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

check-targets += $(BUILD)/tests/fuse/inject
tests += tests/fuse/attack.py
endif

long-tests += $(foreach kind,ext4-plain ext4 xfs btrfs vfat exfat ntfs f2fs,tests/fuse/damaged.py:$(kind)-100+300)
long-tests += tests/fuse/turns.py:1000 tests/fuse/hundred.py tests/fuse/manager.py
long-tests += $(fuse-test-types:%=tests/fuse/fsx.py:%-long)
long-tests += $(fuse-test-types:%=tests/fuse/stream.py:%)

# What these run comes with "scripts/packages long".
long-tests += $(foreach program,postgres verify,$(fuse-test-types:%=tests/fuse/$(program).py:%))
