// A malloc that fails from its n-th call on, or only then. To be preloaded; FAIL_MALLOC says which: "120" or "120+".
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void* (*real_malloc)(size_t);
static void* (*real_calloc)(size_t, size_t);
static void* (*real_realloc)(void*, size_t);
static void (*real_free)(void*);
static long calls, first = -1, last;

// What is allocated before the others are known, by dlsym and by libraries that start earlier.
static char early[1 << 18] __attribute__((aligned(16)));
static size_t early_used;
static void* Early(size_t size) {
  void* out = early + early_used;
  early_used += (size + 15) / 16 * 16;
  if (early_used > sizeof early) _exit(99);
  return out;
}

__attribute__((constructor)) static void Begin(void) {
  real_malloc = (void* (*)(size_t))dlsym(RTLD_NEXT, "malloc");
  real_calloc = (void* (*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
  real_realloc = (void* (*)(void*, size_t))dlsym(RTLD_NEXT, "realloc");
  real_free = (void (*)(void*))dlsym(RTLD_NEXT, "free");
}

// It counts from main on: what is made before that is not the tool's own work.
static int (*real_main)(int, char**, char**);
static int Main(int argc, char** argv, char** environment) {
  const char* which = getenv("FAIL_MALLOC");
  if (which != NULL) {
    first = atol(which);
    last = strchr(which, '+') != NULL ? -1 : first;
  }
  return real_main(argc, argv, environment);
}

int __libc_start_main(int (*start)(int, char**, char**), int argc, char** argv, void (*init)(void), void (*end)(void),
                      void (*loader_end)(void), void* stack_end) {
  typedef int Start(int (*)(int, char**, char**), int, char**, void (*)(void), void (*)(void), void (*)(void), void*);
  real_main = start;
  return ((Start*)dlsym(RTLD_NEXT, "__libc_start_main"))(Main, argc, argv, init, end, loader_end, stack_end);
}

static int Fails(void) {
  if (first < 0) return 0;
  const long call = __atomic_add_fetch(&calls, 1, __ATOMIC_RELAXED);
  if (call < first || (last >= 0 && call > last)) return 0;
  errno = ENOMEM;
  return 1;
}

void* malloc(size_t size) {
  if (real_malloc == NULL) return Early(size);
  return Fails() ? NULL : real_malloc(size);
}

void* calloc(size_t count, size_t size) {
  if (real_calloc == NULL) return Early(count * size);
  return Fails() ? NULL : real_calloc(count, size);
}

static int IsEarly(void* old) { return (char*)old >= early && (char*)old < early + sizeof early; }

void* realloc(void* old, size_t size) {
  if (real_realloc == NULL || IsEarly(old)) {
    void* out = Early(size);
    if (old != NULL) memcpy(out, old, size);   // what lies behind the old one is copied too, and is of no use
    return out;
  }
  return Fails() ? NULL : real_realloc(old, size);
}

void free(void* old) {
  if (real_free != NULL && !IsEarly(old)) real_free(old);
}
