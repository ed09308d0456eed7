// Bytes that are written to a part of a file and read back: numbers of variable length, texts, runs of plain values.
// A reader never goes beyond its part: what is not there reads as zero, and `ok` says so.
#ifndef ASYNCRT_CORE_BASE_BYTE_STREAM_H_
#define ASYNCRT_CORE_BASE_BYTE_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace asyncrt {

class ByteWriter {
 public:
  // Writes behind what the file has; keeps the first error.
  explicit ByteWriter(int fd) : fd_(fd), buffer_(kBuffer) {}
  explicit ByteWriter(std::string* text) : text_(text), buffer_(kBuffer) {}

  void Bytes(const void* data, std::size_t size);
  void Number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) Byte(static_cast<std::uint8_t>(value | 0x80));
    Byte(static_cast<std::uint8_t>(value));
  }
  void Signed(std::int64_t value) { Number(static_cast<std::uint64_t>(value) << 1 ^ static_cast<std::uint64_t>(value >> 63)); }
  void Flag(bool value) { Byte(value ? 1 : 0); }
  void Text(std::string_view text) {
    Number(text.size());
    Bytes(text.data(), text.size());
  }
  void Fixed(std::uint64_t value);   // eight bytes
  // Ends the part with its checksum.
  void Seal();
  // Writes what is still in the buffer. The errno of the first write that failed, or 0.
  int Flush();
  std::uint64_t size() const { return size_; }

  static constexpr std::size_t kBuffer = std::size_t{1} << 16;

 private:
  void Byte(std::uint8_t byte) {
    if (used_ == kBuffer) Flush();
    buffer_[used_++] = byte;
    ++size_;
  }

  int fd_ = -1;
  std::string* text_ = nullptr;
  int error_ = 0;
  std::vector<std::uint8_t> buffer_;
  std::size_t used_ = 0;
  std::uint64_t size_ = 0, sum_ = 0;
};

class ByteReader {
 public:
  // Reads `size` bytes of the file from `offset` on.
  ByteReader(int fd, std::uint64_t offset, std::uint64_t size) : fd_(fd), offset_(offset), left_(size) {}

  void Bytes(void* data, std::size_t size);
  std::uint64_t Number();
  // A number below `limit`; anything else is no good.
  std::uint64_t NumberBelow(std::uint64_t limit);
  // How many things follow that take at least so many bytes each.
  std::size_t Count(std::size_t least_bytes);
  std::int64_t Signed() {
    const std::uint64_t value = Number();
    return static_cast<std::int64_t>(value >> 1 ^ (0 - (value & 1)));
  }
  // From `first` to below `limit`.
  int IntFrom(int first, std::size_t limit);
  bool Flag() { return NumberBelow(2) != 0; }
  std::string Text();
  std::uint64_t Fixed();
  void Fail() { ok_ = false; }
  bool ok() const { return ok_; }
  std::uint64_t left() const { return left_ + (filled_ - at_); }
  // The checksum of what follows, all of it, as `Seal` writes it; reads it all.
  std::uint64_t SumOfRest();

 private:
  bool Fill();

  int fd_;
  std::uint64_t offset_, left_;
  std::vector<std::uint8_t> buffer_;
  std::size_t at_ = 0, filled_ = 0;
  bool ok_ = true;
};

// Lists of whole numbers.
template <class T>
void SaveNumbers(const std::vector<T>& list, ByteWriter* out) {
  out->Number(list.size());
  for (T value : list) out->Signed(static_cast<std::int64_t>(value));
}
template <class T>
void LoadNumbers(ByteReader* in, std::vector<T>* list) {
  list->resize(in->Count(1));
  for (std::size_t i = 0; i < list->size(); ++i) {
    const std::int64_t value = in->Signed();
    (*list)[i] = static_cast<T>(value);
    if (static_cast<std::int64_t>(static_cast<T>((*list)[i])) != value) in->Fail();
  }
}

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_BYTE_STREAM_H_
