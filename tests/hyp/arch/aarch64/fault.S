/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions that fault, and where they may go on */
	.text
	.globl suite_load, suite_load_pc, suite_load_landing
suite_load:
suite_load_pc:
	ldr w2, [x0]
	str w2, [x1]
	mov w0, #0
	ret
suite_load_landing:
	mov w0, #-1
	ret

	.globl suite_store, suite_store_pc, suite_store_landing
suite_store:
suite_store_pc:
	str w1, [x0]
	mov w0, #0
	ret
suite_store_landing:
	mov w0, #-1
	ret

	.globl suite_undefined, suite_undefined_pc, suite_undefined_landing
suite_undefined:
suite_undefined_pc:
	udf #0
	mov w0, #0
	ret
suite_undefined_landing:
	mov w0, #-1
	ret

	/* This CPU divides by zero and goes on. */
	.globl suite_divide, suite_divide_pc, suite_divide_landing
suite_divide:
suite_divide_pc:
	udiv w0, w0, wzr
	mov w0, #0
	ret
suite_divide_landing:
	mov w0, #-1
	ret

	.globl suite_spin, suite_spin_pc, suite_spin_landing
suite_spin:
suite_spin_pc:
	b suite_spin_pc
suite_spin_landing:
	ret

	.section .note.GNU-stack, "", %progbits
