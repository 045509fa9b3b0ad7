# SPDX-License-Identifier: BSD-2-Clause
# Tests of the system-call proxy: a server with a small kernel, and clients, each linked with its own library.

proxy-programs := proxy proxy_life proxy_load
proxy-bin := $(addprefix $(BUILD)/tests/rumpuser/,$(proxy-programs) proxy_server)

$(BUILD)/obj/tests/rumpuser/proxy%.o: rumpus-cflags += -Irumpuser

$(BUILD)/tests/rumpuser/proxy_server: $(addprefix $(BUILD)/obj/tests/rumpuser/,proxy_server.o proxy_kernel.o proxy_calls.o) $(rumpuser-lib)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -Wl,-rpath,'$$ORIGIN/../../lib' -o $@ $^

$(addprefix $(BUILD)/tests/rumpuser/,$(proxy-programs)): $(BUILD)/tests/rumpuser/%: $(BUILD)/obj/tests/rumpuser/%.o \
		$(addprefix $(BUILD)/obj/tests/,rumpuser/proxy_client.o rumpuser/proxy_message.o tap.o) $(client-lib)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -Wl,-rpath,'$$ORIGIN/../../lib' -o $@ $^

# Both ends under sanitizers, linked statically
proxy-sanitize := -fsanitize=address,undefined -fno-sanitize-recover=undefined
proxy-fuzz-src := $(addprefix tests/rumpuser/,proxy_fuzz.c proxy_fuzz_server.c proxy_fuzz_client.c proxy_message.c \
	proxy_client.c) tests/tap.c \
	$(client-src)
proxy-fuzz-kernel-src = $(addprefix tests/rumpuser/,proxy_server.c proxy_kernel.c proxy_calls.c) $(rumpuser-src) $(rumpuser-below)
proxy-fuzz-bin := $(addprefix $(BUILD)/tests/rumpuser/,proxy_fuzz proxy_fuzz_kernel)
proxy-bin += $(proxy-fuzz-bin)

$(BUILD)/obj/sanitized/%.o: %.c $(BUILD)/flags | $(generated)
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(rumpus-cflags) $(rumpuser-cflags) -Irumpuser/plain $(CFLAGS) $(proxy-sanitize) -MMD -MP -c -o $@ $<

$(BUILD)/tests/rumpuser/proxy_fuzz: $(proxy-fuzz-src:%.c=$(BUILD)/obj/sanitized/%.o)
$(BUILD)/tests/rumpuser/proxy_fuzz_kernel: $$(patsubst %.c,$(BUILD)/obj/sanitized/%.o,$$(proxy-fuzz-kernel-src))
$(proxy-fuzz-bin):
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(proxy-sanitize) -pthread -o $@ $^ $(rumpus-libs)

check-targets += $(proxy-bin)
tests += $(addprefix $(BUILD)/tests/rumpuser/,proxy:unix proxy:tcp proxy_life proxy_load proxy_fuzz:server \
	proxy_fuzz:client) tests/rumpuser/proxy_pairs.sh

check-long: export PROXY_FUZZ_ROUNDS ?= 10000
