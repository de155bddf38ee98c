/* Stands in for componentize-py: makes file system calls of its own, not through libc. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static long raw(long n, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    return x0;
#endif
}

static void list(int folder, size_t room) {
    char buffer[4096];
    printf("list");
    for (;;) {
        long size = raw(SYS_getdents64, folder, (long)buffer, (long)room, 0, 0);
        if (size <= 0) {
            printf(" %ld\n", size);
            return;
        }
        for (long at = 0; at < size; at += *(uint16_t *)(buffer + at + 16)) {
            const char *name = buffer + at + 19;
            if (name[0] != '.') printf(" %s/%lu", name, (unsigned long)*(uint64_t *)(buffer + at));
        }
    }
}

/* Describes a folder and its file `b`. */
void describe(const char *path) {
    int folder = open(path, O_RDONLY | O_DIRECTORY), file = openat(folder, "b", O_RDONLY);
    struct stat status;
    raw(SYS_newfstatat, folder, (long)"b", (long)&status, 0, 0);
    printf("newfstatat %ld %lu %ld\n", (long)status.st_mtime, (unsigned long)status.st_ino, (long)status.st_size);
    raw(SYS_fstat, file, (long)&status, 0, 0, 0);
    printf("fstat %ld %lu %ld\n", (long)status.st_ctime, (unsigned long)status.st_ino, (long)status.st_size);
    struct statx extended;
    raw(SYS_statx, folder, (long)"b", 0, STATX_BASIC_STATS | STATX_BTIME, (long)&extended);
    printf("statx %ld %lu %ld\n", (long)extended.stx_btime.tv_sec, (unsigned long)extended.stx_ino,
           (long)extended.stx_size);
    printf("missing %ld\n", raw(SYS_newfstatat, folder, (long)"no such file", (long)&status, 0, 0));
    list(folder, 4096);
    lseek(folder, 0, SEEK_SET);
    list(folder, 64);
    uint32_t random = 0, raw_random = 0;
    (void)!getrandom(&random, sizeof random, 0);
    raw(SYS_getrandom, (long)&raw_random, sizeof raw_random, 0, 0, 0);
    printf("random %x %x\n", random, raw_random);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    printf("clock %ld %ld\n", (long)now.tv_sec, (long)time(NULL));
    /* The dynamic loader tells libraries apart by what libc sees. */
    fstat(file, &status);
    printf("libc %s\n", status.st_ino == 1 ? "rewritten" : "untouched");
}
