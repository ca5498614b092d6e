/* What Children.c asks of Sandbox.c. */
#pragma once

#include "CLinux.h"

/* Limits this process, a forked child, by Landlock and seccomp as the plan says; returns the measures in force. */
uint32_t rc_confine(const struct rc_plan *plan);
