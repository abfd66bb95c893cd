/*
 * Stands between a process and its disk and clock: preloaded, it sees every libc call that changes a file below one
 * folder, notes it in a side log from which a power cut can be modelled, and fails, shortens or delays the calls that
 * its control page names.
 *
 * In: LESS_SHIM = a folder with the file `control` (one page, shared with the test) and the file `log` (written
 * here); LESS_SHIM_HOME = the folder watched, without links in its path. Both and LD_PRELOAD are taken out of the
 * environment, so that only this process is concerned, not what it starts.
 *
 * It keeps no table of open files: what a descriptor is, the kernel is asked at every call. An operation and its
 * record are one step under one lock, so the log's order is the order of the operations. A process that ends in
 * between would leave an operation without a record, and its successor builds on what is in the file: so a test that
 * kills holds the operations up first, and a process that ends by itself takes the lock along.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim.h"

enum kind { WAL = 1, DATABASE = 2, LOGS = 4, OTHER = 8 };
enum op { WRITTEN = 1, TRUNCATED, SYNCED, SYNC_FAILED, LINKED, UNLINKED, RENAMED, ALL_SYNCED };

/* Of one operation in the log; `length` bytes of data or names follow. */
struct record {
    uint64_t op, inode, at, length, folder, mark;
};

struct control *control;
static char home[4096];
static int side = -1;
static uint64_t logged;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- one operation at a time, and none while the test holds them up ---- */

static void enter(void)
{
    pthread_mutex_lock(&lock);
    for (;;) {
        __atomic_store_n(&control->inside, 1, __ATOMIC_SEQ_CST);
        if (!__atomic_load_n(&control->held, __ATOMIC_SEQ_CST)) return;
        __atomic_store_n(&control->inside, 0, __ATOMIC_SEQ_CST);
        usleep(1000);
    }
}

static void leave(void)
{
    __atomic_store_n(&control->inside, 0, __ATOMIC_SEQ_CST);
    pthread_mutex_unlock(&lock);
}

/* ---- what a descriptor or a name stands for ---- */

static int is_below(const char *path)
{
    size_t length = strlen(home);
    return strncmp(path, home, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int ends(const char *path, const char *end)
{
    size_t a = strlen(path), b = strlen(end);
    return a >= b && strcmp(path + a - b, end) == 0;
}

/* The index of the write-ahead log is memory that happens to have a name, and the reserve is room without content. */
static int is_watched(const char *path)
{
    return is_below(path) && !ends(path, "-shm") && !ends(path, "/reserve");
}

static enum kind kind_of(const char *path)
{
    if (ends(path, "-wal")) return WAL;
    if (ends(path, ".db")) return DATABASE;
    if (ends(path, ".log") || ends(path, ".idx")) return LOGS;
    return OTHER;
}

struct file {
    uint64_t inode;
    enum kind kind;
};

static int is_ours(int fd, struct file *file)
{
    struct stat status;
    char link[64], path[4096];
    if (!control || fstat(fd, &status) || !(S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    if (ends(path, " (deleted)") || !is_watched(path)) return 0;
    file->inode = status.st_ino;
    file->kind = kind_of(path);
    return 1;
}

/* A name and the folder in which it stands. */
struct place {
    char path[4096];
    const char *name;
    uint64_t folder;
};

static int find(int base, const char *given, struct place *place)
{
    char from[2048] = "";
    if (!control) return 0;
    if (given[0] != '/' && base == AT_FDCWD && !getcwd(from, sizeof from)) return 0;
    if (given[0] != '/' && base != AT_FDCWD) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", base);
        ssize_t length = readlink(link, from, sizeof from - 1);
        from[length > 0 ? length : 0] = 0;
    }
    snprintf(place->path, sizeof place->path, "%s%s%s", from, given[0] == '/' ? "" : "/", given);
    size_t length = strlen(place->path);
    while (length > 1 && place->path[length - 1] == '/') place->path[--length] = 0;
    char *slash = strrchr(place->path, '/');
    if (!is_watched(place->path) || strcmp(place->path, home) == 0) return 0;
    struct stat folder;
    *slash = 0;
    int found = stat(place->path, &folder) == 0;
    *slash = '/';
    place->name = slash + 1;
    place->folder = folder.st_ino;
    return found;
}

/* ---- the side log ---- */

/* An operation that is not in the log would spoil every conclusion. */
static void put(const void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        long n = syscall(SYS_write, side, (const char *)bytes + done, length - done);
        if (n < 0 && errno != EINTR) {
            fprintf(stderr, "shim: cannot write the side log: %s\n", strerror(errno));
            abort();
        }
        if (n > 0) done += n;
    }
    logged += length;
}

static void note(struct record record, const void *bytes)
{
    put(&record, sizeof record);
    put(bytes, record.length);
}

/* ---- faults ---- */

/* Whether this call is to fail. The lock is held. */
static int fails(enum call call, enum kind kind)
{
    __atomic_add_fetch(&control->seen[call], 1, __ATOMIC_RELAXED);
    if (!(control->calls & 1 << call) || !(control->files & kind)) return 0;
    if (control->after > 0) {
        control->after--;
        return 0;
    }
    if (control->count <= 0) return 0;
    control->count--;
    control->failed++;
    return 1;
}

static long refused(void)
{
    errno = control->error;
    return -1;
}

/* ---- contents ---- */

static ssize_t write_to(int fd, const struct iovec *parts, int count, off_t at)
{
    struct file file;
    struct iovec part;
    int ours = is_ours(fd, &file);
    if (ours) enter();
    int fail = ours && fails(WRITE, file.kind);
    if (fail && control->error) {
        leave();
        return refused();
    }
    if (fail && count > 0) {
        part = (struct iovec){parts[0].iov_base, (parts[0].iov_len + 1) / 2};
        parts = &part;
        count = 1;
    }
    ssize_t done = at < 0 ? syscall(SYS_writev, fd, parts, count) : syscall(SYS_pwritev, fd, parts, count, at, 0);
    if (!ours) return done;
    int error = errno;
    if (done > 0) {
        if (at < 0) at = lseek(fd, 0, SEEK_CUR) - done;
        struct record record = {WRITTEN, file.inode, at, done, 0, 0};
        put(&record, sizeof record);
        for (size_t left = done; left > 0; parts++) {
            size_t length = parts->iov_len < left ? parts->iov_len : left;
            put(parts->iov_base, length);
            left -= length;
        }
    }
    leave();
    errno = error;
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    return write_to(fd, &(struct iovec){(void *)bytes, length}, 1, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
    return write_to(fd, &(struct iovec){(void *)bytes, length}, 1, at);
}

ssize_t writev(int fd, const struct iovec *parts, int count) { return write_to(fd, parts, count, -1); }
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) { return write_to(fd, parts, count, at); }
ssize_t pwrite64(int, const void *, size_t, off64_t) __attribute__((alias("pwrite")));
ssize_t pwritev64(int, const struct iovec *, int, off64_t) __attribute__((alias("pwritev")));

/* Copies inside the kernel are refused where they would go to a file of ours: callers then read and write. */
static int goes_to_ours(int fd)
{
    struct file file;
    return is_ours(fd, &file);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t length, unsigned flags)
{
    if (goes_to_ours(out)) return errno = ENOSYS, -1;
    return syscall(SYS_copy_file_range, in, from, out, to, length, flags);
}

ssize_t sendfile64(int out, int in, off64_t *from, size_t length)
{
    if (goes_to_ours(out)) return errno = ENOSYS, -1;
    return syscall(SYS_sendfile, out, in, from, length);
}

int ftruncate(int fd, off_t length)
{
    struct file file;
    if (!is_ours(fd, &file)) return syscall(SYS_ftruncate, fd, length);
    enter();
    int done = fails(TRUNCATE, file.kind) ? refused() : syscall(SYS_ftruncate, fd, length);
    if (done == 0) note((struct record){TRUNCATED, file.inode, length, 0, 0, 0}, "");
    leave();
    return done;
}

int ftruncate64(int, off64_t) __attribute__((alias("ftruncate")));

/* What was noted before the sync began is on the disk when it has succeeded; what came meanwhile may not be. */
static int sync_file(int number, int fd)
{
    struct file file;
    if (!is_ours(fd, &file)) return syscall(number, fd);
    enter();
    uint64_t mark = logged;
    int fail = fails(SYNC, file.kind);
    leave();
    if (control->delay_us) usleep(control->delay_us);
    int done = fail ? refused() : syscall(number, fd), error = errno;
    enter();
    note((struct record){done == 0 ? SYNCED : SYNC_FAILED, file.inode, 0, 0, 0, mark}, "");
    leave();
    errno = error;
    return done;
}

int fsync(int fd) { return sync_file(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_file(SYS_fdatasync, fd); }

/* ---- names ---- */

static void note_link(const struct place *place)
{
    struct stat made;
    if (lstat(place->path, &made)) return;
    struct record record = {LINKED, made.st_ino, made.st_mode, strlen(place->name), place->folder, 0};
    char target[4096];
    ssize_t length = S_ISLNK(made.st_mode) ? readlink(place->path, target, sizeof target) : 0;
    if (length > 0) record.length += 1 + length;
    put(&record, sizeof record);
    put(place->name, strlen(place->name));
    if (length > 0) put("", 1), put(target, length);
}

static int open_at(int base, const char *path, int flags, mode_t mode)
{
    struct place place;
    struct stat before;
    if (!(flags & (O_CREAT | O_TRUNC)) || !find(base, path, &place)) return syscall(SYS_openat, base, path, flags, mode);
    enter();
    int is_new = stat(place.path, &before) != 0;
    int fd = is_new && fails(CREATE, kind_of(path)) ? refused() : syscall(SYS_openat, base, path, flags, mode);
    int error = errno;
    if (fd >= 0 && is_new) note_link(&place);
    if (fd >= 0 && !is_new && flags & O_TRUNC) note((struct record){TRUNCATED, before.st_ino, 0, 0, 0, 0}, "");
    leave();
    errno = error;
    return fd;
}

#define WITH_MODE(flags, mode)                              \
    mode_t mode = 0;                                        \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                  \
        va_list rest;                                       \
        va_start(rest, flags);                              \
        mode = va_arg(rest, mode_t);                        \
        va_end(rest);                                       \
    }

int open(const char *path, int flags, ...)
{
    WITH_MODE(flags, mode);
    return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int base, const char *path, int flags, ...)
{
    WITH_MODE(flags, mode);
    return open_at(base, path, flags, mode);
}

int open64(const char *, int, ...) __attribute__((alias("open")));
int openat64(int, const char *, int, ...) __attribute__((alias("openat")));

/* A call that makes a name or takes one away. */
static int change_name(enum call call, int base, const char *path, long number, long a, long b, long c)
{
    struct place place;
    struct stat before;
    if (!find(base, path, &place)) return syscall(number, a, b, c);
    enter();
    int is_vain = (lstat(place.path, &before) == 0) == (call == CREATE); /* the kernel has an error of its own */
    int done = !is_vain && fails(call, kind_of(path)) ? refused() : syscall(number, a, b, c), error = errno;
    if (done == 0 && call == CREATE) note_link(&place);
    if (done == 0 && call == REMOVE)
        note((struct record){UNLINKED, 0, 0, strlen(place.name), place.folder, 0}, place.name);
    leave();
    errno = error;
    return done;
}

int mkdir(const char *path, mode_t mode)
{
    return change_name(CREATE, AT_FDCWD, path, SYS_mkdirat, AT_FDCWD, (long)path, mode);
}

int symlink(const char *target, const char *path)
{
    return change_name(CREATE, AT_FDCWD, path, SYS_symlinkat, (long)target, AT_FDCWD, (long)path);
}

int unlinkat(int base, const char *path, int flags)
{
    return change_name(REMOVE, base, path, SYS_unlinkat, base, (long)path, flags);
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int rename(const char *from, const char *to)
{
    struct place old, new;
    if (!find(AT_FDCWD, from, &old) || !find(AT_FDCWD, to, &new))
        return syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    enter();
    int fail = fails(RENAME, kind_of(to));
    int done = fail ? refused() : syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0), error = errno;
    if (done == 0) {
        size_t a = strlen(old.name) + 1, b = strlen(new.name);
        struct record record = {RENAMED, new.folder, 0, a + b, old.folder, 0};
        put(&record, sizeof record);
        put(old.name, a);
        put(new.name, b);
    }
    leave();
    errno = error;
    return done;
}

/* A sync of the whole disk. */
void all_is_synced(void)
{
    enter();
    note((struct record){ALL_SYNCED, 0, 0, 0, 0, logged}, "");
    leave();
}

__attribute__((constructor)) static void begin(void)
{
    const char *folder = getenv("LESS_SHIM"), *watched = getenv("LESS_SHIM_HOME");
    char path[4096];
    if (!folder || !watched) return;
    snprintf(home, sizeof home, "%s", watched);
    snprintf(path, sizeof path, "%s/log", folder);
    side = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    snprintf(path, sizeof path, "%s/control", folder);
    int page = syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    void *mapped = page < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
    logged = lseek(side, 0, SEEK_END);
    if (side < 0 || mapped == MAP_FAILED) {
        fprintf(stderr, "shim: cannot open the files in %s: %s\n", folder, strerror(errno));
        abort();
    }
    unsetenv("LESS_SHIM");
    unsetenv("LESS_SHIM_HOME");
    unsetenv("LD_PRELOAD");
    trap_syncfs();
    control = mapped;
}

/* Other threads may be in the middle of an operation when one of them ends the process. */
__attribute__((destructor)) static void end(void)
{
    if (control) pthread_mutex_lock(&lock);
}
