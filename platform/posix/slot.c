// SPDX-License-Identifier: BSD-2-Clause
/*
 * What each host thread has of each instance: a word and exit hooks.
 *
 * The records of a thread are its own; nobody else touches them. They name their instance by serial number, so that a
 * record outlives its instance harmlessly, and is freed when the thread next makes one, or ends.
 */
#include <stdlib.h>

#include "posix.h"

struct exit_hook {
	struct exit_hook *next;
	void (*fn)(void *arg);
	void *arg;
};

struct record {
	struct record *next;
	uint64_t serial;
	void *slot;
	struct exit_hook *hooks;
};

/* @serial and @slot: the record used last */
static __thread struct {
	uint64_t serial;
	void **slot;
	struct record *records;
} self __attribute__((tls_model("initial-exec")));

static pthread_key_t key; /* its destructor tells that a host thread ends */
static int key_error;

static void record_free(struct record *record)
{
	struct exit_hook *hook;
	struct record **link;

	for (link = &self.records; *link != record; link = &(*link)->next)
		;
	*link = record->next;
	while ((hook = record->hooks)) {
		record->hooks = hook->next;
		free(hook);
	}
	free(record);
}

/* A hook may register another one, which then is the next to run. */
static void record_run(struct record *record)
{
	struct posix_node *node = posix_registry_pin(record->serial);
	struct exit_hook *hook;

	if (!node)
		return;
	while ((hook = record->hooks)) {
		record->hooks = hook->next;
		hook->fn(hook->arg);
		free(hook);
	}
	posix_node_unpin(node);
}

/* Runs the exit hooks of the calling thread and frees its records. */
void posix_thread_ends(void)
{
	struct record *record;

	while ((record = self.records)) {
		record_run(record);
		record_free(record);
	}
	self.serial = 0;
}

static void key_destructor(void *unused)
{
	int saved ERRNO_KEPT = errno;

	posix_thread_ends();
}

static void key_create(void)
{
	key_error = pthread_key_create(&key, key_destructor);
}

int posix_slot_setup(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, key_create);
	return key_error ? -HYP_ENOMEM : 0;
}

static void records_prune(void)
{
	struct record *record, *next;
	struct posix_node *node;

	for (record = self.records; record; record = next) {
		next = record->next;
		node = posix_registry_pin(record->serial);
		if (node)
			posix_node_unpin(node);
		else
			record_free(record);
	}
}

static struct record *record_make(uint64_t serial)
{
	struct record *record;

	records_prune();
	record = calloc(1, sizeof(*record));
	if (!record)
		return NULL;
	/* Any value but NULL brings the destructor. */
	if (pthread_setspecific(key, &key)) {
		free(record);
		return NULL;
	}
	record->serial = serial;
	record->next = self.records;
	self.records = record;
	return record;
}

static struct record *record_get(uint64_t serial)
{
	struct record *record;

	for (record = self.records; record; record = record->next) {
		if (record->serial == serial)
			return record;
	}
	return record_make(serial);
}

void **posix_thread_slot(struct hyp *h)
{
	int saved ERRNO_KEPT = errno;
	struct record *record;

	if (__builtin_expect(self.serial == h->serial, 1))
		return self.slot;
	record = record_get(h->serial);
	if (!record)
		return NULL;
	self.serial = h->serial;
	self.slot = &record->slot;
	return self.slot;
}

int posix_thread_on_exit(struct hyp *h, void (*fn)(void *arg), void *arg)
{
	int saved ERRNO_KEPT = errno;
	struct record *record = record_get(h->serial);
	struct exit_hook *hook = malloc(sizeof(*hook));

	if (!record || !hook) {
		free(hook);
		return -HYP_ENOMEM;
	}
	*hook = (struct exit_hook){ .next = record->hooks, .fn = fn, .arg = arg };
	record->hooks = hook;
	return 0;
}
