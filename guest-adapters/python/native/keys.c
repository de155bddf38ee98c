/* Keys of passwords: PBKDF2 (RFC 8018) and scrypt (RFC 7914). */

#include "hashes.h"
#include "stream.h"
#include <stdlib.h>
#include <string.h>

/* A key of HMAC: the states after its two blocks. */
typedef struct {
    const Hash *hash;
    State inner, outer;
} Key;

static void key_of(Key *key, const Hash *hash, const uint8_t *password, size_t size) {
    uint8_t block[LONGEST_BLOCK] = {0};
    if (size > hash->block) hash_parts(hash, hash->start, 0, password, size, NULL, 0, block);
    else if (size) memcpy(block, password, size);
    *key = (Key){hash, hash->start, hash->start};
    for (size_t i = 0; i < hash->block; i++) block[i] ^= 0x36;
    hash->compress(&key->inner, block);
    for (size_t i = 0; i < hash->block; i++) block[i] ^= 0x36 ^ 0x5c;
    hash->compress(&key->outer, block);
}

static void hmac(const Key *key, const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *digest) {
    uint8_t inner[LONGEST_DIGEST];
    hash_parts(key->hash, key->inner, key->hash->block, a, a_size, b, b_size, inner);
    hash_parts(key->hash, key->outer, key->hash->block, inner, key->hash->digest, NULL, 0, digest);
}

/* One digest in one block after a key's own: `block` is the digest and its padding, and then the next digest. */
static void turn(const Hash *hash, State state, uint8_t *block) {
    uint8_t all[LONGEST_DIGEST];
    hash->compress(&state, block);
    hash_write(hash, &state, all);
    memcpy(block, all, hash->digest);
}

static void pbkdf2(const Key *key, const uint8_t *salt, size_t salt_size, uint32_t iterations, uint8_t *out, size_t size) {
    const Hash *hash = key->hash;
    uint8_t sum[LONGEST_DIGEST], block[LONGEST_BLOCK];
    for (uint32_t number = 1; size; number++) {
        uint8_t counter[] = {(uint8_t)(number >> 24), (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};
        memset(block, 0, sizeof block);
        hmac(key, salt, salt_size, counter, sizeof counter, block);
        memcpy(sum, block, hash->digest);
        block[hash->digest] = 0x80;
        size_t bits = (hash->block + hash->digest) * 8;
        size_t low = hash->is_little ? hash->block - 8 : hash->block - 1, high = hash->is_little ? low + 1 : low - 1;
        block[low] = (uint8_t)bits;
        block[high] = (uint8_t)(bits >> 8);
        for (uint32_t i = 1; i < iterations; i++) {
            turn(hash, key->inner, block);
            turn(hash, key->outer, block);
            for (size_t at = 0; at < hash->digest; at++) sum[at] ^= block[at];
        }
        size_t part = size < hash->digest ? size : hash->digest;
        memcpy(out, sum, part);
        out += part;
        size -= part;
    }
}

/* pbkdf2(hash, password, salt, iterations, size): the key; None for a hash that is not here. */
static PyObject *keys_pbkdf2(PyObject *module, PyObject *arguments) {
    (void)module;
    const char *name;
    Py_buffer password, salt;
    unsigned iterations;
    Py_ssize_t size;
    if (!PyArg_ParseTuple(arguments, "sy*y*In", &name, &password, &salt, &iterations, &size)) return NULL;
    const Hash *hash = hash_named(name);
    PyObject *made = hash ? PyBytes_FromStringAndSize(NULL, size) : Py_BuildValue("");
    if (hash && made) {
        Key key;
        key_of(&key, hash, password.buf, (size_t)password.len);
        pbkdf2(&key, salt.buf, (size_t)salt.len, iterations, (uint8_t *)PyBytes_AsString(made), (size_t)size);
    }
    PyBuffer_Release(&password);
    PyBuffer_Release(&salt);
    return made;
}

static void quarter(uint32_t *x, int a, int b, int c, int d) {
#define TURN(x, n) ((x) << (n) | (x) >> (32 - (n)))
    x[b] ^= TURN(x[a] + x[d], 7);
    x[c] ^= TURN(x[b] + x[a], 9);
    x[d] ^= TURN(x[c] + x[b], 13);
    x[a] ^= TURN(x[d] + x[c], 18);
#undef TURN
}

static void salsa(uint32_t *state) {
    uint32_t x[16];
    memcpy(x, state, sizeof x);
    for (int round = 0; round < 4; round++) {
        quarter(x, 0, 4, 8, 12), quarter(x, 5, 9, 13, 1), quarter(x, 10, 14, 2, 6), quarter(x, 15, 3, 7, 11);
        quarter(x, 0, 1, 2, 3), quarter(x, 5, 6, 7, 4), quarter(x, 10, 11, 8, 9), quarter(x, 15, 12, 13, 14);
    }
    for (int i = 0; i < 16; i++) state[i] += x[i];
}

/* Mixes 2 * r blocks of 16 words into `out`: the even ones first. */
static void mix(const uint32_t *in, uint32_t *out, size_t r) {
    uint32_t x[16];
    memcpy(x, in + (2 * r - 1) * 16, sizeof x);
    for (size_t i = 0; i < 2 * r; i++) {
        for (size_t word = 0; word < 16; word++) x[word] ^= in[i * 16 + word];
        salsa(x);
        memcpy(out + (i / 2 + (i % 2) * r) * 16, x, sizeof x);
    }
}

/* One of the p parts of scrypt: `part` is 32 * r words, `table` n times that, `spare` the same once. */
static void fill_and_read(uint32_t *part, uint32_t *table, uint32_t *spare, size_t n, size_t r) {
    size_t words = 32 * r;
    for (size_t i = 0; i < n; i++) {
        memcpy(table + i * words, part, words * 4);
        mix(table + i * words, part, r);
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t *chosen = table + (part[words - 16] & (n - 1)) * words;
        for (size_t word = 0; word < words; word++) spare[word] = part[word] ^ chosen[word];
        mix(spare, part, r);
    }
}

/* scrypt(password, salt, n, r, p, size): the key. Python has checked that the numbers fit into memory. */
static PyObject *keys_scrypt(PyObject *module, PyObject *arguments) {
    (void)module;
    Py_buffer password, salt;
    Py_ssize_t n, r, p, size;
    if (!PyArg_ParseTuple(arguments, "y*y*nnnn", &password, &salt, &n, &r, &p, &size)) return NULL;
    size_t part = 128 * (size_t)r, parts = part * (size_t)p;
    uint8_t *blocks = malloc(parts);
    uint32_t *table = malloc(part * ((size_t)n + 1));
    PyObject *made = blocks && table ? PyBytes_FromStringAndSize(NULL, size) : PyErr_NoMemory();
    if (made) {
        Key key;
        key_of(&key, hash_named("sha256"), password.buf, (size_t)password.len);
        pbkdf2(&key, salt.buf, (size_t)salt.len, 1, blocks, parts);
        for (size_t i = 0; i < (size_t)p; i++)
            fill_and_read((uint32_t *)(void *)(blocks + i * part), table, table + (size_t)n * part / 4, (size_t)n, (size_t)r);
        pbkdf2(&key, blocks, parts, 1, (uint8_t *)PyBytes_AsString(made), (size_t)size);
    }
    free(blocks);
    free(table);
    PyBuffer_Release(&password);
    PyBuffer_Release(&salt);
    return made;
}

PyMethodDef keys_methods[] = {
    {"pbkdf2", keys_pbkdf2, METH_VARARGS, NULL},
    {"scrypt", keys_scrypt, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
