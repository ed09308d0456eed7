// Whole states, compressed: a state is cut into pieces of 64 bytes, of which there are few different ones at each place,
// and kept as the numbers of its pieces.
#ifndef ASYNCRT_CORE_EXPLORE_EXACT_STATES_H_
#define ASYNCRT_CORE_EXPLORE_EXACT_STATES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/blocks.h"

namespace asyncrt {

class ExactStates {
 public:
  // `bytes` of a state; 0: none are kept.
  explicit ExactStates(std::size_t bytes) : bytes_(bytes), pieces_((bytes + kPiece - 1) / kPiece) {}
  bool used() const { return bytes_ != 0; }

  // Makes a state the one that `Keep` and `IsPacked` speak of.
  void Pack(const std::uint8_t* state) {
    packed_.clear();
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      piece_.assign(reinterpret_cast<const char*>(state) + i * kPiece, std::min(kPiece, bytes_ - i * kPiece));
      auto [at, fresh] = pieces_[i].try_emplace(piece_, static_cast<std::uint32_t>(pieces_[i].size()));
      if (fresh) piece_bytes_ += kPieceBytes;
      std::uint32_t number = at->second;
      for (; number >= 0x80; number >>= 7) packed_.push_back(static_cast<std::uint8_t>(number | 0x80));
      packed_.push_back(static_cast<std::uint8_t>(number));
    }
  }
  void Keep() {
    starts_.push_back(kept_.size());
    for (std::uint8_t byte : packed_) kept_.push_back(byte);
  }
  bool IsPacked(std::uint32_t number) const {
    const std::size_t start = starts_[number], end = number + 1 < starts_.size() ? starts_[number + 1] : kept_.size();
    if (end - start != packed_.size()) return false;
    for (std::size_t i = 0; i < packed_.size(); ++i)
      if (kept_[start + i] != packed_[i]) return false;
    return true;
  }
  std::size_t size() const { return starts_.size(); }
  void Save(ByteWriter* out) const {
    for (const auto& pieces : pieces_) {
      std::vector<const std::string*> in_order(pieces.size());
      for (const auto& [piece, number] : pieces) in_order[number] = &piece;
      out->Number(in_order.size());
      for (const std::string* piece : in_order) out->Bytes(piece->data(), piece->size());
    }
    kept_.Save(out);
    starts_.Save(out);
  }
  void Load(ByteReader* in) {
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      piece_.resize(std::min(kPiece, bytes_ - i * kPiece));
      for (std::size_t left = in->Count(piece_.size()); left > 0 && in->ok(); --left) {
        in->Bytes(piece_.data(), piece_.size());
        if (!pieces_[i].try_emplace(piece_, static_cast<std::uint32_t>(pieces_[i].size())).second) in->Fail();
        piece_bytes_ += kPieceBytes;
      }
    }
    kept_.Load(in);
    starts_.Load(in);
    for (std::size_t i = 0; i < starts_.size(); ++i)
      if (starts_[i] > kept_.size() || (i > 0 && starts_[i] < starts_[i - 1])) return in->Fail();
  }
  std::size_t bytes() const { return used() ? kept_.bytes() + starts_.bytes() + piece_bytes_ : 0; }

 private:
  static constexpr std::size_t kPiece = 64, kPieceBytes = kPiece + 96;   // with its node, and its part of the table
  std::size_t bytes_;
  std::vector<std::unordered_map<std::string, std::uint32_t>> pieces_;   // by place
  std::size_t piece_bytes_ = 0;
  std::string piece_;
  std::vector<std::uint8_t> packed_;
  Blocks<std::uint8_t> kept_;
  Blocks<std::uint64_t> starts_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_EXACT_STATES_H_
