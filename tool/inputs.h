// From the paths of a command line to the texts of scenarios, in an order that is the same everywhere.
#ifndef ASYNCRT_TOOL_INPUTS_H_
#define ASYNCRT_TOOL_INPUTS_H_

#include <cstddef>
#include <string>
#include <vector>

namespace asyncrt {

inline constexpr std::size_t kInputBytesMax = std::size_t{64} << 20;

struct Input {
  std::string file;  // as reports name it
  std::string text;
  std::string error;  // why there is no text; empty: there is one
};

// A file stands for itself, a folder for every *.json below it in the order of their paths, `-` for stdin. What cannot
// be read is an input with an error, so that everything else is still checked. A file that is reached twice counts
// once.
std::vector<Input> ReadInputs(const std::vector<std::string>& paths);

// The input that lies in this file, under whatever name, or null. What is written there would destroy it.
const Input* InputIn(const std::string& path, const std::vector<Input>& inputs);

// One file, or `-`.
Input ReadInput(const std::string& path);

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_INPUTS_H_
