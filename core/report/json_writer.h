// JSON as it is written, without a tree of it in memory: a report may have some hundred thousand steps. What comes out is
// valid whatever the texts are: what is no UTF-8 becomes U+FFFD, what cannot be seen an escape.
#ifndef ASYNCRT_CORE_REPORT_JSON_WRITER_H_
#define ASYNCRT_CORE_REPORT_JSON_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace asyncrt {

class JsonWriter {
 public:
  static constexpr int kOneLine = -1;

  // `indent`: spaces for each level, or kOneLine.
  // `expected`: about as many bytes as it will be, so that they are not copied as they grow.
  explicit JsonWriter(int indent, std::size_t expected = 0) : indent_(indent) { out_.reserve(expected); }

  // Inside of an object each value follows its key.
  void Key(std::string_view key);
  void Begin(char bracket);   // '{' or '['
  void End(char bracket);     // '}' or ']'

  void Text(std::string_view text);
  void Number(std::uint64_t number);
  void Signed(std::int64_t number);
  void Real(double number);
  void Bool(bool truth);
  void Null();

  void Text(std::string_view key, std::string_view text) { Key(key); Text(text); }
  void Number(std::string_view key, std::uint64_t number) { Key(key); Number(number); }
  void Signed(std::string_view key, std::int64_t number) { Key(key); Signed(number); }
  void Real(std::string_view key, double number) { Key(key); Real(number); }
  void Bool(std::string_view key, bool truth) { Key(key); Bool(truth); }
  void Null(std::string_view key) { Key(key); Null(); }
  void Begin(std::string_view key, char bracket) { Key(key); Begin(bracket); }
  // An empty one is null.
  void TextOrNull(std::string_view key, std::string_view text) { text.empty() ? Null(key) : Text(key, text); }
  void OptionalText(std::string_view key, const std::optional<std::string>& text) { text ? Text(key, *text) : Null(key); }

  template <class Items, class Function>
  void List(std::string_view key, const Items& items, Function write) {
    Begin(key, '[');
    for (const auto& item : items) write(item);
    End(']');
  }

  // All that was written; nothing more may be.
  std::string Take() { return std::move(out_); }

 private:
  void Element();     // what stands before a value
  void NewLine();
  void Quoted(std::string_view text);

  const int indent_;
  int depth_ = 0;
  bool is_first_ = true;       // in its object or list
  bool follows_key_ = false;
  std::string out_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_REPORT_JSON_WRITER_H_
