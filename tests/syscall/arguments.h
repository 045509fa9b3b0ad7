/* SPDX-License-Identifier: BSD-2-Clause */
/* Arguments of the system calls that the test of bad pointers makes: good ones, bad ones, and what they refer to. */
#ifndef TESTS_SYSCALL_ARGUMENTS_H
#define TESTS_SYSCALL_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** enum word - what an argument is, as pointers.tbl writes and explains it */
enum word {
	VALUE,
	/* Descriptors and numbers of other objects */
	REGULAR,
	DIR,
	READER,
	WRITER,
	EPOLL,
	TIMER,
	PIDFD,
	INOTIFY,
	SOCKET,
	LISTENER,
	RING,
	CONTEXT,
	DISK_FILE,
	AIO,
	TIMERID,
	MSGQ,
	SHM,
	DEVICE,
	WINDOW,
	ROOT_MOUNT,
	/* Pointers to what is read */
	IN,
	ONE,
	PATH,
	LINK,
	NEW,
	DOT,
	ATTRIBUTE,
	MOUNT,
	DISK,
	/* Pointers to what is written, or read and written */
	OUT,
	LENGTH,
	CAPABILITY,
	OBJECTS = IN,
};

/** enum shape - a structure around a pointer: the argument then points to that, and the pointer in it is what is bad */
enum shape { PLAIN, IOVEC, MASK, MSG_NAME, MSG_VECTOR, MSG_BUFFER, MSG_CONTROL, IOCBS, IOCB, WAITER };

/** enum place - where a bad pointer points to. The last two are bad only for what is written */
enum place { LOW, NONCANONICAL, HIGH, UNMAPPED, CROSSING, READ_ONLY, PLACES };

/** enum meanwhile - what happens during a call */
enum meanwhile { NOTHING, PENDING, ALARM };

/** struct call - a row of pointers.tbl, or a call of the table of system calls without one */
struct call {
	const char *label;
	long number;
	unsigned int args;
	struct {
		enum word word;
		enum shape shape;
		long value; /* of VALUE */
	} arg[6];
	bool refused;	      /* by librumpus, whatever the arguments */
	unsigned int answers; /* how many are expected; 0: what the host answers */
	long expected[4];
	unsigned int unread; /* arguments that never give EFAULT: bit 0 is the first */
	unsigned int absent; /* images that may lack the call: a bit for each */
	unsigned int since;  /* version of Linux that has it first, 0x608 is 6.8 */
	bool local;	     /* only made in a process with the program's memory */
	enum meanwhile meanwhile;
};

/** struct kernel - one of the two: how it is called, and its objects */
struct kernel {
	long (*call)(long number, long a, long b, long c, long d, long e, long f);
	long object[OBJECTS];
	char disk[32]; /* path of a block device, "" without one */
};

/** arguments_lay_out() - make the memory that bad pointers point to; once, before all else */
void arguments_lay_out(void);

/**
 * arguments_mapped() - is there memory, as far as a call may know?
 * @write: for a store
 */
bool arguments_mapped(uintptr_t address, bool write);

/** arguments_bad() - can an argument be bad in this way? */
bool arguments_bad(const struct call *call, unsigned int i, enum place place);

/**
 * arguments_call() - make a call with one bad pointer, in the state that it needs
 * @bad: which argument
 * Return: what the kernel answers
 */
long arguments_call(struct kernel *k, const struct call *call, unsigned int bad, enum place place);

#endif
