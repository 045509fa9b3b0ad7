// SPDX-License-Identifier: BSD-2-Clause
/* Nodes by system calls: as whom a thread acts */
#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sched.h>
#include <sys/prctl.h>

#include <rumpus/rumpus.h>
#include <rumpus/syscalls.h>

#include "node.h"

/* What the kernel has been told last, to spare the calls: requests of one caller come in rows. */
static __thread struct {
	uid_t uid;
	gid_t gid;
	mode_t mask;
} self;

/*
 * The rights that override permissions stay with the thread, whatever its user: the host has checked these already,
 * with groups that are not known here. The right to use up what a file system reserves, and to exceed quotas, goes.
 */
static long settle_rights(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3];
	long error = rumpus_sys_prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0);

	if (!error)
		error = rumpus_sys_capget(&header, rights);
	if (error)
		return error;
	rights[CAP_TO_INDEX(CAP_SYS_RESOURCE)].effective &= ~CAP_TO_MASK(CAP_SYS_RESOURCE);
	return rumpus_sys_capset(&header, rights);
}

int vnode_attach(void)
{
	/* The mask of new files belongs to all threads of a process, unless they part. */
	long error = rumpus_process_enter(node_process);

	if (!error)
		error = rumpus_sys_unshare(CLONE_FS);
	if (!error)
		error = settle_rights();
	if (error)
		return (int)error;
	rumpus_sys_umask(0);
	self.uid = 0;
	self.gid = 0;
	self.mask = 0;
	return 0;
}

int vnode_act_as(uid_t uid, gid_t gid, mode_t mask)
{
	/* Writing back what was mapped is nobody's act. */
	if (uid == (uid_t)-1 || gid == (gid_t)-1)
		uid = gid = 0;
	if (gid != self.gid) {
		rumpus_sys_setfsgid(gid);
		if (rumpus_sys_setfsgid((gid_t)-1) != (long)gid)
			return -EPERM;
		self.gid = gid;
	}
	if (uid != self.uid) {
		rumpus_sys_setfsuid(uid);
		if (rumpus_sys_setfsuid((uid_t)-1) != (long)uid)
			return -EPERM;
		self.uid = uid;
	}
	if (mask != self.mask) {
		rumpus_sys_umask(mask);
		self.mask = mask;
	}
	return 0;
}
