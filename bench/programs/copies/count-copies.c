/*
 * Counts the copies that a process makes in user space: preloaded, its memcpy and memmove stand in front of those of the C
 * library, for Node's C++, for V8 (Buffer.copy, TypedArray.set and slice end here) and for every library in the process.
 *
 *     QPS_COPIES_FILE  where the counters are, as two 64-bit words: copies, and bytes that were copied
 *     QPS_COPIES_MIN   copies of fewer bytes are not counted: heads, frames, objects
 *     QPS_COPIES_MAX   nor are those of more: the collector's and the compiler's
 *
 * Copies that a compiler has written out in place are small, and not seen. The counters are shared memory, so that whoever
 * watches reads them without asking the process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct counters {
  _Atomic uint64_t copies;
  _Atomic uint64_t bytes;
};

static struct counters *counters;
static size_t countedMin = SIZE_MAX, countedMax = 0;

__attribute__((constructor)) static void openCounters(void) {
  const char *path = getenv("QPS_COPIES_FILE");
  const char *min = getenv("QPS_COPIES_MIN"), *max = getenv("QPS_COPIES_MAX");
  if (path == NULL || min == NULL || max == NULL) return;
  int descriptor = open(path, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return;
  void *mapped = mmap(NULL, sizeof(struct counters), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (mapped == MAP_FAILED) return;
  counters = mapped;
  countedMin = strtoul(min, NULL, 10);
  countedMax = strtoul(max, NULL, 10);
}

static inline void count(size_t bytes) {
  if (bytes < countedMin || bytes > countedMax) return;
  atomic_fetch_add_explicit(&counters->copies, 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&counters->bytes, bytes, memory_order_relaxed);
}

/* Words that may alias anything and lie anywhere. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word;

void *memmove(void *to, const void *from, size_t bytes) {
  unsigned char *target = to;
  const unsigned char *source = from;
  count(bytes);
  if ((uintptr_t)target - (uintptr_t)source >= bytes) {
    for (; bytes >= 8; bytes -= 8, target += 8, source += 8) *(word *)target = *(const word *)source;
    for (; bytes > 0; bytes--) *target++ = *source++;
  } else {
    for (; bytes >= 8; bytes -= 8) *(word *)(target + bytes - 8) = *(const word *)(source + bytes - 8);
    for (; bytes > 0; bytes--) target[bytes - 1] = source[bytes - 1];
  }
  return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  return memmove(to, from, bytes);
}

void *__memcpy_chk(void *to, const void *from, size_t bytes, size_t room) {
  if (bytes > room) abort();
  return memmove(to, from, bytes);
}

void *__memmove_chk(void *to, const void *from, size_t bytes, size_t room) {
  if (bytes > room) abort();
  return memmove(to, from, bytes);
}
