#include "tool/inputs.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <set>
#include <utility>

#include "core/base/spelling.h"
#include "core/report/display.h"
#include "tool/interrupt.h"

namespace asyncrt {
namespace {

constexpr char kStdinName[] = "<stdin>";
constexpr std::size_t kFolderDepthMax = 200;

using FileId = std::pair<dev_t, ino_t>;
FileId IdOf(const struct stat& info) { return {info.st_dev, info.st_ino}; }

// Waits until there is something to read, or nothing will come. False: interrupted meanwhile.
bool AwaitInput(int fd) {
  constexpr int kLookMs = 100;
  for (pollfd waits = {fd, POLLIN, 0}; poll(&waits, 1, kLookMs) == 0 || waits.revents == 0;)
    if (Interrupted()) return false;
  return true;
}

// Reads to the end. Returns what went wrong; empty: nothing.
std::string ReadAll(int fd, std::string& text) {
  char buffer[1 << 16];
  for (;;) {
    if (!AwaitInput(fd)) return "interrupted";
    const ssize_t count = read(fd, buffer, sizeof buffer);
    if (count == 0) return "";
    if (count < 0) {
      if (errno == EINTR || errno == EAGAIN) continue;
      return std::strerror(errno);
    }
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > kInputBytesMax) return "it is larger than 64 MiB";
  }
}

Input ReadFrom(int fd, std::string name) {
  Input input{std::move(name), "", ""};
  input.error = ReadAll(fd, input.text);
  if (!input.error.empty()) std::string().swap(input.text);
  return input;
}

// A name in the same folder that is nearly this one.
std::string NearPath(const std::string& path) {
  if (errno != ENOENT) return "";
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  DIR* open = opendir(folder.empty() ? "." : folder.c_str());
  if (open == nullptr) return "";
  std::vector<std::string> names;
  while (const dirent* entry = readdir(open)) names.emplace_back(entry->d_name);
  closedir(open);
  std::sort(names.begin(), names.end());
  const std::string nearest = NearestName(path.substr(folder.size()), names);
  return nearest.empty() ? "" : "; did you mean `" + Printable(folder + nearest) + "`?";
}

class Finder {
 public:
  void Add(const std::string& path) {
    if (path == "-") {
      if (std::exchange(has_stdin_, true)) return Fail(kStdinName, "stdin can be read only once");
      inputs_.push_back(ReadFrom(STDIN_FILENO, kStdinName));
      return;
    }
    struct stat info = {};
    if (stat(path.c_str(), &info) != 0) return Fail(path, std::strerror(errno) + NearPath(path));
    if (!S_ISDIR(info.st_mode)) return AddFile(path, info);
    files_.clear();
    const std::size_t problems = inputs_.size();
    AddFolder(path, info, 0);
    if (files_.empty() && inputs_.size() == problems) return Fail(path, "there is no scenario (*.json) in this folder");
    std::sort(files_.begin(), files_.end());
    for (const std::string& file : files_) {
      if (stat(file.c_str(), &info) != 0) {
        Fail(file, std::strerror(errno));
      } else {
        AddFile(file, info);
      }
    }
  }

  std::vector<Input> Take() { return std::move(inputs_); }

 private:
  void Fail(const std::string& file, std::string error) { inputs_.push_back({file, "", std::move(error)}); }

  void AddFile(const std::string& path, const struct stat& info) {
    // Pipes are read once anyway, and each is another one.
    if (S_ISREG(info.st_mode) && !seen_.insert(IdOf(info)).second) return;
    inputs_.push_back(ReadInput(path));
  }

  // Collects the *.json below a folder. A link back to a folder that is being walked would never end.
  void AddFolder(const std::string& path, const struct stat& info, std::size_t depth) {
    if (depth > kFolderDepthMax) return Fail(path, "folders are nested too deeply");
    if (std::find(walked_.begin(), walked_.end(), IdOf(info)) != walked_.end()) {
      return Fail(path, "this folder contains itself, through a link");
    }
    DIR* folder = opendir(path.c_str());
    if (folder == nullptr) return Fail(path, std::strerror(errno));
    walked_.push_back(IdOf(info));
    std::vector<std::string> names;
    while (const dirent* entry = readdir(folder)) names.emplace_back(entry->d_name);
    closedir(folder);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) {
      if (name == "." || name == "..") continue;
      const std::string child = path + (path.ends_with('/') ? "" : "/") + name;
      const bool is_json = name.size() > 5 && name.ends_with(".json");
      struct stat child_info = {};
      if (stat(child.c_str(), &child_info) != 0) {
        if (is_json) Fail(child, std::strerror(errno));
      } else if (S_ISDIR(child_info.st_mode)) {
        AddFolder(child, child_info, depth + 1);
      } else if (is_json) {
        files_.push_back(child);
      }
    }
    walked_.pop_back();
  }

  std::vector<Input> inputs_;
  std::vector<std::string> files_;
  std::vector<FileId> walked_;
  std::set<FileId> seen_;
  bool has_stdin_ = false;
};

}  // namespace

std::vector<Input> ReadInputs(const std::vector<std::string>& paths) {
  Finder finder;
  for (const std::string& path : paths) finder.Add(path);
  return finder.Take();
}

const Input* InputIn(const std::string& path, const std::vector<Input>& inputs) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return nullptr;
  for (const Input& input : inputs) {
    struct stat other = {};
    const int failed = input.file == kStdinName ? fstat(STDIN_FILENO, &other) : stat(input.file.c_str(), &other);
    if (failed == 0 && IdOf(other) == IdOf(info)) return &input;
  }
  return nullptr;
}

Input ReadInput(const std::string& path) {
  if (path == "-") return ReadFrom(STDIN_FILENO, kStdinName);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return {path, "", std::strerror(errno) + NearPath(path)};
  Input input = ReadFrom(fd, path);
  close(fd);
  return input;
}

}  // namespace asyncrt
