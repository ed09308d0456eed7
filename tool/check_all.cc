#include "tool/check_all.h"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <memory>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "core/base/resident_memory.h"
#include "core/base/spare_threads.h"
#include "core/report/display.h"
#include "core/scenario/json_reader.h"
#include "tool/crash.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

// `reads_name`: also where that takes a while.
ScenarioReport Unexplored(const Input& input, const char* limit, bool reads_name) {
  constexpr std::size_t kQuickly = std::size_t{1} << 16;   // bytes, read in a few milliseconds
  ScenarioReport report;
  report.file = input.file;
  report.verdict = Verdict::kIncomplete;
  report.explored.complete = false;
  report.explored.limit = limit;
  if (!reads_name && input.text.size() > kQuickly) return report;
  Diagnostics ignored;
  if (const std::shared_ptr<const Json> document = ReadJson(input.text, ignored)) {
    const Json* name = document->Find("name");
    if (name != nullptr && name->kind == Json::Kind::kString) report.name = name->text;
  }
  return report;
}

ScenarioReport CheckOne(const Input& input, const CheckOptions& options) {
  if (!input.error.empty()) {
    ScenarioReport report;
    report.file = input.file;
    report.verdict = Verdict::kInvalid;
    report.diagnostics.push_back({{}, "", "it could not be read: " + input.error, ""});
    return report;
  }
  if (options.interrupted != nullptr && options.interrupted->load()) return Unexplored(input, "interrupt", false);
  const CrashNote note(input.file);
  try {
    return CheckText(input.text, input.file, options);
  } catch (const std::bad_alloc&) {
    return Unexplored(input, "memory", true);
  }
}

// The C library reserves 128 MiB of addresses for a thread's own heap. Where a limit refuses it that, it makes every
// allocation of the thread a system call: then they share one heap.
void PrepareHeap([[maybe_unused]] std::size_t threads) {
#if defined(__GLIBC__)
  constexpr rlim_t kHeap = rlim_t{256} << 20;
  rlimit limit = {};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return;
  if (limit.rlim_cur / kHeap < threads) mallopt(M_ARENA_MAX, 1);
#endif
}

Place PlaceOfName(const Input& input, std::string& pointer) {
  Diagnostics ignored;
  const std::shared_ptr<const Json> document = ReadJson(input.text, ignored);
  const Json* name = document == nullptr ? nullptr : document->Find("name");
  if (name == nullptr) return {};
  pointer = name->pointer;
  return name->place;
}

// Hands the reports on in the order of the inputs, whatever the order in which they come.
class InOrder {
 public:
  InOrder(const std::vector<Input>& inputs, std::vector<ScenarioReport>* reports, const std::function<void(ScenarioReport&)>& done)
      : inputs_(inputs), reports_(*reports), done_(done), is_there_(inputs.size(), false) {}

  void Take(std::size_t index) {
    const std::lock_guard<std::mutex> lock(mutex_);
    is_there_[index] = true;
    for (; next_ < reports_.size() && is_there_[next_]; ++next_) {
      RejectSecondName(next_);
      if (done_) done_(reports_[next_]);
    }
  }

 private:
  void RejectSecondName(std::size_t index) {
    ScenarioReport& report = reports_[index];
    if (report.name.empty() || report.verdict == Verdict::kInvalid) return;
    const auto [first, is_new] = first_files_.emplace(report.name, report.file);
    if (is_new) return;
    ScenarioReport invalid;
    invalid.name = report.name;
    invalid.file = report.file;
    invalid.verdict = Verdict::kInvalid;
    std::string pointer;
    const Place place = PlaceOfName(inputs_[index], pointer);
    invalid.diagnostics.push_back(
        {place, pointer, "the name `" + report.name + "` is used twice in one run", "it is that of " + first->second});
    report = std::move(invalid);
  }

  const std::vector<Input>& inputs_;
  std::vector<ScenarioReport>& reports_;
  const std::function<void(ScenarioReport&)>& done_;
  std::mutex mutex_;
  std::vector<bool> is_there_;
  std::size_t next_ = 0;
  std::map<std::string, std::string> first_files_;   // by name
};

}  // namespace

std::vector<ScenarioReport> CheckAll(const std::vector<Input>& inputs, const CheckOptions& options, unsigned jobs, ProgressChoice progress,
                                     const std::function<void(ScenarioReport&)>& done) {
  std::vector<ScenarioReport> reports(inputs.size());
  InOrder in_order(inputs, &reports, done);
  std::vector<std::string> files;
  for (const Input& input : inputs) files.push_back(input.file);
  ProgressLine line(progress, std::move(files), options);
  constexpr std::size_t kCodeBytes = std::size_t{1} << 20;   // of the program, that a search brings in
  constexpr std::size_t kBytesPerCharacter = 110;            // of a scenario once it is read and compiled; measured, at most
  const std::size_t base_bytes = ResidentBytes() + kCodeBytes;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> is_out_of_memory{false};
  const std::size_t wanted = std::min<std::size_t>(jobs, inputs.size());
  SpareThreads spare(jobs - wanted);
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < inputs.size(); i = next++) {
        CheckOptions told = options;
        told.spare_threads = &spare;
        told.base_bytes = base_bytes + kBytesPerCharacter * inputs[i].text.size();
        told.checkpoint.scenario = static_cast<std::uint32_t>(i);
        told.gauge = line.Begin(i);
        reports[i] = CheckOne(inputs[i], told);
        line.End(i);
        in_order.Take(i);
      }
      spare.Give(1);
    } catch (const std::bad_alloc&) {
      is_out_of_memory = true;
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(wanted);
  PrepareHeap(std::max<std::size_t>(2 * wanted, jobs));   // both timings of a scenario may be searched at once
  try {
    while (threads.size() + 1 < wanted) threads.emplace_back(work);
  } catch (const std::system_error&) {
    // The system has no more threads for us: those that run do all the work.
  } catch (const std::bad_alloc&) {
  }
  work();
  for (std::thread& thread : threads) thread.join();
  if (is_out_of_memory) throw std::bad_alloc();
  return reports;
}

void ComplainAboutInputs(const std::vector<Input>& inputs) {
  for (const Input& input : inputs) {
    if (!input.error.empty()) Complain(Printable(input.file) + ": it could not be read: " + input.error);
  }
}

}  // namespace asyncrt
