# SPDX-License-Identifier: BSD-2-Clause
# The one entry point. Each folder says in its build.mk what it adds; results are under build/.

BUILD   ?= build
PREFIX  ?= /usr/local
LINUX   ?= 6.12
VERSION := 0.1

CFLAGS  ?= -O2 -g
rumpus-cflags := -std=gnu11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread -Wall -Wextra -Wstrict-prototypes \
	-Wmissing-prototypes -Wshadow -Wvla -Wno-unused-parameter -Iinclude -I$(BUILD)/include

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:

# What build.mk files add to:
librumpus-src :=	# sources of librumpus
all-targets :=		# what "make" builds
check-targets :=	# what "make check" needs built
tests :=		# programs and scripts that "make check" runs; each speaks TAP
bench :=		# programs and scripts that "make bench" runs
generated :=		# headers that must exist before anything is compiled

include platform/build.mk io/build.mk lib/build.mk syscall/build.mk sandbox/build.mk tools/build.mk linux/build.mk
include examples/build.mk tests/build.mk bench/build.mk scripts/build.mk

$(BUILD)/obj/%.o: %.c | $(generated)
	@mkdir -p $(@D)
	$(CC) $(rumpus-cflags) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/%.o: %.S
	@mkdir -p $(@D)
	$(CC) $(rumpus-cflags) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

all: $(all-targets)

.PHONY: all
