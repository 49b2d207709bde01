/* Faults of a machine, for one process: loaded before the C library, steered by files `$CHOPMARK_FAULTS/<pid>.<fault>`
 * or, for as long as the process lives, by variables `CHOPMARK_FAULT_<fault>`.
 *
 *   slow    milliseconds that every flush to disk takes longer
 *   full    the disk takes no more bytes
 *   clock   seconds that the clock is ahead; negative: behind
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static long setting(const char *fault) {
    const char *folder = getenv("CHOPMARK_FAULTS"), *always;
    char path[512], text[32];
    snprintf(path, sizeof path, "CHOPMARK_FAULT_%s", fault);
    always = getenv(path);
    if (always != NULL) return atol(always);
    if (folder == NULL) return 0;
    snprintf(path, sizeof path, "%s/%d.%s", folder, (int)getpid(), fault);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length > 0 ? length : 0] = 0;
    return atol(text);
}

static void slow(void) {
    long milliseconds = setting("slow");
    if (milliseconds > 0) usleep((useconds_t)milliseconds * 1000);
}

/* Says whether a write goes to a full disk: files only, not pipes and sockets. */
static int is_full(int file) {
    struct stat what;
    int saved = errno;
    int full = setting("full") && fstat(file, &what) == 0 && S_ISREG(what.st_mode);
    errno = full ? ENOSPC : saved;
    return full;
}

#define NEXT(name) __typeof__(&name) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

int fsync(int file) { NEXT(fsync); slow(); return next(file); }
int fdatasync(int file) { NEXT(fdatasync); slow(); return next(file); }

ssize_t write(int file, const void *bytes, size_t count) {
    NEXT(write);
    return is_full(file) ? -1 : next(file, bytes, count);
}
ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
    NEXT(pwrite64);
    return is_full(file) ? -1 : next(file, bytes, count, at);
}
ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    NEXT(pwrite);
    return is_full(file) ? -1 : next(file, bytes, count, at);
}
int ftruncate64(int file, off64_t length) {
    NEXT(ftruncate64);
    return is_full(file) ? -1 : next(file, length);
}
int ftruncate(int file, off_t length) {
    NEXT(ftruncate);
    return is_full(file) ? -1 : next(file, length);
}

int clock_gettime(clockid_t which, struct timespec *time) {
    NEXT(clock_gettime);
    int result = next(which, time);
    if (result == 0 && which == CLOCK_REALTIME) time->tv_sec += setting("clock");
    return result;
}
