#include "core/scenario/tokio_versions.h"

namespace asyncrt {
namespace {

constexpr int kOldest = 24;
constexpr int kNewest = 53;

}  // namespace

std::vector<std::string> TokioVersions() {
  std::vector<std::string> versions;
  for (int minor = kOldest; minor <= kNewest; ++minor) versions.push_back("1." + std::to_string(minor));
  return versions;
}

bool IsTokioVersion(const std::string& text) {
  if (text.compare(0, 2, "1.") != 0) return false;
  const std::size_t dot = text.find('.', 2);
  const std::string minor = text.substr(2, dot == std::string::npos ? dot : dot - 2);
  const auto is_number = [](const std::string& digits) {
    return !digits.empty() && digits.size() <= 2 && digits.find_first_not_of("0123456789") == std::string::npos &&
           (digits.size() == 1 || digits[0] != '0');
  };
  if (!is_number(minor) || std::stoi(minor) < kOldest || std::stoi(minor) > kNewest) return false;
  return dot == std::string::npos || is_number(text.substr(dot + 1));
}

}  // namespace asyncrt
