// A scanner of our own, since no parser at hand says where a value begins, which bracket a broken file left open, or
// where a trailing comma stands; nlohmann's SAX interface gives the offset after a token, and for numbers one more.
//
// Nothing here recurses: open lists and objects are frames on a heap stack, so nesting costs memory only, and it is
// bounded (kJsonDepthMax) because everybody after us does recurse.
#include "core/scenario/json_reader.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/base/spelling.h"

namespace asyncrt {
namespace {

constexpr bool IsContinuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U; }
constexpr bool IsDigit(char byte) { return byte >= '0' && byte <= '9'; }
constexpr bool IsWordCharacter(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || IsDigit(byte) || byte == '_' || byte == '$' ||
         byte == '-' || byte == '+' || byte == '.';
}

// The offset of the first byte that is no UTF-8: overlong forms, surrogates and values above U+10FFFF included.
std::optional<std::size_t> FindInvalidUtf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    std::size_t length = 0;
    std::uint32_t code = 0;
    std::uint32_t least = 0;
    if ((lead & 0xE0U) == 0xC0U) {
      length = 2, code = lead & 0x1FU, least = 0x80;
    } else if ((lead & 0xF0U) == 0xE0U) {
      length = 3, code = lead & 0x0FU, least = 0x800;
    } else if ((lead & 0xF8U) == 0xF0U) {
      length = 4, code = lead & 0x07U, least = 0x10000;
    } else {
      return i;
    }
    if (i + length > text.size()) return i;
    for (std::size_t k = 1; k < length; ++k) {
      if (!IsContinuation(text[i + k])) return i;
      code = (code << 6U) | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
    }
    if (code < least || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return i;
    i += length;
  }
  return std::nullopt;
}

void AppendUtf8(std::uint32_t code, std::string& out) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | (code >> 6U));
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    put(0xE0U | (code >> 12U));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | (code >> 18U));
    put(0x80U | ((code >> 12U) & 0x3FU));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

class Scanner {
 public:
  Scanner(std::string_view text, Diagnostics& diagnostics, const Deadline& deadline) : text_(text), diagnostics_(diagnostics), deadline_(deadline) {}

  std::shared_ptr<const Json> Run() {
    if (text_.substr(0, 3) == "\xEF\xBB\xBF") position_ = 3;
    if (!SkipSpace()) return nullptr;
    if (AtEnd()) {
      Fail(Here(), "the file is empty", "a scenario is a JSON object");
      return nullptr;
    }
    Json root;
    if (!ReadDocument(root) || !SkipSpace()) return nullptr;
    if (!AtEnd()) {
      Fail(Here(), "expected the end of the file, found " + Found(), "a file holds one scenario");
      return nullptr;
    }
    return std::make_shared<const Json>(std::move(root));
  }

 private:
  // An open list or object.
  struct Frame {
    Json value;
    std::string key;  // of the member that is being read
    Place key_place;
    std::unordered_set<std::string> seen;  // its keys, where they are many
  };

  bool AtEnd() const { return position_ >= text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[position_]; }
  bool IsNext(std::string_view word) const { return text_.substr(position_, word.size()) == word; }

  void Advance() {
    constexpr std::size_t kLookBytes = 1 << 14;
    const char byte = text_[position_++];
    if (position_ % kLookBytes == 0) deadline_.Look();
    if (byte == '\n') {
      ++line_;
      column_ = 1;
    } else if (position_ >= text_.size() || !IsContinuation(text_[position_])) {
      ++column_;  // that was the last byte of a code point
    }
  }

  Place Here() const { return {line_, column_, line_, column_}; }
  void EndAtHere(Place& place) const {
    place.end_line = line_;
    place.end_column = column_;
  }

  void Fail(Place place, std::string message, std::string hint = "") {
    if (place.end_line == place.line && place.end_column == place.column && !AtEnd()) ++place.end_column;
    diagnostics_.AddAt(place, "", std::move(message), std::move(hint));
  }

  // The next character as a reader sees it, for messages.
  std::string Found() const {
    if (AtEnd()) return "the end of the file";
    const auto byte = static_cast<unsigned char>(Peek());
    if (byte < 0x20 || byte == 0x7F) return "a control character";
    std::size_t length = 1;
    while (position_ + length < text_.size() && IsContinuation(text_[position_ + length])) ++length;
    return "`" + std::string(text_.substr(position_, length)) + "`";
  }

  // Spaces and comments. False: a comment is never closed.
  bool SkipSpace() {
    while (!AtEnd()) {
      const char byte = Peek();
      if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
        Advance();
      } else if (IsNext("//")) {
        while (!AtEnd() && Peek() != '\n') Advance();
      } else if (IsNext("/*")) {
        Place open = Here();
        open.end_column += 2;
        Advance();
        Advance();
        while (!AtEnd() && !IsNext("*/")) Advance();
        if (AtEnd()) {
          Fail(open, "the comment that begins here is never closed", "close it with `*/`");
          return false;
        }
        Advance();
        Advance();
      } else {
        break;
      }
    }
    return true;
  }

  std::string NextPointer() const {
    if (frames_.empty()) return "";
    const Frame& frame = frames_.back();
    if (frame.value.kind == Json::Kind::kArray) {
      return frame.value.pointer + "/" + std::to_string(frame.value.items.size());
    }
    return frame.value.pointer + "/" + PointerToken(frame.key);
  }

  // Gives a new value its pointer; false: the tree is too big.
  bool Begin(Json& value) {
    value.place = Here();
    value.pointer = NextPointer();
    pointer_bytes_ += value.pointer.size();
    if (++value_count_ > kJsonValuesMax) {
      Fail(Here(), "the document has more than " + std::to_string(kJsonValuesMax) + " values", "split it");
      return false;
    }
    if (pointer_bytes_ > kJsonPointerBytesMax) {
      Fail(Here(), "the document has too many values under long keys or deep nesting", "split it");
      return false;
    }
    return true;
  }

  void Attach(Json value, Json& root) {
    if (frames_.empty()) {
      root = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.value.kind == Json::Kind::kArray) {
      frame.value.items.push_back(std::move(value));
    } else {
      frame.value.members.push_back({std::move(frame.key), frame.key_place, std::move(value)});
    }
  }

  void Close(Json& root) {
    Advance();
    EndAtHere(frames_.back().value.place);
    Json value = std::move(frames_.back().value);
    frames_.pop_back();
    Attach(std::move(value), root);
  }

  bool ReadDocument(Json& root) {
    bool want_value = true;
    do {
      if (!SkipSpace()) return false;
      if (!(want_value ? ReadValue(root, want_value) : ReadAfterValue(root, want_value))) return false;
    } while (want_value || !frames_.empty());
    return true;
  }

  bool ReadValue(Json& root, bool& want_value) {
    const char byte = Peek();
    Json value;
    if (byte == '{' || byte == '[') {
      if (frames_.size() >= kJsonDepthMax) {
        Fail(Here(), "nested more than " + std::to_string(kJsonDepthMax) + " levels deep", "no scenario needs that");
        return false;
      }
      if (!Begin(value)) return false;
      value.kind = byte == '{' ? Json::Kind::kObject : Json::Kind::kArray;
      Advance();
      frames_.emplace_back();
      frames_.back().value = std::move(value);
      if (!SkipSpace()) return false;
      if (Peek() == Closer()) {
        Close(root);
        want_value = false;
        return true;
      }
      want_value = true;
      return byte == '[' || ReadKey();
    }
    if (!Begin(value)) return false;
    if (AtEnd() || byte == ']' || byte == '}' || byte == ',' || byte == ':') return FailOpen("a value");
    const bool ok = byte == '"' ? ReadString(value) : ReadScalar(value);
    if (!ok) return false;
    Attach(std::move(value), root);
    want_value = false;
    return true;
  }

  char Closer() const { return frames_.back().value.kind == Json::Kind::kObject ? '}' : ']'; }

  bool ReadAfterValue(Json& root, bool& want_value) {
    const char closer = Closer();
    const bool is_object = closer == '}';
    if (Peek() == ',') {
      Place comma = Here();
      comma.end_column += 1;
      Advance();
      if (!SkipSpace()) return false;
      if (Peek() != closer || AtEnd()) {
        want_value = true;
        return !is_object || ReadKey();
      }
      Fail(comma, std::string("trailing comma before `") + closer + "`", "remove it");
    }
    if (AtEnd() || Peek() != closer) return FailOpen(std::string("`,` or `") + closer + "`");
    Close(root);
    return true;
  }

  // Something else than `expected`; says which bracket is open.
  bool FailOpen(const std::string& expected) {
    std::string message = "expected " + expected + ", found " + Found();
    if (frames_.empty()) {
      Fail(Here(), std::move(message));
      return false;
    }
    const Json& open = frames_.back().value;
    const bool is_object = open.kind == Json::Kind::kObject;
    Fail(Here(), std::move(message),
         std::string(is_object ? "`{`" : "`[`") + " was opened at " + LineAndColumn(open.place));
    return false;
  }

  bool ReadKey() {
    Frame& frame = frames_.back();
    if (Peek() != '"' || AtEnd()) {
      if (Peek() == '\'' || (!AtEnd() && IsWordCharacter(Peek()))) {
        Fail(Here(), "expected a key in double quotes, found " + Found());
        return false;
      }
      return FailOpen("a key in double quotes");
    }
    Json key;
    key.place = Here();
    if (!ReadString(key)) return false;
    frame.key_place = key.place;
    frame.key = std::move(key.text);
    if (IsSecond(frame)) {
      const auto is_it = [&frame](const Json::Member& member) { return member.key == frame.key; };
      const auto earlier = std::find_if(frame.value.members.begin(), frame.value.members.end(), is_it);
      diagnostics_.AddAt(frame.key_place, frame.value.pointer + "/" + PointerToken(frame.key),
                         "duplicate key `" + frame.key + "`",
                         "it is already there at " + LineAndColumn(earlier->key_place));
      if (diagnostics_.list().size() > kErrorsMax) {
        Fail(Here(), std::string(kTooManyErrors));
        return false;
      }
    }
    if (!SkipSpace()) return false;
    if (Peek() != ':') return FailOpen("`:` after a key");
    Advance();
    return true;
  }

  // Most objects have so few keys that comparing them is faster than a set.
  static bool IsSecond(Frame& frame) {
    constexpr std::size_t kFew = 16;
    const std::vector<Json::Member>& members = frame.value.members;
    if (members.size() < kFew) {
      return std::any_of(members.begin(), members.end(),
                         [&frame](const Json::Member& member) { return member.key == frame.key; });
    }
    if (frame.seen.empty()) {
      for (const Json::Member& member : members) frame.seen.insert(member.key);
    }
    return !frame.seen.insert(frame.key).second;
  }

  // On a quote. The place of `value` is set to the whole token.
  bool ReadString(Json& value) {
    value.kind = Json::Kind::kString;
    Advance();
    while (true) {
      if (AtEnd() || Peek() == '\n') {
        Place place = value.place;
        EndAtHere(place);
        Fail(place, "the string that begins here is never closed", "close it with `\"`, in the same line");
        return false;
      }
      const char byte = Peek();
      if (byte == '"') break;
      if (byte == '\\') {
        if (!ReadEscape(value.text)) return false;
        continue;
      }
      if (static_cast<unsigned char>(byte) < 0x20) {
        Fail(Here(), "a control character in a string", "write it as an escape: `\\t`, `\\u0000`");
        return false;
      }
      value.text.push_back(byte);
      Advance();
    }
    Advance();
    EndAtHere(value.place);
    return true;
  }

  bool ReadEscape(std::string& out) {
    const Place place = Here();
    Advance();
    const char letter = Peek();
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const std::size_t simple = AtEnd() ? std::string_view::npos : kLetters.find(letter);
    if (simple != std::string_view::npos) {
      out.push_back(kMeanings[simple]);
      Advance();
      return true;
    }
    std::uint32_t code = 0;
    if (letter != 'u' || !ReadHex(code)) return FailEscape(place, "unknown escape in a string");
    if (code >= 0xD800 && code <= 0xDBFF) {
      std::uint32_t low = 0;
      if (!IsNext("\\u")) return FailEscape(place, "half of a surrogate pair");
      Advance();
      if (!ReadHex(low) || low < 0xDC00 || low > 0xDFFF) return FailEscape(place, "half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10U) + (low - 0xDC00);
    } else if (code >= 0xDC00 && code <= 0xDFFF) {
      return FailEscape(place, "half of a surrogate pair");
    }
    AppendUtf8(code, out);
    return true;
  }

  bool FailEscape(Place place, std::string message) {
    EndAtHere(place);
    Fail(place, std::move(message), R"(an escape is one of \" \\ \/ \b \f \n \r \t \uXXXX)");
    return false;
  }

  // On the `u` of an escape.
  bool ReadHex(std::uint32_t& code) {
    Advance();
    code = 0;
    for (int i = 0; i < 4; ++i) {
      const char byte = Peek();
      std::uint32_t digit = 0;
      if (IsDigit(byte)) {
        digit = static_cast<std::uint32_t>(byte - '0');
      } else if (byte >= 'a' && byte <= 'f') {
        digit = static_cast<std::uint32_t>(byte - 'a') + 10;
      } else if (byte >= 'A' && byte <= 'F') {
        digit = static_cast<std::uint32_t>(byte - 'A') + 10;
      } else {
        return false;
      }
      code = code * 16 + digit;
      Advance();
    }
    return true;
  }

  bool ReadScalar(Json& value) {
    const std::size_t begin = position_;
    while (!AtEnd() && IsWordCharacter(Peek())) Advance();
    const std::string word(text_.substr(begin, position_ - begin));
    EndAtHere(value.place);
    if (word.empty()) {
      Fail(value.place, "expected a value, found " + Found(), Peek() == '\'' ? "strings stand in double quotes" : "");
      return false;
    }
    if (word == "true" || word == "false") {
      value.kind = Json::Kind::kBool;
      value.boolean = word == "true";
    } else if (word == "null") {
      value.kind = Json::Kind::kNull;
    } else if (IsDigit(word[0]) || word[0] == '-' || word[0] == '+' || word[0] == '.') {
      return ReadNumber(word, value);
    } else {
      const std::string nearest = NearestName(word, {"true", "false", "null"});
      Fail(value.place, "expected a value, found `" + word + "`",
           nearest.empty() ? "strings stand in double quotes" : "did you mean `" + nearest + "`?");
      return false;
    }
    return true;
  }

  bool ReadNumber(const std::string& word, Json& value) {
    std::size_t i = word[0] == '-' ? 1 : 0;
    const auto digits = [&word, &i] {
      const std::size_t begin = i;
      while (i < word.size() && IsDigit(word[i])) ++i;
      return i - begin;
    };
    const std::size_t first = i;
    const std::size_t whole = digits();
    bool ok = whole > 0 && (whole == 1 || word[first] != '0');
    bool is_integer = true;
    if (ok && i < word.size() && word[i] == '.') {
      is_integer = false;
      ++i;
      ok = digits() > 0;
    }
    if (ok && i < word.size() && (word[i] == 'e' || word[i] == 'E')) {
      is_integer = false;
      ++i;
      if (i < word.size() && (word[i] == '+' || word[i] == '-')) ++i;
      ok = digits() > 0;
    }
    if (!ok || i != word.size()) {
      Fail(value.place, "`" + word.substr(0, 40) + "` is no number as JSON writes it");
      return false;
    }
    value.text = word;
    value.kind = Json::Kind::kReal;
    if (is_integer) {
      const auto result = std::from_chars(word.data(), word.data() + word.size(), value.integer);
      if (result.ec == std::errc()) {
        value.kind = Json::Kind::kInteger;
      } else {
        value.integer = 0;
      }
    }
    return true;
  }

  std::string_view text_;
  Diagnostics& diagnostics_;
  Deadline deadline_;
  std::size_t position_ = 0;
  std::uint32_t line_ = 1;
  std::uint32_t column_ = 1;
  std::vector<Frame> frames_;
  std::size_t value_count_ = 0;
  std::size_t pointer_bytes_ = 0;
};

Place PlaceOfOffset(std::string_view text, std::size_t offset) {
  Place place{1, 1, 1, 1};
  if (text.substr(0, 3) == "\xEF\xBB\xBF") text.remove_prefix(3), offset -= 3;
  for (std::size_t i = 0; i < offset; ++i) {
    if (text[i] == '\n') {
      ++place.line;
      place.column = 1;
    } else if (!IsContinuation(text[i])) {
      ++place.column;
    }
  }
  place.end_line = place.line;
  place.end_column = place.column + 1;
  return place;
}

std::size_t CountCodePoints(std::string_view text) {
  std::size_t count = 0;
  for (char byte : text) count += IsContinuation(byte) ? 0 : 1;
  return count;
}

}  // namespace

const Json* Json::Find(const std::string& key) const {
  for (const Member& member : members) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::string LineAndColumn(const Place& place) {
  return std::to_string(place.line) + ":" + std::to_string(place.column);
}

std::string PointerToken(std::string_view key) {
  std::string token;
  token.reserve(key.size());
  for (char byte : key) {
    if (byte == '~') {
      token += "~0";
    } else if (byte == '/') {
      token += "~1";
    } else {
      token.push_back(byte);
    }
  }
  return token;
}

std::string_view JsonKindName(const Json& value) {
  switch (value.kind) {
    case Json::Kind::kNull:
      return "null";
    case Json::Kind::kBool:
      return value.boolean ? "true" : "false";
    case Json::Kind::kInteger:
      return "an integer";
    case Json::Kind::kReal:
      return value.text.find_first_of(".eE") == std::string::npos ? "an integer of more than 64 bits"
                                                                  : "a number with a fraction";
    case Json::Kind::kString:
      return "a string";
    case Json::Kind::kArray:
      return "a list";
    case Json::Kind::kObject:
      return "an object";
  }
  return "a value";
}

Place PlaceInString(const Json& value, std::size_t begin, std::size_t end) {
  const std::size_t width = CountCodePoints(value.text) + 2;
  if (value.kind != Json::Kind::kString || value.place.end_line != value.place.line ||
      value.place.end_column - value.place.column != width || begin > end || end > value.text.size()) {
    return value.place;
  }
  const std::string_view text = value.text;
  Place place = value.place;
  place.column += 1 + static_cast<std::uint32_t>(CountCodePoints(text.substr(0, begin)));
  place.end_column = place.column + static_cast<std::uint32_t>(CountCodePoints(text.substr(begin, end - begin)));
  if (place.end_column == place.column) ++place.end_column;
  return place;
}

std::shared_ptr<const Json> ReadJson(std::string_view text, Diagnostics& diagnostics, const Deadline& deadline) {
  if (text.size() > kJsonBytesMax) {
    diagnostics.AddAt({}, "", "the file has " + std::to_string(text.size()) + " bytes, which is too much",
                      "at most " + std::to_string(kJsonBytesMax >> 20U) + " MiB are read");
    return nullptr;
  }
  if (const auto invalid = FindInvalidUtf8(text)) {
    diagnostics.AddAt(PlaceOfOffset(text, *invalid), "", "the text is not valid UTF-8", "save the file as UTF-8");
    return nullptr;
  }
  return Scanner(text, diagnostics, deadline).Run();
}

}  // namespace asyncrt
