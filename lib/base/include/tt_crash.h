/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once
/// Places where a program can be made to die, for tests of what it leaves behind: the environment
/// variable TEITEN_CRASH=NAME:N kills the process (SIGKILL) at the N-th pass of the point NAME.
/// Only builds with a sanitizer (`make debug`) have them; elsewhere a point is nothing.
#ifdef TT_CRASH
void tt_crash_point(const char *name); // any thread
#define TT_CRASH_POINT(name) tt_crash_point(name)
#else
#define TT_CRASH_POINT(name) ((void)0)
#endif
