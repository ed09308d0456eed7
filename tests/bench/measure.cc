// Runs one command under a time limit and prints what the operating system says about it:
//   measure SECONDS OUTPUT COMMAND...   →   {"wall": s, "cpu": s, "peak_kib": n, "exit": n or null}
// `exit` is null when the limit or a signal ended it. A small program, because a child's peak memory counts from what
// its parent had when it forked, and a Python interpreter is larger than most of what is measured here.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

namespace {

double Seconds(const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; }

int Fail(const char* what) {
  std::perror(what);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fputs("usage: measure SECONDS OUTPUT COMMAND...\n", stderr);
    return 2;
  }
  const double limit = std::atof(argv[1]);
  const int output = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (output < 0) return Fail(argv[2]);
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child < 0) return Fail("fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    execvp(argv[3], argv + 3);
    std::perror(argv[3]);
    _exit(127);
  }
  // A descriptor becomes readable when the child ends, so neither polling nor a signal handler adds to its time.
  const int ended = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  if (ended < 0) return Fail("pidfd_open");
  pollfd wait = {ended, POLLIN, 0};
  if (poll(&wait, 1, static_cast<int>(limit * 1000)) == 0) kill(child, SIGKILL);
  int status = 0;
  rusage usage = {};
  if (wait4(child, &status, 0, &usage) < 0) return Fail("wait4");
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  std::printf("{\"wall\": %.6f, \"cpu\": %.6f, \"peak_kib\": %ld, \"exit\": ", wall.count(),
              Seconds(usage.ru_utime) + Seconds(usage.ru_stime), usage.ru_maxrss);
  if (WIFEXITED(status)) std::printf("%d}\n", WEXITSTATUS(status));
  else std::puts("null}");
  return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? 127 : 0;
}
