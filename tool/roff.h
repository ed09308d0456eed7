// A manual page as groff and mandoc read it.
#ifndef ASYNCRT_TOOL_ROFF_H_
#define ASYNCRT_TOOL_ROFF_H_

#include <string>
#include <string_view>

namespace asyncrt {

class Roff {
 public:
  Roff(std::string_view name, char section);

  void Section(std::string_view title);
  void Subsection(std::string_view title);
  void Paragraph(std::string_view text);
  // A word in bold, what stands for its value in italics, and what it means, indented.
  void Entry(std::string_view word, std::string_view value, std::string_view text);
  // Lines as they are.
  void Literal(std::string_view text);
  // "asyncrt-check(1)" and the like.
  void SeeAlso(std::string_view page, char section);

  const std::string& text() const { return text_; }

 private:
  void Gap();

  std::string text_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_ROFF_H_
