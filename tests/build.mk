# SPDX-License-Identifier: BSD-2-Clause
# "make check" and the tests that belong to no single folder.

include tests/fs/build.mk tests/rumpuser/build.mk

tests := tests/runner.sh tests/packages.sh tests/build.sh tests/style.sh $(tests) tests/install.sh
TESTS ?=

test-program = $(firstword $(subst :, ,$(1)))
has-word = $(strip $(foreach word,$(TESTS),$(findstring $(word),$(1))))
selected-tests = $(if $(TESTS),$(foreach t,$(tests),$(if $(call has-word,$(t)),$(t))),$(tests))

# The last file that Makefile includes, so that the tests of every folder are known here.
check: all $(check-targets) $(sort $(filter $(BUILD)/%,$(foreach t,$(tests),$(call test-program,$(t)))))
	@rm -f $(BUILD)/tests/tally
	@RUMPUS_TOP='$(CURDIR)' RUMPUS_BUILD='$(abspath $(BUILD))' RUMPUS='$(abspath $(BUILD)/bin/rumpus)' \
		RUMPUS_PREFIX='$(PREFIX)' RUMPUS_LINUX='$(LINUX)' RUMPUS_IMAGE='$(abspath $(BUILD)/lib/rumpus/linux.img)' \
		tests/run --logs $(BUILD)/tests --tally $(BUILD)/tests/tally \
		--strip $(BUILD)/tests --strip tests $(selected-tests)

.PHONY: check
