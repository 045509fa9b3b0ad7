// SPDX-License-Identifier: BSD-2-Clause
/* Life of kernels, processes and threads: made, recycled, ended, without growth; and unusable arguments. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rumpus/image.h>

#include "fixture.h"

static bool grown(const char *what, struct usage before, struct usage after)
{
	tap_note("%s: maps %+ld, descriptors %+ld, threads %+ld, heap %+ld bytes", what, after.maps - before.maps,
		 after.descriptors - before.descriptors, after.threads - before.threads, after.heap - before.heap);
	return after.maps > before.maps + 2 || after.descriptors > before.descriptors ||
	       after.threads > before.threads || after.heap > before.heap + 4096;
}

static void boots(void)
{
	struct usage before = { 0 };
	bool ok = true;

	for (int i = 0; i < 210; i++) {
		struct rumpus *kernel;

		if (i == 10)
			before = fixture_usage();
		kernel = fixture_boot("boots");
		ok &= fixture_call(FAKE_DATA, 0) == 1; /* the first call */
		ok &= rumpus_halt(kernel) == 0;
	}
	tap_ok(ok, "210 kernels, each with data as in the file");
	tap_ok(!grown("200 boots", before, fixture_usage()), "200 boots without growth");
}

static void *call_once(void *arg)
{
	return (void *)fixture_call(FAKE_SUM, (long)arg);
}

static void *call_and_exit(void *arg)
{
	fixture_call(FAKE_SUM, 1);
	pthread_exit(arg);
}

static void *call_and_detach(void *arg)
{
	long sum = fixture_call(FAKE_SUM, 1);

	rumpus_thread_detach();
	sum += fixture_call(FAKE_SUM, 1);
	rumpus_thread_detach();
	return (void *)sum;
}

static pthread_key_t late_key;

static void call_late(void *arg)
{
	*(long *)arg += fixture_call(FAKE_SUM, 1);
}

static void *call_in_destructor(void *arg)
{
	pthread_setspecific(late_key, arg);
	return (void *)fixture_call(FAKE_SUM, 1);
}

static void threads(void)
{
	struct rumpus *kernel = fixture_boot("threads");
	struct usage before = { 0 };
	pthread_t many[500];
	long late = 0;
	void *result;
	bool ok = true;

	for (long i = 0; i < 1100; i++) {
		if (i == 100)
			before = fixture_usage();
		pthread_join(fixture_thread(i % 2 ? call_once : call_and_exit, (void *)i), &result);
		ok &= (long)result == i;
	}
	tap_ok(ok, "1100 threads, one after the other");
	tap_ok(!grown("1000 threads", before, fixture_usage()), "1000 threads without growth");
	tap_is(fixture_call(FAKE_COUNT_THREADS, 0), 1, "threads that end are detached");
	tap_is(fixture_call(FAKE_ATTACHED_EVER, 0), 1101, "each was attached once");

	for (long i = 0; i < 500; i++)
		many[i] = fixture_thread(call_once, (void *)i);
	for (long i = 0; i < 500; i++) {
		pthread_join(many[i], &result);
		ok &= (long)result == i;
	}
	tap_ok(ok, "500 threads at one time");
	tap_is(fixture_call(FAKE_COUNT_THREADS, 0), 1, "they are detached");

	pthread_join(fixture_thread(call_and_detach, NULL), &result);
	tap_is((long)result, 2, "a thread attaches again after it detached");
	pthread_key_create(&late_key, call_late);
	pthread_join(fixture_thread(call_in_destructor, &late), &result);
	pthread_key_delete(late_key);
	tap_is(late, 1, "a call while the thread ends");
	tap_is(fixture_call(FAKE_COUNT_THREADS, 0), 1, "even then it is detached");
	rumpus_halt(kernel);
}

struct meeting {
	pthread_barrier_t barrier;
	struct rumpus_process *process;
	long results[4];
};

static void *live_through_halt(void *arg)
{
	struct meeting *meeting = arg;

	meeting->results[0] = fixture_call(FAKE_SUM, 1);
	pthread_barrier_wait(&meeting->barrier); /* the first kernel halts */
	pthread_barrier_wait(&meeting->barrier);
	meeting->results[1] = fixture_call(FAKE_SUM, 1);
	pthread_barrier_wait(&meeting->barrier); /* the second boots */
	pthread_barrier_wait(&meeting->barrier);
	meeting->results[2] = fixture_call(FAKE_SUM, 1);
	return NULL;
}

static void threads_outlive_kernels(void)
{
	struct rumpus *kernel = fixture_boot("first");
	struct meeting meeting;
	pthread_t thread;

	pthread_barrier_init(&meeting.barrier, NULL, 2);
	thread = fixture_thread(live_through_halt, &meeting);
	pthread_barrier_wait(&meeting.barrier);
	rumpus_halt(kernel);
	pthread_barrier_wait(&meeting.barrier);
	pthread_barrier_wait(&meeting.barrier);
	kernel = fixture_boot("second");
	pthread_barrier_wait(&meeting.barrier);
	pthread_join(thread, NULL);
	tap_is(meeting.results[0], 1, "a thread in a kernel");
	tap_is(meeting.results[1], -ESHUTDOWN, "the kernel has been halted");
	tap_is(meeting.results[2], 1, "the next kernel takes it over");
	tap_is(fixture_call(FAKE_COUNT_THREADS, 0), 1, "which it leaves when it ends");
	rumpus_halt(kernel);
	pthread_barrier_destroy(&meeting.barrier);
}

static void *which_kernel(void *arg)
{
	return (void *)fixture_call(FAKE_ATTACHED_EVER, 0);
}

static void several_kernels(void)
{
	enum { KERNELS = 5 };
	struct rumpus *kernels[KERNELS];
	void *result;
	bool ok = true;

	for (int i = 0; i < KERNELS; i++)
		kernels[i] = fixture_boot("several");
	for (int i = 0; i < KERNELS; i++) {
		ok &= rumpus_process_enter(rumpus_process_first(kernels[i])) == 0;
		ok &= fixture_call(FAKE_DATA, 0) == 1;
	}
	for (int i = KERNELS - 1; i >= 0; i--) {
		ok &= rumpus_process_enter(rumpus_process_first(kernels[i])) == 0;
		ok &= fixture_call(FAKE_DATA, 0) == 2;
		ok &= fixture_call(FAKE_ATTACHED_EVER, 0) == 1;
	}
	tap_ok(ok, "%d kernels with data of their own, one thread in each", KERNELS);
	pthread_join(fixture_thread(which_kernel, NULL), &result);
	tap_is((long)result, -ESHUTDOWN, "a thread that chose none of several");
	for (int i = 1; i < KERNELS; i++)
		rumpus_halt(kernels[i]);
	tap_is(fixture_call(FAKE_ATTACHED_EVER, 0), 1, "halting others changes nothing");
	pthread_join(fixture_thread(which_kernel, NULL), &result);
	tap_is((long)result, 2, "a thread finds the only one");
	rumpus_halt(kernels[0]);
}

static struct rumpus_thread *sleeping;

static void interrupt_sleeper(int number)
{
	rumpus_thread_interrupt(__atomic_load_n(&sleeping, __ATOMIC_ACQUIRE));
}

static void *stay_in(void *arg)
{
	struct meeting *meeting = arg;

	meeting->results[0] = rumpus_process_enter(meeting->process);
	meeting->results[1] = fixture_call(FAKE_PROCESS, 0);
	__atomic_store_n(&sleeping, rumpus_thread_self(), __ATOMIC_RELEASE);
	pthread_barrier_wait(&meeting->barrier);
	meeting->results[2] = fixture_call(FAKE_SLEEP, 0);
	pthread_barrier_wait(&meeting->barrier); /* the process is destroyed */
	pthread_barrier_wait(&meeting->barrier);
	meeting->results[3] = fixture_call(FAKE_PROCESS, 0);
	return NULL;
}

static size_t read_nothing(void *cookie, void *to, uintptr_t from, size_t len)
{
	*(unsigned char *)to = (unsigned char)(from + *(int *)cookie);
	return 0;
}

static size_t write_nothing(void *cookie, uintptr_t to, const void *from, size_t len)
{
	return len;
}

static void processes(void)
{
	const struct rumpus_user_ops remote = { .read = read_nothing, .write = write_nothing };
	const struct rumpus_user_ops incomplete = { .read = read_nothing };
	struct rumpus *kernel = fixture_boot("processes");
	struct rumpus_process *first = rumpus_process_first(kernel), *second, *third;
	struct meeting meeting;
	long in_second, in_first = fixture_call(FAKE_THREAD, 0);
	pthread_t thread;
	int seven = 7;

	tap_is(rumpus_process_create(kernel, &second), 0, "a process is made");
	tap_is(fixture_call(FAKE_PROCESS, 0), 1, "the thread is in the first one");
	rumpus_process_enter(second);
	in_second = fixture_call(FAKE_THREAD, 0);
	tap_is(fixture_call(FAKE_PROCESS, 0), 2, "it enters the other");
	rumpus_process_enter(first);
	tap_is(fixture_call(FAKE_THREAD, 0), in_first, "it is the same thread when it comes back");
	rumpus_process_enter(second);
	tap_is(fixture_call(FAKE_THREAD, 0), in_second, "and when it goes again");
	tap_is(fixture_call(FAKE_COUNT_THREADS, 0), 2, "two threads are attached");

	tap_is(rumpus_process_create_remote(kernel, &remote, &seven, &third), 0, "a process whose memory is elsewhere");
	rumpus_process_enter(third);
	tap_is(fixture_call(FAKE_REMOTE, 100), 107, "its memory is reached");
	rumpus_process_enter(second);
	tap_is(rumpus_process_destroy(third), 0, "it is destroyed");
	tap_is(fixture_call(FAKE_COUNT_PROCESSES, 0), 2, "and is gone");
	tap_is(rumpus_process_create_remote(kernel, &incomplete, NULL, &third), -EINVAL, "half of the operations");

	meeting.process = second;
	pthread_barrier_init(&meeting.barrier, NULL, 2);
	thread = fixture_thread(stay_in, &meeting);
	pthread_barrier_wait(&meeting.barrier);
	fixture_await(FAKE_SLEEPERS, 1);
	tap_is(rumpus_process_destroy(second), -EBUSY, "a process with a thread inside is not destroyed");
	tap_is(fixture_call(FAKE_PROCESS, 0), 2, "its threads call on");
	rumpus_process_enter(first);
	pthread_kill(thread, SIGUSR2);
	pthread_barrier_wait(&meeting.barrier);
	tap_is(rumpus_process_destroy(second), 0, "it is when the thread is outside");
	pthread_barrier_wait(&meeting.barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&meeting.barrier);
	tap_ok(meeting.results[0] == 0 && meeting.results[1] == 2 && meeting.results[2] == -EINTR,
	       "the other thread was in the process");
	tap_is(meeting.results[3], -ESRCH, "its calls find the process gone");
	tap_is(fixture_call(FAKE_COUNT_THREADS, 0), 1, "its threads are detached");
	tap_is(fixture_call(FAKE_COUNT_PROCESSES, 0), 1, "one process is left");
	tap_is(rumpus_process_destroy(first), -EINVAL, "the first process is never destroyed");
	tap_is(rumpus_process_create(kernel, &second), 0, "a process that nobody destroys");
	rumpus_process_enter(second);
	rumpus_halt(kernel);
	tap_is(fixture_call(FAKE_PROCESS, 0), -ESHUTDOWN, "its kernel is halted");
}

static void *churn(void *arg)
{
	struct rumpus *kernel = arg;
	bool ok = true;

	for (int i = 0; i < 300; i++) {
		struct rumpus_process *process;

		ok &= rumpus_process_create(kernel, &process) == 0;
		ok &= rumpus_process_enter(process) == 0;
		ok &= fixture_call(FAKE_PROCESS, 0) > 1;
		if (i % 3 == 0)
			rumpus_thread_detach();
		ok &= rumpus_process_destroy(process) == 0;
	}
	return (void *)ok;
}

static void processes_churn(void)
{
	struct rumpus *kernel = fixture_boot("churn");
	pthread_t many[4];
	void *result;
	bool ok = true;

	for (int i = 0; i < 4; i++)
		many[i] = fixture_thread(churn, kernel);
	for (int i = 0; i < 4; i++) {
		pthread_join(many[i], &result);
		ok &= (bool)result;
	}
	tap_ok(ok, "1200 processes made and destroyed by four threads");
	tap_is(fixture_call(FAKE_COUNT_THREADS, 0), 1, "no thread stays attached");
	tap_is(fixture_call(FAKE_COUNT_PROCESSES, 0), 1, "no process stays");
	rumpus_halt(kernel);
}

static int ended_status = 99;

static void note_end(void *arg, int status, const char *reason)
{
	ended_status = status;
}

static void ends(void)
{
	struct rumpus_config config = fixture_config("ends");
	struct rumpus *kernel;

	config.ended = note_end;
	if (rumpus_boot(&config, &kernel) != 0)
		tap_abort("boot");
	tap_ok(!rumpus_end_reason(kernel), "a kernel that runs has no reason to have ended");
	tap_ok(strcmp(rumpus_version(kernel), "Fake 1.0") == 0, "it tells its version");
	tap_is(fixture_call(FAKE_DIE, (long)"panic: a test\nand more"), -ESHUTDOWN, "it ends by itself");
	tap_is(ended_status, -1, "the owner hears of it");
	tap_ok(rumpus_end_reason(kernel) && strcmp(rumpus_end_reason(kernel), "panic: a test") == 0,
	       "the reason is one line");
	fixture_call(FAKE_DIE, (long)"another");
	tap_ok(strcmp(rumpus_end_reason(kernel), "panic: a test") == 0, "the first end counts");
	tap_is(rumpus_halt(kernel), 0, "halting it still frees it");

	ended_status = 99;
	if (rumpus_boot(&config, &kernel) != 0)
		tap_abort("boot");
	rumpus_halt(kernel);
	tap_is(ended_status, 99, "a kernel that is halted has not ended by itself");
}

static void expect_boot(const struct rumpus_config *config, int error, const char *text, const char *name)
{
	struct rumpus *kernel;
	int result = rumpus_boot(config, &kernel);

	if (result == 0)
		rumpus_halt(kernel);
	for (char *end = fixture_log; (end = strchr(end, '\n'));)
		*end = ' ';
	if (!tap_ok(result == error && strstr(fixture_log, text), "%s: error %d: %s", name, -result, fixture_log))
		tap_note("expected error %d, \"%s\"", -error, text);
}

static void make_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	if (!file || fputs(text, file) < 0 || fclose(file) != 0)
		tap_abort("%s: cannot be written", path);
}

static void images(void)
{
	struct rumpus_config config = fixture_config("images");
	struct usage before = fixture_usage();

	config.image = "/nonexistent/linux.img";
	expect_boot(&config, -ENOENT, "/nonexistent/linux.img", "no such image");
	config = fixture_config("images");
	config.image = "/";
	expect_boot(&config, -ENOEXEC, "not a regular file", "a directory");
	make_file("empty", "");
	config = fixture_config("images");
	config.image = "./empty";
	expect_boot(&config, -ENOEXEC, "empty", "an empty image");
	make_file("short", "\177ELF");
	config = fixture_config("images");
	config.image = "./short";
	expect_boot(&config, -ENOEXEC, "truncated", "a short image");
	make_file("text",
		  "#!/bin/sh\n# more than an ELF header is long, so that the magic number is looked at\nexit 0\n");
	config = fixture_config("images");
	config.image = "./text";
	expect_boot(&config, -ENOEXEC, "not an ELF file", "a script");
	config = fixture_config("images");
	config.image = "/proc/self/exe";
	expect_boot(&config, -ENOEXEC, "/proc/self/exe", "a program");
	config = fixture_config("panic");
	expect_boot(&config, -ESHUTDOWN, "panic: asked for", "a kernel that panics at boot");
	config = fixture_config("nomem");
	expect_boot(&config, -ENOMEM, "does not boot", "a kernel without memory");

	config = fixture_config("environment");
	config.image = NULL;
	setenv("RUMPUS_IMAGE", FAKE_IMAGE, 1);
	expect_boot(&config, 0, "environment", "the environment's image");
	setenv("RUMPUS_IMAGE", "/nowhere", 1);
	config = fixture_config("environment");
	config.image = NULL;
	expect_boot(&config, -ENOENT, "/nowhere", "no image where the environment says");
	unsetenv("RUMPUS_IMAGE");
	tap_ok(!grown("failed boots", before, fixture_usage()), "nothing stays after a boot that failed");
	unlink("empty");
	unlink("short");
	unlink("text");
}

static void log_of_the_environment(void)
{
	struct rumpus_config config = fixture_config("logged");
	struct usage before = fixture_usage();
	struct rumpus *kernel;
	char text[256] = "";
	FILE *file;

	setenv("RUMPUS_LOG", "log", 1);
	config.log = NULL;
	tap_is(rumpus_boot(&config, &kernel), 0, "boot with a log that the environment names");
	rumpus_halt(kernel);
	file = fopen("log", "re");
	tap_ok(file && fread(text, 1, sizeof(text) - 1, file) > 0 && strstr(text, "logged"), "it has what the kernel said");
	if (file)
		fclose(file);
	config = fixture_config("logged");
	setenv("RUMPUS_LOG", "/nowhere/log", 1);
	expect_boot(&config, -ENOENT, "RUMPUS_LOG", "a log that cannot be opened");
	unsetenv("RUMPUS_LOG");
	tap_ok(!grown("logs", before, fixture_usage()), "nothing stays open");
	unlink("log");
}

static void arguments(void)
{
	struct rumpus_config config = fixture_config("arguments");
	struct rumpus *kernel, *same;
	struct rumpus_process *process;
	char name[32], error[128] = "";

	tap_is(rumpus_boot(&config, NULL), -EINVAL, "boot without a place for the handle");
	config.size = 8;
	tap_is(rumpus_boot(&config, &kernel), -EINVAL, "a configuration of no size that ever was");
	config.size = sizeof(config) + 8;
	tap_is(rumpus_boot(&config, &kernel), -EINVAL, "a configuration of a later version");
	config.size = 0;
	tap_is(rumpus_boot(&config, &kernel), 0, "a configuration without size");
	same = kernel;
	tap_is(rumpus_boot(&config, NULL), -EINVAL, "arguments are looked at while a kernel runs");
	tap_ok(kernel == same, "an out-parameter is untouched on failure");
	tap_is(rumpus_halt(NULL), -EINVAL, "halt of nothing");
	tap_is(rumpus_process_create(NULL, &process), -EINVAL, "a process of nothing");
	tap_is(rumpus_process_create(kernel, NULL), -EINVAL, "a process without a place for it");
	tap_is(rumpus_process_enter(NULL), -EINVAL, "entering nothing");
	tap_is(rumpus_process_destroy(NULL), -EINVAL, "destroying nothing");
	tap_is(rumpus_disk_attach(kernel, NULL, name), -EINVAL, "attaching nothing");
	tap_is(rumpus_disk_add(kernel, NULL, 0, name, error, sizeof(error)), -EINVAL, "a disk without specification");
	tap_ok(!rumpus_end_reason(NULL) && !rumpus_version(NULL) && !rumpus_process_first(NULL),
	       "questions about nothing");
	rumpus_halt(kernel);
}

static void disks(void)
{
	struct usage before = { 0 };
	char name[32], error[128];

	for (int i = 0; i < 12; i++) {
		struct rumpus *kernel;

		if (i == 2)
			before = fixture_usage();
		kernel = fixture_boot("disks");
		for (int j = 0; j < 3; j++) {
			int result = rumpus_disk_add(kernel, "mem,size=1M:", 0, name, error, sizeof(error));

			if (result != 0)
				tap_abort("disk: error %d: %s", -result, error);
		}
		if (i == 0) {
			tap_ok(strcmp(name, "/dev/fake0") == 0, "name of a disk: %s", name);
			tap_is(rumpus_disk_add(kernel, "file:/nonexistent", 0, name, error, sizeof(error)), -ENOENT,
			       "no such disk");
			tap_ok(strstr(error, "/nonexistent"), "the message names it: %s", error);
			tap_is(rumpus_disk_add(kernel, "nonsense", 0, name, NULL, 0), -EINVAL,
			       "a specification that is none");
			make_file("disk", "");
			tap_is(truncate("disk", 1 << 20), 0, "a file for a disk");
			tap_is(rumpus_disk_add(kernel, "file:disk", 0, name, error, sizeof(error)), 0, "a file");
		}
		rumpus_halt(kernel);
	}
	tap_ok(!grown("disks", before, fixture_usage()), "disks are closed when their kernel is halted");
	unlink("disk");
}

int main(void)
{
	struct sigaction action = { .sa_handler = interrupt_sleeper };

	sigaction(SIGUSR2, &action, NULL);
	tap_note("output has its buffer now: it is no growth");
	boots();
	threads();
	threads_outlive_kernels();
	several_kernels();
	processes();
	processes_churn();
	ends();
	images();
	log_of_the_environment();
	arguments();
	disks();
	return tap_done();
}
