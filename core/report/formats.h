// The formats of a report: one row each. The flag, its help, the spelling of a mistyped one, and the rendering read the rows.
#ifndef ASYNCRT_CORE_REPORT_FORMATS_H_
#define ASYNCRT_CORE_REPORT_FORMATS_H_

#include <string>
#include <string_view>
#include <vector>

#include "core/report/render.h"

namespace asyncrt {

struct FormatDef {
  std::string_view name;
  std::string_view doc;   // one line, no full stop
  bool for_people;        // it says itself what is wrong with a scenario
  std::string (*render)(const RunReport& report, const std::vector<std::string>& sources, const TextStyle& style);
  // Of a format that can be printed while scenarios are still checked: the part of one, and what follows the last one.
  // All of them one after the other are what `render` gives.
  std::string (*part)(const ScenarioReport& scenario) = nullptr;
  std::string (*end)(const RunReport& report) = nullptr;
};

const std::vector<FormatDef>& AllFormats();
std::vector<std::string> FormatNames();

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_FORMATS_H_
