# SPDX-License-Identifier: BSD-2-Clause
# "make check" and the tests that belong to no single folder.

include tests/fs/build.mk tests/rumpuser/build.mk tests/machine/build.mk

needs-tests/install.sh = $(linux-sets-built)
tests := tests/runner.sh tests/packages.sh tests/sources.sh tests/build.sh tests/style.sh $(tests) tests/install.sh
TESTS ?=

test-program = $(firstword $(subst :, ,$(1)))
has-word = $(strip $(foreach word,$(TESTS),$(findstring $(word),$(1))))
selected = $(if $(TESTS),$(foreach t,$(1),$(if $(call has-word,$(t)),$(t))),$(1))
selected-tests = $(call selected,$(tests))

# The last file that Makefile includes, so that the tests of every folder are known here. needs-TEST, with a slash for the
# colon, is what a test wants built: only when it is to run.
test-targets = $(check-targets) $(sort $(filter $(BUILD)/%,$(foreach t,$(1),$(call test-program,$(t)))) \
	$(foreach t,$(call selected,$(1)),$(needs-$(subst :,/,$(t)))))

check: all $(call test-targets,$(tests))
check-long: tests += $(long-tests)
check-long: all $(call test-targets,$(tests) $(long-tests))
check check-long:
	@rm -f $(BUILD)/tests/tally
	@RUMPUS_TOP='$(CURDIR)' RUMPUS_BUILD='$(abspath $(BUILD))' RUMPUS='$(abspath $(BUILD)/bin/rumpus)' \
		RUMPUS_PREFIX='$(PREFIX)' RUMPUS_LINUX='$(LINUX)' RUMPUS_IMAGE='$(abspath $(linux-test-image))' \
		RUMPUS_CHECK_IMAGE='$(abspath $(linux-check-image))' \
		tests/run --logs $(BUILD)/tests --tally $(BUILD)/tests/tally \
		--strip $(BUILD)/tests --strip tests $(selected-tests)

.PHONY: check check-long
