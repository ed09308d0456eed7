#include "tool/roff.h"

#include <algorithm>

#include "core/base/version.h"
#include "core/report/display.h"

namespace asyncrt {
namespace {

constexpr std::size_t kWidth = 72;

// No byte of the text is a command of roff: backslashes, the dash that is no hyphen, and a `.` or `'` that begins a line.
std::string Escaped(std::string_view text) {
  std::string out;
  bool at_start = true;
  for (char byte : text) {
    if (at_start && (byte == '.' || byte == '\'')) out += "\\&";
    at_start = byte == '\n';
    if (byte == '\\') out += "\\e";
    else if (byte == '-') out += "\\-";
    else if (byte == '\'') out += "\\(aq";
    else if (byte == '`') out += "\\(ga";
    else if (byte == '^') out += "\\(ha";
    else if (byte == '~') out += "\\(ti";
    else out += byte;
  }
  return out;
}

// `word` between backquotes is bold.
std::string Prose(std::string_view prose) {
  std::string text, out;
  for (const std::string& line : Wrap(prose, kWidth)) text += (text.empty() ? "" : "\n") + line;
  bool is_bold = false, at_start = true;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('`', begin), text.size());
    const std::string part = Escaped(std::string_view(text).substr(begin, end - begin));
    out += at_start || part.empty() || (part[0] != '\\' || part[1] != '&') ? part : part.substr(2);
    at_start = false;
    if (end < text.size()) {
      is_bold = !is_bold;
      out += is_bold ? "\\fB" : "\\fR";
    }
    begin = end + 1;
  }
  return out + (is_bold ? "\\fR" : "");
}

std::string Upper(std::string_view text) {
  std::string out;
  for (char byte : text) out += byte >= 'a' && byte <= 'z' ? static_cast<char>(byte - 'a' + 'A') : byte;
  return out;
}

}  // namespace

// No date: the same binary prints the same bytes.
Roff::Roff(std::string_view name, char section)
    : text_(".TH " + Upper(Escaped(name)) + " " + section + " \"\" \"" + std::string(kToolName) + " " +
            std::string(kToolVersion) + "\" \"" + std::string(kToolName) + " manual\"\n.nh\n.ad l\n") {}

void Roff::Section(std::string_view title) { text_ += ".SH " + Upper(Escaped(title)) + "\n"; }

void Roff::Subsection(std::string_view title) { text_ += ".SS \"" + Escaped(title) + "\"\n"; }

// The first paragraph below a title needs no request of its own.
void Roff::Gap() {
  const std::size_t last = text_.rfind('\n', text_.size() - 2) + 1;
  if (text_.compare(last, 2, ".S") != 0) text_ += ".PP\n";
}

void Roff::Paragraph(std::string_view text) {
  Gap();
  text_ += Prose(text) + "\n";
}

void Roff::Entry(std::string_view word, std::string_view value, std::string_view text) {
  text_ += ".TP\n\\fB" + Escaped(word) + "\\fR" + (value.empty() ? "" : " \\fI" + Escaped(value) + "\\fR") + "\n" +
           (text.empty() ? "\\&" : Prose(text)) + "\n";
}

void Roff::Literal(std::string_view text) {
  Gap();
  text_ += ".nf\n.RS 4\n" + Escaped(text);
  if (!text.ends_with('\n')) text_ += "\n";
  text_ += ".RE\n.fi\n";
}

void Roff::SeeAlso(std::string_view page, char section) {
  text_ += ".SH SEE ALSO\n.BR " + Escaped(page) + " (" + section + ")\n";
}

}  // namespace asyncrt
