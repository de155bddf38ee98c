/* MD5 (RFC 1321), SHA-1 and SHA-2 (FIPS 180-4). */

#include "hashes.h"
#include <string.h>

/* Of the cube roots of the first 80 primes, 64 bits behind the point; SHA-256 takes the first 32 of these. */
static const uint64_t FRACTIONS[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538,
    0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242, 0x12835b0145706fbe,
    0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2, 0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235,
    0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5, 0x983e5152ee66dfab,
    0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
    0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed,
    0x53380d139d95b3df, 0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218,
    0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8, 0x19a4c116b8d2d0c8, 0x1e376c085141ab53,
    0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373,
    0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b, 0xca273eceea26619c,
    0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6,
    0x113f9804bef90dae, 0x1b710b35131c471b, 0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc,
    0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

/* Of |sin(i + 1)|, 32 bits behind the point. */
static const uint32_t SINES[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static uint32_t left(uint32_t x, int n) { return x << n | x >> (32 - n); }

static uint32_t right(uint32_t x, int n) { return x >> n | x << (32 - n); }

static uint64_t right_long(uint64_t x, int n) { return x >> n | x << (64 - n); }

static uint32_t word(const uint8_t *at) { return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]; }

static void md5(State *state, const uint8_t *block) {
    static const uint8_t turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
    uint32_t x[16], a = state->words[0], b = state->words[1], c = state->words[2], d = state->words[3];
    memcpy(x, block, sizeof x);
    for (unsigned i = 0; i < 64; i++) {
        uint32_t f, at = i;
        switch (i / 16) {
        case 0: f = (b & c) | (~b & d); break;
        case 1: f = (d & b) | (~d & c), at = 5 * i + 1; break;
        case 2: f = b ^ c ^ d, at = 3 * i + 5; break;
        default: f = c ^ (b | ~d), at = 7 * i; break;
        }
        uint32_t sum = b + left(a + f + SINES[i] + x[at % 16], turns[i / 16][i % 4]);
        a = d, d = c, c = b, b = sum;
    }
    state->words[0] += a, state->words[1] += b, state->words[2] += c, state->words[3] += d;
}

static void sha1(State *state, const uint8_t *block) {
    uint32_t w[80], a = state->words[0], b = state->words[1], c = state->words[2], d = state->words[3], e = state->words[4];
    for (unsigned i = 0; i < 16; i++) w[i] = word(block + 4 * i);
    for (unsigned i = 16; i < 80; i++) w[i] = left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (unsigned i = 0; i < 80; i++) {
        uint32_t f, k;
        if (i < 20) f = (b & c) | (~b & d), k = 0x5a827999;
        else if (i < 40) f = b ^ c ^ d, k = 0x6ed9eba1;
        else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8f1bbcdc;
        else f = b ^ c ^ d, k = 0xca62c1d6;
        uint32_t sum = left(a, 5) + f + e + k + w[i];
        e = d, d = c, c = left(b, 30), b = a, a = sum;
    }
    state->words[0] += a, state->words[1] += b, state->words[2] += c, state->words[3] += d, state->words[4] += e;
}

static void sha256(State *state, const uint8_t *block) {
    uint32_t w[64], s[8];
    memcpy(s, state->words, sizeof s);
    for (unsigned i = 0; i < 16; i++) w[i] = word(block + 4 * i);
    for (unsigned i = 16; i < 64; i++) {
        uint32_t x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (right(x, 7) ^ right(x, 18) ^ x >> 3) + (right(y, 17) ^ right(y, 19) ^ y >> 10);
    }
    for (unsigned i = 0; i < 64; i++) {
        uint32_t a = s[0], e = s[4];
        uint32_t one = s[7] + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + ((e & s[5]) ^ (~e & s[6])) +
                       (uint32_t)(FRACTIONS[i] >> 32) + w[i];
        uint32_t two = (right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        s[7] = s[6], s[6] = s[5], s[5] = e, s[4] = s[3] + one;
        s[3] = s[2], s[2] = s[1], s[1] = a, s[0] = one + two;
    }
    for (unsigned i = 0; i < 8; i++) state->words[i] += s[i];
}

static void sha512(State *state, const uint8_t *block) {
    uint64_t w[80], s[8];
    memcpy(s, state->longs, sizeof s);
    for (unsigned i = 0; i < 16; i++) w[i] = (uint64_t)word(block + 8 * i) << 32 | word(block + 8 * i + 4);
    for (unsigned i = 16; i < 80; i++) {
        uint64_t x = w[i - 15], y = w[i - 2];
        w[i] = w[i - 16] + w[i - 7] + (right_long(x, 1) ^ right_long(x, 8) ^ x >> 7) +
               (right_long(y, 19) ^ right_long(y, 61) ^ y >> 6);
    }
    for (unsigned i = 0; i < 80; i++) {
        uint64_t a = s[0], e = s[4];
        uint64_t one = s[7] + (right_long(e, 14) ^ right_long(e, 18) ^ right_long(e, 41)) + ((e & s[5]) ^ (~e & s[6])) +
                       FRACTIONS[i] + w[i];
        uint64_t two =
            (right_long(a, 28) ^ right_long(a, 34) ^ right_long(a, 39)) + ((a & s[1]) ^ (a & s[2]) ^ (s[1] & s[2]));
        s[7] = s[6], s[6] = s[5], s[5] = e, s[4] = s[3] + one;
        s[3] = s[2], s[2] = s[1], s[1] = a, s[0] = one + two;
    }
    for (unsigned i = 0; i < 8; i++) state->longs[i] += s[i];
}

static const Hash hashes[] = {
    {"md5", 64, 16, {.words = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}}, md5, 0, 1},
    {"sha1", 64, 20, {.words = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}}, sha1, 0, 0},
    {"sha224", 64, 28,
     {.words = {0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939, 0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4}},
     sha256, 0, 0},
    {"sha256", 64, 32,
     {.words = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}},
     sha256, 0, 0},
    {"sha384", 128, 48,
     {.longs = {0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939, 0x67332667ffc00b31,
                0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4}},
     sha512, 1, 0},
    {"sha512", 128, 64,
     {.longs = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1, 0x510e527fade682d1,
                0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179}},
     sha512, 1, 0},
};

const Hash *hash_named(const char *name) {
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++)
        if (strcmp(hashes[i].name, name) == 0) return &hashes[i];
    return NULL;
}

void hash_write(const Hash *hash, const State *state, uint8_t *out) {
    if (hash->is_little) {
        memcpy(out, state->words, sizeof state->words);
        return;
    }
    size_t size = hash->is_long ? 8 : 4;
    for (size_t i = 0; i < 8; i++) {
        uint64_t value = hash->is_long ? state->longs[i] : state->words[i];
        for (size_t byte = 0; byte < size; byte++) out[size * i + byte] = (uint8_t)(value >> 8 * (size - 1 - byte));
    }
}

void hash_end(const Hash *hash, State *state, const uint8_t *data, size_t size, uint64_t total, uint8_t *digest) {
    uint8_t block[LONGEST_BLOCK] = {0}, all[LONGEST_DIGEST];
    size_t length = hash->block / 8; /* of the field with the length of the message */
    if (size) memcpy(block, data, size);
    block[size] = 0x80;
    if (size + 1 + length > hash->block) {
        hash->compress(state, block);
        memset(block, 0, sizeof block);
    }
    for (size_t i = 0; i < 8; i++) {
        uint8_t byte = (uint8_t)(total * 8 >> 8 * i);
        block[hash->is_little ? hash->block - 8 + i : hash->block - 1 - i] = byte;
    }
    hash->compress(state, block);
    hash_write(hash, state, all);
    memcpy(digest, all, hash->digest);
}

void hash_parts(const Hash *hash, State state, uint64_t before, const uint8_t *a, size_t a_size, const uint8_t *b,
                size_t b_size, uint8_t *digest) {
    uint8_t block[LONGEST_BLOCK];
    size_t filled = 0;
    const uint8_t *parts[] = {a, b};
    const size_t sizes[] = {a_size, b_size};
    for (int part = 0; part < 2; part++) {
        for (size_t i = 0; i < sizes[part]; i++) {
            block[filled++] = parts[part][i];
            if (filled == hash->block) {
                hash->compress(&state, block);
                filled = 0;
            }
        }
    }
    hash_end(hash, &state, block, filled, before + a_size + b_size, digest);
}
