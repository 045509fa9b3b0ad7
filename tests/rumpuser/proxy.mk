# SPDX-License-Identifier: BSD-2-Clause
# Tests of the system-call proxy: a server with a small kernel, and clients, each linked with its own library.

proxy-programs := proxy proxy_life
proxy-bin := $(addprefix $(BUILD)/tests/rumpuser/,$(proxy-programs) proxy_server)

$(BUILD)/obj/tests/rumpuser/proxy%.o: rumpus-cflags += -Irumpuser

$(BUILD)/tests/rumpuser/proxy_server: $(addprefix $(BUILD)/obj/tests/rumpuser/,proxy_server.o proxy_kernel.o) $(rumpuser-lib)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -Wl,-rpath,'$$ORIGIN/../../lib' -o $@ $^

$(addprefix $(BUILD)/tests/rumpuser/,$(proxy-programs)): $(BUILD)/tests/rumpuser/%: $(BUILD)/obj/tests/rumpuser/%.o \
		$(addprefix $(BUILD)/obj/tests/,rumpuser/proxy_client.o tap.o) $(client-lib)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -Wl,-rpath,'$$ORIGIN/../../lib' -o $@ $^

check-targets += $(proxy-bin)
tests += $(addprefix $(BUILD)/tests/rumpuser/,proxy:unix proxy:tcp proxy_life) tests/rumpuser/proxy_pairs.sh
