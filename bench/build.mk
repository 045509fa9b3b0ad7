# SPDX-License-Identifier: BSD-2-Clause
# "make bench": figures of this machine, each beside a peer's. BENCH="row ..." chooses, RUNS=n repeats.

BENCH ?=
RUNS  ?= 5

bench := $(BUILD)/bench/measure

$(BUILD)/bench/measure: $(BUILD)/obj/bench/measure.o $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ $(rumpus-libs)

bench: all $(bench)
	@bench/run --build '$(BUILD)' --runs $(RUNS) $(BENCH)

.PHONY: bench
