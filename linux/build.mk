# SPDX-License-Identifier: BSD-2-Clause
# The kernel image and its components: the distribution's tree, untouched, with arch/rump beside it.

linux-dir     := $(BUILD)/linux-$(LINUX)
# One tree for all CPUs
linux-tree    := $(patsubst %$(cross-cpu:%=/%),%,$(BUILD))/linux-$(LINUX)
linux-package := linux-source-$(LINUX)
linux-tarball := /usr/src/$(linux-package).tar.xz
linux-config  ?= fs
linux-image   := $(BUILD)/lib/rumpus/linux.img
linux-cc      := $(if $(shell command -v ccache),ccache $(CC),$(CC))
linux-files   := $(shell find linux/arch -type f) include/rumpus/hyp.h include/rumpus/hyp_blk.h include/rumpus/hyp_net.h \
	include/rumpus/image.h syscall/exceptions.tbl
linux-strip   ?= $(CROSS_COMPILE)strip
linux-modules := $(linux-dir)/obj/.components
# The folders that "make install" wants, by the names of releases; known when they are built.
linux-releases = $(foreach set,obj $(linux-sets:%=obj-%),$(file <$(linux-dir)/$(set)/include/config/kernel.release))

# Variants: each switch adds a fragment to the configuration, arch/rump/configs/rump-NAME.config. A combination of them
# has its folder and its image beside the normal ones.
linux-switches := SMALL DEBUG KASAN UBSAN LOCKDEP KUNIT TRACE COVERAGE
linux-variant  := $(shell echo $(foreach switch,$(linux-switches),$(if $($(switch)),$(switch))) | tr 'A-Z ' 'a-z-')
linux-test-image := $(if $(linux-variant),$(linux-image:.img=-$(linux-variant).img),$(linux-image))
# Its components; a small one is for who waits for it.
linux-test-modules := $(if $(SMALL),,$(linux-dir)/obj$(linux-variant:%=-%)/.components)

# The cache is to serve any clone: paths below this one count as relative to it.
# One build at a time in a folder: two would undo each other's work. $(call linux-make,FOLDER) runs the tree's make.
# Components lie in a folder of the release's name, hence a name for each variant.
linux-make = CCACHE_BASEDIR=$(CURDIR) CCACHE_NOHASHDIR=1 flock $(1)/lock $(MAKE) -C $(linux-tree)/tree \
	ARCH=rump CROSS_COMPILE=$(CROSS_COMPILE) CC="$(linux-cc)" O=$(abspath $(1)) \
	$(patsubst $(linux-dir)/obj-%,LOCALVERSION=-%,$(filter-out %/obj,$(1))) \
	RUMPUS_INCLUDE=$(abspath include) RUMPUS_GENERATED=$(abspath $(BUILD)/include) \
	KBUILD_BUILD_USER=rumpus KBUILD_BUILD_HOST=rumpus KBUILD_BUILD_TIMESTAMP="1970-01-01"

# Component sets beside the usual one: the same files with a configuration of their own, their components in a folder of
# their own release. "make net" and "make full" build them. The first is built with all else for the version and the CPUs
# that it is tested with; the second takes as long as all else, and is built for its tests or when it is asked for.
linux-sets        := net full
linux-set-images  := $(linux-sets:%=$(linux-image:.img=-%.img))
linux-set-modules := $(linux-sets:%=$(linux-dir)/obj-%/.components)
# Those that somebody has had built: "make install" brings them up to date and installs them.
linux-sets-built  := $(foreach set,$(linux-sets),$(if $(wildcard $(linux-image:.img=-$(set).img)),$(set)))

all-targets += $(sort $(linux-image) $(linux-test-image) $(linux-modules) $(linux-test-modules) \
	$(if $(filter 6.12-,$(LINUX)-$(cross-cpu)),$(filter %-net.img %-net/.components,$(linux-set-images) $(linux-set-modules))))

$(linux-tree)/tree/.ready: linux/tree.sh $(wildcard $(linux-tarball))
	linux/tree.sh $(linux-package) $(linux-tree)

# What the configuration of each set is put together from: arch/rump/configs/PART.config
linux-parts-fs   := base fs
linux-parts-net  := base net
linux-parts-full := base fs net full
linux-parts       = $(patsubst %,linux/arch/rump/configs/%.config,$(linux-parts-$(or $(1),$(linux-config))))

# One symbol, which a stable release has given another name: what trees on one side of it do not know
linux-renamed := CONFIG_\(MEMORY_HOTPLUG_DEFAULT_ONLINE\|MHP_DEFAULT_ONLINE_TYPE_ONLINE_AUTO\)=y

# $(call linux-configure,FOLDER,FRAGMENTS,SET): a line of a fragment that the tree's rules do not grant is an error, and
# one of the whole configuration, which is written for this tree. What a fragment has taken out is no error, nor what older
# trees do not know. Parts of a set that say something of one symbol would have the last one win unseen: they say nothing
# twice. The tree does not write a configuration that is the same as before: hence touch.
define linux-configure
@mkdir -p $(1)
@! grep -ho 'CONFIG_[[:alnum:]_]*' $(call linux-parts,$(3)) | sort | uniq -d | grep . || \
	{ echo "these symbols are there twice in $(call linux-parts,$(3))" >&2; exit 1; }
@cat $(call linux-parts,$(3)) >$(1)/preset
+@KCONFIG_ALLCONFIG=$(abspath $(1)/preset) $(call linux-make,$(1)) alldefconfig $(2) >$(1)/build.log 2>&1 || \
	{ tail -n 40 $(1)/build.log; exit 1; }
@! grep -hvxFf $(1)/.config $(or $(2:%=linux/arch/rump/configs/%),$(if $(filter 6.12,$(LINUX)),$(1)/preset)) /dev/null | \
		grep -v -e '=n$$' -e '^$(linux-renamed)$$' || \
	{ echo "the tree does not grant these lines of the configuration in $(1)/.config" >&2; rm $(1)/.config; exit 1; }
@grep -qx '$(linux-renamed)' $(1)/.config || \
	{ echo "the tree knows none of the names $(linux-renamed)" >&2; rm $(1)/.config; exit 1; }
@touch $(1)/.config
endef

# $(call linux-complain,FOLDER): what went wrong, out of the log.
linux-complain = { grep -n -B2 -A6 'error:\|Error \|undefined' $(1)/build.log | tail -n 60; exit 1; }

# $(call linux-build,FOLDER,IMAGE): with debug information, the tree's gdb commands go beside the image.
define linux-build
@echo "building $(2) (a few minutes, log in $(1)/build.log)"
+@$(call linux-make,$(1)) rump.img >>$(1)/build.log 2>&1 || $(call linux-complain,$(1))
@mkdir -p $(dir $(2))
@rm -rf $(2:.img=.gdb)
@[ ! -e $(1)/vmlinux-gdb.py ] || { mkdir -p $(2:.img=.gdb)/scripts && \
	cp -L $(1)/vmlinux-gdb.py $(2:.img=.gdb)/ && cp -rL $(1)/scripts/gdb $(2:.img=.gdb)/scripts/; }
@cp --remove-destination $(1)/rump.img $(2)
endef

linux-kconfig := $(shell find linux/arch -name 'Kconfig*' -o -name '*config') $(linux-tree)/tree/.ready

$(linux-dir)/obj/.config: $(linux-kconfig)
	$(call linux-configure,$(@D))

$(linux-image): $(linux-dir)/obj/.config $(linux-files) | $(generated)
	$(call linux-build,$(<D),$@)

# The stem is the variant: names of fragments with a dash between them, before them perhaps that of a component set.
$(linux-dir)/obj-%/.config: $(linux-kconfig)
	$(call linux-configure,$(@D),$(patsubst %,rump-%.config,$(filter-out $(linux-sets),$(subst -, ,$*))),$(filter \
		$(linux-sets),$(firstword $(subst -, ,$*))))

$(linux-image:.img=-%.img): $(linux-dir)/obj-%/.config $(linux-files) | $(generated)
	$(call linux-build,$(<D),$@)

$(linux-sets): %: $(linux-image:.img=-%.img) $(linux-dir)/obj-%/.components

# After the usual one: what both compile alike, a compiler cache has by then.
$(linux-set-images): | $(linux-image)

.PRECIOUS: $(linux-dir)/obj-%/.config

# $(call linux-build-components,FOLDER,STRIP): what is left of each file is STRIP's business.
define linux-build-components
@echo "building components of the kernel (log in $(1)/build.log)"
+@$(call linux-make,$(1)) modules >>$(1)/build.log 2>&1 || $(call linux-complain,$(1))
@linux/components.py install $(1) $(dir $(linux-image)) '$(2)'
@touch $(1)/.components
endef

$(linux-modules): $(linux-image) linux/components.py
	$(call linux-build-components,$(@D),$(linux-strip) --strip-unneeded)

$(linux-set-modules): $(linux-dir)/obj-%/.components: $(linux-image:.img=-%.img) linux/components.py
	$(call linux-build-components,$(@D),$(linux-strip) --strip-unneeded)

# Those of variants keep what debuggers read.
$(linux-dir)/obj-%/.components: $(linux-image:.img=-%.img) linux/components.py
	$(call linux-build-components,$(@D),$(linux-strip) --strip-dwo)

pristine:
	linux/pristine.sh $(linux-package) $(linux-tree)

tests += tests/linux/pristine.sh

include tests/linux/build.mk tests/full/build.mk

.PHONY: pristine $(linux-sets)
