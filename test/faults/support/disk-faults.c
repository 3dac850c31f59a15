/* Loaded before libc (LD_PRELOAD) into the companion under test. For files whose path contains FAULT_FILE and while the
   file FAULT_SWITCH exists: every sync takes FAULT_SYNC_US more, and every FAULT_EVERY-th write or sync fails with EIO,
   or with the error number FAULT_ERRNO.
   Into FAULT_RECORD goes what was written to those files, cut short, synced and removed, in order (power-cut.ts reads it). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static atomic_long calls;

static const char *setting(const char *name) {
  const char *value = getenv(name);
  return value && *value ? value : NULL;
}

static int concerned(int fd) {
  const char *part = setting("FAULT_FILE"), *on = setting("FAULT_SWITCH");
  char link[64], path[4096];
  if (!part || (on && access(on, F_OK) != 0)) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return strstr(path, part) != NULL;
}

static int fails(int fd) {
  const char *every = setting("FAULT_EVERY");
  if (!every || !concerned(fd)) return 0;
  return atomic_fetch_add(&calls, 1) % atol(every) == 0;
}

static int failed_call(void) {
  const char *number = setting("FAULT_ERRNO");
  errno = number ? atoi(number) : EIO;
  return -1;
}

static void slow(int fd) {
  const char *us = setting("FAULT_SYNC_US");
  if (!us || !concerned(fd)) return;
  struct timespec pause = {atol(us) / 1000000, (atol(us) % 1000000) * 1000};
  nanosleep(&pause, NULL);
}

/* One operation of the record: this head, the file's name, the data of a write. Little-endian, no padding. */
struct operation {
  uint64_t began_ns, ended_ns, at;
  uint32_t size, name_size, kind;
} __attribute__((packed));
enum { WRITE = 1, SYNC = 2, TRUNCATE = 3, UNLINK = 4 };

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void append(uint32_t kind, const char *path, const void *data, size_t size, uint64_t at, uint64_t began) {
  static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
  static int out = -1;
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  pthread_mutex_lock(&one);
  if (out < 0) out = open(setting("FAULT_RECORD"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  struct operation head = {began, now(), at, kind == WRITE ? size : 0, strlen(name), kind};
  if (write(out, &head, sizeof head) < 0 || write(out, name, head.name_size) < 0 ||
      (head.size > 0 && write(out, data, head.size) < 0)) abort();
  pthread_mutex_unlock(&one);
}

static void record(uint32_t kind, int fd, const void *data, size_t size, uint64_t at, uint64_t began) {
  char link[64], path[4096];
  if (!setting("FAULT_RECORD") || !concerned(fd)) return;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return;
  path[length] = 0;
  append(kind, path, data, size, at, began);
}

#define NEXT(name, type) static __typeof__(type) *next; if (!next) next = dlsym(RTLD_NEXT, name)

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) {
  NEXT("pwrite64", ssize_t(int, const void *, size_t, off64_t));
  if (fails(fd)) return failed_call();
  uint64_t began = now();
  ssize_t written = next(fd, data, size, at);
  if (written > 0) record(WRITE, fd, data, (size_t)written, (uint64_t)at, began);
  return written;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
  NEXT("pwrite", ssize_t(int, const void *, size_t, off_t));
  if (fails(fd)) return failed_call();
  uint64_t began = now();
  ssize_t written = next(fd, data, size, at);
  if (written > 0) record(WRITE, fd, data, (size_t)written, (uint64_t)at, began);
  return written;
}

int fsync(int fd) {
  NEXT("fsync", int(int));
  slow(fd);
  if (fails(fd)) return failed_call();
  uint64_t began = now();
  int failed = next(fd);
  if (!failed) record(SYNC, fd, NULL, 0, 0, began);
  return failed;
}

int fdatasync(int fd) {
  NEXT("fdatasync", int(int));
  slow(fd);
  if (fails(fd)) return failed_call();
  uint64_t began = now();
  int failed = next(fd);
  if (!failed) record(SYNC, fd, NULL, 0, 0, began);
  return failed;
}

int ftruncate64(int fd, off64_t size) {
  NEXT("ftruncate64", int(int, off64_t));
  uint64_t began = now();
  int failed = next(fd, size);
  if (!failed) record(TRUNCATE, fd, NULL, 0, (uint64_t)size, began);
  return failed;
}

int ftruncate(int fd, off_t size) {
  NEXT("ftruncate", int(int, off_t));
  uint64_t began = now();
  int failed = next(fd, size);
  if (!failed) record(TRUNCATE, fd, NULL, 0, (uint64_t)size, began);
  return failed;
}

int unlink(const char *path) {
  NEXT("unlink", int(const char *));
  uint64_t began = now();
  int failed = next(path);
  const char *part = setting("FAULT_FILE");
  if (!failed && setting("FAULT_RECORD") && part && strstr(path, part)) append(UNLINK, path, NULL, 0, 0, began);
  return failed;
}
