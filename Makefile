# SPDX-License-Identifier: BSD-2-Clause
# The one entry point. Each folder says in its build.mk what it adds; results are under build/.

# For another CPU: CROSS_COMPILE=aarch64-linux-gnu- names the compiler, and the results are under build/aarch64.
CROSS_COMPILE ?=
cross-cpu := $(firstword $(subst -, ,$(notdir $(CROSS_COMPILE))))

BUILD   ?= build$(cross-cpu:%=/%)
PREFIX  ?= /usr/local
LINUX   ?= 6.12
DEBUG   ?=
V       ?=
VERSION := 0.1

CFLAGS  ?= $(if $(DEBUG),-Og -g3,-O2 -g)
LDFLAGS ?=
ifeq ($(origin CC),default)
CC := $(CROSS_COMPILE)gcc
endif
ifeq ($(origin AR),default)
AR := $(CROSS_COMPILE)ar
endif
rumpus-cflags := -std=gnu11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread -Wall -Wextra -Wstrict-prototypes \
	-Wmissing-prototypes -Wshadow -Wvla -Wno-unused-parameter -Iinclude -I$(BUILD)/include

# All processors, unless the command line says otherwise: -j there has the last word.
MAKEFLAGS += -j$(shell nproc)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

# Recipes begin with $(call say,VERB,WHAT) and $(Q): one short line each, whole commands with V=1.
Q := $(if $(V),,@)
say = $(if $(V),@:,@printf '  %-8s%s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$(2))')

# What build.mk files add to:
librumpus-src :=	# sources of librumpus
rumpus-libs :=		# libraries that a program with librumpus.a links
all-targets :=		# what "make" builds
check-targets :=	# what "make check" needs built
tests :=		# programs and scripts that "make check" runs; each speaks TAP; PROGRAM:ARGUMENT passes one
long-tests :=		# the same that only "make check-long" runs, after the others
bench :=		# programs that "make bench" needs built
generated :=		# headers that must exist before anything is compiled

include platform/build.mk io/build.mk lib/build.mk syscall/build.mk sandbox/build.mk fuse/build.mk tools/build.mk linux/build.mk
include rumpuser/build.mk client/build.mk examples/build.mk bench/build.mk scripts/build.mk tests/build.mk

# Everything compiled depends on this file, which changes when the compiler, its flags or an option do.
build-goals := $(filter-out clean help packages,$(or $(MAKECMDGOALS),all))
compile-line := $(CC) $(rumpus-cflags) $(CFLAGS) $(LDFLAGS) PREFIX=$(PREFIX) SANDBOX=$(SANDBOX) URING=$(URING) SLIRP=$(SLIRP)
ifneq ($(build-goals),)
ifneq ($(compile-line),$(file <$(BUILD)/flags))
missing-packages := $(shell scripts/packages --linux $(LINUX) --list build 2>/dev/null)
$(if $(missing-packages),$(warning missing packages: $(missing-packages); scripts/packages installs them))
$(shell mkdir -p $(BUILD))
$(file >$(BUILD)/flags,$(compile-line))
endif
endif

$(BUILD)/flags: ;

$(BUILD)/obj/%.o: %.c $(BUILD)/flags | $(generated)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(rumpus-cflags) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.S $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,AS,$@)
	$(Q)$(CC) $(rumpus-cflags) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

all: $(all-targets)

.PHONY: all
