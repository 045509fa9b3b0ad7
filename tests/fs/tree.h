/* SPDX-License-Identifier: BSD-2-Clause */
/* A tree of files of every kind, described by a table: made inside a kernel, compared later. */
#ifndef TESTS_FS_TREE_H
#define TESTS_FS_TREE_H

/** tree_make() - make the tree below @root; a check of the TAP output for each kind of entry that fails */
void tree_make(const char *root);

/** tree_compare() - compare everything with the table; one check for each entry of the table */
void tree_compare(const char *root);

/** tree_count() - Return: how many entries are below @path inside, or a negative errno */
long tree_count(const char *path);

#endif
