/* SPDX-License-Identifier: BSD-2-Clause */
/* Changes of a file's mode, as chmod(1) writes them: "755", "u+rwX,go-w". */
#ifndef TOOLS_MODE_H
#define TOOLS_MODE_H

#include <stdbool.h>
#include <stdint.h>

/** MODE_STEPS_MAX - operations in one text; nobody writes as many */
#define MODE_STEPS_MAX 32U

/**
 * struct mode_step - one operation
 * @operator: one of "+-="
 * @source:   'u', 'g', 'o': permissions are those of that class now; 'X': execute if anybody may; 0: @bits
 * @who:      bits that it is about; 0: all that the umask leaves
 * @bits:     those that are meant
 * @named:    bits that a directory does not keep
 */
struct mode_step {
	char operator, source;
	uint32_t who, bits, named;
};

/** struct mode_change - all of a text */
struct mode_change {
	struct mode_step steps[MODE_STEPS_MAX];
	unsigned int count;
};

/** mode_parse() - Return: 0, -EINVAL */
int mode_parse(const char *text, struct mode_change *change);
/** mode_apply() - the mode that a file of @mode gets. @directory: it is one */
uint32_t mode_apply(const struct mode_change *change, uint32_t mode, bool directory, uint32_t mask);

#endif
