// SPDX-License-Identifier: BSD-2-Clause
/*
 * System-call proxy: preforks.
 *
 * A client that is about to fork gets a new process inside and a secret. Its child connects and shows the secret; only
 * then is it known which connection the process belongs to, so that it is forked a second time.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "sp.h"

/**
 * struct prefork - a process that waits for its connection
 * @parent: holds on to it, because the kernel knows it as the process's client; only compared but in sp_client_drop()
 * @until:  when it is given up, in seconds since boot; 0: the parent is connected, and may cancel it
 */
struct prefork {
	struct prefork *next;
	struct sp_auth auth;
	struct lwp *l;
	struct sp_client *parent;
	time_t until;
};

static struct {
	pthread_mutex_t lock;
	struct prefork *first;
} preforks = { .lock = PTHREAD_MUTEX_INITIALIZER };

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

static bool parent_reserve(struct sp_client *c)
{
	bool free;

	pthread_mutex_lock(&c->lock);
	free = c->preforks < SP_PREFORKS_MAX;
	if (free)
		c->preforks++;
	pthread_mutex_unlock(&c->lock);
	return free;
}

static enum sp_error prefork_new(struct sp_client *c, struct sp_auth *auth)
{
	struct prefork *p;
	pid_t pid;

	if (!parent_reserve(c))
		return SP_ERROR_NOMEM;
	p = calloc(1, sizeof(*p));
	if (!p || getrandom(&p->auth, sizeof(p->auth), 0) != sizeof(p->auth)) {
		free(p);
		sp_client_drop(c);
		return SP_ERROR_NOMEM;
	}
	sp_lwp_drop();
	if (sp_lwp_fork(c, c->main, true)) {
		free(p);
		sp_client_drop(c);
		return SP_ERROR_RFORK;
	}
	p->l = sp_lwp_current(&pid);
	sp_lwp_leave();
	p->parent = c;
	*auth = p->auth;
	pthread_mutex_lock(&preforks.lock);
	p->next = preforks.first;
	preforks.first = p;
	pthread_mutex_unlock(&preforks.lock);
	return SP_ERROR_NONE;
}

void sp_prefork(struct sp_client *c, uint64_t request)
{
	enum sp_error error;
	struct sp_auth auth;

	pthread_mutex_lock(&c->lock);
	error = c->exec ? SP_ERROR_EXEC : SP_ERROR_NONE;
	pthread_mutex_unlock(&c->lock);
	if (!error)
		error = prefork_new(c, &auth);
	if (error)
		sp_refuse(c, request, error);
	else
		sp_respond(c, request, SP_PREFORK, &auth, sizeof(auth));
}

/* Takes the same time whichever byte differs. */
static bool auth_equal(const struct sp_auth *a, const struct sp_auth *b)
{
	uint32_t difference = 0;
	int i;

	for (i = 0; i < 4; i++)
		difference |= a->word[i] ^ b->word[i];
	return !difference;
}

static struct prefork *prefork_take(const struct sp_auth *auth)
{
	struct prefork **link, *p;

	pthread_mutex_lock(&preforks.lock);
	for (link = &preforks.first; (p = *link); link = &p->next) {
		if (auth_equal(&p->auth, auth)) {
			*link = p->next;
			break;
		}
	}
	pthread_mutex_unlock(&preforks.lock);
	return p;
}

static void prefork_end(struct prefork *p)
{
	sp_lwp_end(p->l);
	sp_client_drop(p->parent);
	free(p);
}

void sp_prefork_adopt(struct sp_client *c, uint64_t request, const struct sp_fork *fork)
{
	struct prefork *p = prefork_take(&fork->auth);
	int error;

	if (!p) {
		sp_refuse(c, request, SP_ERROR_PREFORK);
		sp_blame(c, "it is no child that a client has announced");
		return;
	}
	if (fork->cancel) {
		prefork_end(p);
		atomic_store(&c->doomed, true);
		return;
	}
	error = sp_lwp_fork(c, p->l, false);
	if (error) {
		sp_refuse(c, request, SP_ERROR_RFORK);
		sp_blame(c, "the kernel has no process for it (error %d)", error);
	} else {
		c->main = sp_lwp_current(&c->pid);
		sp_lwp_leave();
		c->running = true;
	}
	prefork_end(p);
}

void sp_prefork_orphan(struct sp_client *c)
{
	struct prefork *p;

	pthread_mutex_lock(&preforks.lock);
	for (p = preforks.first; p; p = p->next) {
		if (p->parent == c)
			p->until = now() + SP_ORPHAN_SECONDS;
	}
	pthread_mutex_unlock(&preforks.lock);
}

static struct prefork *orphan_take(bool *more)
{
	struct prefork **link, *p, *found = NULL;
	time_t time = now();

	*more = false;
	pthread_mutex_lock(&preforks.lock);
	for (link = &preforks.first; (p = *link); link = &p->next) {
		if (!p->until)
			continue;
		*more = true;
		if (!found && p->until <= time) {
			found = p;
			*link = p->next;
			break;
		}
	}
	pthread_mutex_unlock(&preforks.lock);
	return found;
}

bool sp_prefork_sweep(void)
{
	struct prefork *p;
	bool more;

	while ((p = orphan_take(&more)))
		prefork_end(p);
	return more;
}
