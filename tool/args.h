// A command line after parsing: flags by name, and what is left.
#ifndef ASYNCRT_TOOL_ARGS_H_
#define ASYNCRT_TOOL_ARGS_H_

#include <map>
#include <string>
#include <vector>

namespace asyncrt {

struct Args {
  std::map<std::string, std::vector<std::string>> flags;  // by the name without dashes, in the order given
  std::vector<std::string> words;                         // what is no flag

  bool Has(const std::string& flag) const { return flags.count(flag) > 0; }
  // All values of a flag; the last one is the one that counts where only one can.
  const std::vector<std::string>& All(const std::string& flag) const {
    static const std::vector<std::string> none;
    const auto it = flags.find(flag);
    return it == flags.end() ? none : it->second;
  }
  const std::string* Last(const std::string& flag) const {
    const std::vector<std::string>& all = All(flag);
    return all.empty() ? nullptr : &all.back();
  }
};

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_ARGS_H_
