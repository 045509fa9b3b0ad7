# SPDX-License-Identifier: BSD-2-Clause
# Tests of the rumpus command and its sandbox; harness.py is what the scripts share.

tools-test-types := ext4 xfs btrfs

$(BUILD)/tests/tools/tree: $(BUILD)/obj/tests/tools/tree.o $(BUILD)/obj/tests/tap.o \
		$(addprefix $(BUILD)/obj/tools/,build.o build_alike.o build_dirs.o copy.o fs.o holes.o links.o meta.o names.o names_sorted.o progress.o report.o room.o tree_wire.o walk.o wire.o)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/tests/tools/sandbox: $(BUILD)/obj/tests/tools/sandbox.o $(BUILD)/obj/tests/tap.o $(sandbox-obj)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(CFLAGS) $(LDFLAGS) -o $@ $^ $(sandbox-libs)

# The command itself, but for its main(): of two definitions the first one is taken.
$(BUILD)/tests/tools/shown: $(BUILD)/obj/tests/tools/shown.o $(BUILD)/obj/tests/tap.o $(rumpus-obj) $(fuse-obj) $(sandbox-obj) \
		$(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -Wl,-z,muldefs -o $@ $^ -l:libblkid.a $(archive-libs) $(edit-libs) $(fuse-libs) \
		$(sandbox-libs) $(rumpus-libs)

# Hosts that lack something, for tests/tools/doctor.py.
$(BUILD)/tests/tools/without: $(BUILD)/obj/tests/tools/without.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(sandbox-libs)

$(BUILD)/tests/tools/large_pages.so: $(BUILD)/obj/tests/tools/large_pages.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -shared $(CFLAGS) $(LDFLAGS) -o $@ $^

check-targets += $(BUILD)/tests/tools/without $(BUILD)/tests/tools/large_pages.so
tests += tests/tools/doctor.py

tests += $(BUILD)/tests/tools/tree $(BUILD)/tests/tools/sandbox $(BUILD)/tests/tools/shown
tests += $(foreach type,$(tools-test-types) $(tools-test-types:%=%-root),tests/tools/copying.py:$(type))
tests += $(foreach type,$(tools-test-types) $(tools-test-types:%=%-root),tests/tools/archive.py:$(type))
tests += $(tools-test-types:%=tests/tools/replay.py:%) $(tools-test-types:%=tests/tools/diff.py:%)
tests += $(foreach type,$(tools-test-types) $(tools-test-types:%=%-root),tests/tools/change.py:$(type))
tests += $(foreach type,$(tools-test-types) $(tools-test-types:%=%-root),tests/tools/look.py:$(type))
tests += $(foreach type,$(tools-test-types) $(tools-test-types:%=%-root),tests/tools/find.py:$(type))
tests += $(foreach type,$(tools-test-types) $(tools-test-types:%=%-root),tests/tools/move.py:$(type))
tests += $(foreach type,$(tools-test-types) $(tools-test-types:%=%-root),tests/tools/xattr.py:$(type))
tests += $(foreach type,$(tools-test-types) $(tools-test-types:%=%-root),tests/tools/space.py:$(type))
long-tests += $(tools-test-types:%=tests/tools/change.py:%-many)
tests += $(addprefix tests/tools/filesystems.py:,ext2 ext3 f2fs vfat exfat ntfs minix nilfs2 jfs hfs hfsplus udf \
	udf-1.02 vfat-12 vfat-32 ext4-new ext4-bigalloc ext4-quota xfs-new xfs-v4 btrfs-xxhash btrfs-sha256 btrfs-blake2 f2fs-new \
	f2fs-android f2fs-quota squashfs-gzip squashfs-lzo squashfs-lz4 squashfs-xz squashfs-zstd erofs erofs-lz4hc iso9660-rock iso9660-joliet \
	romfs cramfs ufs1 ufs1-be ufs2 ufs2-be)
# KIND-FIRST+COUNT: seeds of damaged images. Whole runs are cut in parts, none of which takes minutes.
mutant-kinds := ext4 ext4-plain xfs btrfs ext2 f2fs vfat exfat ntfs minix nilfs2 jfs hfs hfsplus udf erofs erofs-lz4hc \
	squashfs-gzip squashfs-lzo squashfs-lz4 squashfs-xz squashfs-zstd iso9660-rock iso9660-joliet romfs cramfs ufs1
tests += $(mutant-kinds:%=tests/tools/mutants.py:%-0+200)
# Seeds that have found something: sizes of 10^17 bytes and more; holes without end
tests += $(addprefix tests/tools/mutants.py:,f2fs-1558+1 f2fs-1781+1 ufs1-1982+1 nilfs2-2832+1)
long-tests += $(foreach part,0 1 2 3 4 5 6 7 8 9,$(mutant-kinds:%=tests/tools/mutants.py:%-$(part)000+1000))
# Images from Debian's source packages, the large ones in the long run
published-packages := e2fsprogs btrfs-progs dosfstools
tests += $(published-packages:%=tests/tools/published.py:%)
long-tests += tests/tools/published.py:btrfs-progs-long
# What mkfs of the next release makes, fetched by apt
long-tests += tests/tools/trixie.py
tests += $(tools-test-types:%=tests/tools/layers.py:%) tests/tools/at.py tests/tools/features.py
tests += $(addprefix tests/tools/kills.py:,ext4 xfs btrfs f2fs)
tests += tests/tools/bad.py tests/tools/chroot.py tests/tools/refused.py
tests += $(addprefix tests/tools/names.py:,vfat exfat ntfs)
tests += $(addprefix tests/tools/alike.py:,vfat exfat hfs hfsplus ext4-casefold)
tests += tests/tools/foreign.py tests/tools/turns.py tests/tools/partitions.py tests/tools/sectors.py tests/tools/sectors.py:root
tests += tests/tools/device.py tests/tools/errors.py tests/tools/hostile.py tests/tools/crafted.py tests/tools/holes.py tests/tools/signals.py
tests += tests/tools/shell.py tests/tools/completion.py tests/tools/manual.py
tests += tests/tools/archive_hostile.py tests/tools/progress.py
tests += $(foreach type,$(tools-test-types) $(tools-test-types:%=%-root),tests/tools/fidelity.py:$(type))
long-tests += $(tools-test-types:%=tests/tools/fidelity.py:%-many)
