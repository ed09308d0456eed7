// Writes random scenarios, one file each, to be run on real Tokio: write-scenarios FOLDER FIRST-SEED COUNT
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "tests/oracle/generator.h"

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "write-scenarios FOLDER FIRST-SEED COUNT\n");
    return 2;
  }
  const unsigned long long first = std::strtoull(argv[2], nullptr, 10), count = std::strtoull(argv[3], nullptr, 10);
  for (unsigned long long seed = first; seed < first + count; ++seed) {
    const std::string path = std::string(argv[1]) + "/seed-" + std::to_string(seed) + ".json";
    std::ofstream file(path);
    std::string text = asyncrt::RandomScenario(seed);
    const std::string name = "\"name\": \"random\"";   // names are unique in one run
    if (const std::size_t at = text.find(name); at != std::string::npos) text.replace(at, name.size(), "\"name\": \"random-" + std::to_string(seed) + "\"");
    file << text;
    if (!file.flush()) {
      std::fprintf(stderr, "%s cannot be written\n", path.c_str());
      return 2;
    }
  }
  return 0;
}
