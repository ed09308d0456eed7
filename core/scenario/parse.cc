// ReadScenario: from the text of a file to a checked Scenario.
#include <algorithm>
#include <tuple>
#include <utility>

#include "core/scenario/json_reader.h"
#include "core/scenario/reader.h"
#include "core/scenario/scenario.h"

namespace asyncrt {
namespace {

// Errors in the order of the file, each once: a named body is read for each of its uses.
void MoveSorted(const Diagnostics& found, Diagnostics& diagnostics) {
  std::vector<Diagnostic> list = found.list();
  const auto key = [](const Diagnostic& diagnostic) {
    return std::tie(diagnostic.place.line, diagnostic.place.column, diagnostic.message);
  };
  std::stable_sort(list.begin(), list.end(),
                   [&key](const Diagnostic& left, const Diagnostic& right) { return key(left) < key(right); });
  const auto same = [&key](const Diagnostic& left, const Diagnostic& right) { return key(left) == key(right); };
  list.erase(std::unique(list.begin(), list.end(), same), list.end());
  for (Diagnostic& diagnostic : list) {
    diagnostics.AddAt(diagnostic.place, std::move(diagnostic.pointer), std::move(diagnostic.message),
                      std::move(diagnostic.hint));
  }
}

}  // namespace

std::unique_ptr<Scenario> ReadScenario(const std::string& text, const std::string& file, Diagnostics& diagnostics,
                                       const Deadline& deadline, std::string* name) {
  Diagnostics found;
  auto scenario = std::make_unique<Scenario>();
  scenario->file = file;
  scenario->document = ReadJson(text, found, deadline);
  if (scenario->document != nullptr) {
    Reader reader(*scenario, found, deadline);
    try {
      reader.ReadDocument();
    } catch (const TimeIsUp&) {
      if (name != nullptr) *name = scenario->name;
      throw;
    }
  }
  MoveSorted(found, diagnostics);
  if (!found.empty()) return nullptr;
  return scenario;
}

}  // namespace asyncrt
