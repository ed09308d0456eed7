// Prints how runs of scenarios can end, for a comparison with runs on real Tokio: possible-outcomes TOKIO-VERSION FILE...
// One JSON object a line and file: every end (main's outcome and the values that are left), every stuck state (who stands
// where), and every panic (where, and why; empty where another's goes on).
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/asyncrt.h"
#include "core/base/json_library.h"
#include "core/detect/party_names.h"
#include "core/export/rust.h"
#include "core/model/machine.h"

namespace {

using asyncrt::Machine;
using Json = nlohmann::ordered_json;

constexpr std::uint64_t kStatesMax = 300'000, kTimeMs = 4'000;   // what needs more is not held against anything

std::string Pointer(const asyncrt::Program& p, int pc) {
  const int source = p.code[static_cast<std::size_t>(pc)].source;
  if (source < 0) return "*";
  const asyncrt::SourceOp& at = p.sources[static_cast<std::size_t>(source)];
  return at.op != nullptr && !asyncrt::IsToldOfByRust(at.op->def->code) ? "*" : at.node->pointer;   // the program does not tell that it came there
}

// What a program can see of its shared objects: as `Seen` of core/export/support.rs.
Json Seen(const asyncrt::Element& element, const std::int32_t* w) {
  using asyncrt::Kind;
  switch (element.kind) {
    case Kind::kAtomic: case Kind::kCell: return w[0];
    case Kind::kStdMutex: case Kind::kStdRwlock: return w[1] != 0 ? "poisoned" : "not poisoned";
    case Kind::kStdOnce: return w[0] < 0 ? "initialised" : "empty";
    case Kind::kOnceCell: return w[Machine::kInitialised] != 0 ? "initialised" : "empty";
    case Kind::kMutex: return w[Machine::kPermits] != 0 ? "free" : "locked";
    case Kind::kRwlock: return w[Machine::kPermits] == asyncrt::kRwlockPermits ? "free" : w[Machine::kPermits] != 0 ? "read" : "no reader may come";
    case Kind::kSemaphore: return w[Machine::kClosed] != 0 ? "closed" : std::to_string(w[Machine::kPermits]) + " permits";
    case Kind::kNotify: return w[0] != 0 ? "a permit" : "no permit";
    case Kind::kMpsc: case Kind::kOneshot: case Kind::kStdChannel:
      if (w[Machine::kRxState] == 0) return "no receiver";
      if (element.kind == Kind::kMpsc && element.capacity >= 0) return std::to_string(w[Machine::kPermits]) + " places free";
      return std::to_string(w[Machine::kCount]) + " messages";
    default: return nullptr;
  }
}

// What each receiver of a broadcast has not seen.
Json Unseen(const std::vector<int>& counts) {
  std::vector<std::string> texts;
  for (int count : counts) texts.push_back(count < 0 ? "lagged" : std::to_string(count) + " unseen");
  std::sort(texts.begin(), texts.end());
  std::string all;
  for (const std::string& text : texts) all += (all.empty() ? "" : ", ") + text;
  return all.empty() ? Json(nullptr) : Json(all);
}

Json Values(Machine& m) {
  Json values = Json::object();
  for (int e = 0; e < static_cast<int>(m.program().elements.size()); ++e) {
    const asyncrt::Element& element = m.program().elements[static_cast<std::size_t>(e)];
    Json seen = element.kind == asyncrt::Kind::kBroadcast ? Unseen(m.UnseenBy(e)) : Seen(element, m.W(e));
    if (!seen.is_null()) values[element.name] = std::move(seen);
  }
  return values;
}

// Where a party stands: each of its branches has a place of its own. `*`: in the drop of something, or in a `return`, which have none.
void Places(Machine& m, int frame, std::set<std::string>* places) {
  const int first = m.Root(frame);
  const auto strands = static_cast<int>(m.UnitOf(frame).strand_entry.size());
  for (int s = first; s < first + strands; ++s) {
    const asyncrt::StrandCell& strand = m.S(s);
    if (strand.status == asyncrt::StrandStatus::kDone || (s != first && strand.status == asyncrt::StrandStatus::kIdle)) continue;
    const asyncrt::VmOp op = m.program().code[strand.pc].op;
    places->insert(op == asyncrt::VmOp::kDropReg || strand.mode != asyncrt::Mode::kNormal ? "*" : Pointer(m.program(), strand.pc));
  }
}

// A future or a destructor is part of whoever has it, `*`.
std::string Party(Machine& m, int frame) {
  const asyncrt::UnitKind kind = m.UnitOf(frame).kind;
  if (kind == asyncrt::UnitKind::kFuture || kind == asyncrt::UnitKind::kDestructor) return "*";
  const std::string name = asyncrt::PartyName(m, frame);
  return name.substr(name.find(' ') + 1, name.find('#') - name.find(' ') - 1);   // `#`: which of several that one op made, one after the other
}

Json Stuck(Machine& m) {
  std::set<std::string> inside;   // futures and destructors are polled or run by whoever has them
  std::set<std::string> parties;
  for (int f = 0; f < m.layout().frames; ++f) {
    const asyncrt::FrameCell& frame = m.F(f);
    if (frame.live == 0 || (frame.bits & asyncrt::kComplete)) continue;
    const std::string name = Party(m, f);
    if (name == "*") {
      Places(m, f, &inside);
      continue;
    }
    std::set<std::string> places;
    Places(m, f, &places);
    parties.insert(Json{{"party", name}, {"number", f}, {"places", places}}.dump());
  }
  Json list = Json::array();
  for (const std::string& party : parties) {
    Json one = Json::parse(party);
    one.erase("number");
    list.push_back(one);
  }
  return {{"values", Values(m)}, {"inside", inside}, {"parties", list}};
}

Json Outcomes(const std::string& file, const std::string& version) {
  std::ifstream in(file);
  std::stringstream text;
  text << in.rdbuf();
  std::set<std::string> ends, stuck, panics;
  asyncrt::CheckOptions options;
  options.tokio = version;
  options.max_states = kStatesMax;
  options.time_limit_ms = kTimeMs;
  options.reductions.symmetry = false;   // where each copy stands is compared
  options.at_end = [&](Machine& m) {
    if (m.H().ended == 0) { stuck.insert(Stuck(m).dump()); return; }
    const bool panicked = m.S(m.Root(0)).mode == asyncrt::Mode::kPanicking;
    ends.insert(Json{{"outcome", m.H().ended == 2 ? "aborted" : panicked ? "panicked" : "completed"}, {"values", Values(m)}}.dump());
  };
  options.at_panic = [&](Machine& m, int strand, const char* why) {
    panics.insert(Json{{"party", Party(m, m.FrameOf(strand))}, {"place", Pointer(m.program(), m.S(strand).pc)}, {"why", why}}.dump());
  };
  asyncrt::ScenarioReport report = asyncrt::CheckText(text.str(), file, options);
  // Real time is never ideal.
  const std::vector<std::string>& timing = report.explored.timing;
  if (report.verdict != asyncrt::Verdict::kInvalid && std::find(timing.begin(), timing.end(), "adversarial") == timing.end()) {
    options.timing = asyncrt::TimingModel::kAdversarial;
    const asyncrt::ScenarioReport late = asyncrt::CheckText(text.str(), file, options);
    report.explored.complete = report.explored.complete && late.explored.complete;
    report.findings.insert(report.findings.end(), late.findings.begin(), late.findings.end());
  }
  Json out = {{"file", file}, {"valid", report.verdict != asyncrt::Verdict::kInvalid}, {"complete", report.explored.complete}};
  Json rules = Json::array();
  for (const asyncrt::Finding& finding : report.findings) rules.push_back({{"rule", finding.rule}, {"message", finding.message}, {"others_progress", finding.others_progress}, {"error", finding.severity == asyncrt::Severity::kError}});
  out["rules"] = rules;
  for (const auto& [key, set] : {std::pair("ends", &ends), std::pair("stuck", &stuck), std::pair("panics", &panics)}) {
    out[key] = Json::array();
    for (const std::string& one : *set) out[key].push_back(Json::parse(one));
  }
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "possible-outcomes TOKIO-VERSION FILE...\n");
    return 2;
  }
  for (int i = 2; i < argc; ++i) {
    std::printf("%s\n", Outcomes(argv[i], argv[1]).dump().c_str());
    std::fflush(stdout);
  }
  return 0;
}
