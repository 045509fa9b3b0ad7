// SPDX-License-Identifier: BSD-2-Clause
/* rumpuser_malloc(): objects of a few sizes, cut from pages; whole pages; mappings */
#include "pages.h"

/*
 * Classes of pages. From CLASS_OBJECTS on, the page is full of objects of a size; the difference is the index in
 * sizes[]. What is larger is a run of pages, or has a reservation of its own.
 */
#define CLASS_OBJECTS 2 /* above RU_CLASS_MORE */
#define CLASS_RUN 254
#define CLASS_LARGE 255

#define ALIGN_DEFAULT 16U
#define ALIGN_MAX (RU_CHUNK / 2)

static const uint16_t sizes[] = { 16, 32, 48, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, RU_LOCK_SIZE };

/* The last one is of locks alone: see ru_lock_alloc(). */
#define SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define SIZES_OF_ANY (SIZES - 1)
#define INDEX_OF_LOCKS (SIZES - 1)

struct object {
	struct object *next;
};

static struct {
	struct ru_lock lock;
	struct object *free;
} classes[SIZES] __attribute__((aligned(64)));

/* Pages begin at multiples of all powers of two that matter, so objects of these sizes are aligned to their size. */
static unsigned int class_of(size_t size, size_t align)
{
	unsigned int i;

	for (i = 0; i < SIZES_OF_ANY; i++) {
		if (sizes[i] >= size && !(sizes[i] & (align - 1)))
			break;
	}
	return i;
}

static struct object *refill(unsigned int i)
{
	char *page = ru_pages_get(1, 1, (uint8_t)(i + CLASS_OBJECTS));
	struct object *list = NULL;
	struct object *object;
	size_t at;

	if (!page)
		return NULL;
	for (at = 0; at + sizes[i] <= RU_PAGE; at += sizes[i]) {
		object = (struct object *)(page + at);
		object->next = list;
		list = object;
	}
	return list;
}

static void *object_get(unsigned int i)
{
	struct object *object;

	ru_lock_take(&classes[i].lock);
	if (!classes[i].free)
		classes[i].free = refill(i);
	object = classes[i].free;
	if (object)
		classes[i].free = object->next;
	ru_lock_release(&classes[i].lock);
	return object;
}

static void object_put(unsigned int i, struct object *object)
{
	ru_lock_take(&classes[i].lock);
	object->next = classes[i].free;
	classes[i].free = object;
	ru_lock_release(&classes[i].lock);
}

static size_t pages_of(size_t size)
{
	return (size + RU_PAGE - 1) >> RU_PAGE_SHIFT;
}

static void *memory_get(size_t size, size_t align)
{
	unsigned int i = class_of(size, align);

	size += !size;
	if (i < SIZES_OF_ANY)
		return object_get(i);
	if (size <= RU_RUN_MAX && align <= RU_RUN_MAX)
		return ru_pages_get(pages_of(size), pages_of(align), CLASS_RUN);
	return ru_large_get(size, align, CLASS_LARGE);
}

/* Not by the size that the caller says: we know it ourselves. */
static void memory_put(const char *call, void *memory)
{
	uint8_t class = ru_pages_class(memory);

	if (class < CLASS_OBJECTS)
		ru_fail(call, "%p is none of the memory that rumpuser_malloc() returned", memory);
	if (class == CLASS_LARGE)
		ru_large_put(memory);
	else if (class == CLASS_RUN)
		ru_pages_put(memory);
	else
		object_put(class - CLASS_OBJECTS, memory);
}

void *ru_alloc(size_t size)
{
	return memory_get(size, ALIGN_DEFAULT);
}

void *ru_lock_alloc(void)
{
	return object_get(INDEX_OF_LOCKS);
}

void ru_free(void *memory, size_t size)
{
	memory_put(__func__, memory);
}

int rumpuser_malloc(size_t size, int align, void **memory)
{
	size_t alignment = align ? (size_t)align : ALIGN_DEFAULT;
	void *got;

	if (align < 0 || alignment & (alignment - 1) || alignment > ALIGN_MAX)
		return RU_EINVAL;
	got = memory_get(size, alignment);
	if (!got)
		return RU_ENOMEM;
	*memory = got;
	return 0;
}

/* What @memory takes, of @class; 0 where that is not kept */
static size_t allocated(const void *memory, uint8_t class)
{
	if (class == CLASS_RUN)
		return ru_pages_count(memory) << RU_PAGE_SHIFT;
	return class >= CLASS_OBJECTS && class < CLASS_RUN ? sizes[class - CLASS_OBJECTS] : 0;
}

void rumpuser_free(void *memory, size_t size)
{
	if (!memory)
		return;
	ru_check_free(memory, size, allocated(memory, ru_pages_class(memory)));
	memory_put(__func__, memory);
}

static size_t page_round(size_t size)
{
	return (size + ru_info.page_size - 1) & ~(size_t)(ru_info.page_size - 1);
}

int rumpuser_anonmmap(void *preferred, size_t size, int align_bit, int executable, void **memory)
{
	struct hyp_map map = {
		.size = page_round(size),
		.offset = HYP_MEM_ANONYMOUS,
		.prot = HYP_PROT_READ | HYP_PROT_WRITE | (executable ? HYP_PROT_EXEC : 0),
	};
	size_t align = 0;
	int ret;

	if (!size || map.size < size || align_bit < 0 || align_bit >= (int)sizeof(size_t) * 8 - 1)
		return RU_EINVAL;
	if ((size_t)1 << align_bit > ru_info.page_size)
		align = (size_t)1 << align_bit;
	ret = ru_ops->mem_reserve(ru_hyp, map.size, align, preferred, &map.addr);
	if (ret)
		return ru_error(ret);
	ret = ru_ops->mem_map(ru_hyp, &map, 1);
	if (ret) {
		ru_ops->mem_unreserve(ru_hyp, map.addr, map.size);
		return ru_error(ret);
	}
	*memory = map.addr;
	return 0;
}

void rumpuser_unmap(void *memory, size_t size)
{
	int ret = ru_ops->mem_unreserve(ru_hyp, memory, page_round(size));

	if (ret)
		ru_fail(__func__, "%p is no mapping of %zu bytes that rumpuser_anonmmap() made", memory, size);
}
