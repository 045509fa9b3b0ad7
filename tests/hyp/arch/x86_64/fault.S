/* SPDX-License-Identifier: BSD-2-Clause */
/* Instructions that fault, and where they may go on */
	.text
	.globl suite_load, suite_load_pc, suite_load_landing
suite_load:
suite_load_pc:
	mov (%rdi), %eax
	mov %eax, (%rsi)
	xor %eax, %eax
	ret
suite_load_landing:
	mov $-1, %eax
	ret

	.globl suite_store, suite_store_pc, suite_store_landing
suite_store:
suite_store_pc:
	mov %esi, (%rdi)
	xor %eax, %eax
	ret
suite_store_landing:
	mov $-1, %eax
	ret

	.globl suite_undefined, suite_undefined_pc, suite_undefined_landing
suite_undefined:
suite_undefined_pc:
	ud2
	xor %eax, %eax
	ret
suite_undefined_landing:
	mov $-1, %eax
	ret

	.globl suite_divide, suite_divide_pc, suite_divide_landing
suite_divide:
	xor %ecx, %ecx
	xor %edx, %edx
	mov $1, %eax
suite_divide_pc:
	div %ecx
	xor %eax, %eax
	ret
suite_divide_landing:
	mov $-1, %eax
	ret

	.globl suite_spin, suite_spin_pc, suite_spin_landing
suite_spin:
suite_spin_pc:
	jmp suite_spin_pc
suite_spin_landing:
	ret

	.section .note.GNU-stack, "", @progbits
