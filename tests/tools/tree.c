// SPDX-License-Identifier: BSD-2-Clause
/* A worker that lies: records and entries of every wrong kind, against the parent's half of a copy out */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rumpus/rumpus.h>

#include "../../tools/tree.h"
#include "../tap.h"

#define ROUNDS 20000U

static unsigned int messages;

/* tools/fs.c names it; nothing here goes to a kernel. */
long rumpus_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	return -ENOSYS;
}

static void count_message(void *arg, enum severity severity, const char *subject, const char *text)
{
	messages++;
}

static struct report report = { .say = count_message };

/* A builder in a fresh directory "target", beside which "kept" lies */
static struct tree_build *new_build(int dir)
{
	static const char *const targets[] = { "top" };
	struct tree_build *build = calloc(1, sizeof(*build));

	if (!build)
		tap_abort("no memory");
	mkdirat(dir, "target", 0700);
	build->fs = &fs_host;
	build->report = &report;
	build->base = openat(dir, "target", O_PATH | O_DIRECTORY);
	build->targets = targets;
	build->target_count = 1;
	build->label = "target";
	build->preserve = true;
	if (build->base < 0 || tree_build_init(build))
		tap_abort("no builder");
	return build;
}

static void free_build(struct tree_build *build)
{
	tree_build_fini(build);
	close(build->base);
	free(build);
}

static struct tree_entry entry_of(enum tree_kind kind, const char *name, uint32_t mode)
{
	return (struct tree_entry){ .kind = kind,
				    .name = name,
				    .fd = -1,
				    .meta.mode = mode,
				    .target = "",
				    .meta.uid = getuid(),
				    .meta.gid = getgid() };
}

static int give(struct tree_build *build, enum tree_kind kind, const char *name, uint32_t mode)
{
	struct tree_entry entry = entry_of(kind, name, mode);

	return build->sink.take(&build->sink, &entry);
}

static void test_names(int dir)
{
	static const char *const wrong[] = { "", ".", "..", "/", "a/b", "../kept", "/etc/passwd", "a/", "./a" };
	struct tree_build *build = new_build(dir);

	tap_is(give(build, TREE_ENTER, "anything", S_IFDIR | 0700), 0, "the top is called what the command says");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		tap_is(give(build, TREE_FILE, wrong[i], S_IFREG | 0600), -EPROTO, "file \"%s\" is refused", wrong[i]);
		tap_is(give(build, TREE_ENTER, wrong[i], S_IFDIR | 0700), -EPROTO, "directory \"%s\" is refused",
		       wrong[i]);
		tap_is(give(build, TREE_SPECIAL, wrong[i], S_IFLNK), -EPROTO, "link \"%s\" is refused", wrong[i]);
	}
	tap_ok(!faccessat(dir, "target/top", F_OK, 0) && faccessat(dir, "target/anything", F_OK, 0),
	       "only the top is there");
	free_build(build);
}

static void test_order(int dir)
{
	struct tree_build *build = new_build(dir);
	struct tree_entry entry = entry_of(TREE_STREAM, "f", S_IFREG | 0600);
	struct tree_end end;

	tap_is(give(build, TREE_LEAVE, "", S_IFDIR), -EPROTO, "leaving what was not entered");
	tap_is(build->sink.finish(&build->sink, &entry), -EPROTO, "finishing what was not begun");
	tap_is(give(build, TREE_ENTER, "", S_IFDIR | 0700), 0, "entering");
	tap_is(build->sink.begin(&build->sink, &entry, &end), 0, "beginning a stream");
	tap_is(build->sink.begin(&build->sink, &entry, &end), -EPROTO, "beginning a second");
	tap_is(give(build, TREE_LEAVE, "", S_IFDIR), -EPROTO, "leaving the directory of an open stream");
	tap_is(give(build, TREE_ENTER, "sub", S_IFDIR | 0700), -EPROTO, "entering one during a stream");
	tap_is(give(build, TREE_FILE, "x", S_IFREG | 0600), -EPROTO, "a file during a stream");
	entry.status = -EIO;
	tap_is(build->sink.finish(&build->sink, &entry), 0, "ending it");
	tap_ok(faccessat(dir, "target/top/f", F_OK, 0), "which failed, so that nothing is left of it");
	tap_is(give(build, 99, "x", S_IFREG), -EPROTO, "an entry of no kind");
	entry = entry_of(TREE_LINK, "l", S_IFREG);
	entry.link = UINT32_MAX;
	messages = 0;
	tap_ok(!build->sink.take(&build->sink, &entry) && messages == 1, "a link to nothing is reported");
	entry = entry_of(TREE_FILE, "g", S_IFREG);
	entry.link = UINT32_MAX;
	tap_ok(!build->sink.take(&build->sink, &entry) && build->linked.room < 100000,
	       "a number that leaps takes no memory");
	for (uint32_t i = 0; i < 32; i++) {
		entry.link = 1U << i;
		build->sink.take(&build->sink, &entry);
	}
	tap_ok(build->linked.room < 1000, "nor do numbers that double, and go back");
	entry.source = 1;
	free_build(build);
	build = new_build(dir);
	tap_is(build->sink.take(&build->sink, &entry), -EPROTO, "a source that was not asked for");
	free_build(build);
}

/* What the worker has made itself must not lead out of the target. */
static void test_links(int dir)
{
	struct tree_build *build = new_build(dir);
	struct tree_entry link = entry_of(TREE_SPECIAL, "x", S_IFLNK | 0777),
			  file = entry_of(TREE_FILE, "x", S_IFREG | 0600);
	struct stat st;

	link.target = "../../kept";
	give(build, TREE_ENTER, "", S_IFDIR | 0700);
	tap_is(build->sink.take(&build->sink, &link), 0, "a symbolic link that leads out");
	file.data = "evil";
	file.data_size = 4;
	tap_is(build->sink.take(&build->sink, &file), 0, "a file of the same name");
	tap_ok(!fstatat(dir, "target/top/x", &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode), "takes its place");
	link.name = "y";
	link.target = "../..";
	build->sink.take(&build->sink, &link);
	messages = 0;
	tap_ok(!give(build, TREE_ENTER, "y", S_IFDIR | 0700) && messages == 1,
	       "a directory of the same name is reported");
	tap_is(give(build, TREE_FILE, "kept", S_IFREG | 0600), 0, "what would be in it");
	tap_is(give(build, TREE_LEAVE, "", S_IFDIR | 0700), 0, "is skipped");
	tap_ok(!fstatat(dir, "kept", &st, 0) && st.st_size == 5, "what lies outside is untouched");
	free_build(build);
}

/* Numbers need not be without gaps: files that could not be copied have some, too. */
static void test_numbers(int dir)
{
	struct tree_build *build = new_build(dir);
	struct tree_entry entry = entry_of(TREE_FILE, "", S_IFREG | 0600);
	unsigned int wrong = 0;
	char name[16], path[40];
	struct stat st;

	give(build, TREE_ENTER, "", S_IFDIR | 0700);
	entry.name = name;
	messages = 0;
	for (uint32_t i = 1; i <= 200; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		entry.link = i * i;
		wrong += !!build->sink.take(&build->sink, &entry);
	}
	entry.kind = TREE_LINK;
	for (uint32_t i = 1; i <= 200; i++) {
		snprintf(name, sizeof(name), "m%u", i);
		entry.link = i * i;
		wrong += !!build->sink.take(&build->sink, &entry);
		snprintf(path, sizeof(path), "target/top/n%u", i);
		wrong += fstatat(dir, path, &st, 0) || st.st_nlink != 2;
	}
	tap_ok(!wrong && !messages, "200 files with numbers far apart get their second names");
	entry.link = 3;
	build->sink.take(&build->sink, &entry);
	tap_is(messages, 1, "a number between them is unknown");
	free_build(build);
}

static void test_xattrs(int dir)
{
	struct tree_build *build = new_build(dir);
	struct tree_entry entry = entry_of(TREE_FILE, "x", S_IFREG | 0600);
	unsigned char bytes[64];
	unsigned int i;

	give(build, TREE_ENTER, "", S_IFDIR | 0700);
	srandom(1);
	entry.xattrs = bytes;
	for (i = 0; i < 2000; i++) {
		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = random() % 4 ? (unsigned char)random() : 0;
		entry.xattrs_size = (size_t)random() % sizeof(bytes);
		if (build->sink.take(&build->sink, &entry))
			break;
	}
	tap_is(i, 2000, "attributes that do not parse are left out, the files are made");
	tap_ok(!faccessat(dir, "target/top/x", F_OK, 0), "the last one is there");
	free_build(build);
}

/* Random and cut packets: wire_next() and tree_get() must say so, or give something within bounds. */
static void test_packets(void)
{
	unsigned char packet[512];
	unsigned int records = 0, refused = 0;
	struct wire wire;
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) || wire_init(&wire, pair[0]))
		tap_abort("no socket");
	srandom(2);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		size_t size = 1 + (size_t)random() % sizeof(packet);
		struct wire_record record;
		struct tree_entry entry;
		int got;

		for (size_t i = 0; i < size; i++)
			packet[i] = random() % 3 ? 0 : (unsigned char)random();
		packet[0] = (unsigned char)(random() % 256);
		packet[2] = packet[3] = 0;
		if (send(pair[1], packet, size, 0) < 0)
			tap_abort("cannot send");
		do {
			got = wire_next(&wire, &record);
			records += got == 1;
			refused += got == 1 && tree_get(&record, &entry) == -EPROTO;
		} while (got == 1 && wire_pending(&wire));
		wire.in_at = wire.in_size; /* as after the end of the conversation */
	}
	tap_ok(records && refused, "%u random packets: %u records, %u refused as entries", ROUNDS, records, refused);
	wire_fini(&wire);
	close(pair[0]);
	close(pair[1]);
}

/* Whatever goes in comes out, over many packets. */
static void test_round_trip(void)
{
	struct tree_entry entry = entry_of(TREE_FILE, "name", S_IFREG | 0644), got;
	struct wire from, to;
	struct wire_record record;
	unsigned int wrong = 0;
	int pair[2];
	char *data = malloc(WIRE_INLINE_MAX);

	if (!data || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) || wire_init(&from, pair[0]) ||
	    wire_init(&to, pair[1]))
		tap_abort("no socket");
	memset(data, 'd', WIRE_INLINE_MAX);
	entry.data = data;
	for (unsigned int i = 0; i < 200; i++) {
		entry.data_size = i * 331 % WIRE_INLINE_MAX;
		entry.meta.ino = i;
		if (tree_put(&from, &entry) || wire_flush(&from) || wire_next(&to, &record) != 1 ||
		    tree_get(&record, &got))
			tap_abort("entry %u is lost", i);
		wrong += got.meta.ino != i || got.data_size != entry.data_size ||
			 memcmp(got.data, data, got.data_size) || strcmp(got.name, "name");
	}
	tap_is(wrong, 0, "entries arrive as they were sent");
	close(pair[0]);
	tap_is(wire_next(&to, &record), 0, "the end of the other side is seen");
	wire_fini(&from);
	wire_fini(&to);
	close(pair[1]);
	free(data);
}

static unsigned int reads;

/* A medium with a bad spot: short reads up to it, and an error at it. */
static long call_bad_medium(long number, long a, long b, long c, long d, long e, long f)
{
	if (number != SYS_pread64)
		return fs_host.call(number, a, b, c, d, e, f);
	reads++;
	return d < 8192 ? fs_host.call(number, a, b, c < 4096 ? c : 4096, d, e, f) : -EIO;
}

static const struct fs fs_bad_medium = { .call = call_bad_medium };
static size_t taken;

static int take_size(struct tree_sink *sink, const struct tree_entry *entry)
{
	taken = entry->data_size;
	return 0;
}

static void walk_file(int dir, int size)
{
	struct tree_sink sink = { .take = take_size };
	struct tree_walk walk = { .fs = &fs_bad_medium, .sink = &sink, .report = &report };
	int fd = openat(dir, "source", O_CREAT | O_TRUNC | O_RDWR, 0600);
	char bytes[16384];

	memset(bytes, 's', sizeof(bytes));
	if (fd < 0 || tree_walk_init(&walk) || write(fd, bytes, (size_t)size) != size)
		tap_abort("no source");
	messages = reads = 0;
	taken = SIZE_MAX;
	tree_walk_file(&walk, 0, fd, "source");
	tree_walk_fini(&walk);
}

static void test_short_reads(int dir)
{
	walk_file(dir, 8000);
	tap_ok(taken == 8000 && reads == 2 && !messages, "a file that is read in pieces is whole");
	walk_file(dir, 16384);
	tap_ok(taken == SIZE_MAX && messages == 1, "one that ends in a read error is reported, not cut short");
}

/* Directories: the first names differ, then so many come again and again; or none does, up to an end. */
static unsigned int given, period, names_end;
#define NAMES_BEFORE 1000U

static long call_directory(long number, long a, long b, long c, long d, long e, long f)
{
	struct fs_dirent *dirent = (void *)b;
	unsigned int name = given;

	if (given++ >= names_end)
		return 0;
	if (period && name > NAMES_BEFORE)
		name = NAMES_BEFORE + (name - NAMES_BEFORE) % period;
	*dirent = (struct fs_dirent){ .ino = name + 1, .size = 48, .type = DT_REG };
	snprintf(dirent->name, 24, "%u", name);
	return dirent->size;
}

static long read_directory(bool image, unsigned int repeat, unsigned int end)
{
	const struct fs fs = { .call = call_directory, .image = image };
	_Alignas(struct fs_dirent) char names[64];
	struct fs_reading reading = { 0 };
	long size;

	given = 0;
	period = repeat;
	names_end = end;
	do
		size = fs_read_dir(&fs, 0, &reading, names, sizeof(names));
	while (size > 0);
	return size;
}

static void test_endless_directories(void)
{
	static const unsigned int periods[] = { 1, 2, 7, 1000, 5000 };

	for (size_t i = 0; i < sizeof(periods) / sizeof(*periods); i++)
		tap_is(read_directory(true, periods[i], 1000000), -EUCLEAN, "%u names again and again: found out",
		       periods[i]);
	tap_is(read_directory(true, 0, 100000), 0, "100000 names: read to their end");
	tap_is(read_directory(true, 1, NAMES_BEFORE + 3), 0, "one name three times: versions, and read to their end");
	tap_is(read_directory(false, 1, 100000), 0, "on the host names may come again");
}

int main(void)
{
	char path[] = "rumpus-tree-XXXXXX", command[64];
	int dir, kept;

	if (!mkdtemp(path))
		tap_abort("no directory");
	dir = open(path, O_RDONLY | O_DIRECTORY);
	kept = openat(dir, "kept", O_CREAT | O_WRONLY, 0600);
	if (dir < 0 || kept < 0 || write(kept, "kept\n", 5) != 5)
		tap_abort("no file");
	close(kept);
	test_names(dir);
	test_order(dir);
	test_links(dir);
	test_numbers(dir);
	test_xattrs(dir);
	test_short_reads(dir);
	test_endless_directories();
	test_packets();
	test_round_trip();
	snprintf(command, sizeof(command), "rm -rf %s", path);
	if (system(command))
		tap_note("%s is left", path);
	close(dir);
	return tap_done();
}
