/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel image inside a program: IMAGE is its path, as a string. */
	.section .rodata.rumpus_image, "a"
	.balign 65536 /* so that it can be mapped from the program's own file */
	.globl rumpus_embedded_image
	.globl rumpus_embedded_image_end
rumpus_embedded_image:
	.incbin IMAGE
rumpus_embedded_image_end:

	.section .note.GNU-stack, "", %progbits
