#include "core/base/bulk_array.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace asyncrt {
namespace {

#ifdef MADV_HUGEPAGE
// What nobody touches of the last one is never there.
std::size_t WholePages(std::size_t bytes) { return (bytes + kLargePage - 1) / kLargePage * kLargePage; }

// Taken with one more page, so that it can begin at a large one; the rest goes back. Null: there is no room.
void* NewPages(std::size_t bytes) {
  const std::size_t all = WholePages(bytes) + kLargePage;
  void* const got = ::mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (got == MAP_FAILED) return nullptr;
  char* const begin = static_cast<char*>(got);
  const std::size_t before = (kLargePage - reinterpret_cast<std::uintptr_t>(got) % kLargePage) % kLargePage;
  char* const memory = begin + before;
  if (before > 0) ::munmap(begin, before);
  ::munmap(memory + WholePages(bytes), kLargePage - before);
  ::madvise(memory, bytes / kLargePage * kLargePage, MADV_HUGEPAGE);   // not of the last, unless it is full. A refusal only costs time.
  return memory;
}
#endif

// A smaller one. Zeros that come with the memory need not be written, but `calloc` does not align.
void* NewOrdinary(std::size_t bytes, std::size_t align, bool zeros) {
  if (align <= alignof(std::max_align_t)) return zeros ? std::calloc(1, bytes) : std::malloc(bytes);
  void* const memory = std::aligned_alloc(align, (bytes + align - 1) / align * align);
  if (memory != nullptr && zeros) std::memset(memory, 0, bytes);
  return memory;
}

}  // namespace

void* NewBulk(std::size_t bytes, std::size_t align, bool zeros) {
#ifdef MADV_HUGEPAGE
  void* const memory = bytes >= kLargePage ? NewPages(bytes) : NewOrdinary(bytes, align, zeros);
#else
  void* const memory = NewOrdinary(bytes, align, zeros);
#endif
  if (memory == nullptr && bytes > 0) throw std::bad_alloc();
  return memory;
}

void DeleteBulk(void* memory, [[maybe_unused]] std::size_t bytes) {
#ifdef MADV_HUGEPAGE
  if (bytes >= kLargePage) {
    ::munmap(memory, WholePages(bytes));
    return;
  }
#endif
  std::free(memory);
}

}  // namespace asyncrt
