// SPDX-License-Identifier: BSD-2-Clause
/* rumpus find: tests */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>

#include "find.h"

int find_not(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int left = node->left->test(visit, file, node->left);

	return left < 0 ? left : !left;
}

int find_and(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int left = node->left->test(visit, file, node->left);

	return left <= 0 ? left : node->right->test(visit, file, node->right);
}

int find_or(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int left = node->left->test(visit, file, node->left);

	return left ? left : node->right->test(visit, file, node->right);
}

int find_comma(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int left = node->left->test(visit, file, node->left);

	return left < 0 ? left : node->right->test(visit, file, node->right);
}

int find_true(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	return 1;
}

int find_false(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	return 0;
}

/* Makes attributes known. Return: 1; 0 when they cannot be, which makes any test of them false; negative errno */
static int examine(struct visit *visit, struct visit_file *file)
{
	int error = file->examined ? 0 : visit_examine(visit, file);

	return error < 0 ? error : !error;
}

static bool matches(const struct find_node *node, const char *text)
{
	return !fnmatch(node->text, text, node->fold ? FNM_CASEFOLD : 0);
}

int find_name(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	char name[FS_NAME_SIZE];

	/* The operand itself is open, not named; slashes may follow its last component. */
	if (!file->depth) {
		const char *path = visit_image_path(visit);
		size_t end = strlen(path), start;

		while (end > 1 && path[end - 1] == '/')
			end--;
		for (start = end; start && path[start - 1] != '/'; start--)
			continue;
		if (end == 1)
			start = 0;
		snprintf(name, sizeof(name), "%.*s", (int)(end - start), path + start);
		return matches(node, name);
	}
	return matches(node, file->name);
}

int find_path(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	return matches(node, visit_image_path(visit));
}

int find_link_name(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	char target[4097];
	long length;

	if (file->type != DT_LNK)
		return 0;
	length = fs_readlinkat(&fs_image, file->dir, file->name, target, sizeof(target) - 1);
	if (length < 0)
		return visit_failed(visit, "cannot read the symbolic link", length);
	target[length] = 0;
	return matches(node, target);
}

int find_type(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	return !!strchr(node->text, found_letter(DTTOIF(file->type)));
}

static bool compare(const struct find_node *node, uint64_t value)
{
	uint64_t number = (uint64_t)node->number;

	return node->compare == '+' ? value > number : node->compare == '-' ? value < number : value == number;
}

int find_size(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	uint64_t unit = (uint64_t)node->unit;
	int known = examine(visit, file);

	return known <= 0 ? known : compare(node, file->st.stx_size / unit + !!(file->st.stx_size % unit));
}

static int is_empty_dir(struct visit *visit, const struct visit_file *file)
{
	struct fs_reading reading = { 0 };
	char names[4096];
	long fd = fs_open_dir(&fs_image, file->dir, *file->name ? file->name : "."), size = 1;
	bool empty = true;

	if (fd < 0)
		return visit_failed(visit, "cannot open", fd);
	while (empty && size > 0) {
		size = fs_read_dir(&fs_image, (int)fd, &reading, names, sizeof(names));
		for (long at = 0; at < size;) {
			const struct fs_dirent *dirent = (const void *)(names + at);

			at += dirent->size;
			empty &= fs_is_dots(dirent->name);
		}
	}
	fs_close(&fs_image, (int)fd);
	return size < 0 ? visit_failed(visit, "cannot list", size) : empty;
}

int find_empty(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int known;

	if (file->type == DT_DIR)
		return is_empty_dir(visit, file);
	if (file->type != DT_REG)
		return 0;
	known = examine(visit, file);
	return known <= 0 ? known : !file->st.stx_size;
}

/* Return: NULL where the file system does not keep it */
static const struct statx_timestamp *time_of(const struct statx *st, enum find_time time)
{
	switch (time) {
	case FIND_ACCESSED:
		return &st->stx_atime;
	case FIND_BORN:
		return st->stx_mask & STATX_BTIME ? &st->stx_btime : NULL;
	case FIND_CHANGED:
		return &st->stx_ctime;
	case FIND_MODIFIED:
		return &st->stx_mtime;
	}
	return NULL;
}

/* As find(1): whole days that have passed count, but minutes as they are. */
int find_age(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	const struct find *find = visit->worker->command->own;
	const struct statx_timestamp *when;
	int known = examine(visit, file);
	double age, bound, unit = (double)node->unit;

	if (known <= 0)
		return known;
	when = time_of(&file->st, node->time);
	age = (double)(find->now.tv_sec - when->tv_sec) + ((double)find->now.tv_nsec - (double)when->tv_nsec) / 1e9;
	bound = node->amount * unit;
	if (node->compare == '-')
		return age < bound;
	if (node->unit == 60)
		return node->compare == '+' ? age > bound : age >= bound - unit && age < bound;
	return node->compare == '+' ? age >= bound + unit : age >= bound && age < bound + unit;
}

static bool is_later(int64_t seconds, uint32_t nanoseconds, int64_t than_seconds, uint32_t than_nanoseconds)
{
	return seconds != than_seconds ? seconds > than_seconds : nanoseconds > than_nanoseconds;
}

int find_newer(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	const struct statx_timestamp *when, *than;
	int known = examine(visit, file);

	if (known <= 0)
		return known;
	when = time_of(&file->st, node->time);
	if (when && !node->reads)
		return is_later(when->tv_sec, when->tv_nsec, node->moment.tv_sec, (uint32_t)node->moment.tv_nsec);
	than = time_of(&node->reference.st, node->reference_time);
	return when && than && is_later(when->tv_sec, when->tv_nsec, than->tv_sec, than->tv_nsec);
}

int find_perm(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int known = examine(visit, file);
	uint32_t mode, wanted;

	if (known <= 0)
		return known;
	mode = file->st.stx_mode & 07777;
	wanted = mode_apply(&node->mode, 0, file->type == DT_DIR, 0);
	if (node->compare == '/')
		return !wanted || (mode & wanted);
	return node->compare == '-' ? (mode & wanted) == wanted : mode == wanted;
}

int find_uid(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int known = examine(visit, file);

	return known <= 0 ? known : compare(node, file->st.stx_uid);
}

int find_gid(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int known = examine(visit, file);

	return known <= 0 ? known : compare(node, file->st.stx_gid);
}

int find_no_user(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int known = examine(visit, file);

	return known <= 0 ? known : !*accounts_name(visit->operand->image, false, file->st.stx_uid);
}

int find_no_group(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int known = examine(visit, file);

	return known <= 0 ? known : !*accounts_name(visit->operand->image, true, file->st.stx_gid);
}

int find_links(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int known = examine(visit, file);

	return known <= 0 ? known : compare(node, file->st.stx_nlink);
}

int find_inode(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	int known = examine(visit, file);

	return known <= 0 ? known : compare(node, file->st.stx_ino);
}

int find_same(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	const struct statx *other = &node->reference.st;
	int known = examine(visit, file);

	if (known <= 0 || node->reference.operand.image != visit->operand->image)
		return known < 0 ? known : 0;
	return file->st.stx_ino == other->stx_ino && file->st.stx_dev_major == other->stx_dev_major &&
	       file->st.stx_dev_minor == other->stx_dev_minor;
}

int find_xattr(struct visit *visit, struct visit_file *file, const struct find_node *node)
{
	char keys[65536];
	long listed = fs_xattr_list(&fs_image, -1, file->dir, *file->name ? file->name : ".", keys, sizeof(keys) - 1);

	if (listed == -EOPNOTSUPP)
		return 0;
	if (listed < 0)
		return visit_failed(visit, "cannot list its extended attributes", listed);
	keys[listed] = 0;
	for (const char *key = keys; key < keys + listed; key += strlen(key) + 1) {
		if (matches(node, key))
			return 1;
	}
	return 0;
}
