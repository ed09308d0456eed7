// `init`: a first scenario to change, which explains itself.
#include <filesystem>
#include <string>

#include "core/report/display.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/first_scenario.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

constexpr std::string_view kFile = "first.json";

// What stands between the name and the end of the document.
constexpr std::string_view kRest = R"json(
  "about": "A task waits for a message by blocking the only worker, so the task that sends it never runs.",

  "runtimes": { "rt": { "flavor": "multi_thread", "worker_threads": 1 } },

  "objects": { "ch": { "kind": "std_channel" } },

  "main": [
    { "op": "block_on", "on": "rt", "note": "as #[tokio::main] does", "body": [
      { "op": "spawn", "as": "consumer", "note": "a body moves in what it mentions: here the receiver ch.rx", "body": [
        { "op": "recv", "on": "ch", "at": "src/main.rs:14",
          "note": "blocks the thread; make `ch` an mpsc and it only suspends the task: try it" }
      ] },
      { "op": "spawn", "as": "producer", "body": [
        { "op": "send", "on": "ch" }
      ] },
      { "op": "await", "on": "consumer" },
      { "op": "await", "on": "producer" }
    ] }
  ],

  "expect": { "errors": ["deadlock/blocked-workers"] }
}
)json";

// The name of the file as a scenario's name: small letters and digits, with single dashes between words.
std::string ScenarioName(const std::string& file) {
  std::string name;
  for (char byte : std::filesystem::path(file).stem().string()) {
    if (byte >= 'A' && byte <= 'Z') byte = static_cast<char>(byte - 'A' + 'a');
    const bool is_plain = (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
    if (is_plain) name += byte;
    else if (!name.empty() && name.back() != '-') name += '-';
  }
  if (name.ends_with('-')) name.pop_back();
  return name.empty() ? "first" : name;
}

}  // namespace

std::string FirstScenario(const std::string& name) { return "{\n  \"name\": \"" + name + "\"," + std::string(kRest); }

int InitCommand(const Args& args) {
  const std::string file = args.words.empty() ? std::string(kFile) : args.words[0];
  const std::string text = FirstScenario(ScenarioName(file));
  if (file == "-") return PrintOut(text, kExitOk);
  const std::string error = WriteNewFile(file, text);
  if (!error.empty()) {
    Complain(error);
    return kExitInvalid;
  }
  return PrintOut("wrote " + Printable(file) + "; now run\n  asyncrt-check run " + ShellWord(file) +
                      " --format text\n",
                  kExitOk);
}

}  // namespace asyncrt
