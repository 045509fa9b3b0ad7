/* SPDX-License-Identifier: GPL-2.0-only */
/* Nothing is chosen by rewriting code at boot: what would need that fails to compile. */
