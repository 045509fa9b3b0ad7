/* SPDX-License-Identifier: BSD-2-Clause */
/* What went over a wire that the wrapper "pcap" watched: lines about its frames, to be searched */
#ifndef TESTS_NET_CAPTURING_H
#define TESTS_NET_CAPTURING_H

/**
 * capture_count() - frames of a capture of which a line says all words
 * @path:  of the file
 * @words: NULL at the end; as frame_describe() writes them, and "->" or "<-" for the direction
 * Return: how many; ends the test when the file is no capture
 */
unsigned int capture_count(const char *path, const char *const words[]);

/** capture_has() - is there one? Notes down what is there if not */
#define capture_has(path, ...) capture_has_words(path, (const char *const[]){ __VA_ARGS__, NULL })
_Bool capture_has_words(const char *path, const char *const words[]);

#endif
