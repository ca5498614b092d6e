/* libsodium, whole: Swift calls it as it is. */
#pragma once
#include <sodium.h>
