// What is left to say when this program itself is broken: which scenario it was at, and exit status 4.
#ifndef ASYNCRT_TOOL_CRASH_H_
#define ASYNCRT_TOOL_CRASH_H_

#include <string>

namespace asyncrt {

void WatchCrashes();

// While it lives, a crash of this thread names the scenario. A thread that makes one also gets a stack to report a
// stack overflow on.
class CrashNote {
 public:
  explicit CrashNote(const std::string& file);
  ~CrashNote();
  CrashNote(const CrashNote&) = delete;
  CrashNote& operator=(const CrashNote&) = delete;
};

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_CRASH_H_
