// The pieces of the HTML report: each gives the markup of one view of one finding.
#ifndef ASYNCRT_CORE_REPORT_HTML_PARTS_H_
#define ASYNCRT_CORE_REPORT_HTML_PARTS_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/report/report.h"

namespace asyncrt {

// A finding as the page shows it. Of a long one there is only so much as is shown (shown.h): it may have a hundred times
// as many steps, and nothing here may take as long as those.
struct HtmlFinding {
  const Finding& whole;
  std::vector<ScheduleStep> schedule;
  std::span<const Wait> waits;
};

// " data-s="2 5"": the steps that an element belongs to.
std::string HtmlSteps(const std::vector<std::uint64_t>& steps);

// "task consumer" is called `consumer` where the rest says what it is.
inline std::string PartyName(const std::string& party) { return party.starts_with("task ") ? party.substr(5) : party; }

// An edge of the graph and the sentence for it.
struct HtmlWait {
  std::string from, to;
  std::string sentence;  // markup
};
std::vector<HtmlWait> HtmlWaits(const HtmlFinding& finding);

// Threads, tasks and objects on one axis of steps. `id` is the anchor of the finding.
std::string HtmlTimeline(const HtmlFinding& finding, const std::string& id);
// Who waits for whom, as SVG; empty if nobody waits.
std::string HtmlGraph(const HtmlFinding& finding);

// The steps, counted from 1, in which a party of a wait ("task consumer", "thread main") does something.
std::vector<std::uint64_t> StepsOfParty(const HtmlFinding& finding, std::string_view party);

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_HTML_PARTS_H_
