/* SHA-256 of OpenSSL, as a structure that Swift can copy: OpenSSL would rather have its own objects allocated, which is what it means by
 * deprecated. */
#pragma once
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
