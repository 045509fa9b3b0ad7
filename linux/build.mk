# SPDX-License-Identifier: BSD-2-Clause
# The kernel image: the distribution's tree, untouched, with arch/rump beside it.

linux-dir     := $(BUILD)/linux-$(LINUX)
linux-package := linux-source-$(LINUX)
linux-tarball := /usr/src/$(linux-package).tar.xz
linux-config  ?= fs
linux-image   := $(BUILD)/lib/rumpus/linux.img
linux-cc      := $(if $(shell command -v ccache),ccache $(CC),$(CC))
linux-log     := $(linux-dir)/build.log
linux-files   := $(shell find linux/arch -type f) include/rumpus/hyp.h include/rumpus/hyp_blk.h include/rumpus/image.h \
	syscall/exceptions.tbl

# The cache is to serve any clone: paths below this one count as relative to it.
# One build at a time: two in one folder would undo each other's work.
linux-make = CCACHE_BASEDIR=$(CURDIR) CCACHE_NOHASHDIR=1 flock $(linux-dir)/lock $(MAKE) -C $(linux-dir)/tree \
	ARCH=rump CC="$(linux-cc)" O=$(abspath $(linux-dir)/obj) \
	RUMPUS_INCLUDE=$(abspath include) RUMPUS_GENERATED=$(abspath $(BUILD)/include) \
	KBUILD_BUILD_USER=rumpus KBUILD_BUILD_HOST=rumpus KBUILD_BUILD_TIMESTAMP="1970-01-01"

all-targets += $(linux-image)

$(linux-dir)/tree/.ready: linux/tree.sh $(wildcard $(linux-tarball))
	linux/tree.sh $(linux-package) $(linux-dir)

$(linux-dir)/obj/.config: linux/arch/rump/configs/$(linux-config)_defconfig $(shell find linux/arch -name 'Kconfig*') \
		$(linux-dir)/tree/.ready
	@mkdir -p $(linux-dir)/obj
	+@$(linux-make) $(linux-config)_defconfig >$(linux-log) 2>&1 || { tail -n 40 $(linux-log); exit 1; }

$(linux-image): $(linux-dir)/obj/.config $(linux-files) | $(generated)
	@echo "building $@ (a few minutes, log in $(linux-log))"
	+@$(linux-make) rump.img >>$(linux-log) 2>&1 || { grep -n -B2 -A6 'error:\|Error \|undefined' $(linux-log) | \
		tail -n 60; exit 1; }
	@mkdir -p $(@D)
	@cp $(linux-dir)/obj/rump.img $@

pristine:
	linux/pristine.sh $(linux-package) $(linux-dir)

include tests/linux/build.mk

tests += tests/linux/pristine.sh

.PHONY: pristine
