// SPDX-License-Identifier: BSD-2-Clause
/* Nodes by system calls: the table of inodes that the client knows */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "table.h"

#define DEVICES_MAX 256U
/* Chains at first. */
#define TABLE_SIZE 1024U
/* Inode numbers of other devices of the file system differ in the bits from here on. */
#define SHOW_SHIFT 56
/* Of hashing by multiplication the upper bits are good; more chains than this there never are. */
#define HASH_SHIFT 20

/**
 * All of it is guarded by @lock; a node that is found may be used by whoever holds a look-up of it.
 * @by_inode, @by_number: chains of the same nodes, linked by @next and @next_number
 * @count, @size:    nodes; chains of each kind, a power of two
 * @serial:          of the next node whose number leads nowhere
 * @forgotten:       numbers of nodes without look-ups, a ring; a node that was found again leaves its own behind
 * @forgotten_at:    where the next one goes
 * @forgotten_count: nodes that have no look-ups
 */
static struct {
	pthread_mutex_t lock;
	struct vnode **by_inode, **by_number;
	size_t count, size;
	uint64_t devices[DEVICES_MAX];
	unsigned int device_count;
	uint64_t serial;
	uint64_t forgotten[NODE_FORGOTTEN_MAX];
	unsigned int forgotten_at;
	size_t forgotten_count;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

static size_t chain_of(uint64_t key)
{
	return (size_t)((key * 0x9e3779b97f4a7c15ULL) >> HASH_SHIFT) & (table.size - 1);
}

static struct vnode **inode_chain(uint64_t dev, uint64_t ino)
{
	return &table.by_inode[chain_of(ino) ^ (dev & (table.size - 1))];
}

static struct vnode **number_chain(uint64_t number)
{
	return &table.by_number[chain_of(number)];
}

/* With the lock. */
static void link_in(struct vnode *node)
{
	struct vnode **chain = inode_chain(node->dev, node->ino);

	node->next = *chain;
	*chain = node;
	chain = number_chain(node->id.number);
	node->next_number = *chain;
	*chain = node;
}

/* With the lock. */
static void link_out(struct vnode *node)
{
	struct vnode **link;

	for (link = inode_chain(node->dev, node->ino); *link != node; link = &(*link)->next)
		continue;
	*link = node->next;
	for (link = number_chain(node->id.number); *link != node; link = &(*link)->next_number)
		continue;
	*link = node->next_number;
	table.count--;
}

/* With the lock. Without memory the chains just get longer. */
static void grow(void)
{
	size_t old_size = table.size;
	struct vnode **old = table.by_inode;
	struct vnode **by_inode = calloc(2 * old_size, sizeof(*by_inode));
	struct vnode **by_number = calloc(2 * old_size, sizeof(*by_number));

	if (!by_inode || !by_number) {
		free(by_inode);
		free(by_number);
		return;
	}
	free(table.by_number);
	table.by_inode = by_inode;
	table.by_number = by_number;
	table.size = 2 * old_size;
	for (size_t i = 0; i < old_size; i++) {
		for (struct vnode *node = old[i], *next; node; node = next) {
			next = node->next;
			link_in(node);
		}
	}
	free(old);
}

/* With the lock: what to add to inode numbers of this device. The root's own numbers are shown as they are. */
static uint64_t show_for(uint64_t dev)
{
	unsigned int i;

	for (i = 0; i < table.device_count; i++) {
		if (table.devices[i] == dev)
			return (uint64_t)i << SHOW_SHIFT;
	}
	/* So many subvolumes share the last distinction: numbers may then appear twice, which harms nothing in here. */
	if (i == DEVICES_MAX)
		return (uint64_t)(DEVICES_MAX - 1) << SHOW_SHIFT;
	table.devices[table.device_count++] = dev;
	return (uint64_t)i << SHOW_SHIFT;
}

/* With the lock. */
static struct vnode *find_number(uint64_t number)
{
	struct vnode *node = *number_chain(number);

	while (node && node->id.number != number)
		node = node->next_number;
	return node;
}

/* With the lock. */
static struct vnode *find_inode(uint64_t dev, uint64_t ino)
{
	struct vnode *node = *inode_chain(dev, ino);

	while (node && (node->ino != ino || node->dev != dev))
		node = node->next;
	return node;
}

/* With the lock. Return: @node, which may be NULL, with one look-up more */
static struct vnode *with_lookup(struct vnode *node)
{
	if (node && !node->lookups++)
		table.forgotten_count--;
	return node;
}

/* With the lock. A number that leads nowhere: none that does has this form, and none that is in use. */
static struct node_id next_serial(void)
{
	struct node_id id;

	do {
		id.number = table.serial << 32;
		id.generation = (uint32_t)(table.serial >> 32);
		table.serial++;
	} while (!id.number || find_number(id.number));
	return id;
}

int node_table_start(uint64_t serial)
{
	table.size = TABLE_SIZE;
	table.serial = serial;
	table.by_inode = calloc(table.size, sizeof(*table.by_inode));
	table.by_number = calloc(table.size, sizeof(*table.by_number));
	return table.by_inode && table.by_number ? 0 : -ENOMEM;
}

void node_table_stop(void)
{
	for (size_t i = 0; i < table.size; i++) {
		for (struct vnode *node = table.by_inode ? table.by_inode[i] : NULL, *next; node; node = next) {
			next = node->next;
			free(node);
		}
	}
	free(table.by_inode);
	free(table.by_number);
	table.by_inode = table.by_number = NULL;
	table.size = table.count = table.forgotten_count = 0;
	table.device_count = table.forgotten_at = 0;
}

struct vnode *node_table_get(uint64_t dev, uint64_t ino)
{
	struct vnode *node;

	pthread_mutex_lock(&table.lock);
	node = with_lookup(find_inode(dev, ino));
	pthread_mutex_unlock(&table.lock);
	return node;
}

struct vnode *node_table_get_number(uint64_t number)
{
	struct vnode *node;

	pthread_mutex_lock(&table.lock);
	node = with_lookup(find_number(number));
	pthread_mutex_unlock(&table.lock);
	return node;
}

struct vnode *node_table_find_number(uint64_t number)
{
	struct vnode *node;

	pthread_mutex_lock(&table.lock);
	node = find_number(number);
	pthread_mutex_unlock(&table.lock);
	return node;
}

/* With the lock. */
static struct vnode *add(int fd, uint64_t dev, uint64_t ino, const struct node_id *id)
{
	/* Two inodes of one number are found where a file system is damaged. */
	bool leads_back = id->number && !find_number(id->number);
	struct vnode *node = malloc(sizeof(*node));

	if (!node)
		return NULL;
	if (table.count >= table.size)
		grow();
	*node = (struct vnode){
		.lookups = 1,
		.dev = dev,
		.ino = ino,
		.show = show_for(dev),
		.id = leads_back ? *id : next_serial(),
		.leads_back = leads_back,
		.fd = fd,
		.used = true,
	};
	link_in(node);
	table.count++;
	return node;
}

struct vnode *node_table_add(int fd, uint64_t dev, uint64_t ino, const struct node_id *id)
{
	struct vnode *node;

	pthread_mutex_lock(&table.lock);
	node = with_lookup(find_inode(dev, ino));
	if (!node)
		node = add(fd, dev, ino, id);
	pthread_mutex_unlock(&table.lock);
	return node;
}

/* With the lock: a node has no look-ups any more, and stays. Return: whose place it takes, or NULL */
static struct vnode *retire(struct vnode *node)
{
	struct vnode *oldest = find_number(table.forgotten[table.forgotten_at]);

	/* It may be in use again, or have been, and then it has another place. */
	if (oldest && (oldest == node || oldest->lookups || oldest->place != table.forgotten_at))
		oldest = NULL;
	node->place = table.forgotten_at;
	table.forgotten[table.forgotten_at] = node->id.number;
	table.forgotten_at = (table.forgotten_at + 1) % NODE_FORGOTTEN_MAX;
	table.forgotten_count += oldest ? 0 : 1;
	return oldest;
}

struct vnode *node_table_put(struct vnode *node, uint64_t count)
{
	struct vnode *gone = NULL;

	pthread_mutex_lock(&table.lock);
	count = count < node->lookups ? count : node->lookups;
	node->lookups -= count;
	if (count && !node->lookups)
		gone = node->leads_back || node->keep ? node : retire(node);
	if (gone)
		link_out(gone);
	pthread_mutex_unlock(&table.lock);
	return gone;
}

uint64_t node_table_show(uint64_t dev)
{
	uint64_t show;

	pthread_mutex_lock(&table.lock);
	show = show_for(dev);
	pthread_mutex_unlock(&table.lock);
	return show;
}

size_t node_table_known(void)
{
	size_t count;

	pthread_mutex_lock(&table.lock);
	count = table.count - table.forgotten_count;
	pthread_mutex_unlock(&table.lock);
	return count;
}

size_t node_table_chains(void)
{
	return table.size;
}

struct vnode *node_table_chain(size_t i)
{
	return table.by_inode[i & (table.size - 1)];
}
