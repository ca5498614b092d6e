/* libssh2, and what Swift cannot call of it. */
#pragma once
#include <libssh2.h>
