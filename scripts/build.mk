# SPDX-License-Identifier: BSD-2-Clause
# Targets for people: demo, install, packages, clean, help.

DESTDIR ?=
IMAGE   ?=
PARTITION ?=

demo: all
	@RUMPUS='$(abspath $(BUILD)/bin/rumpus)' RUMPUS_IMAGE='$(abspath $(BUILD)/lib/rumpus/linux.img)' \
		scripts/demo $(if $(IMAGE),'$(IMAGE)' $(if $(PARTITION),'$(PARTITION)'))

packages:
	@scripts/packages --linux $(LINUX)

# Where things go, below DESTDIR and PREFIX. Deferred: the lists grow while other files are read.
install-bin     = $(BUILD)/bin/rumpus
install-lib     = $(BUILD)/lib/librumpus.a $(BUILD)/lib/$(librumpus-soname) $(rumpuser-lib) $(client-lib) \
	$(BUILD)/lib/$(librumpus-soname)-gdb.py
install-image   = $(sort $(linux-image) $(linux-test-image) $(wildcard $(linux-set-images)))
install-gdb     = $(wildcard $(linux-test-image:.img=.gdb))
install-releases = $(linux-releases)
install-header  = $(wildcard include/rumpus/*.h) $(BUILD)/include/rumpus/syscalls.h
install-rump    = $(wildcard include/rump/*.h)
install-pc      = $(BUILD)/lib/pkgconfig/rumpus.pc
install-unit    = $(filter $(BUILD)/lib/systemd/%,$(all-targets))
install-media   = $(wildcard examples/media/*)
install-man     = $(wildcard man/*.1 man/*.3) $(filter $(BUILD)/man/%,$(all-targets))
install-doc     = README.md $(wildcard LICENSES/*.txt)
install-docs    = $(wildcard doc/*.md)
install-bash    = tools/completion/rumpus
install-zsh     = tools/completion/_rumpus

define newline


endef

# $(call install-files,MODE,DIRECTORY,FILES)
install-files = $(if $(strip $(3)),$(Q)install -d '$(DESTDIR)$(PREFIX)/$(2)' && \
	install -m $(1) $(3) '$(DESTDIR)$(PREFIX)/$(2)')

install: all $(linux-sets-built)
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(call install-files,755,bin,$(install-bin))
	$(Q)mkdir -p '$(DESTDIR)$(PREFIX)/sbin'
	$(Q)for name in mount.rumpus mount.fuse.rumpus umount.fuse.rumpus; do \
		ln -sf ../bin/rumpus '$(DESTDIR)$(PREFIX)/sbin/'$$name; done
	$(call install-files,644,lib,$(install-lib))
	$(Q)ln -sf $(librumpus-soname) '$(DESTDIR)$(PREFIX)/lib/librumpus.so'
	$(call install-files,644,lib/rumpus,$(install-image))
	$(if $(install-gdb),$(Q)cp -r $(install-gdb) '$(DESTDIR)$(PREFIX)/lib/rumpus/')
	$(foreach release,$(install-releases),$(call install-files,644,lib/rumpus/$(release),$(wildcard \
		$(BUILD)/lib/rumpus/$(release)/*))$(newline))
	$(call install-files,644,lib/pkgconfig,$(install-pc))
	$(call install-files,644,lib/systemd/system,$(install-unit))
	$(call install-files,644,lib/systemd/user,$(install-unit))
	$(call install-files,644,include/rumpus,$(install-header))
	$(call install-files,644,include/rump,$(install-rump))
	$(call install-files,644,share/man/man1,$(filter %.1,$(install-man)))
	$(call install-files,644,share/man/man3,$(filter %.3,$(install-man)))
	$(call install-files,644,share/bash-completion/completions,$(install-bash))
	$(call install-files,644,share/zsh/site-functions,$(install-zsh))
	$(call install-files,644,share/doc/rumpus,$(install-doc))
	$(call install-files,644,share/doc/rumpus/doc,$(install-docs))
	$(call install-files,644,share/doc/rumpus/examples/media,$(install-media))

clean:
	$(Q)rm -rf '$(BUILD)'

define help-text
Targets:
  all          the rumpus command, librumpus and the kernel images (the default)
  demo         make, fill, read and check file system images; IMAGE=path [PARTITION=number] looks at
               one of yours instead
  check        every test; the last line counts them. TESTS=word runs those whose name has the word
  check-long   the same, and what takes longer
  net, full    the kernel image with a network, or with file systems and a network: linux-net.img,
               linux-full.img, and its components. "all" has the first, "check" the second as well
  bench        the figures of doc/bench.md, beside the host's own. BENCH="row ..." runs those rows
  pristine     prove that no upstream file differs from the package it came from
  install      into DESTDIR and PREFIX
  packages     install the Debian packages that are missing
  clean        remove BUILD
  help         this text

Variables:
  BUILD=$(BUILD)          where results go
  PREFIX=$(PREFIX)    where "install" installs; DESTDIR= is put before it
  LINUX=$(LINUX)           the upstream version: Debian's package linux-source-$(LINUX)
  CROSS_COMPILE=       prefix of the tools for another CPU: aarch64-linux-gnu- builds in build/aarch64
  CC=$(CC) CFLAGS="$(CFLAGS)" LDFLAGS="$(LDFLAGS)"
  URING=no             build without liburing; the default when CROSS_COMPILE is set
  SLIRP=no             build without libslirp's header; the default when CROSS_COMPILE is set
  DEBUG=1              for debuggers: less optimisation, all symbols
  KASAN=1 UBSAN=1 LOCKDEP=1 KUNIT=1 TRACE=1 COVERAGE=1 SMALL=1
                       kernels for developers, beside the normal one: doc/debugging.md
  V=1                  show whole commands
endef

help:
	$(info $(help-text))
	@:

.PHONY: demo packages install clean help
