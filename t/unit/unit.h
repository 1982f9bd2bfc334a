/*
 * The main() of a unit test: runs START_TESTs with check, each in a process of its own.
 */
#ifndef ANGARIUM_T_UNIT_H
#define ANGARIUM_T_UNIT_H

#include <check.h>
#include <stdlib.h>

#include "common/base/slice.h"

/* UNIT_MAIN("slice", test, test, ...) */
#define UNIT_MAIN(name, ...) UNIT_MAIN_WITH(name, NULL, NULL, __VA_ARGS__)

/* The same with functions that are called before and after each test. */
#define UNIT_MAIN_WITH(name, before, after, ...)                                                                        \
	int main(void)                                                                                                  \
	{                                                                                                               \
		const TTest *const tests[] = { __VA_ARGS__ };                                                           \
                                                                                                                        \
		return unit_run(name, before, after, tests, sizeof(tests) / sizeof(tests[0]));                          \
	}

static inline int
unit_run(const char *name, SFun before, SFun after, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *all = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_set_timeout(all, 60); /* seconds; the default of 4 is short for a sanitizer on a busy machine */
	tcase_add_checked_fixture(all, before, after);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(all, tests[i]);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Compares a slice with a string literal. */
#define ck_assert_slice(s, literal)                                                                                     \
	do {                                                                                                            \
		struct slice unit_slice = (s);                                                                          \
                                                                                                                        \
		ck_assert_msg(slice_equal(unit_slice, SLICE(literal)), "\"%.*s\" is not \"%s\"",                        \
		              (int)unit_slice.length, unit_slice.data, (literal));                                      \
	} while (0)

#endif
