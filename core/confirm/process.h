// A program that is run for what it prints, under a limit of time.
#ifndef ASYNCRT_CORE_CONFIRM_PROCESS_H_
#define ASYNCRT_CORE_CONFIRM_PROCESS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace asyncrt {

struct ProcessRequest {
  std::vector<std::string> words;   // the program, as the shell would find it, and what it is given
  std::string folder;               // where it runs; empty: here
  std::vector<std::pair<std::string, std::string>> environment;   // beside what is there
  std::uint64_t time_limit_ms = 0;
  const std::atomic<bool>* interrupted = nullptr;
};

struct ProcessResult {
  int error = 0;            // the errno of a start that failed
  int status = 0;           // as of waitpid
  bool was_killed = false;  // by the limit or an interrupt; everything that it had started, too
  std::string output, errors;
};

ProcessResult RunProcess(const ProcessRequest& request);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_CONFIRM_PROCESS_H_
