# SPDX-License-Identifier: BSD-2-Clause
# The parts of librumpuser that only a POSIX host has.

# The system-call proxy
rumpuser-sp-src :=

rumpuser-src += $(rumpuser-sp-src)
