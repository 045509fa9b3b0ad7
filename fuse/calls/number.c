// SPDX-License-Identifier: BSD-2-Clause
/* Nodes by system calls: numbers that lead back to inodes, by the handles of drivers */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include <rumpus/syscalls.h>

#include "../vnode.h"
#include "number.h"

#define WORDS_MAX (NODE_HANDLE_MAX / sizeof(uint32_t))
#define NONE WORDS_MAX

/* Not in the host's headers. */
#define NTFS3_MAGIC 0x7366746eU

/* As the drivers' own: FILEID_*, include/linux/exportfs.h of the kernel's source. */
#define INO32_GEN 0x01
#define BTRFS_WITHOUT_PARENT 0x4d
#define UDF_WITHOUT_PARENT 0x51
#define INO64_GEN 0x81

/**
 * struct form - how the handles of a driver fit into numbers
 * @magic: of statfs(2)
 * @type, @words: of a handle; its size in words of 32 bits
 * @low, @high:   which words the number consists of
 * @generation:   which word the driver takes 0 of, or NONE. All others must be 0
 */
struct form {
	uint32_t magic;
	int type;
	unsigned int words, low, high, generation;
};

/* 64-bit words lie in these with the lower half first: on processors where that is so. */
static const struct form forms[] = {
	{ EXT4_SUPER_MAGIC, INO32_GEN, 2, 0, 1, NONE },
	{ F2FS_SUPER_MAGIC, INO32_GEN, 2, 0, 1, NONE },
	{ NTFS3_MAGIC, INO32_GEN, 2, 0, 1, NONE },
	{ SQUASHFS_MAGIC, INO32_GEN, 2, 0, 1, NONE },
	{ XFS_SUPER_MAGIC, INO32_GEN, 2, 0, 1, NONE },
	{ XFS_SUPER_MAGIC, INO64_GEN, 3, 0, 2, NONE },		 /* inode, its upper half, generation */
	{ BTRFS_SUPER_MAGIC, BTRFS_WITHOUT_PARENT, 5, 0, 2, 4 }, /* inode and subvolume, of 64 bits each */
	{ ISOFS_SUPER_MAGIC, INO32_GEN, 3, 0, 1, 2 },		 /* block, offset */
	{ UDF_SUPER_MAGIC, UDF_WITHOUT_PARENT, 3, 0, 1, 2 },	 /* block, partition */
	{ EROFS_SUPER_MAGIC_V1, INO64_GEN, 3, 1, 0, 2 },	 /* inode, upper half first */
};

static int mount_fd = -1;
static uint32_t magic;
static uint64_t root_number; /* as it would be, were it not the root's; or 0 */

/* Room for a handle as the calls want it. */
union call_handle {
	struct file_handle head;
	unsigned char bytes[sizeof(struct file_handle) + NODE_HANDLE_MAX];
};

int node_handle_get(int fd, struct node_handle *handle)
{
	union call_handle buffer;
	int mount, error;

	buffer.head.handle_bytes = NODE_HANDLE_MAX;
	error = (int)rumpus_sys_name_to_handle_at(fd, "", &buffer.head, &mount, AT_EMPTY_PATH);
	if (error)
		return error;
	*handle = (struct node_handle){ .size = buffer.head.handle_bytes, .type = buffer.head.handle_type };
	memcpy(handle->words, buffer.head.f_handle, handle->size);
	return 0;
}

long node_handle_open(const struct node_handle *handle)
{
	union call_handle buffer;

	buffer.head.handle_bytes = handle->size;
	buffer.head.handle_type = handle->type;
	memcpy(buffer.head.f_handle, handle->words, handle->size);
	return rumpus_sys_open_by_handle_at(mount_fd, &buffer.head, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

bool node_handles_last(void)
{
	return magic != MSDOS_SUPER_MAGIC;
}

bool node_has_subvolumes(void)
{
	return magic == BTRFS_SUPER_MAGIC;
}

/* @handle: or NULL, for the first one. Return: NULL when it has none */
static const struct form *form_of(const struct node_handle *handle)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const struct form *form = &forms[i];

		if (form->magic != magic)
			continue;
		if (!handle || (form->type == handle->type && form->words * sizeof(uint32_t) == handle->size))
			return form;
	}
	return NULL;
}

/* Return: 0 when the handle does not fit into a number */
static struct node_id pack(const struct node_handle *handle)
{
	const struct form *form = form_of(handle);
	struct node_id id = { 0 };

	if (!form)
		return id;
	for (unsigned int i = 0; i < form->words; i++) {
		if (handle->words[i] && i != form->low && i != form->high && i != form->generation)
			return id;
	}
	/* The table's. */
	if (!handle->words[form->low])
		return id;
	id.number = handle->words[form->low] | (uint64_t)handle->words[form->high] << 32;
	id.generation = form->generation == NONE ? 0 : handle->words[form->generation];
	return id;
}

/* The root's own number is free for the inode whose number the root has. */
static uint64_t exchange(uint64_t number)
{
	if (number == VNODE_ROOT)
		return root_number;
	return number && number == root_number ? VNODE_ROOT : number;
}

int node_number_start(int fd)
{
	struct node_handle handle;
	struct statfs fs;
	int error = (int)rumpus_sys_fstatfs(fd, &fs);

	if (error)
		return error;
	mount_fd = fd;
	magic = (uint32_t)fs.f_type;
	root_number = node_handle_get(fd, &handle) ? 0 : pack(&handle).number;
	return 0;
}

struct node_id node_number_of(int fd)
{
	struct node_handle handle;
	struct node_id id = { 0 };

	if (!form_of(NULL) || node_handle_get(fd, &handle))
		return id;
	id = pack(&handle);
	id.number = exchange(id.number);
	return id;
}

long node_number_open(uint64_t number)
{
	const struct form *form = form_of(NULL);
	struct node_handle handle;
	long fd;

	number = exchange(number);
	if (!form || !(uint32_t)number)
		return -ESTALE;
	handle = (struct node_handle){ .type = form->type, .size = form->words * sizeof(uint32_t) };
	handle.words[form->low] = (uint32_t)number;
	handle.words[form->high] = (uint32_t)(number >> 32);
	fd = node_handle_open(&handle);
	/* What an inode's place holds now need not make sense as one. */
	return fd < 0 && fd != -ENOMEM && fd != -EIO && fd != -ESHUTDOWN ? -ESTALE : fd;
}
