#include "core/asyncrt.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <future>
#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/base/release_rules.h"
#include "core/base/stable_hash.h"
#include "core/detect/advice.h"
#include "core/explore/replay.h"
#include "core/explore/search.h"
#include "core/program/program.h"
#include "core/report/expect.h"
#include "core/report/verdict.h"
#include "core/scenario/scenario.h"

namespace asyncrt {
namespace {

constexpr int kNewestMinor = 53;

// "1.44" is the last patch of 1.44, "1.44.0" that one.
void ParseVersion(const std::string& version, int* minor, int* patch) {
  *minor = kNewestMinor;
  *patch = 999;
  if (version.rfind("1.", 0) != 0) return;
  const char* last = version.data() + version.size();
  auto [end, code] = std::from_chars(version.data() + 2, last, *minor);
  if (code != std::errc() || *minor < 24 || *minor > kNewestMinor) *minor = kNewestMinor;
  if (end != last && *end == '.') std::from_chars(end + 1, last, *patch);
}

Severity SeverityOf(const std::string& rule) {
  for (const RuleDef& def : AllRules())
    if (def.id == rule) return def.severity;
  return Severity::kError;
}

// A scenario ready to be searched, or why not.
struct Prepared {
  std::unique_ptr<Scenario> scenario;
  std::unique_ptr<Program> program;
  Diagnostics diagnostics;
  std::string tokio;
  std::uint64_t hash = 0;
  std::vector<int> usual_sizes;
};

// A runtime with more workers than the exact scheduler can play, or null.
const Runtime* TooLargeForExact(const Scenario& scenario) {
  for (const Runtime& rt : scenario.runtimes)
    if (rt.multi_thread && rt.worker_threads > kExactWorkersMax) return &rt;
  return nullptr;
}

std::string TooManyWorkers() {
  return "the exact scheduler plays " + std::to_string(kExactWorkersMax) + " workers of a runtime at most";
}

// Throws TimeIsUp; `name` has what is known of the scenario's name then.
void Prepare(const std::string& text, const std::string& file, const CheckOptions& options, const Deadline& deadline, Prepared* out, std::string* name) {
  out->scenario = ReadScenario(text, file, out->diagnostics, deadline, name);
  if (out->scenario == nullptr) return;
  *name = out->scenario->name;
  std::string version = !options.tokio.empty() ? options.tokio : out->scenario->tokio;
  int minor, patch;
  ParseVersion(version, &minor, &patch);
  out->tokio = version.empty() ? "1." + std::to_string(kNewestMinor) : version;
  out->program = Compile(*out->scenario, minor, patch, out->diagnostics, deadline);
  if (const Runtime* rt = TooLargeForExact(*out->scenario); rt != nullptr && options.scheduler == Scheduler::kExact) {
    out->diagnostics.Add(*rt->node, TooManyWorkers());
    out->program.reset();
  }
  out->hash = StableHash(text);
  if (out->program != nullptr) out->usual_sizes = SizesOf(*out->program);
}

class Reporter {
 public:
  // `bytes_max`: what telling and writing may take.
  Reporter(const Prepared& prepared, const std::string& file, const Deadline& deadline = {}, std::uint64_t bytes_max = std::numeric_limits<std::uint64_t>::max())
      : prepared_(prepared), p_(*prepared.program), file_(file), deadline_(deadline), moves_left_(bytes_max / kBytesPerMove) {}

  Location At(const Json* node, std::string label = "") {
    Location l;
    l.file = file_;
    if (node == nullptr) return l;
    l.place = node->place;
    l.pointer = node->pointer;
    if (const Json* at = node->Find("at"); at != nullptr) l.at = at->text;
    l.label = std::move(label);
    return l;
  }

  const Json* NodeOfSource(int source) { return source >= 0 ? p_.sources[static_cast<std::size_t>(source)].node : nullptr; }

  Finding Make(const Seed& seed) {
    Finding f;
    f.rule = seed.rule;
    f.severity = SeverityOf(seed.rule);
    f.waits = seed.waits;
    f.end_states = seed.end_states;
    f.others_progress = seed.others_progress;
    f.help = AdviceFor(seed.rule);
    if (!seed.waits.empty()) {
      for (std::size_t i = 0; i < seed.waits.size(); ++i) {
        const Json* node = NodeOfSource(seed.sources[i]);
        if (node == nullptr || Known(f, node)) continue;
        f.locations.push_back(At(node, seed.waits[i].who + (seed.waits[i].thread ? " blocks " + *seed.waits[i].thread + " here" : seed.waits[i].op == "run" ? " is ready, and is made here" : " waits here")));
      }
      f.message = HeadlineOf(seed.rule) + ": " + Story(seed);
    } else if (seed.pc < -1) {
      const Element& e = p_.elements[static_cast<std::size_t>(-1 - seed.pc)];
      f.locations.push_back(At(p_.scenario->objects[static_cast<std::size_t>(e.declared)].node));
      f.message = HeadlineOf(seed.rule) + ": `" + e.name + "` still holds one when its receiver is dropped";
    } else if (seed.pc >= 0) {
      int source = p_.code[static_cast<std::size_t>(seed.pc)].source;
      if (source < 0 && seed.frame >= 0) source = -1;
      const Json* node = NodeOfSource(source);
      f.locations.push_back(At(node));
      std::string op = source >= 0 ? std::string(p_.sources[static_cast<std::size_t>(source)].op->def->verb) : "";
      for (int pc : seed.also)
        if (const Json* other = NodeOfSource(p_.code[static_cast<std::size_t>(pc)].source); other != nullptr && !Known(f, other)) f.locations.push_back(At(other, "taken in another order here"));
      f.message = HeadlineOf(seed.rule) + ": ";
      if (!seed.also.empty()) f.message += seed.detail;
      else f.message += seed.who + (op.empty() ? "" : ", at `" + op + "`");
      if (int guard = p_.code[static_cast<std::size_t>(seed.pc)].guard; seed.rule == "hazard/guard-across-await" && guard >= 0 && seed.frame >= 0) {
        const Reg& held = p_.units[static_cast<std::size_t>(seed.unit)].regs[static_cast<std::size_t>(guard)];
        if (held.base >= 0) f.message += ", with the guard of `" + p_.elements[static_cast<std::size_t>(held.base)].name + "`";
      }
      if (!seed.detail.empty() && seed.also.empty()) f.message += " (" + seed.detail + ")";
    } else {
      f.message = HeadlineOf(seed.rule);
      f.locations.push_back(At(p_.scenario->main.node));
    }
    if (f.locations.empty()) f.locations.push_back(At(p_.scenario->main.node));
    if (const std::uint64_t moves = seed.path.size() + (seed.loop.empty() ? 0 : seed.path.size() + seed.loop.size()); moves > moves_left_) {
      cut_by_ = "memory";   // it can be replayed all the same
    } else {
      moves_left_ -= moves;
      try {
        deadline_.Look();   // an interruption gives all findings one grace, not each its own
        Schedule(seed, &f);
      } catch (const TimeIsUp& up) {   // likewise
        f.schedule.clear();
        f.at_end.clear();
        cut_by_ = up.limit;
      }
    }
    char print[17];
    std::snprintf(print, sizeof print, "%016llx", static_cast<unsigned long long>(StableHash(p_.scenario->name + "|" + FingerprintKey(seed))));
    f.fingerprint = print;
    f.replay = EncodeSchedule(prepared_.hash, seed.mode, seed.path.moves(), seed.sizes, prepared_.usual_sizes);
    return f;
  }

  // Which limit has left the steps of a finding untold; null: none.
  const char* cut_by() const { return cut_by_; }

 private:
  static bool Known(const Finding& f, const Json* node) {
    return std::any_of(f.locations.begin(), f.locations.end(), [&](const Location& l) { return l.pointer == node->pointer; });
  }

  // Rule and names only: stable under edits elsewhere in the file.
  std::string FingerprintKey(const Seed& seed) {
    std::string key = seed.rule;
    for (const Wait& w : seed.waits) key += "|" + w.who + "|" + w.op + "|" + w.on.value_or("");
    if (seed.waits.empty()) {
      key += "|" + seed.who;
      if (seed.pc >= 0) {
        int source = p_.code[static_cast<std::size_t>(seed.pc)].source;
        if (source >= 0) {
          const Op& op = *p_.sources[static_cast<std::size_t>(source)].op;
          key += "|" + std::string(op.def->verb) + "|" + op.on.name;
        }
      } else if (seed.pc < -1) {
        key += "|" + p_.elements[static_cast<std::size_t>(-1 - seed.pc)].name;
      }
    }
    return key;
  }

  static std::string Story(const Seed& seed) {
    std::string text;
    std::size_t shown = 0;
    for (const Wait& w : seed.waits) {
      if (shown == 3) { text += "; …"; break; }
      if (shown++ != 0) text += "; ";
      text += w.who;
      if (w.op == "run") text += " is ready";
      else text += (w.thread ? " blocks " + *w.thread + " in `" : " waits in `") + w.op + "`" + (w.on ? " on `" + *w.on + "`" : "");
      text += ": " + w.why;
    }
    return text;
  }

  void Schedule(const Seed& seed, Finding* f) {
    SetSizes(*prepared_.program, seed.sizes);
    Layout layout(*prepared_.program);
    bool ok;
    std::vector<Told> told = Tell(p_, layout, seed.mode, seed.path.moves(), &ok, nullptr, nullptr, &f->at_end, deadline_);
    std::set<int> relevant(seed.frames.begin(), seed.frames.end());
    if (seed.frame >= 0) relevant.insert(seed.frame);
    bool all = relevant.empty();
    relevant.insert(0);
    std::set<std::string> objects;   // what those who matter work on
    for (const Told& t : told)
      if (t.frame >= 0 && relevant.count(t.frame) && t.step.on && t.step.op.rfind("spawn", 0) != 0) objects.insert(*t.step.on);
    for (const Wait& w : seed.waits)
      if (w.on) objects.insert(*w.on);
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < told.size(); ++i) {
      Told& t = told[i];
      bool last = i + 1 == told.size();
      if (t.idle && !last) continue;
      int frame = t.frame >= 0 ? t.frame : t.other;
      if (!all && frame >= 0 && !relevant.count(frame) && (!last || !seed.waits.empty())) {   // a party that does not matter
        bool touches = t.step.on && objects.count(*t.step.on) != 0;
        bool awaited = objects.count(p_.units[static_cast<std::size_t>(layout.frame_unit[static_cast<std::size_t>(frame)])].name) != 0;
        if (!touches && !awaited) continue;
      }
      t.step.step = ++number;
      f->schedule.push_back(std::move(t.step));
    }
    // The calls that never return are the last steps of the story.
    f->schedule.reserve(f->schedule.size() + seed.waits.size());   // so that the views of it stay
    std::set<std::pair<std::string_view, std::string_view>> waiting;   // pointers and threads of those that are told already
    for (const ScheduleStep& s : f->schedule)
      if (s.effect == "suspends" || s.effect == "the thread blocks") waiting.emplace(s.pointer, s.thread);
    for (std::size_t i = 0; i < seed.waits.size(); ++i) {
      const Wait& w = seed.waits[i];
      const Json* node = NodeOfSource(seed.sources[i]);
      if (!w.thread || node == nullptr || w.op == "await" || w.op == "run") continue;
      if (waiting.contains({node->pointer, *w.thread})) continue;
      ScheduleStep s;
      s.step = ++number;
      s.time_us = f->schedule.empty() ? 0 : f->schedule.back().time_us;
      s.thread = *w.thread;
      if (w.who.rfind("task ", 0) == 0) s.task = w.who;
      s.op = w.op;
      s.on = w.on;
      s.pointer = node->pointer;
      s.line = node->place.line;
      s.effect = "the thread blocks for ever";
      f->schedule.push_back(s);
    }
    if (!seed.loop.empty()) {
      std::vector<Move> whole = seed.path.moves();
      whole.insert(whole.end(), seed.loop.begin(), seed.loop.end());
      std::vector<Told> more = Tell(p_, layout, seed.mode, whole, &ok, nullptr, nullptr, nullptr, deadline_);
      for (std::size_t i = told.size(); i < more.size() && i < told.size() + 40; ++i) {
        more[i].step.step = ++number;
        more[i].step.in_loop = true;
        f->schedule.push_back(std::move(more[i].step));
      }
    }
  }

  static constexpr std::uint64_t kBytesPerMove = 900;   // as a step, and as text in the report

  const Prepared& prepared_;
  const Program& p_;
  const std::string& file_;
  Deadline deadline_;
  std::uint64_t moves_left_;
  const char* cut_by_ = nullptr;
};

Finding Refused(const Prepared& prepared, const StaticFinding& refused, const std::string& file) {
  Reporter reporter(prepared, file);
  Finding f;
  f.rule = refused.rule;
  f.severity = Severity::kError;
  f.help = AdviceFor(refused.rule);
  f.message = HeadlineOf(refused.rule) + ": " +
              (refused.message.empty() ? "`" + refused.value + "` is used in `" + refused.used_op + "` after `" + refused.made_op + "` took it" : refused.message);
  f.locations.push_back(reporter.At(refused.used, "used here"));
  if (refused.made != nullptr && refused.made != refused.used) f.locations.push_back(reporter.At(refused.made, "taken here"));
  std::uint64_t number = 0;
  auto step = [&](const Json* node, const std::string& op, const char* effect) {
    ScheduleStep s;
    s.step = ++number;
    s.thread = refused.body == "main" ? "main" : refused.body;
    s.op = op;
    s.on = refused.value;
    if (node != nullptr) { s.pointer = node->pointer; s.line = node->place.line; }
    s.effect = effect;
    f.schedule.push_back(s);
  };
  if (refused.made != nullptr && refused.made != refused.used) step(refused.made, refused.made_op.empty() ? "lock" : refused.made_op, "takes it");
  step(refused.used, refused.used_op, "the Rust compiler refuses this");
  char print[17];
  std::snprintf(print, sizeof print, "%016llx", static_cast<unsigned long long>(StableHash(prepared.scenario->name + "|" + f.rule + "|" + refused.value + "|" + refused.used_op)));
  f.fingerprint = print;
  f.replay = EncodeSchedule(prepared.hash, PlayMode{}, {}, {}, {});
  return f;
}

Finding BadConfig(const Prepared& prepared, const std::string& file, const Json* node, const std::string& what) {
  Reporter reporter(prepared, file);
  Finding f;
  f.rule = "ownership/bad-config";
  f.severity = Severity::kError;
  f.message = HeadlineOf(f.rule) + ": " + what;
  f.locations.push_back(reporter.At(node));
  f.help = AdviceFor(f.rule);
  ScheduleStep s;
  s.step = 1;
  s.thread = "main";
  s.op = "build";
  s.pointer = node->pointer;
  s.line = node->place.line;
  s.effect = "panics: " + what;
  f.schedule.push_back(s);
  char print[17];
  std::snprintf(print, sizeof print, "%016llx", static_cast<unsigned long long>(StableHash(prepared.scenario->name + "|" + f.rule + "|" + what)));
  f.fingerprint = print;
  f.replay = EncodeSchedule(prepared.hash, PlayMode{}, {}, {}, {});
  return f;
}

std::vector<Finding> BadConfigs(const Prepared& prepared, const std::string& file) {
  std::vector<Finding> out;
  const VersionRules rules = RulesOfRelease(prepared.program->minor, prepared.program->patch);
  for (const Runtime& rt : prepared.scenario->runtimes) {
    if (rt.multi_thread && rt.worker_threads == 0) out.push_back(BadConfig(prepared, file, rt.node, "Worker threads cannot be set to 0"));
    // Releases whose builder takes a 0 fail later, seen on 1.24.2: a worker's `tick % 0` panics, also where there is no task,
    // and a current_thread runtime with event_interval 0 never runs a task.
    bool spawns = std::any_of(prepared.program->code.begin(), prepared.program->code.end(), [](const Instr& in) { return in.op == VmOp::kSpawn; });
    if (rt.event_interval == 0 && (rules.event_interval_check || spawns || rt.multi_thread))
      out.push_back(BadConfig(prepared, file, rt.node, rules.event_interval_check ? "event_interval must be greater than 0"
                              : rt.multi_thread ? "this release builds it, and then its workers panic: attempt to calculate the remainder with a divisor of zero"
                                                : "this release builds it, and then never runs a task, since no tick belongs to an interval of 0"));
    if (rt.global_queue_interval && *rt.global_queue_interval == 0 && (rules.queue_interval_check || spawns || rt.multi_thread))
      out.push_back(BadConfig(prepared, file, rt.node, rules.queue_interval_check ? "global_queue_interval must be greater than 0"
                              : "this release builds it, and then panics when it looks for a task: attempt to calculate the remainder with a divisor of zero"));
    if (rt.max_blocking_threads == 0) out.push_back(BadConfig(prepared, file, rt.node, "Max blocking threads cannot be set to 0"));
  }
  for (const Object& o : prepared.scenario->objects) {
    if (o.kind == Kind::kMpsc && o.capacity && *o.capacity == 0) out.push_back(BadConfig(prepared, file, o.node, "mpsc bounded channel requires buffer > 0"));
    if (o.kind == Kind::kBroadcast && o.capacity && *o.capacity == 0) out.push_back(BadConfig(prepared, file, o.node, "broadcast channel capacity cannot be zero"));
  }
  return out;
}

void Unreachable(const Prepared& prepared, const std::vector<bool>& reached, const std::string& file, ScenarioReport* report) {
  const Program& p = *prepared.program;
  // An op counts as reached if any copy of its place in the file was.
  std::map<std::string, std::pair<bool, int>> ops;   // pointer -> reached, source
  for (std::size_t pc = 0; pc < p.code.size(); ++pc) {
    const Instr& in = p.code[pc];
    if (in.source < 0 || in.op == VmOp::kJump || in.op == VmOp::kNop || in.op == VmOp::kDropReg || in.op == VmOp::kDropBranches ||
        in.op == VmOp::kUnwound || in.op == VmOp::kEnd || in.op == VmOp::kFailEnd || in.op == VmOp::kCatchEnd || in.op == VmOp::kBipExit || in.op == VmOp::kScopeJoin)
      continue;
    auto& entry = ops[p.sources[static_cast<std::size_t>(in.source)].node->pointer];
    entry.first = entry.first || (pc < reached.size() && reached[pc]);
    entry.second = in.source;
  }
  Reporter reporter(prepared, file);
  for (const auto& [pointer, entry] : ops) {
    if (entry.first) continue;
    // Of a run of ops that nothing reaches, the first one says it.
    std::size_t slash = pointer.rfind('/');
    std::string last = pointer.substr(slash + 1);
    int index = 0;
    std::from_chars(last.data(), last.data() + last.size(), index);
    auto before = ops.find(pointer.substr(0, slash + 1) + std::to_string(index - 1));
    if (index > 0 && before != ops.end() && !before->second.first) continue;
    bool inside = false;   // of an op that is not reached either
    for (std::size_t end = slash; end != std::string::npos && end > 0 && !inside; end = pointer.rfind('/', end - 1)) {
      const auto around = ops.find(pointer.substr(0, end));
      inside = around != ops.end() && !around->second.first;
    }
    if (inside) continue;
    const SourceOp& source = p.sources[static_cast<std::size_t>(entry.second)];
    Unreached u;
    u.location = reporter.At(source.node);
    u.op = std::string(source.op->def->verb);
    report->unreached.push_back(u);
    Finding f;
    f.rule = "hazard/unreached";
    f.severity = SeverityOf(f.rule);
    f.message = HeadlineOf(f.rule) + ": `" + u.op + "`";
    f.locations.push_back(u.location);
    f.help = AdviceFor(f.rule);
    char print[17];
    std::snprintf(print, sizeof print, "%016llx", static_cast<unsigned long long>(StableHash(prepared.scenario->name + "|" + f.rule + "|" + u.op + "|" + source.op->on.name)));
    f.fingerprint = print;
    report->findings.push_back(std::move(f));
  }
}

void ApplyAllow(const Prepared& prepared, const std::string& file, bool complete, ScenarioReport* report) {
  Reporter reporter(prepared, file);
  for (const Allow& allow : prepared.scenario->allow) {
    bool used = false;
    for (Finding& f : report->findings) {
      if (f.rule != allow.rule) continue;
      bool match = allow.on.empty();
      auto mentions = [&](const std::string& name) {
        return name == allow.on || name == "task " + allow.on || name == "thread " + allow.on || name.rfind(allow.on + "[", 0) == 0 || name.rfind("task " + allow.on + "[", 0) == 0;
      };
      for (const Wait& w : f.waits) match = match || mentions(w.who) || mentions(w.waits_for) || (w.on && mentions(*w.on));
      for (const ScheduleStep& s : f.schedule) match = match || (&s == &f.schedule.back() && ((s.on && mentions(*s.on)) || (s.task && mentions(*s.task)) || mentions(s.thread)));
      match = match || f.message.find("`" + allow.on + "`") != std::string::npos;
      if (!match) continue;
      f.allowed = allow.reason;
      used = true;
    }
    if (used || !complete) continue;
    Finding f;
    f.rule = "hazard/unused-allow";
    f.severity = SeverityOf(f.rule);
    f.message = HeadlineOf(f.rule) + ": " + allow.rule + (allow.on.empty() ? "" : " on " + allow.on);
    f.locations.push_back(reporter.At(allow.node));
    f.help = AdviceFor(f.rule);
    char print[17];
    std::snprintf(print, sizeof print, "%016llx", static_cast<unsigned long long>(StableHash(prepared.scenario->name + "|" + f.rule + "|" + allow.rule + "|" + allow.on)));
    f.fingerprint = print;
    report->findings.push_back(std::move(f));
  }
}

// A panic that another finding explains is part of it; in one scenario a task's panic that its awaiter passes on is one.
void Order(ScenarioReport* report) {
  std::sort(report->findings.begin(), report->findings.end(), [](const Finding& a, const Finding& b) {
    if (a.severity != b.severity) return a.severity > b.severity;
    const Place& x = a.locations.front().place;
    const Place& y = b.locations.front().place;
    if (x.line != y.line) return x.line < y.line;
    if (x.column != y.column) return x.column < y.column;
    if (a.rule != b.rule) return a.rule < b.rule;
    return a.message < b.message;
  });
}

Verdict Judge(const ScenarioReport& report) {
  bool errors = false, warnings = false;
  for (const Finding& f : report.findings) {
    if (!f.allowed.empty()) continue;
    errors = errors || f.severity == Severity::kError;
    warnings = warnings || f.severity == Severity::kWarning;
  }
  if (errors) return Verdict::kErrors;
  if (!report.explored.complete) return Verdict::kIncomplete;
  return warnings ? Verdict::kWarnings : Verdict::kClean;
}

}  // namespace

ScenarioReport CheckText(const std::string& text, const std::string& file, const CheckOptions& options) {
  Deadline deadline(options.time_limit_ms, options.interrupted, options.clock);
  ScenarioReport report;
  report.file = file;
  Prepared prepared;
  try {
    Prepare(text, file, options, deadline, &prepared, &report.name);
  } catch (const TimeIsUp& up) {
    report.verdict = Verdict::kIncomplete;
    report.explored.complete = false;
    report.explored.limit = up.limit;
    return report;
  }
  if (prepared.scenario == nullptr || prepared.program == nullptr) {
    report.verdict = Verdict::kInvalid;
    report.diagnostics = prepared.diagnostics.list();
    report.explored.complete = false;
    return report;
  }
  const Scenario& scenario = *prepared.scenario;
  report.explored.tokio = prepared.tokio;
  bool ideal = options.timing == TimingModel::kIdeal || (options.timing == TimingModel::kAsScenarioSays && scenario.ideal);
  bool adversarial = options.timing == TimingModel::kAdversarial || (options.timing == TimingModel::kAsScenarioSays && scenario.adversarial);
  const bool exact = options.scheduler == Scheduler::kExact;
  report.explored.exact = exact;
  if (options.strategy != Strategy::kExhaustive) report.explored.strategy = StrategyName(options.strategy);
  report.explored.seed = options.seed;
  if (options.strategy == Strategy::kPct) report.explored.bug_depth = options.bug_depth;
  if (ideal) report.explored.timing.push_back("ideal");
  if (adversarial) report.explored.timing.push_back("adversarial");
  report.findings = BadConfigs(prepared, file);
  for (const StaticFinding& refused : prepared.program->refused) report.findings.push_back(Refused(prepared, refused, file));
  bool explored = report.findings.empty();   // a program that rustc or the builder refuses has no schedules
  if (explored) {
    std::vector<bool> reached;
    std::map<std::string, Seed> seeds;
    // Under the exact scheduler, first what is found without races of the scheduler itself.
    bool judged_races = exact;
    std::set<std::string> without_races;
    CheckOptions unseen = options;
    unseen.at_end = nullptr;
    auto take_without_races = [&](Timing timing) {
      unseen.checkpoint.search = timing == Timing::kIdeal ? 0 : 1;
      SearchResult r = Search(*prepared.program, {timing, Scheduler::kAtomic, options.reductions.fusing, options.reductions.workers}, unseen, deadline, &reached);
      judged_races = judged_races && r.complete;
      for (const Seed& s : r.seeds) without_races.insert(s.key);
    };
    if (exact && ideal) take_without_races(Timing::kIdeal);
    if (exact && adversarial) take_without_races(Timing::kAdversarial);
    auto with_found = [&] {   // what there is beside a search
      std::uint64_t bytes = options.base_bytes;
      for (const auto& [key, seed] : seeds) bytes += seed.path.size() * kMoveBytes;
      return bytes;
    };
    auto search = [&](Timing timing, const CheckOptions& with, std::vector<bool>* seen) {
      const PlayMode mode{timing, exact ? Scheduler::kExact : Scheduler::kAtomic, options.reductions.fusing, options.reductions.workers};
      CheckOptions placed = with;
      placed.checkpoint.search = timing == Timing::kIdeal ? 2 : 3;
      placed.base_bytes = with_found();
      return Search(*prepared.program, mode, placed, deadline, seen);
    };
    auto take = [&](SearchResult r) {
      report.explored.states += r.states;
      report.explored.transitions += r.transitions;
      report.explored.depth = std::max(report.explored.depth, r.depth);
      if (!r.complete) {
        report.explored.complete = false;
        if (report.explored.limit.empty() || !IsOwnEnd(r.limit)) report.explored.limit = r.limit;
      }
      report.explored.collision_probability = std::min(1.0, report.explored.collision_probability + r.collision_probability);
      report.explored.schedules += r.schedules;
      report.explored.guarantee = report.explored.guarantee == 0 ? r.guarantee : std::min(report.explored.guarantee, r.guarantee);
      for (Seed& s : r.seeds) {
        auto [it, fresh] = seeds.try_emplace(s.key);
        std::uint64_t total = it->second.end_states + s.end_states;
        if (fresh || s.path.size() < it->second.path.size()) it->second = std::move(s);
        it->second.end_states = total;
      }
    };
    // Below that, half of the memory makes a search remember less of its chains, and walk more of them.
    constexpr std::uint64_t kHalvesMib = 1024;
    const bool can_halve = options.memory_limit_mib >= kHalvesMib && !options.at_end && options.checkpoint.checkpoint == nullptr;
    if (ideal && adversarial && can_halve && TellsTime(*prepared.program) && options.spare_threads != nullptr && options.spare_threads->Take()) {
      CheckOptions half = options;   // each has half of the memory; one that needs more gets all, afterwards
      half.memory_limit_mib = options.memory_limit_mib / 2;
      auto in_full = [&](Timing timing, SearchResult r, std::vector<bool>* seen) { return r.limit == "memory" ? search(timing, options, seen) : std::move(r); };
      std::vector<bool> elsewhere;
      CheckOptions unwatched = half;
      unwatched.gauge = nullptr;
      auto behind = [&] {
        SearchResult r = search(Timing::kAdversarial, unwatched, &elsewhere);
        options.spare_threads->Give(1);
        return r;
      };
      std::future<SearchResult> other;
      try {
        other = std::async(std::launch::async, behind);
      } catch (const std::system_error&) {   // there is no thread to be had
        other = std::async(std::launch::deferred, behind);
      }
      SearchResult first = search(Timing::kIdeal, half, &reached), second = other.get();
      first = in_full(Timing::kIdeal, std::move(first), &reached);
      const bool timeless = first.timeless;
      take(std::move(first));
      if (!timeless) take(in_full(Timing::kAdversarial, std::move(second), &elsewhere));
      reached.resize(std::max(reached.size(), elsewhere.size()));
      for (std::size_t i = 0; i < elsewhere.size(); ++i)
        if (elsewhere[i]) reached[i] = true;
    } else {
      bool timeless = false;
      if (ideal) {
        SearchResult r = search(Timing::kIdeal, options, &reached);
        timeless = r.timeless;
        take(std::move(r));
      }
      if (adversarial && !timeless) take(search(Timing::kAdversarial, options, &reached));
    }
    // Opposite orders are an error of their own where they meet.
    bool deadlocks = std::any_of(seeds.begin(), seeds.end(), [](const auto& s) { return s.second.rule.rfind("deadlock/", 0) == 0; });
    if (deadlocks || !report.explored.complete) std::erase_if(seeds, [](const auto& s) { return s.second.rule == "hazard/lock-order"; });
    // What was found is to be told, and then written, which takes about as long.
    constexpr std::chrono::milliseconds kGrace{600};
    constexpr int kParts = 2;
    const std::uint64_t limit = options.memory_limit_mib << 20, known = with_found();
    Reporter reporter(prepared, file, deadline.Later(kGrace, kParts), limit - std::min(limit, known));
    for (const auto& [key, seed] : seeds) {
      report.findings.push_back(reporter.Make(seed));
      if (!judged_races || without_races.count(key) != 0) continue;
      std::vector<std::string>& help = report.findings.back().help;
      help.insert(help.begin(), AdviceForRaces());
    }
    if (reporter.cut_by() != nullptr) {
      report.explored.complete = false;
      report.explored.limit = reporter.cut_by();
    }
    // Behind an error whatever follows is out of reach; that is no fault of the scenario.
    bool errors = std::any_of(report.findings.begin(), report.findings.end(), [](const Finding& f) { return f.severity == Severity::kError; });
    if (report.explored.complete && !errors) Unreachable(prepared, reached, file, &report);
  }
  ApplyAllow(prepared, file, report.explored.complete, &report);
  Order(&report);
  report.verdict = Judge(report);
  return report;
}

ReplayResult ReplayText(const std::string& text, const std::string& file, const std::string& schedule, const CheckOptions& options) {
  ReplayResult result;
  Prepared prepared;
  std::string name;
  Prepare(text, file, options, Deadline(), &prepared, &name);
  if (prepared.program == nullptr) {
    result.error = prepared.diagnostics.empty() ? "this is not a scenario" : prepared.diagnostics.list()[0].message;
    return result;
  }
  std::uint64_t hash;
  PlayMode mode;
  std::vector<Move> moves;
  std::vector<int> sizes = prepared.usual_sizes;
  if (!DecodeSchedule(schedule, &hash, &mode, &moves, &sizes, &result.error)) return result;
  unsigned own = static_cast<unsigned>(prepared.hash ^ (prepared.hash >> 32));
  if (hash != own) {
    result.error = "this schedule belongs to another version of the scenario: check the scenario again to get a new one";
    return result;
  }
  if (options.scheduler && *options.scheduler != mode.scheduler) {
    result.error = std::string("this schedule was found with the ") + (mode.scheduler == Scheduler::kExact ? "exact" : "atomic") + " scheduler, and means nothing to the other one";
    return result;
  }
  if (mode.scheduler == Scheduler::kExact && TooLargeForExact(*prepared.scenario) != nullptr) {
    result.error = TooManyWorkers();
    return result;
  }
  if (!prepared.program->refused.empty()) {
    result.ok = true;
    result.outcome = "the Rust compiler refuses this program: there is nothing to play";
    return result;
  }
  SetSizes(*prepared.program, sizes);
  Layout layout(*prepared.program);
  bool ok = false;
  std::vector<ScheduleStep> blocked;
  std::vector<Told> told = Tell(*prepared.program, layout, mode, moves, &ok, &result.outcome, &blocked, &result.at_end);
  if (!ok) {
    result.error = "the schedule cannot go on at step " + std::to_string(told.size() + 1);
    return result;
  }
  std::uint64_t number = 0;
  for (Told& t : told) {
    t.step.step = ++number;
    result.steps.push_back(std::move(t.step));
  }
  for (ScheduleStep& s : blocked) {
    s.step = ++number;
    result.steps.push_back(std::move(s));
  }
  result.ok = true;
  return result;
}

std::vector<std::string> CompareWithExpect(const std::string& text, const std::string& file, const ScenarioReport& report) {
  Diagnostics diagnostics;
  std::unique_ptr<Scenario> scenario = ReadScenario(text, file, diagnostics);
  if (scenario == nullptr) return {"the scenario is invalid"};
  const Expect* expect = scenario->expect ? &*scenario->expect : nullptr;
  for (const auto& [version, override_] : scenario->expect_for)
    if (report.explored.tokio == version || report.explored.tokio.rfind(version + ".", 0) == 0) expect = &override_;
  if (expect == nullptr) return {};
  return CompareExpectation(*expect, report);
}

}  // namespace asyncrt
