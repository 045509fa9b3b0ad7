# SPDX-License-Identifier: BSD-2-Clause
# The rumpus command.

rumpus-src := tools/main.c tools/option.c tools/help.c tools/operand.c tools/lock.c tools/session.c tools/turns.c tools/supervise.c tools/worker.c tools/mount.c tools/explain.c tools/feature.c tools/layers.c tools/at.c \
	tools/probe.c tools/foreign.c tools/needs.c tools/wire.c tools/fs.c tools/fstat.c tools/report.c tools/text.c tools/progress.c tools/progress_bar.c \
	tools/visit.c tools/found.c tools/accounts.c tools/json.c tools/table.c tools/base64.c \
	tools/mode.c tools/quantity.c tools/reference.c tools/format.c \
	tools/walk.c tools/room.c tools/build.c tools/build_dirs.c tools/build_alike.c tools/tree_wire.c tools/copy.c tools/holes.c tools/meta.c tools/links.c tools/names.c \
	tools/cat.c tools/cp.c tools/dmesg.c tools/info.c tools/ls.c tools/mkdir.c tools/rm.c \
	tools/check.c tools/diff.c tools/compare.c tools/compare_meta.c tools/names_sorted.c tools/tar.c tools/tar_sink.c tools/tar_select.c tools/untar.c tools/untar_place.c \
	tools/archive_io.c tools/archive_meta.c tools/archive_acl.c tools/archive_charset.c tools/archive_xar.c \
	tools/chmod.c tools/chown.c tools/du.c tools/find.c tools/find_parse.c tools/find_test.c \
	tools/find_print.c tools/ln.c tools/mv.c tools/remove.c \
	tools/place.c tools/df.c tools/xattr.c tools/getfattr.c tools/setfattr.c tools/stat.c tools/touch.c tools/tree.c tools/truncate.c \
	tools/shell.c tools/shell_host.c tools/shell_path.c tools/shell_word.c tools/shell_worker.c \
	tools/line.c tools/look.c tools/edit.c \
	tools/mount_fuse.c tools/mount_option.c tools/mount_supervise.c tools/mount_serve.c tools/watch.c tools/disk_count.c tools/umount.c tools/mounts.c tools/connection.c tools/registry.c \
	tools/background.c tools/notify.c \
	tools/complete.c tools/complete_path.c tools/complete_shell.c \
	tools/doctor.c tools/doctor_try.c tools/doctor_sandbox.c tools/doctor_host.c \
	tools/net_demo.c tools/capture.c tools/frame.c
rumpus-obj := $(rumpus-src:%.c=$(BUILD)/obj/%.o)

# libarchive.a, and what it is made of, but for libxml2: see tools/archive_xar.c. --wrap: see tools/archive_charset.c.
archive-libs := -Wl,--wrap=nl_langinfo,--wrap=iconv_open -l:libarchive.a -l:libnettle.a -l:liblzma.a -l:libbz2.a -l:liblz4.a -l:libzstd.a -l:libz.a

# libedit.a, and what it is made of.
edit-libs := -l:libedit.a -l:libtinfo.a -l:libbsd.a -l:libmd.a

$(rumpus-obj): rumpus-cflags += -DRUMPUS_VERSION='"$(VERSION)"' -DRUMPUS_LIBDIR='"$(PREFIX)/lib"'

# Libraries that only Debian's package of headers brings as archives are linked in: each shared one costs start-up time.
$(BUILD)/bin/rumpus: $(rumpus-obj) $(fuse-obj) $(sandbox-obj) $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ -l:libblkid.a $(archive-libs) $(edit-libs) $(fuse-libs) $(sandbox-libs) $(rumpus-libs:-luring=-l:liburing.a)

all-targets += $(BUILD)/bin/rumpus

# The same unit serves the system and users.
all-targets += $(BUILD)/lib/systemd/rumpus-mount@.service
$(BUILD)/lib/systemd/%.service: packaging/%.service.in Makefile $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' $< >$@

include tests/tools/build.mk
