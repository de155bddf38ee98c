/* What the compiler calls for products of 128 bits, which no other library of the guest has. */

#include <stdint.h>

typedef unsigned __int128 Wide;

/* The product of two numbers of 64 bits, from four of their halves. */
static Wide product(uint64_t a, uint64_t b) {
    uint64_t a_low = (uint32_t)a, a_high = a >> 32, b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t low = a_low * b_low, middle = a_high * b_low + (low >> 32), other = a_low * b_high + (uint32_t)middle;
    uint64_t high = a_high * b_high + (middle >> 32) + (other >> 32);
    return (Wide)high << 64 | (other << 32 | (uint32_t)low);
}

__int128 __multi3(__int128 a, __int128 b);

__int128 __multi3(__int128 a, __int128 b) {
    uint64_t a_low = (uint64_t)a, b_low = (uint64_t)b;
    uint64_t a_high = (uint64_t)((Wide)a >> 64), b_high = (uint64_t)((Wide)b >> 64);
    return (__int128)(product(a_low, b_low) + ((Wide)(a_high * b_low + a_low * b_high) << 64));
}
