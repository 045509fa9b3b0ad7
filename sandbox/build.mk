# SPDX-License-Identifier: BSD-2-Clause
# The least-privilege worker. SANDBOX=trap: violations raise SIGSYS, for finding them; SANDBOX=off: no filter at all.

SANDBOX ?= kill
sandbox-modes := off kill trap
ifeq ($(filter $(SANDBOX),$(sandbox-modes)),)
$(error SANDBOX is one of: $(sandbox-modes))
endif

sandbox-src := sandbox/confine.c sandbox/filter.c sandbox/fork.c sandbox/landlock.c
sandbox-obj := $(sandbox-src:%.c=$(BUILD)/obj/%.o)
sandbox-libs := -l:libseccomp.a

# Compiled anew when the mode changes.
ifneq ($(SANDBOX),$(file <$(BUILD)/sandbox))
$(shell mkdir -p $(BUILD))
$(file >$(BUILD)/sandbox,$(SANDBOX))
endif
$(BUILD)/sandbox: ;
$(sandbox-obj): $(BUILD)/sandbox

$(sandbox-obj): rumpus-cflags += -DSANDBOX_MODE=$(if $(filter off,$(SANDBOX)),0,$(if $(filter trap,$(SANDBOX)),2,1))
