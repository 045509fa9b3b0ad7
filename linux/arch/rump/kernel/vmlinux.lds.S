/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The image: code, constants without addresses in them, data. Segments share no page, and only the last is relocated, so
 * that boots share the others. Every symbol is defined inside a section, for one outside would be an absolute address.
 */
#include <asm/stacktop.h>
#include <asm/page.h>
#include <asm/cache.h>
#include <asm/modules_area.h>
#define RO_EXCEPTION_TABLE_ALIGN 16
#include <asm-generic/vmlinux.lds.h>

/* Earlier trees have no such macros of their own, and one that later trees do without. */
#ifndef BOUNDED_SECTION_PRE_LABEL
#define BOUNDED_SECTION_PRE_LABEL(_sec_, _label_, _BEGIN_, _END_) \
	_BEGIN_##_label_ = .; KEEP(*(_sec_)) _END_##_label_ = .;
#define BOUNDED_SECTION_BY(_sec_, _label_) BOUNDED_SECTION_PRE_LABEL(_sec_, _label_, __start, __stop)
#endif
#ifndef CPUIDLE_TEXT
#define CPUIDLE_TEXT
#endif

/* Initcalls of some files that wait until somebody wants the driver: deferred.c. */
#define DEFERRED(name, files) \
	. = ALIGN(8); \
	rump_deferred_##name = .; \
	KEEP(files(.initcall6.init .initcall7.init)) \
	rump_deferred_##name##_end = .;

PHDRS
{
	text PT_LOAD FILEHDR PHDRS FLAGS(5);
	rodata PT_LOAD FLAGS(4);
	data PT_LOAD FLAGS(6);
	modules PT_LOAD FLAGS(0);
	dynamic PT_DYNAMIC FLAGS(4);
}

jiffies = jiffies_64;

SECTIONS
{
	. = SIZEOF_HEADERS;
	.text : ALIGN(PAGE_SIZE) {
		_text = .;
		_stext = .;
		HEAD_TEXT
		TEXT_TEXT
		IRQENTRY_TEXT
		SOFTIRQENTRY_TEXT
		SCHED_TEXT
		CPUIDLE_TEXT
		LOCK_TEXT
		KPROBES_TEXT
		_etext = .;
	} :text
	.init.text : ALIGN(PAGE_SIZE) {
		__init_begin = .;
		_sinittext = .;
		INIT_TEXT
		EXIT_TEXT
		_einittext = .;
	} :text

	.rodata : ALIGN(PAGE_SIZE) {
		__start_rodata = .;
		*(EXCLUDE_FILE(*.kallsyms*.o) .rodata) *(.rodata.*)
		*(__tracepoints_strings)
		*(__ksymtab_strings)
		. = ALIGN(8);
		BOUNDED_SECTION_PRE_LABEL(SORT(___ksymtab+*), __ksymtab, __start_, __stop_)
		BOUNDED_SECTION_PRE_LABEL(SORT(___ksymtab_gpl+*), __ksymtab_gpl, __start_, __stop_)
		BOUNDED_SECTION_PRE_LABEL(SORT(___kcrctab+*), __kcrctab, __start_, __stop_)
		BOUNDED_SECTION_PRE_LABEL(SORT(___kcrctab_gpl+*), __kcrctab_gpl, __start_, __stop_)
		BOUNDED_SECTION_PRE_LABEL(.builtin_fw, _builtin_fw, __start, __end)
		. = ALIGN(4);
		__start_notes = .;
		*(.note.Linux) *(.note.gnu.build-id)
		__stop_notes = .;
		__end_rodata = .;
	} :rodata
	.hash : { *(.hash) } :rodata
	.dynsym : { *(.dynsym) } :rodata
	.dynstr : { *(.dynstr) } :rodata
	.rela.dyn : { *(.rela*) } :rodata
	.relr.dyn : { *(.relr.dyn) } :rodata
	.dynamic : { *(.dynamic) } :rodata :dynamic

	.init.data : ALIGN(PAGE_SIZE) {
		INIT_DATA
		INIT_SETUP(16)
		DEFERRED(btrfs, *fs/btrfs*.o)
		DEFERRED(slub, *mm/slub.o)
		DEFERRED(xfs, *fs/xfs*.o)
		INIT_CALLS
		CON_INITCALL
		INIT_RAM_FS
		EXIT_DATA
		__init_end = .;
	} :data
	.data : ALIGN(THREAD_SIZE) {
		_sdata = .;
		INIT_TASK_DATA(THREAD_SIZE)
		NOSAVE_DATA
		PAGE_ALIGNED_DATA(PAGE_SIZE)
		CACHELINE_ALIGNED_DATA(L1_CACHE_BYTES)
		READ_MOSTLY_DATA(L1_CACHE_BYTES)
		DATA_DATA
		RO_AFTER_INIT_DATA
		SCHED_DATA
		*(.data.rel .data.rel.*)
		*.kallsyms*.o(.rodata)
		CONSTRUCTORS
		. = ALIGN(8);
		BOUNDED_SECTION_BY(__param, ___param)
		BOUNDED_SECTION_BY(__modver, ___modver)
		BOUNDED_SECTION_BY(__tracepoints_ptrs, ___tracepoints_ptrs)
		. = ALIGN(16);
		BOUNDED_SECTION_BY(__ex_table, ___ex_table)
		*(.got .got.plt)
		. = ALIGN(PAGE_SIZE);
		PERCPU_INPUT(L1_CACHE_BYTES)
		__per_cpu_load = __per_cpu_start;
		. = ALIGN(8);
		BOUNDED_SECTION_BY(__bug_table, ___bug_table)
		_edata = .;
	} :data
	.bss : ALIGN(PAGE_SIZE) {
		__bss_start = .;
		*(.bss..page_aligned) *(.dynbss) *(.bss .bss.*) *(COMMON)
		__bss_stop = .;
		_end = .;
	} :data

	/* Address space without anything in it, near enough for the relative addresses of a module's code. */
	.modules (NOLOAD) : ALIGN(PAGE_SIZE) {
		rump_modules_start = .;
		. += RUMP_MODULES_SIZE;
		rump_modules_end = .;
	} :modules

	STABS_DEBUG
	DWARF_DEBUG
	ELF_DETAILS
	DISCARDS
}
