# SPDX-License-Identifier: BSD-2-Clause
# "make bench": figures of this machine, each beside a peer's. BENCH="row ..." chooses, RUNS=n repeats, MEMORY=n gives our kernels n MiB.
# NETBSD=DIR measures NetBSD's rump kernels on our librumpuser instead, beside the original; doc/bench.md.

BENCH  ?=
RUNS   ?= 5
MEMORY ?=
NETBSD ?=

bench := $(BUILD)/bench/measure $(BUILD)/bench/threads $(BUILD)/bench/nodes $(BUILD)/bench/netbsd $(BUILD)/bench/rumpuser $(BUILD)/bench/proxy $(BUILD)/bench/net \
	$(BUILD)/bench/random $(BUILD)/bench/handover \
	$(BUILD)/tests/rumpuser/proxy_server

$(BUILD)/bench/measure $(BUILD)/bench/threads $(BUILD)/bench/nodes: $(BUILD)/bench/%: $(BUILD)/obj/bench/%.o $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ $(rumpus-libs)

$(BUILD)/bench/random: $(BUILD)/obj/bench/random.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^

$(BUILD)/obj/bench/handover.o: rumpus-cflags += -DFUSE_USE_VERSION=314

$(BUILD)/bench/handover: $(BUILD)/obj/bench/handover.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ $(fuse-libs)

# Opens NetBSD's libraries when it runs and is built without them.
$(BUILD)/bench/netbsd: $(BUILD)/obj/bench/netbsd.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ -ldl

# Runs with the librumpuser that LD_LIBRARY_PATH says.
$(BUILD)/bench/rumpuser: $(BUILD)/obj/bench/rumpuser.o $(rumpuser-lib)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^

$(BUILD)/obj/bench/rumpuser.o: rumpus-cflags += -Irumpuser

$(BUILD)/bench/proxy: $(BUILD)/obj/bench/proxy.o $(client-lib)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -Wl,-rpath,'$$ORIGIN/../lib' -o $@ $^

$(BUILD)/bench/net: $(BUILD)/obj/bench/net.o $(BUILD)/obj/bench/net_work.o $(BUILD)/obj/tests/net/node.o $(BUILD)/obj/tests/net/space.o \
		$(BUILD)/obj/tests/tap.o $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pthread $(LDFLAGS) -o $@ $^ $(rumpus-libs)

bench: all $(bench)
	@bench/run --build '$(BUILD)' --runs $(RUNS) $(if $(MEMORY),--memory $(MEMORY)) \
		$(if $(NETBSD),--netbsd '$(NETBSD)') $(BENCH)

.PHONY: bench
