// An array for much data. A large one lies in large pages where the system gives them to those who ask (Linux: madvise(2),
// MADV_HUGEPAGE): a look at some place of it then needs no walk through tables of small pages first, and new memory comes
// in pieces of 2 MiB instead of 4 KiB. What nobody has touched of a smaller one is not there yet.
#ifndef ASYNCRT_CORE_BASE_BULK_ARRAY_H_
#define ASYNCRT_CORE_BASE_BULK_ARRAY_H_

#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace asyncrt {

inline constexpr std::size_t kLargePage = std::size_t{2} << 20;   // bytes

// Throws std::bad_alloc. `align`: a power of two, at most 4096.
void* NewBulk(std::size_t bytes, std::size_t align, bool zeros);
// `bytes`: as it was asked for.
void DeleteBulk(void* memory, std::size_t bytes);

template <class T>
class BulkArray {
 public:
  static_assert(std::is_trivially_default_constructible_v<T> && std::is_trivially_destructible_v<T>);

  enum class Begins { kAsItComes, kAsZeros };
  BulkArray() = default;
  BulkArray(std::size_t size, Begins begins) : size_(size) {
    if (size > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_alloc();
    data_ = static_cast<T*>(NewBulk(size * sizeof(T), alignof(T), begins == Begins::kAsZeros));
  }
  BulkArray(BulkArray&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  BulkArray& operator=(BulkArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~BulkArray() {
    if (data_ != nullptr) DeleteBulk(data_, size_ * sizeof(T));
  }
  // So many zeros. What was there goes before they come.
  void Reset(std::size_t size) {
    { const BulkArray gone(std::move(*this)); }
    *this = BulkArray(size, Begins::kAsZeros);
  }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  T* data() { return data_; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  std::size_t size() const { return size_; }
  std::size_t bytes() const { return size_ * sizeof(T); }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_BASE_BULK_ARRAY_H_
