/* Calls of libc and the kernel that Swift cannot make by itself. */
#pragma once
