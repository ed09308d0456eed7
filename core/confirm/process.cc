#include "core/confirm/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace asyncrt {
namespace {

constexpr std::size_t kOutputBytesMax = std::size_t{64} << 20;
constexpr int kLookMs = 20;   // how soon an interrupt is seen

// Two ends that a program started meanwhile does not inherit.
class Pipe {
 public:
  Pipe() { is_open_ = pipe2(ends_, O_CLOEXEC) == 0; }
  ~Pipe() {
    CloseWriter();
    if (is_open_) close(ends_[0]);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  bool is_open() const { return is_open_; }
  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void CloseWriter() {
    if (is_open_ && ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  int ends_[2] = {-1, -1};
  bool is_open_ = false;
};

// Variables as the program gets them.
std::vector<std::string> EnvironmentWith(const std::vector<std::pair<std::string, std::string>>& more) {
  std::vector<std::string> out;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const bool is_replaced = std::any_of(more.begin(), more.end(), [&](const auto& one) { return text.starts_with(one.first + "="); });
    if (!is_replaced) out.push_back(text);
  }
  for (const auto& [name, value] : more) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// 0, or the errno.
int Start(const ProcessRequest& request, const Pipe& output, const Pipe& errors, pid_t* child) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output.writer(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, errors.writer(), STDERR_FILENO);
  if (!request.folder.empty()) posix_spawn_file_actions_addchdir_np(&actions, request.folder.c_str());
  // A group of its own, to end it with all that it has started. What this process ignores, it need not.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setpgroup(&attributes, 0);
  sigset_t usual;
  sigemptyset(&usual);
  for (int number : {SIGPIPE, SIGXFSZ}) sigaddset(&usual, number);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> words = request.words, variables = EnvironmentWith(request.environment);
  const int error = posix_spawnp(child, words[0].c_str(), &actions, &attributes, Pointers(words).data(), Pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  return error;
}

// Whether more can come.
bool ReadSome(int fd, std::string& text) {
  char buffer[65536];
  const ssize_t got = read(fd, buffer, sizeof buffer);
  if (got < 0) return errno == EINTR;
  if (got == 0) return false;
  if (text.size() < kOutputBytesMax) text.append(buffer, static_cast<std::size_t>(got));
  return true;
}

}  // namespace

ProcessResult RunProcess(const ProcessRequest& request) {
  ProcessResult result;
  Pipe output, errors;
  pid_t child = -1;
  if (!output.is_open() || !errors.is_open()) {
    result.error = errno;
    return result;
  }
  result.error = Start(request, output, errors, &child);
  if (result.error != 0) return result;
  output.CloseWriter();
  errors.CloseWriter();
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(request.time_limit_ms);
  pollfd ends[2] = {{output.reader(), POLLIN, 0}, {errors.reader(), POLLIN, 0}};
  bool is_running = true;
  while (ends[0].fd >= 0 || ends[1].fd >= 0 || is_running) {
    const bool is_late = std::chrono::steady_clock::now() >= end, is_interrupted = request.interrupted != nullptr && request.interrupted->load();
    if ((is_late || is_interrupted) && !result.was_killed) {
      result.was_killed = true;
      kill(-child, SIGKILL);
    }
    poll(ends, 2, kLookMs);
    for (pollfd& one : ends)
      if (one.fd >= 0 && one.revents != 0 && !ReadSome(one.fd, one.fd == output.reader() ? result.output : result.errors)) one.fd = -1;
    siginfo_t ended = {};
    if (is_running && waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid == child) {
      is_running = false;
      // What it leaves behind would keep the pipes open. Its number is nobody else's before it is waited for.
      kill(-child, SIGKILL);
      waitpid(child, &result.status, 0);
    }
  }
  return result;
}

}  // namespace asyncrt
