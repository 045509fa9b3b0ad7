# SPDX-License-Identifier: BSD-2-Clause
# Other machines than this one, in emulators: Debian 12 with its own kernel, on two processors.

machine-parts := mounts servers attacks command copies partitions disks hypercalls library networks
machine-cpus  := $(if $(filter 6.12-x86_64,$(LINUX)-$(platform-cpu)),amd64 arm64)
machine-tests := $(foreach cpu,$(machine-cpus),$(machine-parts:%=tests/machine/debian.py:$(cpu)-%))
$(foreach cpu,$(machine-cpus),$(foreach part,$(machine-parts),$(eval \
	needs-tests/machine/debian.py/$(cpu)-$(part) := machine-$(cpu))))

# What they run; for another processor the script has it built.
machine-programs = $(check-targets) $(sort $(filter $(BUILD)/%,$(foreach t,$(tests),$(call test-program,$(t)))))

machine-amd64: | all $$(machine-programs)
machine-arm64: | all aarch64-components
machine-amd64 machine-arm64: machine-%:
	$(call say,MAKE,$@)
	$(Q)RUMPUS_BUILD='$(abspath $(BUILD))' tests/machine/debian.py --make $*

long-tests += $(machine-tests)

.PHONY: machine-amd64 machine-arm64
