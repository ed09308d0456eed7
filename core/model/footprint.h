// Which parts of a state a step has touched, whether it looked at them or changed them, in the order in which it first
// did. What a step does follows from these alone.
#ifndef ASYNCRT_CORE_MODEL_FOOTPRINT_H_
#define ASYNCRT_CORE_MODEL_FOOTPRINT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/model/state.h"

namespace asyncrt {

class Footprint {
 public:
  explicit Footprint(const Layout& layout) : seen_(layout.part_at.size()) {
    std::uint32_t part = 0;
    for (int byte = 0; byte < layout.bytes; byte += 8) {
      while (layout.part_at[part + 1] <= byte) ++part;
      part_of_word_.push_back(part);
    }
  }

  // Of the part that this byte of the state is in.
  [[gnu::noinline, gnu::cold]] void Touch(int byte) {
    const std::uint32_t part = part_of_word_[static_cast<std::size_t>(byte) / 8];
    if (seen_[part]) return;
    seen_[part] = true;
    parts_.push_back(part);
  }
  bool Has(std::uint32_t part) const { return seen_[part]; }
  const std::vector<std::uint32_t>& parts() const { return parts_; }
  void Clear() {
    for (std::uint32_t part : parts_) seen_[part] = false;
    parts_.clear();
  }

 private:
  std::vector<std::uint32_t> part_of_word_;
  std::vector<bool> seen_;
  std::vector<std::uint32_t> parts_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_MODEL_FOOTPRINT_H_
