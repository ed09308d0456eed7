// The way to a finding, move by move. Copies share the moves: the end of one run may show hundreds of findings, each behind
// the same tens of thousands of moves.
#ifndef ASYNCRT_CORE_EXPLORE_WAY_H_
#define ASYNCRT_CORE_EXPLORE_WAY_H_

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace asyncrt {

struct Move {
  int actor = 0;
  std::vector<int> choices;
};

// About what a move takes, with its choices as the allocator gives them.
constexpr std::size_t kMoveBytes = sizeof(Move) + 32;

class Way {
 public:
  Way() = default;
  Way(std::vector<Move> moves) {
    if (!moves.empty()) moves_ = std::make_shared<const std::vector<Move>>(std::move(moves));
  }

  const std::vector<Move>& moves() const {
    static const std::vector<Move> none;
    return moves_ == nullptr ? none : *moves_;
  }
  std::size_t size() const { return moves().size(); }
  bool empty() const { return moves_ == nullptr; }

 private:
  std::shared_ptr<const std::vector<Move>> moves_;   // null: none
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_WAY_H_
