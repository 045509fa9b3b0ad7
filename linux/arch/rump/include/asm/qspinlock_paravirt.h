/* SPDX-License-Identifier: GPL-2.0-only */
/* The tree's own __pv_queued_spin_unlock() serves. */
