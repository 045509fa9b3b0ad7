// SPDX-License-Identifier: GPL-2.0-only
/* Copies to and from user memory, local and remote */
#include <linux/export.h>
#include <linux/mm.h>
#include <linux/uaccess.h>
#include "../kernel/carry.h"

/* Below this, moves of eight bytes beat the start of the string instruction. */
#define SHORT_COPY 64

unsigned long rump_remote_read(void *to, const void __user *from, unsigned long n)
{
	const mm_context_t *context = &current->mm->context;
	unsigned long left;

	rump_host_begin();
	left = context->ops->read(context->cookie, to, (uintptr_t)from, n);
	rump_host_end();
	return left;
}
EXPORT_SYMBOL(rump_remote_read);

unsigned long rump_remote_write(void __user *to, const void *from, unsigned long n)
{
	const mm_context_t *context = &current->mm->context;
	unsigned long left;

	rump_host_begin();
	left = context->ops->write(context->cookie, (uintptr_t)to, from, n);
	rump_host_end();
	return left;
}
EXPORT_SYMBOL(rump_remote_write);

/* A page of a window may only want to be mapped. */
static unsigned long read_again(void *to, const void __user *from, unsigned long n)
{
	unsigned long left = n;

	while (left && rump_window_fault_in(from + n - left, false))
		left = cpu_copy_user(to + n - left, (const void __force *)from + n - left, left);
	return left;
}

static unsigned long write_again(void __user *to, const void *from, unsigned long n)
{
	unsigned long left = n;

	while (left && rump_window_fault_in(to + n - left, true))
		left = cpu_copy_user((void __force *)to + n - left, from + n - left, left);
	return left;
}

unsigned long rump_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	unsigned long left;

	if (rump_user_is_remote())
		return rump_remote_read(to, from, n);
	if (n < SHORT_COPY) {
		for (; n >= 8; n -= 8, to += 8, from += 8)
			if (cpu_load_user(8, (const void __force *)from, to))
				break;
	}
	left = cpu_copy_user(to, (const void __force *)from, n);
	return unlikely(left) ? read_again(to + n - left, from + n - left, left) : 0;
}
EXPORT_SYMBOL(rump_copy_from_user);

unsigned long rump_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	unsigned long left;

	if (rump_user_is_remote())
		return rump_remote_write(to, from, n);
	if (n < SHORT_COPY) {
		for (; n >= 8; n -= 8, to += 8, from += 8)
			if (cpu_store_user(8, (void __force *)to, from))
				break;
	}
	left = cpu_copy_user((void __force *)to, from, n);
	return unlikely(left) ? write_again(to + n - left, from + n - left, left) : 0;
}
EXPORT_SYMBOL(rump_copy_to_user);

unsigned long __clear_user(void __user *to, unsigned long n)
{
	if (!rump_user_is_remote()) {
		unsigned long left = cpu_clear_user((void __force *)to, n);

		while (left && rump_window_fault_in(to + n - left, true))
			left = cpu_clear_user((void __force *)to + n - left, left);
		return left;
	}
	while (n) {
		unsigned long piece = min(n, PAGE_SIZE);
		unsigned long left = rump_remote_write(to, empty_zero_page, piece);

		n -= piece - left;
		to += piece - left;
		if (left)
			break;
	}
	return n;
}
EXPORT_SYMBOL(__clear_user);

/* Copy up to the end of the page, or less: the string may end right before memory that is not there. */
static unsigned long page_piece(const char __user *from, long n)
{
	return min_t(unsigned long, n, PAGE_SIZE - offset_in_page(from));
}

/**
 * strncpy_from_user() - copy a string with its terminator, at most @n bytes
 * Return: its length, @n when it is that long or longer, -EFAULT
 */
long strncpy_from_user(char *to, const char __user *from, long n)
{
	long done = 0;

	while (done < n) {
		unsigned long piece = min(page_piece(from + done, n - done), 256UL);
		unsigned long copied = piece - rump_copy_from_user(to + done, from + done, piece);
		char *end = memchr(to + done, 0, copied);

		if (end)
			return end - to;
		if (copied < piece)
			return -EFAULT;
		done += copied;
	}
	return n;
}
EXPORT_SYMBOL(strncpy_from_user);

/**
 * strnlen_user() - length of a string with its terminator
 * Return: that; more than @n when there is none in @n bytes; 0 when memory cannot be accessed
 */
long strnlen_user(const char __user *from, long n)
{
	char piece_of[128];
	long done = 0;

	while (done < n) {
		unsigned long piece = min(page_piece(from + done, n - done), sizeof(piece_of));
		unsigned long copied = piece - rump_copy_from_user(piece_of, from + done, piece);
		char *end = memchr(piece_of, 0, copied);

		if (end)
			return done + (end - piece_of) + 1;
		if (copied < piece)
			return 0;
		done += copied;
	}
	return n + 1;
}
EXPORT_SYMBOL(strnlen_user);
