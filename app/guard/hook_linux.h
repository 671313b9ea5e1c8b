//go:build linux && desktop && !bindings

#pragma once
#include <stdint.h>

/* guard_install schedules the hook on the GTK thread; hook is a cgo handle. */
void guard_install(uintptr_t hook);
