# SPDX-License-Identifier: BSD-2-Clause
# The parts of librumpuser that only a POSIX host has.

# The system-call proxy
rumpuser-sp-src :=

rumpuser-host-src := $(addprefix platform/posix/rumpuser/,host.c errno.c signal.c param.c process.c file.c loader.c) \
	$(rumpuser-sp-src)
