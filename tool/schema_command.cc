#include "core/report/schema.h"
#include "tool/commands.h"
#include "tool/exit_code.h"
#include "tool/output.h"

namespace asyncrt {

int SchemaCommand(const Args& args) {
  if (args.words[0] == "scenario") return PrintOut(ScenarioSchema(), kExitOk);
  return PrintOut(ReportSchema(), kExitOk);
}

}  // namespace asyncrt
