// SPDX-License-Identifier: BSD-2-Clause
/*
 * Components: drivers that are files of their own, loaded with what they depend on.
 *
 * Their directory has an index (linux/components.py makes it): each component's size, checksum and dependencies, and
 * other names that the kernel asks for. A file is checked against it before the kernel sees a byte. The kernel's own
 * requests, when it finds a driver missing, come to component_request() on a thread of the platform's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "component.h"
#include "crc32.h"
#include "host.h"
#include "internal.h"

#define INDEX_NAME "components"
#define INDEX_HEADER "rumpus-components 1\n"

enum {
	INDEX_MAX = 4 << 20, /* bytes; more is no index */
	FILE_MAX = 64 << 20,
	DEPTH_MAX = 16, /* of dependencies */
	NAME_SIZE = 64, /* of a component, with the terminator; as the kernel's */
};

/**
 * struct load - one call of rumpus_component_load(), and the like
 * @kernel: where
 * @thread: of the caller's, in the first process
 * @name, @parameters: as given
 * @error, @error_size: text for the caller; may be NULL
 * @result: of the call
 */
struct load {
	struct rumpus *kernel;
	struct rumpus_thread *thread;
	const char *name, *parameters;
	char *error;
	size_t error_size;
	int result;
};

/** struct words - a line of the index that is being read, word by word */
struct words {
	const char *at, *end;
};

static int load_named(struct load *load, const char *name, const char *parameters, unsigned int depth);

static int fail(const struct load *load, int error, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int fail(const struct load *load, int error, const char *format, ...)
{
	va_list args;

	if (load->error && load->error_size) {
		va_start(args, format);
		vsnprintf(load->error, load->error_size, format, args);
		va_end(args);
	}
	return error;
}

/* ---- the index ---- */

static bool next_line(const struct components *components, const char **at, struct words *words)
{
	const char *end = components->index + components->index_size, *line = *at ? *at : components->index;

	if (line >= end)
		return false;
	words->at = line;
	words->end = memchr(line, '\n', (size_t)(end - line));
	if (!words->end)
		return false;
	*at = words->end + 1;
	return true;
}

/* The next word of the line, cut to what the buffer holds; "" at the end. */
static const char *next_word(struct words *words, char word[NAME_SIZE])
{
	size_t length = 0;

	while (words->at < words->end && *words->at == ' ')
		words->at++;
	for (; words->at < words->end && *words->at != ' '; words->at++)
		if (length < NAME_SIZE - 1)
			word[length++] = *words->at;
	word[length] = '\0';
	return word;
}

/* Component names are written with "-" or "_", as their authors liked. */
static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(strchr("-_", *a) && strchr("-_", *b)))
			return false;
	return *a == *b;
}

/* Finds the next line of a kind that is about @name, after *@at. @words goes on behind that name. */
static bool find_line(const struct components *components, const char **at, const char *kind, const char *name,
		      struct words *words)
{
	char word[NAME_SIZE];

	while (next_line(components, at, words))
		if (!strcmp(next_word(words, word), kind) && same_name(next_word(words, word), name))
			return true;
	return false;
}

/* ---- files ---- */

/* @bytes: out: malloc()ed, with a terminator behind it. @max: a file that is larger is refused. */
static int read_file(struct hyp_file *dir, const char *name, size_t max, char **bytes, size_t *size)
{
	struct hyp_file_info info;
	struct hyp_file *file;
	int error = dir->ops->open(dir, name, &file);
	char *buffer = NULL;
	long got = 0;

	if (error)
		return error;
	error = file->ops->info(file, &info);
	if (!error && (info.type != HYP_FILE_REGULAR || info.size > max))
		error = -ENOEXEC;
	if (!error && !(buffer = malloc(info.size + 1)))
		error = -ENOMEM;
	if (!error)
		got = file->ops->read(file, buffer, info.size, 0);
	file->ops->close(file);
	if (got < 0)
		error = (int)got;
	if (error) {
		free(buffer);
		return error;
	}
	buffer[got] = '\0';
	*bytes = buffer;
	*size = (size_t)got;
	return 0;
}

/* The directory is open, or nothing is. With the lock of @components. */
static int read_index(struct components *components)
{
	char *bytes;
	size_t size;
	int error;

	if (components->index)
		return 0;
	error = read_file(components->dir, INDEX_NAME, INDEX_MAX, &bytes, &size);
	if (error)
		return error;
	if (strncmp(bytes, INDEX_HEADER, strlen(INDEX_HEADER)) || bytes[size - 1] != '\n') {
		free(bytes);
		return -ENOEXEC;
	}
	components->index = bytes;
	components->index_size = size;
	return 0;
}

static int use_index(const struct load *load)
{
	struct components *components = &load->kernel->components;
	int error;

	pthread_mutex_lock(&components->lock);
	error = components->dir ? read_index(components) : -ENOENT;
	pthread_mutex_unlock(&components->lock);
	if (!error)
		return 0;
	if (!*components->path)
		return fail(load, error, "%s: there is no directory of components for this kernel; install it, or name it in "
			    "RUMPUS_COMPONENTS", load->name);
	if (!components->dir)
		return fail(load, error, "%s: the directory of components %s was closed", load->name, components->path);
	return fail(load, error, "%s/" INDEX_NAME ": %s; install the components again", components->path,
		    error == -ENOEXEC ? "this is no index, or it is cut off" : strerror(-error));
}

/* ---- loading ---- */

static long call(const struct load *load, long number, const void *a, size_t b, const char *c)
{
	const long args[6] = { (long)(uintptr_t)a, (long)b, (long)(uintptr_t)c };

	return load->thread->syscall(load->thread->image, number, args);
}

static int explain_refusal(const struct load *load, const char *name, long error, const char *parameters)
{
	const char *path = load->kernel->components.path;

	switch (error) {
	case -ENOEXEC:
		return fail(load, -ENOEXEC, "%s/%s.ko: it was built for another kernel than %s, which says more in its log; "
			    "install the components that were built with the image", path, name, load->kernel->version);
	case -ENOENT:
		return fail(load, -ENOENT, "%s/%s.ko: it needs symbols or parameters that the kernel %s does not have",
			    path, name, load->kernel->version);
	case -ENOMEM:
		return fail(load, -ENOMEM, "%s: no room for its code: boot with more mappings (rumpus_config.mappings) "
			    "or more memory", name);
	}
	return fail(load, (int)error, "%s: the kernel does not take it%s%s: %s", name, *parameters ? " with " : "",
		    parameters, strerror((int)-error));
}

/* @words: behind the name of a line "component": size, checksum, dependencies */
static int load_file(struct load *load, const char *name, struct words *words, const char *parameters)
{
	struct components *components = &load->kernel->components;
	char file[NAME_SIZE + 4], word[NAME_SIZE], *bytes = NULL;
	size_t size = 0, expected;
	uint32_t checksum;
	long error;

	expected = strtoul(next_word(words, word), NULL, 10);
	checksum = (uint32_t)strtoul(next_word(words, word), NULL, 16);
	snprintf(file, sizeof(file), "%s.ko", name);
	pthread_mutex_lock(&components->lock);
	error = components->dir ? read_file(components->dir, file, FILE_MAX, &bytes, &size) : -ENOENT;
	pthread_mutex_unlock(&components->lock);
	if (error)
		return fail(load, (int)error, "%s/%s: %s; install it again", components->path, file,
			    strerror((int)-error));
	if (size != expected)
		error = fail(load, -ENOEXEC, "%s/%s: it has %zu bytes instead of %zu; install it again",
			     components->path, file, size, expected);
	else if (crc32_of(bytes, size) != checksum)
		error = fail(load, -ENOEXEC, "%s/%s: it is damaged, its checksum is not that of the index; install it again",
			     components->path, file);
	if (!error) {
		error = call(load, SYS_init_module, bytes, size, parameters);
		if (error == -EEXIST)
			error = 0; /* it is there already */
		if (error)
			error = explain_refusal(load, name, error, parameters);
	}
	free(bytes);
	return (int)error;
}

/* What stands behind @words, each first: those with "?" only if they can be had. */
static int load_dependencies(struct load *load, const char *name, struct words words, unsigned int depth)
{
	char word[NAME_SIZE];
	int error = 0;

	if (depth == DEPTH_MAX)
		return fail(load, -ELOOP, "%s: its dependencies go round in circles; install the components again", name);
	next_word(&words, word); /* size */
	next_word(&words, word); /* checksum */
	while (!error && *next_word(&words, word)) {
		if (*word == '?')
			load_named(load, word + 1, "", depth + 1);
		else
			error = load_named(load, word, "", depth + 1);
	}
	return error;
}

static int load_alias(struct load *load, const char *alias, unsigned int depth)
{
	const char *at = NULL;
	char name[NAME_SIZE];
	struct words words;
	int result = -ENOENT;

	while (result && find_line(&load->kernel->components, &at, "alias", alias, &words))
		result = load_named(load, next_word(&words, name), "", depth + 1);
	return result;
}

static int load_named(struct load *load, const char *name, const char *parameters, unsigned int depth)
{
	const struct components *components = &load->kernel->components;
	const char *at = NULL;
	char real[NAME_SIZE];
	struct words words;
	int error;

	if (find_line(components, &at, "builtin", name, &words))
		return 0;
	at = NULL;
	if (!find_line(components, &at, "component", name, &words)) {
		error = fail(load, -ENOENT, "%s%s%s: there is no such component in %s; its file " INDEX_NAME
			     " lists those that there are", depth ? load->name : name, depth ? " needs " : "",
			     depth ? name : "", components->path);
		return depth < DEPTH_MAX && load_alias(load, name, depth) == 0 ? 0 : error;
	}
	/* As the file is named, whatever the caller wrote. */
	snprintf(real, sizeof(real), "%s", name);
	for (char *c = real; *c; c++)
		*c = *c == '-' ? '_' : *c;
	error = load_dependencies(load, real, words, depth);
	return error ? error : load_file(load, real, &words, parameters);
}

static void do_load(struct rumpus_thread *thread, void *arg)
{
	struct load *load = arg;

	load->thread = thread;
	load->result = use_index(load);
	if (!load->result)
		load->result = load_named(load, load->name, load->parameters, 0);
	if (!load->result && load->error && load->error_size)
		*load->error = '\0'; /* what was tried in vain on the way */
}

static void do_unload(struct rumpus_thread *thread, void *arg)
{
	struct load *load = arg;
	char name[NAME_SIZE];
	long error;

	load->thread = thread;
	snprintf(name, sizeof(name), "%s", load->name);
	for (char *c = name; *c; c++)
		*c = *c == '-' ? '_' : *c;
	error = call(load, SYS_delete_module, name, O_NONBLOCK, NULL);
	load->result = (int)error;
	if (error == -EAGAIN || error == -EBUSY)
		fail(load, load->result, "%s: it is in use; unmount what it serves, unload what depends on it", name);
	else if (error == -ENOENT)
		fail(load, load->result, "%s: it is not loaded", name);
	else if (error)
		fail(load, load->result, "%s: it cannot be unloaded: %s", name, strerror(-load->result));
}

/* As a thread of the first process, whatever the caller is in: its rights are those of a kernel's owner. */
static int with_thread(struct load *load, void (*what)(struct rumpus_thread *thread, void *arg))
{
	struct rumpus_thread *thread;
	int error;

	if (!*load->name)
		return fail(load, -EINVAL, "a component without a name; give one of those that the file " INDEX_NAME " lists");
	error = api_begin();
	if (error)
		return fail(load, error, "%s: no calls from here: %s", load->name, strerror(-error));
	error = thread_use(&load->kernel->first, &thread);
	if (!error) {
		gate_pass(thread, what, load);
		error = load->result;
	} else {
		fail(load, error, "%s: no thread in the kernel: %s", load->name, strerror(-error));
	}
	api_end();
	return error;
}

int rumpus_component_load(struct rumpus *kernel, const char *name, const char *parameters, char *error,
			  size_t error_size)
{
	struct load load = { .kernel = kernel, .name = name, .parameters = parameters ? parameters : "",
			     .error = error, .error_size = error_size };

	if (!kernel || !name)
		return -EINVAL;
	return with_thread(&load, do_load);
}

int rumpus_component_unload(struct rumpus *kernel, const char *name, char *error, size_t error_size)
{
	struct load load = { .kernel = kernel, .name = name, .error = error, .error_size = error_size };

	if (!kernel || !name)
		return -EINVAL;
	return with_thread(&load, do_unload);
}

int rumpus_components_close(struct rumpus *kernel)
{
	struct components *components;
	int error;

	if (!kernel)
		return -EINVAL;
	error = api_begin();
	if (error)
		return error;
	components = &kernel->components;
	pthread_mutex_lock(&components->lock);
	if (components->dir)
		components->dir->ops->close(components->dir);
	components->dir = NULL;
	pthread_mutex_unlock(&components->lock);
	api_end();
	return 0;
}

/* ---- for the rest of the library ---- */

static bool is_open(struct components *components)
{
	bool open;

	pthread_mutex_lock(&components->lock);
	open = components->dir;
	pthread_mutex_unlock(&components->lock);
	return open;
}

/* The kernel asks by itself, and goes on without when there is none: only what is wrong with one is told. */
int component_request(void *cookie, const char *name)
{
	struct rumpus *kernel = cookie;
	char error[512] = "";
	int result;

	if (!is_open(&kernel->components))
		return -ENOENT;
	result = rumpus_component_load(kernel, name, NULL, error, sizeof(error));
	if (result && result != -ENOENT && result != -ESHUTDOWN)
		kernel_log(kernel, "rumpus: %s\n", error);
	return result;
}

int components_open(struct rumpus *kernel, const char *image)
{
	struct components *components = &kernel->components;
	const char *release = strrchr(kernel->version, ' ');
	int error;

	error = host_components_open(kernel->config.components, image, release ? release + 1 : kernel->version,
				     &components->dir, components->path, sizeof(components->path));
	if (error)
		kernel_log(kernel, "rumpus: components in %s: the directory cannot be opened: %s\n", components->path,
			   strerror(-error));
	return error;
}

void components_free(struct rumpus *kernel)
{
	struct components *components = &kernel->components;

	if (components->dir)
		components->dir->ops->close(components->dir);
	free(components->index);
}
