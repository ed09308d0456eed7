#include "tool/offers.h"

#include <algorithm>
#include <stdexcept>

#include "core/asyncrt.h"
#include "core/ops/op.h"
#include "core/report/formats.h"
#include "core/scenario/tokio_versions.h"
#include "tool/commands.h"

namespace asyncrt {
namespace {

using Words = std::vector<std::string>;

Words RuleIds() {
  Words ids;
  for (const RuleDef& rule : AllRules()) ids.push_back(rule.id);
  return ids;
}

Words Verbs() {
  Words verbs;
  for (const OpDef& op : AllOps()) {
    if (std::find(verbs.begin(), verbs.end(), op.verb) == verbs.end()) verbs.emplace_back(op.verb);
  }
  return verbs;
}

Words CommandNames() {
  Words names;
  for (const CommandDef& command : AllCommands()) names.emplace_back(command.name);
  return names;
}

struct Placeholder {
  std::string_view name;
  Words (*words)();  // null: no list
  bool files;
};

constexpr Placeholder kPlaceholders[] = {
    {"PATH", nullptr, true},       {"FILE", nullptr, true},      {"REPORT", nullptr, true},
    {"DIR", nullptr, true},
    {"RULE", RuleIds, false},      {"VERB", Verbs, false},       {"NAME", FormatNames, false},
    {"VERSION", TokioVersions, false}, {"COMMAND", CommandNames, false},
    {"N", nullptr, false},         {"I/N", nullptr, false},      {"DURATION", nullptr, false},
    {"SIZE", nullptr, false},      {"STRING", nullptr, false},
};

// "both|ideal" are words; "FILE" is a placeholder.
Offer OfferFor(std::string_view text) {
  Offer offer;
  while (!text.empty()) {
    const std::size_t bar = std::min(text.find('|'), text.size());
    const std::string_view part = text.substr(0, bar);
    text.remove_prefix(std::min(bar + 1, text.size()));
    if (std::none_of(part.begin(), part.end(), [](char byte) { return byte >= 'A' && byte <= 'Z'; })) {
      offer.words.emplace_back(part);
      continue;
    }
    const auto* row = std::find_if(std::begin(kPlaceholders), std::end(kPlaceholders),
                                   [&](const Placeholder& known) { return known.name == part; });
    if (row == std::end(kPlaceholders)) throw std::logic_error("no row for the placeholder " + std::string(part));
    if (row->words != nullptr) offer.words = row->words();
    offer.files |= row->files;
    offer.is_free |= row->words == nullptr && !row->files;
  }
  return offer;
}

}  // namespace

Offers OffersFor(std::string_view placeholder) {
  if (placeholder.ends_with("...")) placeholder.remove_suffix(3);
  if (placeholder.starts_with('[') && placeholder.ends_with(']')) placeholder = placeholder.substr(1, placeholder.size() - 2);
  Offers offers;
  const std::size_t equals = placeholder.find('=');
  offers.has_tail = equals != std::string_view::npos;
  if (!offers.has_tail) {
    offers.head = OfferFor(placeholder);
    return offers;
  }
  offers.needs_tail = !placeholder.ends_with(']');
  offers.head = OfferFor(placeholder.substr(0, equals - (offers.needs_tail ? 0 : 1)));
  const std::string_view tail = placeholder.substr(equals + 1);
  offers.tail = OfferFor(tail.substr(0, tail.size() - (offers.needs_tail ? 0 : 1)));
  return offers;
}

}  // namespace asyncrt
