// SPDX-License-Identifier: GPL-2.0-only
/*
 * Components that the kernel finds missing
 *
 * The tree executes a program of user mode for that, modprobe. Here it is an empty file whose format only this handler
 * knows: executing it asks librumpus for the component, on a host thread made for the purpose, because loading reads
 * files and makes system calls. The task sleeps meanwhile; its success or failure is that of the program.
 */
#include <linux/binfmts.h>
#include <linux/completion.h>
#include <linux/fs.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kmod.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/wait.h>
#include "rump.h"

/* The program; the tree's configuration names none, so that nothing is asked for while the kernel boots. */
#define MODPROBE "/modprobe"

/* Loading one may need another, and so on: this deep, or so many at once. */
#define REQUESTS 16

/**
 * struct request - a component that is asked for
 * @name:   as upstream names it
 * @result: of librumpus
 * @busy:   taken, by the task that waits for it; guarded by free_requests.lock
 * @thread: of the host: it serves this, or has served the last one and is still to be joined; NULL: neither
 * @last:   the thread to be joined first
 * @link:   in answered
 */
struct request {
	char name[MODULE_NAME_LEN];
	int result;
	bool busy;
	struct hyp_thread *thread, *last;
	struct completion done;
	struct llist_node link;
};

static struct request requests[REQUESTS];
static DECLARE_WAIT_QUEUE_HEAD(free_requests);
static LLIST_HEAD(answered);
static int component_irq;
static bool ready; /* there is a program to execute */

static int (*load)(void *cookie, const char *name);
static void *load_cookie;

/* ---- host side ---- */

void rump_components(int (*fn)(void *cookie, const char *name), void *cookie)
{
	load = fn;
	load_cookie = cookie;
}

static void serve(void *arg)
{
	struct request *request = arg;

	if (request->last)
		rump_hyp->thread_join(rump_instance, request->last);
	request->result = load(load_cookie, request->name);
	/* From here on the record may be used again, but not the thread's handle. */
	llist_add(&request->link, &answered);
	rump_raise(&rump_cpus[0], component_irq);
}

/** rump_components_halt() - no virtual CPU runs any more: wait for the threads that were made here */
void rump_components_halt(void)
{
	unsigned int i;

	for (i = 0; i < REQUESTS; i++)
		if (requests[i].thread)
			rump_hyp->thread_join(rump_instance, requests[i].thread);
}

/* ---- kernel side ---- */

static irqreturn_t component_interrupt(int irq, void *arg)
{
	struct llist_node *list = llist_del_all(&answered);
	struct request *request, *next;

	llist_for_each_entry_safe(request, next, list, link)
		complete(&request->done);
	return IRQ_HANDLED;
}

static struct request *request_take_locked(void)
{
	unsigned int i;

	for (i = 0; i < REQUESTS; i++)
		if (!requests[i].busy) {
			requests[i].busy = true;
			return &requests[i];
		}
	return NULL;
}

static struct request *request_take(void)
{
	struct request *request;

	spin_lock_irq(&free_requests.lock);
	wait_event_interruptible_locked_irq(free_requests, (request = request_take_locked()));
	spin_unlock_irq(&free_requests.lock);
	return request;
}

static void request_drop(struct request *request)
{
	spin_lock_irq(&free_requests.lock);
	request->busy = false;
	wake_up_locked(&free_requests);
	spin_unlock_irq(&free_requests.lock);
}

static int ask(const char *name)
{
	static const struct hyp_thread_attr attr = { .name = "component", .cpu = -1, .flags = HYP_THREAD_JOINABLE };
	struct request *request;
	int err;

	if (!load)
		return -ENOENT;
	request = request_take();
	if (!request)
		return -EINTR;
	strscpy(request->name, name, sizeof(request->name));
	request->last = request->thread;
	init_completion(&request->done);
	err = rump_hyp->thread_create(rump_instance, serve, request, &attr, &request->thread);
	if (!err) {
		/* Not to be given up: the record is the thread's until it has answered. */
		wait_for_completion(&request->done);
		err = request->result;
	}
	request_drop(request);
	return err;
}

/* Arguments are "/modprobe", "-q", "--", NAME. Return: its length, -EINVAL when they are not */
static int read_name(struct linux_binprm *bprm, char *name)
{
	char text[MODULE_NAME_LEN + 64], *at = text;
	int i, got = access_remote_vm(bprm->mm, bprm->p, text, sizeof(text) - 1, 0);

	if (got <= 0 || bprm->argc != 4)
		return -EINVAL;
	text[got] = '\0';
	for (i = 0; i < 3; i++) {
		at += strlen(at) + 1;
		if (at >= text + got)
			return -EINVAL;
	}
	return strscpy(name, at, MODULE_NAME_LEN);
}

static int load_modprobe(struct linux_binprm *bprm)
{
	char name[MODULE_NAME_LEN];
	int err;

	if (strcmp(bprm->filename, MODPROBE))
		return -ENOEXEC;
	err = read_name(bprm, name);
	if (err < 0)
		return err;
	err = rump_deferred_init(name);
	if (err == -ENOENT)
		err = ask(name);
	if (err)
		return err == -ENOEXEC ? -ENOENT : err; /* or the tree would ask for another format, which is this again */
	err = begin_new_exec(bprm);
	if (err)
		return err;
	setup_new_exec(bprm);
	finalize_exec(bprm);
	return 0; /* to first_instruction(), which ends the process with success */
}

static struct linux_binfmt modprobe_format = { .load_binary = load_modprobe };

static int __init component_init(void)
{
	struct file *file;
	int irq = rump_irq_alloc(), err;

	if (irq < 0)
		return irq;
	err = request_irq(irq, component_interrupt, IRQF_PERCPU, "component", &answered);
	if (err)
		return err;
	component_irq = irq;
	insert_binfmt(&modprobe_format);
	file = filp_open(MODPROBE, O_CREAT | O_RDONLY, 0700);
	if (IS_ERR(file))
		return PTR_ERR(file);
	ready = true;
	return filp_close(file, NULL);
}
late_initcall(component_init);

/** rump_components_start() - system calls are served: from now on components may be asked for */
void rump_components_start(void)
{
	if (ready)
		strscpy(modprobe_path, MODPROBE, KMOD_PATH_LEN);
}
