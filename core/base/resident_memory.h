// What the process has of the machine's memory.
#ifndef ASYNCRT_CORE_BASE_RESIDENT_MEMORY_H_
#define ASYNCRT_CORE_BASE_RESIDENT_MEMORY_H_

#include <unistd.h>

#include <cstddef>
#include <cstdio>

namespace asyncrt {

// 0 where the system does not say.
inline std::size_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  if (file == nullptr) return 0;
  unsigned long all = 0, resident = 0;
  const bool ok = std::fscanf(file, "%lu %lu", &all, &resident) == 2;
  std::fclose(file);
  return ok ? resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) : 0;
}

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_RESIDENT_MEMORY_H_
