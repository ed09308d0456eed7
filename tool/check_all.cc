#include "tool/check_all.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <new>
#include <thread>
#include <utility>

#include "core/report/display.h"
#include "core/scenario/json_reader.h"
#include "tool/crash.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

ScenarioReport Unexplored(const Input& input, const char* limit) {
  ScenarioReport report;
  report.file = input.file;
  report.verdict = Verdict::kIncomplete;
  report.explored.complete = false;
  report.explored.limit = limit;
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
  if (options.interrupted != nullptr && options.interrupted->load()) return Unexplored(input, "interrupt");
  const CrashNote note(input.file);
  try {
    return CheckText(input.text, input.file, options);
  } catch (const std::bad_alloc&) {
    return Unexplored(input, "memory");
  }
}

Place PlaceOfName(const Input& input, std::string& pointer) {
  Diagnostics ignored;
  const std::shared_ptr<const Json> document = ReadJson(input.text, ignored);
  const Json* name = document == nullptr ? nullptr : document->Find("name");
  if (name == nullptr) return {};
  pointer = name->pointer;
  return name->place;
}

void RejectSecondNames(const std::vector<Input>& inputs, std::vector<ScenarioReport>& reports) {
  std::map<std::string, std::string> first_files;
  for (std::size_t i = 0; i < reports.size(); ++i) {
    ScenarioReport& report = reports[i];
    if (report.name.empty() || report.verdict == Verdict::kInvalid) continue;
    const auto [first, is_new] = first_files.emplace(report.name, report.file);
    if (is_new) continue;
    ScenarioReport invalid;
    invalid.name = report.name;
    invalid.file = report.file;
    invalid.verdict = Verdict::kInvalid;
    std::string pointer;
    const Place place = PlaceOfName(inputs[i], pointer);
    invalid.diagnostics.push_back(
        {place, pointer, "the name `" + report.name + "` is used twice in one run", "it is that of " + first->second});
    report = std::move(invalid);
  }
}

}  // namespace

std::vector<ScenarioReport> CheckAll(const std::vector<Input>& inputs, CheckOptions options, unsigned jobs, ProgressChoice progress) {
  std::vector<ScenarioReport> reports(inputs.size());
  std::vector<std::string> files;
  for (const Input& input : inputs) files.push_back(input.file);
  ProgressLine line(progress, std::move(files));
  options.states_seen = &line.states_seen();
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (std::size_t i = next++; i < inputs.size(); i = next++) {
      line.Begin(i);
      reports[i] = CheckOne(inputs[i], options);
      line.End(i);
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < std::min<std::size_t>(jobs, inputs.size()); ++i) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  RejectSecondNames(inputs, reports);
  return reports;
}

void ComplainAboutInputs(const std::vector<Input>& inputs) {
  for (const Input& input : inputs) {
    if (!input.error.empty()) Complain(Printable(input.file) + ": it could not be read: " + input.error);
  }
}

}  // namespace asyncrt
