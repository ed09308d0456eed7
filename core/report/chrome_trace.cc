// Trace events as Chrome and Perfetto read them: a process for each finding, a track for each thread, a slice for each step,
// one millisecond a step, since it is their order that counts.
#include <map>
#include <string>

#include "core/base/json_library.h"
#include "core/report/display.h"
#include "core/report/render.h"

namespace asyncrt {

std::string RenderChromeTrace(const RunReport& report) {
  using Value = nlohmann::ordered_json;
  constexpr int kStepMicros = 1000;
  Value events = Value::array();
  int process = 0;
  for (const ScenarioReport& scenario : report.scenarios)
    for (const Finding& finding : scenario.findings) {
      ++process;
      events.push_back({{"ph", "M"}, {"name", "process_name"}, {"pid", process}, {"tid", 0}, {"args", {{"name", scenario.file + ": " + finding.rule}}}});
      std::map<std::string, int> tracks;
      for (const ScheduleStep& step : finding.schedule) {
        auto [it, fresh] = tracks.try_emplace(step.thread, static_cast<int>(tracks.size()) + 1);
        if (fresh) events.push_back({{"ph", "M"}, {"name", "thread_name"}, {"pid", process}, {"tid", it->second}, {"args", {{"name", step.thread}}}});
        Value event;
        event["ph"] = "X";
        event["name"] = step.op + (step.on ? " " + *step.on : "");
        event["cat"] = finding.rule;
        event["pid"] = process;
        event["tid"] = it->second;
        event["ts"] = static_cast<std::int64_t>(step.step - 1) * kStepMicros;
        event["dur"] = kStepMicros;
        event["args"]["effect"] = step.effect;
        event["args"]["time"] = TimeText(step.time_us);
        if (step.task) event["args"]["task"] = *step.task;
        if (step.line != 0) event["args"]["line"] = step.line;
        events.push_back(std::move(event));
      }
    }
  Value out;
  out["displayTimeUnit"] = "ms";
  out["traceEvents"] = events;
  return JsonEscaped(out.dump(1, ' ', false, Value::error_handler_t::replace)) + "\n";
}

}  // namespace asyncrt
