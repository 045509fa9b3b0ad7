// SPDX-License-Identifier: BSD-2-Clause
/* System calls of the small kernel for remote clients */
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proxy_calls.h"
#include "proxy_kernel.h"
#include "rumpuser.h"

#define COMPUTE_MAX 20000000 /* microseconds */

enum { EINTR_ = 4, EDEADLK_ = 11, ENOMEM_ = 12, ENOSYS_ = 78 };

static struct {
	struct rumpuser_mtx *mutex;
	struct rumpuser_cv *cv;
	unsigned int sleepers, generation;
	atomic_uint computing;
	atomic_bool enough;
	bool fuzzed;
} calls;

void calls_init(void)
{
	calls.fuzzed = getenv("PROXY_SERVER_FUZZED");
	rumpuser_mutex_init(&calls.mutex, RUMPUSER_MTX_KMUTEX);
	rumpuser_cv_init(&calls.cv);
}

void calls_leave(struct process *p)
{
	rumpuser_mutex_enter(calls.mutex);
	p->leaving = true;
	rumpuser_cv_broadcast(calls.cv);
	rumpuser_mutex_exit(calls.mutex);
}

static int sleep_for_wake(struct process *p)
{
	unsigned int generation;
	bool interrupted;

	rumpuser_mutex_enter(calls.mutex);
	generation = calls.generation;
	calls.sleepers++;
	while (generation == calls.generation && !p->leaving)
		rumpuser_cv_wait(calls.cv, calls.mutex);
	interrupted = generation == calls.generation;
	calls.sleepers--;
	rumpuser_mutex_exit(calls.mutex);
	return interrupted ? EINTR_ : 0;
}

static long wake_all(void)
{
	long n;

	rumpuser_mutex_enter(calls.mutex);
	n = calls.sleepers;
	calls.generation++;
	rumpuser_cv_broadcast(calls.cv);
	rumpuser_mutex_exit(calls.mutex);
	return n;
}

/* Return: memory for a client's, to be freed, with what is there; NULL with *error */
static unsigned char *copy_in(void *client, const void *address, size_t size, int *error)
{
	unsigned char *data = malloc(size + 1);

	*error = data ? rumpuser_sp_copyin(client, address, data, size) : ENOMEM_;
	if (!*error)
		return data;
	free(data);
	return NULL;
}

static int sum(void *client, const void *address, size_t size, long *result)
{
	int error;
	unsigned char *data = copy_in(client, address, size, &error);
	size_t i;

	for (i = 0; data && i < size; i++)
		*result += data[i];
	free(data);
	return error;
}

static int string_in(void *client, const void *address, size_t room, long *result)
{
	char text[1024];
	size_t size = room < sizeof(text) ? room : sizeof(text);
	int error = rumpuser_sp_copyinstr(client, address, text, &size);

	*result = size;
	if (!error && strnlen(text, sizeof(text)) + 1 != size)
		return ENOMEM_;
	return error;
}

static int fill(void *client, void *address, size_t size, int byte)
{
	unsigned char *data = malloc(size + 1);
	int error;

	if (!data)
		return ENOMEM_;
	memset(data, byte, size);
	error = rumpuser_sp_copyout(client, data, address, size);
	free(data);
	return error;
}

static int invert(void *client, void *address, size_t size)
{
	int error;
	unsigned char *data = copy_in(client, address, size, &error);
	size_t i;

	for (i = 0; data && i < size; i++)
		data[i] = ~data[i];
	if (data)
		error = rumpuser_sp_copyout(client, data, address, size);
	free(data);
	return error;
}

static long microseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void spin(long microseconds)
{
	long start = microseconds_now();

	while (microseconds_now() - start < microseconds)
		;
}

/* In a test it is another call that says so; that one must not wait for this one. */
static int compute(void *client, char *address)
{
	long start = microseconds_now();
	char byte = 1;
	int error = 0;

	atomic_fetch_add(&calls.computing, 1);
	if (address)
		error = rumpuser_sp_copyin(client, address, &byte, 1);
	while (!error && !atomic_load(&calls.enough)) {
		sched_yield(); /* with the virtual CPU */
		if (microseconds_now() - start > COMPUTE_MAX)
			error = EDEADLK_;
	}
	if (!error && address) {
		byte++;
		error = rumpuser_sp_copyout(client, &byte, address, 1);
	}
	atomic_fetch_sub(&calls.computing, 1);
	return error;
}

static long add(const long *numbers)
{
	unsigned long total = 0; /* hostile numbers may overflow */
	int i;

	for (i = 0; i < 8; i++)
		total += numbers[i];
	return total;
}

static int string_out(void *client, const char *text, void *address, size_t room, long *result)
{
	size_t size = room;
	int error = rumpuser_sp_copyoutstr(client, text, address, &size);

	*result = size;
	return error;
}

/* Calls of hostile clients that say nothing about the proxy, but would take time or memory, or end the test */
static bool is_harmless(int number, const long *a)
{
	if (number == KERNEL_REBOOT || number == KERNEL_SPIN || number == KERNEL_COMPUTE)
		return false;
	return a[1] >= 0 && a[1] <= 1 << 20;
}

int calls_run(int number, void *arguments, long *retval)
{
	struct process *p = process_current();
	long *a = arguments;
	void *address = (void *)a[0];
	char byte = 1;
	int error;

	if (calls.fuzzed && !is_harmless(number, a))
		return ENOSYS_;
	switch (number) {
	case KERNEL_NULL:
		return 0;
	case KERNEL_GETPID:
		retval[0] = p->pid;
		return 0;
	case KERNEL_GETPPID:
		retval[0] = p->ppid;
		return 0;
	case KERNEL_SUM:
		return sum(p->client, address, a[1], &retval[0]);
	case KERNEL_STRLEN:
		return string_in(p->client, address, a[1], &retval[0]);
	case KERNEL_FILL:
		return fill(p->client, address, a[1], a[2]);
	case KERNEL_HELLO:
		return string_out(p->client, KERNEL_HELLO_STRING, address, a[1], &retval[0]);
	case KERNEL_SLEEP:
		retval[0] = 1;
		return sleep_for_wake(p);
	case KERNEL_OUT_SLEEP:
		error = rumpuser_sp_copyout(p->client, &byte, address, 1);
		return error ? error : sleep_for_wake(p);
	case KERNEL_WAKE:
		retval[0] = wake_all();
		return 0;
	case KERNEL_SLEEPERS:
		retval[0] = calls.sleepers;
		return 0;
	case KERNEL_MMAP:
		error = rumpuser_sp_anonmmap(p->client, a[0], &address);
		retval[0] = (long)address;
		return error;
	case KERNEL_RAISE:
		return rumpuser_sp_raise(p->client, a[0]);
	case KERNEL_NAME:
		return string_out(p->client, p->name, address, a[1], &retval[0]);
	case KERNEL_SET:
		p->value = a[0];
		return 0;
	case KERNEL_GET:
		retval[0] = p->value;
		return 0;
	case KERNEL_PROCESSES:
		retval[0] = kernel_processes(true);
		return 0;
	case KERNEL_FAIL:
		return a[0];
	case KERNEL_ADD:
		retval[0] = add(a);
		retval[1] = a[7];
		return 0;
	case KERNEL_REBOOT:
		rumpuser_sp_fini(p->client);
		rumpuser_exit(0);
		return 0;
	case KERNEL_INVERT:
		return invert(p->client, address, a[1]);
	case KERNEL_COMPUTE:
		return compute(p->client, address);
	case KERNEL_COMPUTING:
		retval[0] = calls.computing;
		return 0;
	case KERNEL_ENOUGH:
		atomic_store(&calls.enough, a[0]);
		return 0;
	case KERNEL_SPIN:
		spin(a[0]);
		return 0;
	default:
		return ENOSYS_;
	}
}
