#include "core/base/byte_stream.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/base/stable_hash.h"

namespace asyncrt {
namespace {

// The checksum goes on from buffer to buffer, which reader and writer fill alike.
std::uint64_t SumOf(std::uint64_t sum, const std::uint8_t* bytes, std::size_t size) { return MixWords(sum + size, StableHash(bytes, size)); }

void ToFixed(std::uint64_t value, std::uint8_t* bytes) {
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

}  // namespace

void ByteWriter::Bytes(const void* data, std::size_t size) {
  const std::uint8_t* from = static_cast<const std::uint8_t*>(data);
  size_ += size;
  while (size > 0) {
    if (used_ == kBuffer) Flush();
    const std::size_t part = std::min(size, kBuffer - used_);
    std::memcpy(buffer_.data() + used_, from, part);
    used_ += part;
    from += part;
    size -= part;
  }
}

void ByteWriter::Fixed(std::uint64_t value) {
  std::uint8_t bytes[8];
  ToFixed(value, bytes);
  Bytes(bytes, sizeof bytes);
}

void ByteWriter::Seal() {
  Flush();
  Fixed(sum_);
}

int ByteWriter::Flush() {
  if (used_ == 0) return error_;
  sum_ = SumOf(sum_, buffer_.data(), used_);
  if (text_ != nullptr) text_->append(reinterpret_cast<const char*>(buffer_.data()), used_);
  for (std::size_t at = 0; at < used_ && error_ == 0 && text_ == nullptr;) {
    const ssize_t written = write(fd_, buffer_.data() + at, used_ - at);
    if (written >= 0) at += static_cast<std::size_t>(written);
    else if (errno != EINTR) error_ = errno;
  }
  used_ = 0;
  return error_;
}

bool ByteReader::Fill() {
  if (left_ == 0) return false;
  buffer_.resize(ByteWriter::kBuffer);
  const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer_.size()));
  at_ = filled_ = 0;
  while (filled_ < wanted) {
    const ssize_t got = pread(fd_, buffer_.data() + filled_, wanted - filled_, static_cast<off_t>(offset_));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      left_ = 0;
      return false;
    }
    filled_ += static_cast<std::size_t>(got);
    offset_ += static_cast<std::uint64_t>(got);
  }
  left_ -= wanted;
  return true;
}

void ByteReader::Bytes(void* data, std::size_t size) {
  std::uint8_t* to = static_cast<std::uint8_t*>(data);
  while (size > 0) {
    if (at_ == filled_ && !Fill()) {
      ok_ = false;
      std::memset(to, 0, size);
      return;
    }
    const std::size_t part = std::min(size, filled_ - at_);
    std::memcpy(to, buffer_.data() + at_, part);
    at_ += part;
    to += part;
    size -= part;
  }
}

std::uint64_t ByteReader::Number() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    if (at_ == filled_ && !Fill()) break;
    const std::uint8_t byte = buffer_[at_++];
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  ok_ = false;
  return 0;
}

std::uint64_t ByteReader::NumberBelow(std::uint64_t limit) {
  const std::uint64_t value = Number();
  if (value < limit) return value;
  ok_ = false;
  return 0;
}

std::size_t ByteReader::Count(std::size_t least_bytes) {
  const std::uint64_t count = Number();
  if (count <= left() / least_bytes) return static_cast<std::size_t>(count);
  ok_ = false;
  return 0;
}

int ByteReader::IntFrom(int first, std::size_t limit) {
  const std::int64_t value = Signed();
  if (value >= first && value < static_cast<std::int64_t>(limit)) return static_cast<int>(value);
  ok_ = false;
  return first;
}

std::string ByteReader::Text() {
  std::string text(Count(1), '\0');
  Bytes(text.data(), text.size());
  return text;
}

std::uint64_t ByteReader::Fixed() {
  std::uint8_t bytes[8];
  Bytes(bytes, sizeof bytes);
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value |= static_cast<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

std::uint64_t ByteReader::SumOfRest() {
  std::uint64_t sum = 0;
  while (Fill()) {
    sum = SumOf(sum, buffer_.data(), filled_);
    at_ = filled_;
  }
  at_ = filled_ = 0;
  return sum;
}

}  // namespace asyncrt
