# SPDX-License-Identifier: BSD-2-Clause
# Tests of the family net: of its devices, and of the kernel's stack over them; each is one source with the helpers

net-tests := spec conformance wrappers bus
# Against a scripted peer, each with addresses of both families
net-drill-tests := drill recovery packets opening closing sending receiving reporting
net-stack-tests := stack paths fuzz configure lease router zerocopy protocols many members queues virtual filter families idle stalled $(net-drill-tests)
net-test-bin := $(addprefix $(BUILD)/tests/net/,$(net-tests))
net-stack-test-bin := $(addprefix $(BUILD)/tests/net/,$(net-stack-tests))
net-test-obj := $(addprefix $(BUILD)/obj/tests/,net/station.o net/frames.o net/space.o tap.o)
net-stack-test-obj := $(net-test-obj) $(addprefix $(BUILD)/obj/tests/net/,node.o transfer.o message.o capturing.o script.o script_family.o drilling.o) \
	$(addprefix $(BUILD)/obj/tools/,capture.o frame.o)

$(net-test-bin): $(BUILD)/tests/net/%: $(BUILD)/obj/tests/net/%.o $(net-test-obj) $(BUILD)/obj/io.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(rumpus-libs)

$(net-stack-test-bin): $(BUILD)/tests/net/%: $(BUILD)/obj/tests/net/%.o $(net-stack-test-obj) $(BUILD)/lib/librumpus.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -pthread -o $@ $^ $(rumpus-libs)

tests += $(net-test-bin) tests/net/examples.sh tests/tools/net_demo.py \
	$(addprefix $(BUILD)/tests/net/,stack configure lease router zerocopy protocols many members queues virtual filter families idle stalled) \
	$(foreach family,ipv4 ipv6,$(addsuffix :$(family),$(addprefix $(BUILD)/tests/net/,$(net-drill-tests)))) \
	$(addprefix $(BUILD)/tests/net/paths:,impair stream shm slirp tap packet) $(BUILD)/tests/net/fuzz:1

# bus writes garbage for so many seconds.
long-tests += $(addprefix $(BUILD)/tests/net/,fuzz:long idle:long bus:60)
