# SPDX-License-Identifier: BSD-2-Clause
# "make bench": figures of this machine, each beside a peer's. BENCH="row ..." chooses, RUNS=n repeats, MEMORY=n gives our kernels n MiB.

BENCH  ?=
RUNS   ?= 5
MEMORY ?=

bench := $(BUILD)/bench/measure

$(BUILD)/bench/measure: $(BUILD)/obj/bench/measure.o $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ $(rumpus-libs)

bench: all $(bench)
	@bench/run --build '$(BUILD)' --runs $(RUNS) $(if $(MEMORY),--memory $(MEMORY)) $(BENCH)

.PHONY: bench
