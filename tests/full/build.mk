# SPDX-License-Identifier: BSD-2-Clause
# Tests of the kernel with file systems and a network. It is built when one of them is to run.

full-test-bin  := $(addprefix $(BUILD)/tests/full/,nfs nvme hosted)
full-others    := linux/components linux/volumes fs/data net/stack net/filter
full-tests     := $(full-test-bin) tests/full/serve.sh $(patsubst %,tests/full/others.sh:%,$(notdir $(full-others)))

$(full-test-bin): $(BUILD)/tests/full/%: $(BUILD)/obj/tests/full/%.o $(BUILD)/obj/tests/full/files.o $(net-stack-test-obj) $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(rumpus-libs)

$(foreach test,$(full-tests),$(eval needs-$(subst :,/,$(test)) := full $(full-others:%=$(BUILD)/tests/%)))
tests += $(if $(filter 6.12-x86_64,$(LINUX)-$(platform-cpu)),$(full-tests))
