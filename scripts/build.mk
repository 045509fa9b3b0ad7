# SPDX-License-Identifier: BSD-2-Clause
# Targets for people: demo, install, packages, clean, help.

DESTDIR ?=
IMAGE   ?=

bindir      := $(DESTDIR)$(PREFIX)/bin
libdir      := $(DESTDIR)$(PREFIX)/lib
includedir  := $(DESTDIR)$(PREFIX)/include/rumpus
mandir      := $(DESTDIR)$(PREFIX)/share/man
docdir      := $(DESTDIR)$(PREFIX)/share/doc/rumpus

demo: all
	@RUMPUS='$(abspath $(BUILD)/bin/rumpus)' RUMPUS_IMAGE='$(abspath $(BUILD)/lib/rumpus/linux.img)' \
		scripts/demo $(if $(IMAGE),'$(IMAGE)')

packages:
	@scripts/packages --linux $(LINUX)

install: all
	$(call say,INSTALL,$(DESTDIR)$(PREFIX))
	$(Q)scripts/install --build '$(BUILD)' --prefix '$(PREFIX)' --destdir '$(DESTDIR)' --version $(VERSION)

clean:
	$(Q)rm -rf '$(BUILD)'

define help-text
Targets:
  all          the rumpus command, librumpus and the kernel image (the default)
  demo         make, fill, read and check file system images; IMAGE=path looks at one of yours instead
  check        every test; the last line counts them. TESTS=word runs those whose name has the word
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
  CC=$(CC) CFLAGS="$(CFLAGS)" LDFLAGS="$(LDFLAGS)"
  DEBUG=1              for debuggers: less optimisation, all symbols
  V=1                  show whole commands
endef

help:
	$(info $(help-text))
	@:

.PHONY: demo packages install clean help
