/*
 * Takes the build machine out of the guest.
 *
 * componentize-py runs Python inside its own process and snapshots the memory,
 * so whatever that Python can see ends up in the guest: random bytes, clocks,
 * file times, inode numbers, the order of directories. This library is loaded
 * with LD_PRELOAD and answers all of them with constants.
 *
 * Functions of libc are answered by definitions of the same name. The WASI
 * implementation does not call libc for files, it makes system calls of its
 * own: a seccomp filter turns those into SIGSYS, and the handler makes the call
 * and rewrites what came back. The filter starts when the extension module
 * `componentize_py` is loaded, and metadata is rewritten only for calls from
 * inside it (the dynamic loader tells libraries apart by inode number).
 *
 * It works or it stops the process (status 97, with a message): never a guest
 * that differs silently. When the filter is in place the file named by
 * GUEST_BUILD_SHIM_READY is written, so that the caller can tell.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#if !defined(__linux__) || !(defined(__x86_64__) || defined(__aarch64__))
#error "the guest build knows Linux on x86-64 and aarch64 only"
#endif

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code of SIGSYS; older C libraries lack it */
#endif

enum { WALL_SECONDS = 1700000000, MONOTONIC_SECONDS = 1000, RANDOM_BYTE = 0x5a };

/* The sixth argument of our own system calls: none of the filtered ones has
 * six, so the filter knows them by it. */
#define OWN_CALL 0x7778676275696c64L

static void stop(const char *why) {
    static const char head[] = "guest-build shim: ";
    (void)!write(2, head, sizeof head - 1);
    (void)!write(2, why, strlen(why));
    (void)!write(2, "\n", 1);
    _exit(97);
}

/* --- system calls ------------------------------------------------------- */

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
static long own_call(long n, long a, long b, long c, long d, long e) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = OWN_CALL;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
struct call { long number, arguments[5]; uintptr_t address; };
static struct call interrupted(const ucontext_t *context) {
    const greg_t *g = context->uc_mcontext.gregs;
    struct call call = {g[REG_RAX], {g[REG_RDI], g[REG_RSI], g[REG_RDX], g[REG_R10], g[REG_R8]}, (uintptr_t)g[REG_RIP]};
    return call;
}
static void answer(ucontext_t *context, long result) { context->uc_mcontext.gregs[REG_RAX] = result; }
#else
#define OUR_ARCH AUDIT_ARCH_AARCH64
static long own_call(long n, long a, long b, long c, long d, long e) {
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = OWN_CALL;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
struct call { long number, arguments[5]; uintptr_t address; };
static struct call interrupted(const ucontext_t *context) {
    const mcontext_t *m = &context->uc_mcontext;
    struct call call = {(long)m->regs[8], {0}, (uintptr_t)m->pc};
    for (int i = 0; i < 5; i++) call.arguments[i] = (long)m->regs[i];
    return call;
}
static void answer(ucontext_t *context, long result) { context->uc_mcontext.regs[0] = (unsigned long long)result; }
#endif

/* --- libc functions that are answered here ------------------------------- */

ssize_t getrandom(void *out, size_t size, unsigned flags) {
    (void)flags;
    memset(out, RANDOM_BYTE, size);
    return (ssize_t)size;
}

int getentropy(void *out, size_t size) {
    memset(out, RANDOM_BYTE, size);
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *out) {
    out->tv_sec = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE ? WALL_SECONDS : MONOTONIC_SECONDS;
    out->tv_nsec = 0;
    return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    (void)zone;
    out->tv_sec = WALL_SECONDS;
    out->tv_usec = 0;
    return 0;
}

time_t time(time_t *out) {
    if (out) *out = WALL_SECONDS;
    return WALL_SECONDS;
}

/* --- metadata of files ---------------------------------------------------- */

/* What a file says about itself, without what its file system or its moment of
 * creation adds. The size of a directory is the file system's business too. */
static void plain_stat(struct stat *s) {
    s->st_dev = 1;
    s->st_ino = 1;
    s->st_nlink = 1;
    s->st_uid = s->st_gid = 0;
    s->st_blksize = 4096;
    s->st_blocks = 0;
    if (S_ISDIR(s->st_mode)) s->st_size = 4096;
    struct timespec then = {WALL_SECONDS, 0};
    s->st_atim = s->st_mtim = s->st_ctim = then;
}

static void plain_statx(struct statx *s) {
    s->stx_blksize = 4096;
    s->stx_nlink = 1;
    s->stx_uid = s->stx_gid = 0;
    s->stx_ino = 1;
    s->stx_blocks = 0;
    s->stx_attributes = 0;
    s->stx_attributes_mask = 0;
    if (S_ISDIR(s->stx_mode)) s->stx_size = 4096;
    struct statx_timestamp then = {.tv_sec = WALL_SECONDS};
    s->stx_atime = s->stx_btime = s->stx_ctime = s->stx_mtime = then;
    s->stx_mask |= STATX_BTIME;
    s->stx_dev_major = s->stx_rdev_major = 0;
    s->stx_dev_minor = s->stx_rdev_minor = 1;
}

int statx(int folder, const char *restrict path, int flags, unsigned mask, struct statx *restrict out) {
    long result = own_call(SYS_statx, folder, (long)path, flags, mask, (long)out);
    if (result < 0) {
        errno = (int)-result;
        return -1;
    }
    plain_statx(out);
    return 0;
}

/* --- directories ----------------------------------------------------------- */

struct entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t kind;
    char name[];
};

/* A directory that somebody is reading: the whole of it, sorted. */
struct listing {
    int used, descriptor;
    char *entries;
    size_t mapped, size, position;
};

enum { LISTINGS = 64 };
static struct listing listings[LISTINGS];
static char listings_lock;

static int by_name(const void *a, const void *b) {
    return strcmp((*(struct entry *const *)a)->name, (*(struct entry *const *)b)->name);
}

static char *map_memory(size_t size) {
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) stop("out of memory while a directory was sorted");
    return memory;
}

/* Reads to the end of the directory, sorts, renumbers. */
static long fill(struct listing *listing, int descriptor) {
    size_t room = 1 << 20, size = 0, count = 0;
    char *raw = map_memory(room);
    for (;;) {
        if (room - size < 65536) {
            char *larger = map_memory(room * 2);
            memcpy(larger, raw, size);
            munmap(raw, room);
            raw = larger;
            room *= 2;
        }
        long result = own_call(SYS_getdents64, descriptor, (long)(raw + size), (long)(room - size), 0, 0);
        if (result < 0) {
            munmap(raw, room);
            return result;
        }
        if (result == 0) break;
        size += (size_t)result;
    }
    for (size_t at = 0; at < size; at += ((struct entry *)(raw + at))->size) count++;
    size_t index_size = (count + 1) * sizeof(struct entry *);
    struct entry **index = (struct entry **)map_memory(index_size);
    size_t n = 0;
    for (size_t at = 0; at < size; at += ((struct entry *)(raw + at))->size) index[n++] = (struct entry *)(raw + at);
    qsort(index, count, sizeof *index, by_name);
    char *sorted = map_memory(size + 1);
    size_t at = 0;
    for (n = 0; n < count; n++) {
        struct entry *entry = (struct entry *)(sorted + at);
        memcpy(entry, index[n], index[n]->size);
        entry->inode = 1;
        entry->offset = (int64_t)n + 1;
        at += entry->size;
    }
    munmap(index, index_size);
    munmap(raw, room);
    listing->used = 1;
    listing->descriptor = descriptor;
    listing->entries = sorted;
    listing->mapped = size + 1;
    listing->size = size;
    listing->position = 0;
    return 0;
}

static void forget(struct listing *listing) {
    munmap(listing->entries, listing->mapped);
    memset(listing, 0, sizeof *listing);
}

static long list_locked(int descriptor, char *out, size_t room) {
    struct listing *mine = NULL, *unused = NULL;
    for (int i = 0; i < LISTINGS; i++) {
        if (listings[i].used && listings[i].descriptor == descriptor) mine = &listings[i];
        if (!listings[i].used) unused = &listings[i];
    }
    off_t position = lseek(descriptor, 0, SEEK_CUR);
    if (position == 0 && mine) {
        forget(mine);
        unused = mine;
        mine = NULL;
    }
    if (!mine) {
        if (position > 0) {
            long result = own_call(SYS_getdents64, descriptor, (long)out, (long)room, 0, 0);
            if (result > 0) stop("a directory was read from its middle, its order would depend on the file system");
            return result;
        }
        if (!unused) stop("too many directories are read at once");
        long result = fill(unused, descriptor);
        if (result < 0) return result;
        mine = unused;
    }
    size_t given = 0;
    while (mine->position < mine->size) {
        struct entry *next = (struct entry *)(mine->entries + mine->position);
        if (given + next->size > room) break;
        memcpy(out + given, next, next->size);
        given += next->size;
        mine->position += next->size;
    }
    if (given == 0 && mine->position < mine->size) return -EINVAL;
    if (given == 0) forget(mine);
    return (long)given;
}

static long list(int descriptor, char *out, size_t room) {
    while (__atomic_test_and_set(&listings_lock, __ATOMIC_ACQUIRE)) {
    }
    long result = list_locked(descriptor, out, room);
    __atomic_clear(&listings_lock, __ATOMIC_RELEASE);
    return result;
}

/* --- the filter ------------------------------------------------------------ */

static uintptr_t module_low, module_high;

static void on_call(int signal, siginfo_t *information, void *opaque) {
    (void)signal;
    if (information->si_code != SYS_SECCOMP) stop("SIGSYS from elsewhere");
    ucontext_t *context = opaque;
    struct call call = interrupted(context);
    long *a = call.arguments;
    int saved = errno;
    long result;
    if (call.number == SYS_getdents64) {
        result = list((int)a[0], (char *)a[1], (size_t)a[2]);
    } else if (call.number == SYS_getrandom) {
        memset((void *)a[0], RANDOM_BYTE, (size_t)a[1]);
        result = a[1];
    } else {
        result = own_call(call.number, a[0], a[1], a[2], a[3], a[4]);
        if (result == 0 && call.address >= module_low && call.address < module_high) {
            if (call.number == SYS_statx) plain_statx((struct statx *)a[4]);
            else if (call.number == SYS_newfstatat) plain_stat((struct stat *)a[2]);
            else plain_stat((struct stat *)a[1]);
        }
    }
    errno = saved;
    answer(context, result);
}

static void start_filter(void) {
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
    if (sigaction(SIGSYS, &action, NULL) != 0) stop("cannot handle SIGSYS");
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field))
#define TRAP_IF(call) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)
#define SIXTH_LOW BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args[5]))
#define SIXTH_HIGH BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, args[5]) + 4)
    struct sock_filter rules[] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        /* our own calls pass */
        SIXTH_LOW,
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(OWN_CALL & 0xffffffff), 0, 3),
        SIXTH_HIGH,
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(OWN_CALL >> 32), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        LOAD(nr),
#if defined(__x86_64__)
        TRAP_IF(SYS_stat),
        TRAP_IF(SYS_lstat),
#endif
        TRAP_IF(SYS_fstat),
        TRAP_IF(SYS_newfstatat),
        TRAP_IF(SYS_statx),
        TRAP_IF(SYS_getdents64),
        TRAP_IF(SYS_getrandom),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) stop("this kernel refuses PR_SET_NO_NEW_PRIVS");
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
    if (result != 0) stop("this kernel or container refuses a seccomp filter, which the guest build needs to hide file times");
}

/* --- beginning --------------------------------------------------------------- */

static int find_module(struct dl_phdr_info *object, size_t size, void *opaque) {
    (void)size;
    (void)opaque;
    if (!strstr(object->dlpi_name, "componentize_py.abi3")) return 0;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        uintptr_t low = object->dlpi_addr + part->p_vaddr, high = low + part->p_memsz;
        if (!module_low || low < module_low) module_low = low;
        if (high > module_high) module_high = high;
    }
    return 1;
}

void *dlopen(const char *path, int mode) {
    void *(*real)(const char *, int) = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
    if (!real) stop("cannot find the real dlopen");
    void *library = real(path, mode);
    if (library && !module_high && path && strstr(path, "componentize_py.abi3")) {
        dl_iterate_phdr(find_module, NULL);
        if (!module_high) stop("cannot find the code of componentize_py");
        start_filter();
        const char *ready = getenv("GUEST_BUILD_SHIM_READY");
        int file = ready ? open(ready, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -1;
        if (file < 0) stop("cannot write the file named by GUEST_BUILD_SHIM_READY");
        close(file);
    }
    return library;
}
