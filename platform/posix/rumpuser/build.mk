# SPDX-License-Identifier: BSD-2-Clause
# The parts of librumpuser that only a POSIX host has.

# The system-call proxy
rumpuser-sp-src := $(addprefix platform/posix/rumpuser/,sp_server.c sp_client.c sp_request.c sp_fork.c sp_copy.c sp_output.c \
	sp_lwp.c sp_watch.c sp_stream.c sp_url.c)

rumpuser-host-src := $(addprefix platform/posix/rumpuser/,host.c errno.c signal.c param.c process.c file.c loader.c) \
	$(rumpuser-sp-src)
