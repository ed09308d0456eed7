// The module of a scenario, and the cargo project around modules.
#include "core/export/rust.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "core/export/rust_writer.h"
#include "core/scenario/names.h"

namespace asyncrt {
namespace {

constexpr char kSupport[] =
#include "support_rs.inc"
    ;
constexpr char kPipes[] =
#include "pipes_rs.inc"
    ;
constexpr char kLimited[] =
#include "limited_rs.inc"
    ;
constexpr char kReadersFirst[] =
#include "readers_first_rs.inc"
    ;

// std's own on Linux prefers writers.
const char* RwLockOf(const Object& object) {
  return object.policy == Object::Policy::kReadersFirst ? "crate::readers_first::RwLock" : "std::sync::RwLock";
}

// Files that only some scenarios need.
struct Extra {
  const char* name;
  const char* text;
};
constexpr Extra kExtras[] = {{"pipes", kPipes}, {"limited", kLimited}, {"readers_first", kReadersFirst}};

// Lines are written without indentation; the brackets of the code give it.
std::string Indented(const std::string& text) {
  std::string out;
  int depth = 0;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    if (line.empty()) { out += "\n"; continue; }
    int opens = 0, closes_first = 0;
    bool quoted = false, leading = true;
    const bool comment = line.starts_with("//");
    for (std::size_t i = 0; i < line.size() && !comment; ++i) {
      const char c = line[i];
      if (quoted) {
        if (c == '\\') ++i;
        else if (c == '"') quoted = false;
        continue;
      }
      if (c == '"') quoted = true;
      if (c == '{' || c == '(' || c == '[') { ++opens; leading = false; }
      else if (c == '}' || c == ')' || c == ']') { --opens; if (leading) ++closes_first; }
      else leading = false;
    }
    // Several brackets that a line leaves open indent what follows once.
    const int here = std::max(0, depth - (closes_first > 0 || line[0] == '}' || line[0] == ')' ? 1 : 0));
    out += std::string(static_cast<std::size_t>(here) * 4, ' ') + line + "\n";
    if (opens > 0) ++depth;
    else if (opens < 0) depth = std::max(0, depth - 1);
    else if (closes_first > 0) depth = here + 1;
  }
  return out;
}

std::string TomlString(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) { out += c; continue; }
    char escape[16];
    std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += escape;
  }
  return out + "\"";
}

std::string Member(const std::string& name, const std::string& tokio_features, const TokioSource& tokio, bool futures, bool util) {
  std::string out = "[package]\nname = \"" + name + "\"\nversion = \"0.1.0\"\nedition = \"2021\"\npublish = false\n\n[dependencies]\ntokio = { version = \"1\", ";
  out += "features = [" + tokio_features + "] }\n";
  if (futures) out += "futures = \"0.3\"\n";
  if (util) out += "tokio-util = \"0.7\"\n";
  // A patch, not a path: tokio-util has to use the same one.
  if (!tokio.path.empty()) out += "\n[patch.crates-io]\ntokio = { path = " + TomlString(tokio.path) + " }\n";
  if (!tokio.macros_path.empty()) out += "tokio-macros = { path = " + TomlString(tokio.macros_path) + " }\n";
  return out + "\n[profile.dev.package.\"*\"]\ndebug-assertions = false\n\n[profile.dev]\ndebug = 0\n\n[workspace]\n";
}

}  // namespace

// ---- declarations ------------------------------------------------------------------------------------------------

std::string RustWriter::BuilderText(const Runtime& runtime) const {
  std::string text = std::string("tokio::runtime::Builder::") + (runtime.multi_thread ? "new_multi_thread()" : "new_current_thread()");
  if (runtime.multi_thread) text += ".worker_threads(" + std::to_string(runtime.worker_threads) + ")";
  if (runtime.max_blocking_threads != 512) text += ".max_blocking_threads(" + std::to_string(runtime.max_blocking_threads) + ")";
  if (runtime.enable_time && runtime.enable_io) text += ".enable_all()";
  else if (runtime.enable_time) text += ".enable_time()";
  else if (runtime.enable_io) text += ".enable_io()";
  if (runtime.event_interval != 61) text += ".event_interval(" + std::to_string(runtime.event_interval) + ")";
  if (runtime.global_queue_interval) text += ".global_queue_interval(" + std::to_string(*runtime.global_queue_interval) + ")";
  if (runtime.disable_lifo_slot) text += ".disable_lifo_slot()";
  text += ".build().unwrap()";
  return runtime.shared ? "Arc::new(" + text + ")" : text;
}

void RustWriter::DeclareRuntime(const Runtime& runtime) {
  const std::string ident = Ident(runtime.name), handle = Ident(runtime.name + ".handle");
  if (runtime.has_build) { Line("let " + handle + " = shared(Later::<tokio::runtime::Handle>::new());"); return; }
  RustValue& bound = Declare(runtime.name, ident, "runtime");
  Line("let mut " + ident + " = " + BuilderText(runtime) + ";");
  Line("let " + handle + " = shared(" + ident + ".handle().clone());");
  if (bound.optional) Line("let mut " + ident + " = Some(" + ident + ");");
}

void RustWriter::DeclareObjects() {
  enum Tells : bool { kNothing, kItsState };   // whether what can be seen of it at the end is told
  auto make = [&](const Object& object, const std::string& one, Tells tells = kNothing) {
    const std::string maker = tells == kItsState ? "told" : "shared", name = tells == kItsState ? RustString(object.name) + ", " : "";
    Line("let " + Ident(object.name) + " = " + maker +
         (object.is_array ? "_array(" + name + std::to_string(object.count) + ", || " + one + ");" : "(" + name + one + ");"));
  };
  auto shared_kind = [&](const Object& object) {
    switch (object.kind) {
      case Kind::kStdMutex: make(object, "std::sync::Mutex::new(())", kItsState); break;
      case Kind::kStdRwlock:
        make(object, std::string(RwLockOf(object)) + "::new(())", kItsState);
        break;
      case Kind::kStdCondvar: make(object, "std::sync::Condvar::new()"); break;
      case Kind::kStdBarrier: make(object, "std::sync::Barrier::new(" + std::to_string(object.parties) + ")"); break;
      case Kind::kStdOnce: make(object, "std::sync::OnceLock::<()>::new()", kItsState); break;
      case Kind::kAtomic:
        if (object.is_array) Line("let " + Ident(object.name) + " = shared(atomic_array(" + RustString(object.name) + ", " + std::to_string(object.count) + ", " + std::to_string(object.value) + "));");
        else Line("let " + Ident(object.name) + " = atomic(" + RustString(object.name) + ", " + std::to_string(object.value) + ");");
        break;
      case Kind::kCell:
        if (object.is_array) Line("let " + Ident(object.name) + " = shared(RacyCell::array(" + RustString(object.name) + ", " + std::to_string(object.count) + ", " + std::to_string(object.value) + "));");
        else Line("let " + Ident(object.name) + " = RacyCell::new(" + RustString(object.name) + ", " + std::to_string(object.value) + ");");
        break;
      case Kind::kMutex: make(object, "tokio::sync::Mutex::new(())", kItsState); break;
      case Kind::kRwlock: make(object, "tokio::sync::RwLock::new(())", kItsState); break;
      case Kind::kSemaphore: make(object, "tokio::sync::Semaphore::new(" + std::to_string(object.permits) + ")", kItsState); break;
      case Kind::kNotify: make(object, "tokio::sync::Notify::new()", kItsState); break;
      case Kind::kBarrier: make(object, "tokio::sync::Barrier::new(" + std::to_string(object.parties) + ")"); break;
      case Kind::kOnceCell: make(object, "tokio::sync::OnceCell::<i64>::new()", kItsState); break;
      case Kind::kCancellationToken:
        make(object, object.parent.empty() ? "tokio_util::sync::CancellationToken::new()" : Ident(object.parent) + ".child_token()");
        break;
      default: break;
    }
  };
  for (const Object& object : scenario_.objects)
    if (!IsOwned(object.kind) && object.holds.empty() && object.parent.empty()) shared_kind(object);
  // A token's parent may be declared after it.
  std::set<std::string> made;
  for (std::size_t round = 0; round <= scenario_.objects.size(); ++round)
    for (const Object& object : scenario_.objects) {
      if (object.parent.empty() || made.count(object.name) != 0) continue;
      const Object* parent = Declared(object.parent);
      if (parent == nullptr || (!parent->parent.empty() && made.count(parent->name) == 0)) continue;
      made.insert(object.name);
      shared_kind(object);
    }
  for (const Object& object : scenario_.objects)
    for (const Ref& held : object.holds) lock_of_[KeyOf(held)] = object.name;
  // A lock that holds values is there as soon as they are: destructors may mention it.
  std::set<std::string> full;
  auto fill_locks = [&] {
    for (const Object& object : scenario_.objects) {
      if (object.holds.empty() || full.count(object.name) != 0) continue;
      bool all = true;
      for (const Ref& held : object.holds) all = all && FindIn(*unit_, KeyOf(held)) != nullptr;
      if (!all) continue;
      full.insert(object.name);
      std::string inner;
      for (const Ref& held : object.holds) inner += (inner.empty() ? "" : ", ") + Ident(KeyOf(held));
      if (object.holds.size() > 1) inner = "(" + inner + ")";
      const char* type = object.kind == Kind::kStdMutex ? "std::sync::Mutex" : object.kind == Kind::kStdRwlock ? RwLockOf(object) : object.kind == Kind::kMutex ? "tokio::sync::Mutex" : "tokio::sync::RwLock";
      if (object.is_array) Unsupported(nullptr, "an array of locks that hold values");
      const std::string share = ShareOf(object.name), in_lock = Fresh("in_" + object.name);
      Line("let (" + in_lock + ", " + Ident(share) + ") = content(" + inner + ");");
      Declare(share, Ident(share), "share");
      Line("let " + Ident(object.name) + " = told(" + RustString(object.name) + ", " + type + "::new(" + in_lock + "));");
    }
  };
  for (std::int64_t index : scenario_.declaration_order) {
    fill_locks();
    if (index >= 0) { DeclareRuntime(scenario_.runtimes[static_cast<std::size_t>(index)]); continue; }
    const Object& object = scenario_.objects[static_cast<std::size_t>(-1 - index)];
    if (!IsOwned(object.kind)) continue;
    const std::string name = object.name, ident = Ident(name);
    if (HasEnds(object.kind)) {
      const std::string tx = Ident(name + ".tx"), rx = Ident(name + ".rx"), message = MessageType(name);
      const std::string size = object.capacity ? std::to_string(*object.capacity) : "";
      std::string one;
      switch (object.kind) {
        case Kind::kStdChannel: one = object.capacity ? std::string(IsTold(object) ? "bounded" : "std::sync::mpsc::sync_channel") + "::<" + message + ">(" + size + ")" : "std::sync::mpsc::channel::<" + message + ">()"; break;
        case Kind::kMpsc: one = object.capacity ? "tokio::sync::mpsc::channel::<" + message + ">(" + size + ")" : "tokio::sync::mpsc::unbounded_channel::<" + message + ">()"; break;
        case Kind::kOneshot: one = "tokio::sync::oneshot::channel::<" + message + ">()"; break;
        case Kind::kIo: one = "crate::pipes::pipe(" + (object.buffer ? "Some(" + std::to_string(*object.buffer) + ")" : std::string("None")) + ")"; break;
        case Kind::kBroadcast: one = std::string(IsTold(object) ? "heard" : "tokio::sync::broadcast::channel") + "::<" + message + ">(" + size + ")"; break;
        default: one = "tokio::sync::watch::channel(" + std::to_string(object.value) + "i64)";
      }
      if (remotes_.count("cloned " + name) != 0) one = "shared_sender(" + one + ")";
      // What is left in it at the end is told.
      auto told = [&](const std::string& called) { return IsTold(object) ? "told_channel(" + called + ", " + one + ")" : one; };
      if (object.is_array && remotes_.count("array " + name) == 0) {   // each by itself: as a Vec, they fall from the first to the last
        std::vector<std::string> ends;
        for (const char* part : {".tx[", ".rx["})
          for (std::int64_t k = object.count; k-- > 0;) ends.push_back(name + part + std::to_string(k) + "]");
        for (std::int64_t k = 0; k < object.count; ++k) {
          const std::string element = "[" + std::to_string(k) + "]";
          Line("let (" + Ident(name + ".tx" + element) + ", " + Ident(name + ".rx" + element) + ") = " + told(RustString(name + element)) + ";");
        }
        for (const std::string& end : ends) {
          const std::string end_ident = Ident(end);
          Line("let mut " + end_ident + " = " + (Declare(end, end_ident, "end").optional ? "Some(" + end_ident + ");" : end_ident + ";"));
        }
      } else if (object.is_array) {
        Line("let (mut " + tx + ", mut " + rx + ") = (Vec::new(), Vec::new());");
        Line("for k in 0.." + std::to_string(object.count) + " {\nlet (tx, rx) = " + told("format!(\"" + name + "[{k}]\")") + ";\n" + tx + ".push(Some(tx));\n" + rx + ".push(Some(rx));\n}");
        Declare(name + ".tx", tx, "end").array = true;
        Declare(name + ".rx", rx, "end").array = true;
      } else {
        Line("let (mut " + tx + ", mut " + rx + ") = " + told(RustString(name)) + ";");
        if (Declare(name + ".tx", tx, "end").optional) Line("let mut " + tx + " = Some(" + tx + ");");
        if (Declare(name + ".rx", rx, "end").optional) Line("let mut " + rx + " = Some(" + rx + ");");
      }
      continue;
    }
    std::string one;
    switch (object.kind) {
      case Kind::kJoinSet: one = "tokio::task::JoinSet::<Out>::new()"; break;
      case Kind::kLocalSet: one = "tokio::task::LocalSet::new()"; break;
      case Kind::kFuturesUnordered: {
        // Its members need not be Send if no other thread gets it.
        const std::string member = "std::pin::Pin<Box<dyn std::future::Future<Output = Out>" + std::string(IsSent(name) ? " + Send" : "") + ">>";
        one = object.limit ? "crate::limited::Limited::<" + member + ">::new(" + std::to_string(*object.limit) + ")" : "futures::stream::FuturesUnordered::<" + member + ">::new()";
        break;
      }
      default: {
        RustUnit child;
        static const Body kNothing;
        Op op;
        op.def = OpsWithVerb("value").front();
        op.node = object.node;
        op.as = name;
        const std::string inside = OwnBody(op, object.drop ? *object.drop : kNothing, false, child);
        const std::vector<std::string> prelude = Prelude(op, child);   // shares of the locks that it mentions
        one = std::string(object.send && !SharesReceiver(inside) ? "OnDrop" : "LocalOnDrop") + "::new(move || {\nlet _: Out = (move || {\n" + inside + "\n})();\n})";
        if (object.shared) one = "Arc::new(" + one + ")";
        if (!prelude.empty()) one = "{\n" + JoinedLines(prelude) + "\n" + one + "\n}";
      }
    }
    if (object.is_array) {
      Line("let mut " + ident + " = Vec::new();");
      Line("for _ in 0.." + std::to_string(object.count) + " {\n" + ident + ".push(Some(" + one + "));\n}");
      Declare(name, ident, "value").array = true;
    } else {
      Line("let mut " + ident + " = " + one + ";");
      if (Declare(name, ident, "value").optional) Line("let mut " + ident + " = Some(" + ident + ");");
    }
  }
  fill_locks();
}

// What the messages of each channel own, and which op gives each name.
void RustWriter::CollectWith(const Body& body, std::set<const Body*>& seen) {
  if (!seen.insert(&body).second) return;
  for (const Op& op : body.ops) {
    if (!op.as.empty()) {
      maker_.emplace(op.as, op.def->code);
      guard_of_.emplace(op.as, op.on.name);
      if (op.def->code == Code::kSubscribe) receiver_of_[op.as] = receiver_of_.count(op.on.name) != 0 ? receiver_of_[op.on.name] : op.on.name;
    }
    if (!op.with.empty()) messages_.emplace(receiver_of_.count(op.on.name) != 0 ? receiver_of_[op.on.name] : op.on.name, op.with);
    for (const Body* inner : {op.body.get(), op.then.get(), op.otherwise.get(), op.on_failure.get(), op.drop.get()})
      if (inner != nullptr) CollectWith(*inner, seen);
    for (const Branch& branch : op.branches)
      for (const Body* inner : {branch.await.get(), branch.then.get()})
        if (inner != nullptr) CollectWith(*inner, seen);
  }
}

std::string RustWriter::Module() {
  std::set<const Body*> seen;
  CollectWith(scenario_.main, seen);
  RustUnit main;
  main.scopes.emplace_back();
  unit_ = &main;
  main.block = block_;
  DeclareObjects();
  std::vector<std::string> declared;
  declared.swap(lines_);
  main.scopes.emplace_back();
  Ops(scenario_.main);
  std::string text = "// " + RustComment(scenario_.name) + (scenario_.about.empty() ? "" : ": " + RustComment(scenario_.about)) + "\n";
  if (!scenario_.source.empty()) text += "// " + RustComment(scenario_.source) + "\n";
  text += "use crate::support::*;\nuse std::sync::atomic::Ordering::SeqCst;\nuse std::sync::Arc;\nuse std::time::Duration;\n\n";
  text += "pub fn scenario() -> Out {\nlet main_thread = shared(std::thread::current());\nlet index = 0i64;\n";
  for (const std::string& name : main.locals) text += "let " + Ident("%" + name) + " = Local::new(0);\n";
  for (const std::string& line : declared) text += line + "\n";
  for (const std::string& line : lines_) text += line + "\n";
  if (!Diverges(scenario_.main)) text += "op(\"/main\", \"end\");\nout(0)\n";
  return Indented(text + "}\n");
}

RustModule ExportRust(const Scenario& scenario) {
  std::set<int> slots;
  std::set<std::string> remotes;
  // What must be optional, or named by others, is known after a pass. Ids are the same in every one that names the same.
  for (;;) {
    const std::size_t optional = slots.size(), named = remotes.size();
    RustWriter writer(scenario, slots, remotes);
    RustModule module;
    module.code = writer.Module();
    module.unsupported = writer.unsupported();
    module.needs_unstable = std::any_of(scenario.runtimes.begin(), scenario.runtimes.end(), [](const Runtime& rt) { return rt.disable_lifo_slot; });
    if (slots.size() == optional && remotes.size() == named) return module;
    if (remotes.size() != named) slots.clear();
  }
}

std::set<std::string> NamesOfRustProject() {
  std::set<std::string> names = {"main", "support", "lib"};
  for (const Extra& extra : kExtras) names.insert(extra.name);
  return names;
}

std::vector<std::pair<std::string, std::string>> RustProject(const std::vector<std::pair<std::string, RustModule>>& modules,
                                                             const TokioSource& tokio) {
  auto some_says = [&](const std::string& text) {
    for (const auto& [name, module] : modules) if (module.code.find(text) != std::string::npos) return true;
    return false;
  };
  std::vector<std::pair<std::string, std::string>> files;
  std::string mods, arms, names;
  for (const auto& [name, module] : modules) {
    files.emplace_back("src/" + name + ".rs", module.code);
    mods += "mod " + name + ";\n";
    names += "\\n  " + name;
    arms += "        Some(\"" + name + "\") => support::run(" + name + "::scenario),\n";
  }
  bool limited = false, net = some_says(".enable_io()");
  for (const Extra& extra : kExtras) {
    if (!some_says("crate::" + std::string(extra.name) + "::")) continue;
    files.emplace_back("src/" + std::string(extra.name) + ".rs", extra.text);
    mods += "mod " + std::string(extra.name) + ";\n";
    if (extra.text == kPipes) net = true;
    if (extra.text == kLimited) limited = true;
  }
  const bool futures = limited || some_says("futures::executor") || some_says("futures::stream") || some_says("futures::StreamExt") ||
                       some_says("futures::join!") || some_says("futures::try_join!");
  const bool util = some_says("tokio_util::");
  const bool unstable = std::any_of(modules.begin(), modules.end(), [](const auto& module) { return module.second.needs_unstable; });
  std::string main = "#![allow(unused, dead_code, unreachable_code, clippy::all)]\n";
  if (unstable)   // flags in the environment hide those of the project
    main += "#![allow(unknown_lints, unexpected_cfgs)]\n#[cfg(not(tokio_unstable))]\ncompile_error!(\"`disable_lifo_slot` needs `--cfg tokio_unstable` in RUSTFLAGS, which hide .cargo/config.toml\");\n";
  main += "mod support;\n" + mods + "\nfn main() {\n";
  if (modules.size() == 1) {
    main += "    support::run(" + modules[0].first + "::scenario)\n}\n";
  } else {
    main += "    match std::env::args().nth(1).map(|name| name.replace('-', \"_\")).as_deref() {\n" + arms +
            "        _ => {\n            eprintln!(\"which scenario? one of{}\", \"" + names + "\");\n            std::process::exit(2)\n        }\n    }\n}\n";
  }
  files.emplace_back("src/main.rs", main);
  files.emplace_back("src/support.rs", kSupport);
  files.emplace_back("Cargo.toml", Member(modules.size() == 1 ? modules[0].first : "scenarios", std::string("\"rt\", \"rt-multi-thread\", \"sync\", \"time\", \"macros\"") + (net ? ", \"net\"" : ""), tokio, futures, util));
  // Debian's packages are a directory source; nothing is downloaded.
  files.emplace_back(".cargo/config.toml", "[source.crates-io]\nreplace-with = \"debian\"\n\n[source.debian]\ndirectory = \"/usr/share/cargo/registry\"\n\n[net]\noffline = true\n" +
                     std::string(unstable ? "\n[target.'cfg(all())']\nrustflags = [\"--cfg\", \"tokio_unstable\"]\n" : ""));
  return files;
}

}  // namespace asyncrt
