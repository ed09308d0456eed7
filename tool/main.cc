// The program on one screen: a command line names a command, the command returns the exit status.
#include <exception>
#include <new>
#include <string>
#include <vector>

#include "core/base/version.h"
#include "tool/cli.h"
#include "tool/crash.h"
#include "tool/exit_code.h"
#include "tool/interrupt.h"
#include "tool/output.h"

namespace asyncrt {
namespace {

int Main(const std::vector<std::string>& words) {
  const CommandLine line = ParseCommandLine(words);
  const std::string name = line.command == nullptr ? "" : " " + std::string(line.command->name);
  if (!line.error.empty()) {
    Complain(line.error + "\nTry `asyncrt-check" + name + " --help`.");
    return kExitInvalid;
  }
  if (line.wants_version) return PrintOut(std::string(kToolName) + " " + std::string(kToolVersion) + "\n", kExitOk);
  if (line.wants_help) return PrintOut(line.command == nullptr ? HelpText() : HelpText(*line.command), kExitOk);
  WatchSignals();
  const int status = line.command->run(line.args);
  if (InterruptedBy() == 0) return status;
  Complain("interrupted: the result has only what was found until then");
  return kExitSignal + InterruptedBy();
}

}  // namespace
}  // namespace asyncrt

int main(int argc, char** argv) {
  asyncrt::WatchCrashes();
  try {
    return asyncrt::Main(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
  } catch (const std::bad_alloc&) {
    asyncrt::PrintErr("asyncrt-check: there is not enough memory for the result\n");   // which allocates nothing
    return asyncrt::kExitInvalid;
  } catch (const std::exception& error) {
    asyncrt::Complain(std::string("this is a bug of asyncrt-check, please report it: ") + error.what());
    return asyncrt::kExitBug;
  }
}
