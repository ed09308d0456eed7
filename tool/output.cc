#include "tool/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/report/display.h"
#include "tool/exit_code.h"

namespace asyncrt {
namespace {

// 0, or the errno of the write that failed.
int WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return errno;
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

std::string WriteTo(const char* path, int flags, std::string_view text) {
  const int fd = open(path, flags | O_CLOEXEC, 0666);
  if (fd < 0) return std::strerror(errno);
  int error = WriteAll(fd, text);
  if (close(fd) != 0 && error == 0) error = errno;
  return error == 0 ? "" : std::strerror(error);
}

}  // namespace

int PrintOut(std::string_view text, int status) {
  const int error = WriteAll(STDOUT_FILENO, text);
  if (error == 0 || error == EPIPE) return status;
  Complain(std::string("stdout could not be written: ") + std::strerror(error));
  return kExitInvalid;
}

void PrintErr(std::string_view text) { WriteAll(STDERR_FILENO, text); }

void Complain(const std::string& message) { PrintErr("asyncrt-check: " + message + "\n"); }

std::string WriteFile(const std::string& path, std::string_view text) {
  const std::string problem = Printable(path) + " could not be written: ";
  std::string target = path;
  struct stat info = {};
  const bool exists = stat(path.c_str(), &info) == 0;
  if (!exists && errno != ENOENT) return problem + std::strerror(errno);
  if (exists && S_ISDIR(info.st_mode)) return problem + "it is a folder";
  if (exists && !S_ISREG(info.st_mode)) {
    const std::string error = WriteTo(path.c_str(), O_WRONLY, text);
    return error.empty() ? "" : problem + error;
  }
  // A link stays a link: what it points to is replaced, or made.
  std::error_code no_link;
  for (std::filesystem::path place = path; !no_link;) {
    target = place.string();
    place = place.parent_path() / std::filesystem::read_symlink(place, no_link);
  }
  const std::string temporary = target + ".tmp" + std::to_string(getpid());
  std::string error = WriteTo(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL, text);
  if (error.empty() && exists) chmod(temporary.c_str(), info.st_mode & 07777);
  if (error.empty() && rename(temporary.c_str(), target.c_str()) != 0) error = std::strerror(errno);
  if (error.empty()) return "";
  unlink(temporary.c_str());
  return problem + error;
}

std::string WriteNewFile(const std::string& path, std::string_view text) {
  const std::string problem = Printable(path) + " could not be written: ";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return problem + (errno == EEXIST ? "it exists already" : std::strerror(errno));
  int error = WriteAll(fd, text);
  if (close(fd) != 0 && error == 0) error = errno;
  if (error == 0) return "";
  unlink(path.c_str());
  return problem + std::strerror(error);
}

}  // namespace asyncrt
