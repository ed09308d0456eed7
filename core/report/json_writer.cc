#include "core/report/json_writer.h"

#include <array>
#include <charconv>

#include "core/base/json_library.h"
#include "core/report/display.h"

namespace asyncrt {
namespace {

// Stands in a string as it is: ASCII, and neither a control character nor one that ends or escapes.
bool IsPlain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
}

}  // namespace

void JsonWriter::NewLine() {
  if (indent_ < 0) return;
  out_ += '\n';
  out_.append(static_cast<std::size_t>(depth_ * indent_), ' ');
}

void JsonWriter::Element() {
  if (follows_key_) {
    follows_key_ = false;
    return;
  }
  if (!is_first_) out_ += ',';
  if (depth_ > 0) NewLine();
  is_first_ = false;
}

void JsonWriter::Key(std::string_view key) {
  Element();
  Quoted(key);
  out_ += indent_ < 0 ? ":" : ": ";
  follows_key_ = true;
}

void JsonWriter::Begin(char bracket) {
  Element();
  out_ += bracket;
  ++depth_;
  is_first_ = true;
}

void JsonWriter::End(char bracket) {
  --depth_;
  if (!is_first_) NewLine();
  out_ += bracket;
  is_first_ = false;
}

void JsonWriter::Quoted(std::string_view text) {
  std::size_t plain = 0;
  while (plain < text.size() && IsPlain(text[plain])) ++plain;
  if (plain < text.size()) {   // the library knows the rest
    out_ += JsonEscaped(nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    return;
  }
  out_ += '"';
  out_ += text;
  out_ += '"';
}

void JsonWriter::Text(std::string_view text) {
  Element();
  Quoted(text);
}

void JsonWriter::Number(std::uint64_t number) {
  Element();
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out_.append(digits.data(), end);
}

void JsonWriter::Signed(std::int64_t number) {
  Element();
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out_.append(digits.data(), end);
}

void JsonWriter::Real(double number) {
  Element();
  out_ += nlohmann::json(number).dump();
}

void JsonWriter::Bool(bool truth) {
  Element();
  out_ += truth ? "true" : "false";
}

void JsonWriter::Null() {
  Element();
  out_ += "null";
}

}  // namespace asyncrt
