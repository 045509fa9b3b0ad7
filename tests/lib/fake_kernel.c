// SPDX-License-Identifier: BSD-2-Clause
/*
 * A kernel image for tests: implements <rumpus/image.h> with no kernel in it. It checks what it is promised, such as
 * that it is never called after halt(): breaking a promise ends the test with a trap.
 */
#include <rumpus/image.h>

#include "fake.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum {
	MAX_THREADS = 2048,
	MAX_PROCESSES = 256,
};

struct rumpus_image_process {
	int number; /* 0: free */
	const struct rumpus_user_ops *ops;
	void *cookie;
};

struct rumpus_image_thread {
	uint32_t used;
	uint32_t interrupted; /* word that a sleeper waits on */
	struct rumpus_image_process *process;
};

static const struct hyp_ops *hyp;
static struct hyp *instance;
static uint32_t running; /* between boot() and halt(); sleepers wait on it */
static uint32_t halted;
static bool panicked;					/* while booting */
static struct rumpus_image_thread threads[MAX_THREADS]; /* .bss of several pages */
static struct rumpus_image_process processes[MAX_PROCESSES] = { { .number = 1 } };
static long thread_count, process_count = 1, attached_ever, sleepers, interrupts, calls;
static uint32_t timer_fired;
static const char *const words[] = { "relocated", "data" }; /* needs relocations */
static const char *const *word_pointer = &words[1];

static void require(bool condition)
{
	if (!condition)
		__builtin_trap();
}

static bool is(const char *text, const char *other)
{
	while (*text && *text == *other)
		text++, other++;
	return *text == *other;
}

static size_t length(const char *text)
{
	size_t n = 0;

	for (; text[n]; n++)
		__asm__("" : "+r"(n)); /* not to be recognized as strlen() */
	return n;
}

static uint32_t load(uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

static bool over(void)
{
	return load(&halted);
}

static int boot(const struct hyp_ops *ops, struct hyp *h, const struct hyp_info *info, const char *command_line)
{
	require(!load(&running) && !over());
	hyp = ops;
	instance = h;
	ops->console_write(h, "fake kernel: ", 13);
	ops->console_write(h, command_line, length(command_line));
	ops->console_write(h, "\n", 1);
	if (is(command_line, "panic")) {
		panicked = true;
		ops->exit(h, -1, "panic: asked for");
		return -HYP_ESHUTDOWN;
	}
	if (is(command_line, "nomem"))
		return -HYP_ENOMEM;
	require(info->cpus > 0);
	__atomic_store_n(&running, 1, __ATOMIC_SEQ_CST);
	return 0;
}

static void halt(void)
{
	require(!over() && (load(&running) || panicked));
	__atomic_store_n(&halted, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&running, 0, __ATOMIC_SEQ_CST);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		__atomic_store_n(&threads[i].interrupted, 1, __ATOMIC_SEQ_CST);
		hyp->wake(instance, &threads[i].interrupted, 1);
	}
	hyp->wake(instance, &running, UINT32_MAX);
	hyp->exit(instance, 0, "halted");
}

static int process_create(const struct rumpus_user_ops *ops, void *cookie, struct rumpus_image_process **process)
{
	require(hyp != NULL);
	if (over())
		return -HYP_ESHUTDOWN;
	for (size_t i = 1; i < ARRAY_SIZE(processes); i++) {
		int none = 0;

		if (!__atomic_compare_exchange_n(&processes[i].number, &none, (int)i + 1, false, __ATOMIC_SEQ_CST,
						 __ATOMIC_SEQ_CST))
			continue;
		processes[i].ops = ops;
		processes[i].cookie = cookie;
		__atomic_add_fetch(&process_count, 1, __ATOMIC_SEQ_CST);
		*process = &processes[i];
		return 0;
	}
	return -HYP_EAGAIN;
}

static void process_destroy(struct rumpus_image_process *process)
{
	require(process != &processes[0] && process->number);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		require(!load(&threads[i].used) || threads[i].process != process);
	__atomic_sub_fetch(&process_count, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&process->number, 0, __ATOMIC_SEQ_CST);
}

static int thread_attach(struct rumpus_image_process *process, struct rumpus_image_thread **thread)
{
	if (over())
		return -HYP_ESHUTDOWN;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		uint32_t none = 0;

		if (!__atomic_compare_exchange_n(&threads[i].used, &none, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			continue;
		__atomic_store_n(&threads[i].interrupted, 0, __ATOMIC_SEQ_CST);
		threads[i].process = process ? process : &processes[0];
		require(threads[i].process->number);
		__atomic_add_fetch(&thread_count, 1, __ATOMIC_SEQ_CST);
		__atomic_add_fetch(&attached_ever, 1, __ATOMIC_SEQ_CST);
		*thread = &threads[i];
		return 0;
	}
	return -HYP_EAGAIN;
}

static void thread_detach(struct rumpus_image_thread *thread)
{
	require(load(&thread->used));
	thread->process = NULL;
	__atomic_sub_fetch(&thread_count, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&thread->used, 0, __ATOMIC_SEQ_CST);
}

static long sleep_until_told(struct rumpus_image_thread *thread, bool interruptible)
{
	__atomic_add_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
	while (!over()) {
		if (interruptible && load(&thread->interrupted))
			break;
		hyp->wait(instance, interruptible ? &thread->interrupted : &running, !interruptible, HYP_FOREVER);
	}
	__atomic_sub_fetch(&sleepers, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&thread->interrupted, 0, __ATOMIC_SEQ_CST);
	return over() ? -HYP_ESHUTDOWN : -HYP_EINTR;
}

/* The upcall knows the address of the access and where to go on. */
extern const char fault_at[] __attribute__((visibility("hidden"))),
	fault_landing[] __attribute__((visibility("hidden")));

static __attribute__((noinline)) long read_faulty(const char *address)
{
	long value;

#ifdef __x86_64__
	__asm__ volatile(".globl fault_at, fault_landing\n"
			 "mov $-14, %0\n"
			 "fault_at: movzbq (%1), %0\n"
			 "fault_landing:"
			 : "=&r"(value)
			 : "r"(address)
			 : "memory");
#else
	__asm__ volatile(".globl fault_at, fault_landing\n"
			 "mov %0, #-14\n"
			 "fault_at: ldrb %w0, [%1]\n"
			 "fault_landing:"
			 : "=&r"(value)
			 : "r"(address)
			 : "memory");
#endif
	return value;
}

static bool fault(void *cookie, struct hyp_fault *fault)
{
	if (fault->pc != (uintptr_t)fault_at)
		return false;
	fault->pc = (uintptr_t)fault_landing;
	return true;
}

static void timer(void *cookie, uint32_t n)
{
	require(!over() && n == 0);
	__atomic_store_n(&timer_fired, 1, __ATOMIC_SEQ_CST);
	hyp->wake(instance, &timer_fired, 1);
}

static long wait_for_timer(void)
{
	__atomic_store_n(&timer_fired, 0, __ATOMIC_SEQ_CST);
	if (hyp->timer_set(instance, 0, hyp->clock_monotonic(instance) + 1000000) != 0)
		return -HYP_EINVAL;
	while (!load(&timer_fired))
		hyp->wait(instance, &timer_fired, 0, HYP_FOREVER);
	return 1;
}

static long data_is_right(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		if (threads[i].used > 1)
			return -HYP_EFAULT;
	if (!is(*word_pointer, "data") || !is(words[0], "relocated"))
		return -HYP_EFAULT;
	return calls;
}

static long remote(const struct rumpus_image_process *process, uintptr_t address)
{
	unsigned char byte;

	if (!process->ops)
		return -HYP_EINVAL;
	return process->ops->read(process->cookie, &byte, address, 1) ? -HYP_EFAULT : byte;
}

static long spin(long microseconds)
{
	uint64_t end = hyp->clock_monotonic(instance) + microseconds * 1000;

	while (hyp->clock_monotonic(instance) < end)
		;
	return 0;
}

static long make_call(struct rumpus_image_thread *thread, long number, const long args[6])
{
	calls++;
	switch (number) {
	case FAKE_SUM:
		return args[0] + 2 * args[1] + 3 * args[2] + 4 * args[3] + 5 * args[4] + 6 * args[5];
	case FAKE_THREAD:
		return thread - threads;
	case FAKE_PROCESS:
		return thread->process->number;
	case FAKE_COUNT_THREADS:
		return __atomic_load_n(&thread_count, __ATOMIC_SEQ_CST);
	case FAKE_COUNT_PROCESSES:
		return __atomic_load_n(&process_count, __ATOMIC_SEQ_CST);
	case FAKE_SLEEP:
		return sleep_until_told(thread, true);
	case FAKE_BLOCK:
		return sleep_until_told(thread, false);
	case FAKE_CALL:
		return ((long (*)(long))args[0])(args[1]);
	case FAKE_READ_FAULTY:
		return read_faulty((const char *)args[0]);
	case FAKE_DIE:
		hyp->exit(instance, -1, (const char *)args[0]);
		return -HYP_ESHUTDOWN;
	case FAKE_DATA:
		return data_is_right();
	case FAKE_ATTACHED_EVER:
		return __atomic_load_n(&attached_ever, __ATOMIC_SEQ_CST);
	case FAKE_TIMER:
		return wait_for_timer();
	case FAKE_REMOTE:
		return remote(thread->process, args[0]);
	case FAKE_INTERRUPTS:
		return __atomic_load_n(&interrupts, __ATOMIC_SEQ_CST);
	case FAKE_SLEEPERS:
		return __atomic_load_n(&sleepers, __ATOMIC_SEQ_CST);
	case FAKE_SPIN:
		return spin(args[0]);
	default:
		return -HYP_ENOSYS;
	}
}

static long syscall(struct rumpus_image_thread *thread, long number, const long args[6])
{
	if (over())
		return -HYP_ESHUTDOWN;
	require(load(&thread->used));
	return make_call(thread, number, args);
}

static void thread_interrupt(struct rumpus_image_thread *thread)
{
	require(!over() && load(&thread->used));
	__atomic_add_fetch(&interrupts, 1, __ATOMIC_SEQ_CST);
	__atomic_store_n(&thread->interrupted, 1, __ATOMIC_SEQ_CST);
	hyp->wake(instance, &thread->interrupted, 1);
}

static int disk_add(struct rumpus_image_thread *thread, struct hyp_blk *disk, char name[32])
{
	require(load(&thread->used));
	if (over())
		return -HYP_ESHUTDOWN;
	if (disk->info.logical_block == 4096)
		return -HYP_EINVAL;
	__builtin_memcpy(name, "fake0", 6);
	return 0;
}

static int disk_remove(struct rumpus_image_thread *thread, struct hyp_blk *disk)
{
	return -HYP_ENOENT;
}

/* Nothing here is ever missing. */
static void components(int (*load)(void *cookie, const char *name), void *cookie)
{
}

static int net_add(struct rumpus_image_thread *thread, struct hyp_net *net, char name[32])
{
	return -HYP_EOPNOTSUPP;
}

static int net_remove(struct rumpus_image_thread *thread, struct hyp_net *net)
{
	return -HYP_EOPNOTSUPP;
}

extern const struct rumpus_image_ops rumpus_image;

__attribute__((visibility("default"))) const struct rumpus_image_ops rumpus_image = {
	.version = RUMPUS_IMAGE_VERSION,
	.size = sizeof(struct rumpus_image_ops),
	.hyp_version = HYP_VERSION,
	.hyp_size = sizeof(struct hyp_ops),
	.kernel = "Fake 1.0",
	.upcalls = { .timer = timer, .fault = fault },
	.boot = boot,
	.halt = halt,
	.process_create = process_create,
	.process_destroy = process_destroy,
	.thread_attach = thread_attach,
	.thread_detach = thread_detach,
	.syscall = syscall,
	.thread_interrupt = thread_interrupt,
	.disk_add = disk_add,
	.disk_remove = disk_remove,
	.components = components,
	.net_add = net_add,
	.net_remove = net_remove,
};
