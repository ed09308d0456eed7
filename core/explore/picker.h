// Who moves next in a single run. At random: each that can, with the same chance. Under PCT (Burckhardt et al., "A
// randomized scheduler with probabilistic guarantees of finding bugs", 2010): the one with the highest of random
// priorities, of which one is lowered at each of a few random steps.
#ifndef ASYNCRT_CORE_EXPLORE_PICKER_H_
#define ASYNCRT_CORE_EXPLORE_PICKER_H_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "core/base/byte_stream.h"
#include "core/base/random.h"

namespace asyncrt {

class Picker {
 public:
  // `depth`: of the bugs that PCT aims at, in ordering constraints; 0: no priorities.
  Picker(RandomSource* random, int actors, int depth) : random_(random), depth_(depth), priorities_(static_cast<std::size_t>(actors)) {}

  void BeginRun() {
    longest_ = std::max(longest_, step_);
    step_ = 0;
    for (std::uint64_t& priority : priorities_) priority = static_cast<std::uint64_t>(depth_) + random_->Next() / 2;
    changes_.clear();
    for (int k = 1; k < depth_; ++k) changes_.push_back(1 + static_cast<std::uint64_t>(random_->Below(static_cast<int>(std::max<std::uint64_t>(longest_, 8)))));
  }
  int Pick(const std::vector<int>& enabled) {
    ++step_;
    for (int actor : enabled) seen_.insert(actor);
    if (depth_ == 0) return enabled[static_cast<std::size_t>(random_->Below(static_cast<int>(enabled.size())))];
    auto highest = [&] {
      return *std::max_element(enabled.begin(), enabled.end(), [&](int a, int b) { return priorities_[static_cast<std::size_t>(a)] < priorities_[static_cast<std::size_t>(b)]; });
    };
    int actor = highest();
    for (std::size_t k = 0; k < changes_.size(); ++k)
      if (changes_[k] == step_) {
        priorities_[static_cast<std::size_t>(actor)] = k;
        actor = highest();
      }
    return actor;
  }
  // The least chance that one run has to meet a bug of that depth: one in n times k to the power of the depth less one, for
  // n parties and runs of k steps.
  double Guarantee() const {
    const double steps = static_cast<double>(std::max<std::uint64_t>({longest_, step_, 1}));
    return depth_ == 0 || seen_.empty() ? 0 : 1.0 / (static_cast<double>(seen_.size()) * std::pow(steps, depth_ - 1));
  }

  // Of a run that is under way, too.
  void Save(ByteWriter* out) const {
    out->Fixed(random_->state());
    for (std::uint64_t priority : priorities_) out->Fixed(priority);
    SaveNumbers(changes_, out);
    SaveNumbers(std::vector<int>(seen_.begin(), seen_.end()), out);
    out->Number(step_);
    out->Number(longest_);
  }
  // Into one of as many actors. What cannot be is told the reader.
  void Load(ByteReader* in) {
    random_->GoOnFrom(in->Fixed());
    for (std::uint64_t& priority : priorities_) priority = in->Fixed();
    LoadNumbers(in, &changes_);
    for (std::size_t left = in->Count(1); left > 0; --left) seen_.insert(static_cast<int>(in->Signed()));
    if (!seen_.empty() && (*seen_.begin() < 0 || static_cast<std::size_t>(*seen_.rbegin()) >= priorities_.size())) in->Fail();
    step_ = in->Number();
    longest_ = in->Number();
  }

 private:
  RandomSource* random_;
  int depth_;
  std::vector<std::uint64_t> priorities_, changes_;
  std::set<int> seen_;
  std::uint64_t step_ = 0, longest_ = 0;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_PICKER_H_
