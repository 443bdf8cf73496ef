/* Makes the n-th call of the process to a file below a folder fail, as a disk that is full or broken does.
   Preloaded; armed by Python through arm(). Counts calls while it is armed with n = 0. Built by failing_disk.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static char folder[PATH_MAX];
static long fail_at, fail_errno;
static int stays_broken, with_reads;
static atomic_long calls;

/* Calls before the n-th succeed, the n-th fails, and so do all later ones if the disk stays broken. */
void arm(const char *below, long n, int error, int stays, int reads) {
    fail_at = n, fail_errno = error, stays_broken = stays, with_reads = reads;
    atomic_store(&calls, 0);
    strncpy(folder, below, sizeof folder - 1);
}

long counted(void) { return atomic_load(&calls); }

static int fails_now(void) {
    long number = atomic_fetch_add(&calls, 1) + 1;
    if (!fail_at || number < fail_at || (number > fail_at && !stays_broken)) return 0;
    errno = (int)fail_errno;
    return 1;
}

static int below_folder(const char *path) { return folder[0] && path && !strncmp(path, folder, strlen(folder)); }

static int fails_path(const char *path) { return below_folder(path) && fails_now(); }

static int fails_fd(int fd) {
    char link[64], path[PATH_MAX];
    if (!folder[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return fails_path(path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

#define OPEN(name)                                                                     \
    int name(const char *path, int flags, ...) {                                       \
        va_list rest;                                                                  \
        va_start(rest, flags);                                                         \
        mode_t mode = va_arg(rest, mode_t);                                            \
        va_end(rest);                                                                  \
        if ((with_reads || (flags & O_CREAT)) && fails_path(path)) return -1;          \
        return REAL(name)(path, flags, mode);                                          \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                   \
    int name(int at, const char *path, int flags, ...) {                               \
        va_list rest;                                                                  \
        va_start(rest, flags);                                                         \
        mode_t mode = va_arg(rest, mode_t);                                            \
        va_end(rest);                                                                  \
        if ((with_reads || (flags & O_CREAT)) && fails_path(path)) return -1;          \
        return REAL(name)(at, path, flags, mode);                                      \
    }
OPENAT(openat)
OPENAT(openat64)

#define ON_FD(type, name, parameters, arguments, applies)                              \
    type name parameters {                                                             \
        if ((applies) && fails_fd(fd)) return -1;                                      \
        return REAL(name) arguments;                                                   \
    }
ON_FD(ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size), 1)
ON_FD(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at), 1)
ON_FD(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at), 1)
ON_FD(ssize_t, read, (int fd, void *data, size_t size), (fd, data, size), with_reads)
ON_FD(ssize_t, pread, (int fd, void *data, size_t size, off_t at), (fd, data, size, at), with_reads)
ON_FD(ssize_t, pread64, (int fd, void *data, size_t size, off64_t at), (fd, data, size, at), with_reads)
ON_FD(int, fsync, (int fd), (fd), 1)
ON_FD(int, fdatasync, (int fd), (fd), 1)
ON_FD(int, ftruncate, (int fd, off_t size), (fd, size), 1)
ON_FD(int, ftruncate64, (int fd, off64_t size), (fd, size), 1)

#define ON_PATH(name, parameters, arguments)                                           \
    int name parameters {                                                              \
        if (fails_path(path)) return -1;                                               \
        return REAL(name) arguments;                                                   \
    }
ON_PATH(rename, (const char *path, const char *to), (path, to))
ON_PATH(mkdir, (const char *path, mode_t mode), (path, mode))
ON_PATH(unlink, (const char *path), (path))
ON_PATH(rmdir, (const char *path), (path))

FILE *fopen(const char *path, const char *mode) {
    return (with_reads || mode[0] != 'r') && fails_path(path) ? NULL : REAL(fopen)(path, mode);
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *stream) {
    return folder[0] && fails_fd(fileno(stream)) ? 0 : REAL(fwrite)(data, size, count, stream);
}

/* What a buffered write could not bring to the disk is only known when the file is closed. */
int fclose(FILE *stream) {
    int fails = folder[0] && fails_fd(fileno(stream)), error = errno, status = REAL(fclose)(stream);
    if (!fails) return status;
    errno = error;
    return EOF;
}
