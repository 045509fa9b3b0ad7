// SPDX-License-Identifier: BSD-2-Clause
/* A library as those of a rump kernel are: link sets of modules and components, symbols of the kernel; see abi_loader.c
 */

/* Each of the two libraries made of this has another PART: 1 or 2. */
#define NUMBER (PART * 100)

#pragma GCC visibility push(default)

/* Without these references the linker would not make the symbols that bound the sets. */
extern const int *const __start_link_set_modules[], *const __stop_link_set_modules[];
extern const int *const __start_link_set_rump_components[], *const __stop_link_set_rump_components[];
const void *const part_bounds[] = { __start_link_set_modules, __stop_link_set_modules, __start_link_set_rump_components,
				    __stop_link_set_rump_components };

int rumpns_part_function(void);
int rump_part_public(void);
int part_stranger(void);

int rumpns_part_function(void)
{
	return NUMBER;
}

int rump_part_public(void)
{
	return NUMBER + 1;
}

int part_stranger(void)
{
	return NUMBER + 2;
}

#pragma GCC visibility pop

static const int modules[3] = { NUMBER + 10, NUMBER + 11, NUMBER + 12 };
static const int component = NUMBER + 20;

#define IN_SET(set) __attribute__((section("link_set_" set), used))

IN_SET("modules") static const int *const module_entries[PART] = { [PART - 1] = &modules[PART], [0] = &modules[0] };
IN_SET("rump_components") static const int *const component_entry = &component;
