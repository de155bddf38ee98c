/* MD5, SHA-1 and SHA-2 as functions of one block, for `keys.c`, which hashes millions of them. */

#ifndef HASHES_H
#define HASHES_H

#include <stddef.h>
#include <stdint.h>

enum { LONGEST_BLOCK = 128, LONGEST_DIGEST = 64 };

typedef union {
    uint32_t words[8];
    uint64_t longs[8];
} State;

typedef struct Hash {
    const char *name;
    size_t block, digest;
    State start;
    void (*compress)(State *, const uint8_t *block);
    /* Words of 8 bytes, not of 4; numbers with their last byte first. */
    int is_long, is_little;
} Hash;

/* The hash of that name, or NULL. */
const Hash *hash_named(const char *name);

/* The state as bytes, the whole of it. */
void hash_write(const Hash *, const State *, uint8_t *out);

/* Ends a message of `total` bytes, whose last `size` bytes are these, after whole blocks; its digest. */
void hash_end(const Hash *, State *, const uint8_t *data, size_t size, uint64_t total, uint8_t *digest);

/* The digest of a message in two parts, of which `state` has taken `before` bytes already. */
void hash_parts(const Hash *, State, uint64_t before, const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size,
                uint8_t *digest);

#endif
