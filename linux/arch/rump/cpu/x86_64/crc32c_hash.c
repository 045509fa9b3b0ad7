// SPDX-License-Identifier: GPL-2.0-only
/* CRC32c as a hash of the tree's crypto layer, under a name that tells file systems that it is fast */
#include <crypto/internal/hash.h>
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/string.h>
#include <linux/types.h>
#include <cpu/crc32c.h>

/* More than the portable implementation has. */
#define PRIORITY 200

/* What a sum begins with, of a hash and of one that is being made */
struct crc32c {
	u32 value;
};

static int set_seed(struct crypto_shash *hash, const u8 *key, unsigned int size)
{
	__le32 seed;

	if (size != sizeof(seed))
		return -EINVAL;
	memcpy(&seed, key, sizeof(seed));
	((struct crc32c *)crypto_shash_ctx(hash))->value = le32_to_cpu(seed);
	return 0;
}

static int use_default_seed(struct crypto_tfm *hash)
{
	((struct crc32c *)crypto_tfm_ctx(hash))->value = ~0;
	return 0;
}

static int begin(struct shash_desc *desc)
{
	struct crc32c *sum = shash_desc_ctx(desc);

	*sum = *(const struct crc32c *)crypto_shash_ctx(desc->tfm);
	return 0;
}

static int add(struct shash_desc *desc, const u8 *bytes, unsigned int size)
{
	struct crc32c *sum = shash_desc_ctx(desc);

	sum->value = __crc32c_le(sum->value, bytes, size);
	return 0;
}

static int end(struct shash_desc *desc, u8 *out)
{
	const struct crc32c *sum = shash_desc_ctx(desc);
	const __le32 result = cpu_to_le32(~sum->value);

	memcpy(out, &result, sizeof(result));
	return 0;
}

/*
 * Btrfs takes every implementation with "generic" in its name for slow, and then has worker threads sum up what is
 * written, one hand-over for each request.
 */
static struct shash_alg crc32c = {
	.digestsize = sizeof(__le32),
	.descsize = sizeof(struct crc32c),
	.setkey = set_seed,
	.init = begin,
	.update = add,
	.final = end,
	.base = {
		.cra_name = "crc32c",
		.cra_driver_name = "crc32c-rump",
		.cra_priority = PRIORITY,
		.cra_flags = CRYPTO_ALG_OPTIONAL_KEY,
		.cra_blocksize = 1,
		.cra_ctxsize = sizeof(struct crc32c),
		.cra_init = use_default_seed,
	},
};

/* Without the instruction this would be the portable one once more. */
static int __init register_crc32c(void)
{
	return crc32c_has_instruction() ? crypto_register_shash(&crc32c) : 0;
}
subsys_initcall(register_crc32c);
