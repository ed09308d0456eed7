// Trace events as Chrome and Perfetto read them: a process for each finding, a track for each thread, a slice for each step,
// one millisecond a step, since it is their order that counts.
#include <map>
#include <string>
#include <string_view>

#include "core/report/display.h"
#include "core/report/json_writer.h"
#include "core/report/render.h"

namespace asyncrt {
namespace {

constexpr std::int64_t kStepMicros = 1000;

// The name of a process or of one of its tracks.
void PutName(JsonWriter& out, std::string_view what, std::uint64_t process, std::uint64_t track, std::string_view name) {
  out.Begin('{');
  out.Text("ph", "M");
  out.Text("name", what);
  out.Number("pid", process);
  out.Number("tid", track);
  out.Begin("args", '{');
  out.Text("name", name);
  out.End('}');
  out.End('}');
}

void PutSlice(JsonWriter& out, const ScheduleStep& step, const std::string& rule, std::uint64_t process, std::uint64_t track) {
  out.Begin('{');
  out.Text("ph", "X");
  out.Text("name", step.on ? step.op + " " + *step.on : step.op);
  out.Text("cat", rule);
  out.Number("pid", process);
  out.Number("tid", track);
  out.Signed("ts", (static_cast<std::int64_t>(step.step) - 1) * kStepMicros);
  out.Signed("dur", kStepMicros);
  out.Begin("args", '{');
  out.Text("effect", step.effect);
  out.Text("time", TimeText(step.time_us));
  if (step.task) out.Text("task", *step.task);
  if (step.line != 0) out.Number("line", step.line);
  out.End('}');
  out.End('}');
}

}  // namespace

std::string RenderChromeTrace(const RunReport& report) {
  JsonWriter out(1);
  out.Begin('{');
  out.Text("displayTimeUnit", "ms");
  out.Begin("traceEvents", '[');
  std::uint64_t process = 0;
  for (const ScenarioReport& scenario : report.scenarios)
    for (const Finding& finding : scenario.findings) {
      PutName(out, "process_name", ++process, 0, scenario.file + ": " + finding.rule);
      std::map<std::string, std::uint64_t> tracks;
      for (const ScheduleStep& step : finding.schedule) {
        const auto [track, is_new] = tracks.try_emplace(step.thread, tracks.size() + 1);
        if (is_new) PutName(out, "thread_name", process, track->second, step.thread);
        PutSlice(out, step, finding.rule, process, track->second);
      }
    }
  out.End(']');
  out.End('}');
  return out.Take() + "\n";
}

}  // namespace asyncrt
