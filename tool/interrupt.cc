#include "tool/interrupt.h"

#include <csignal>

namespace asyncrt {
namespace {

std::atomic<bool> interrupted{false};
std::atomic<int> signal_number{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void Remember(int number) {
  signal_number.store(number);
  interrupted.store(true);
}

}  // namespace

void WatchSignals() {
  struct sigaction action = {};
  action.sa_handler = Remember;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigemptyset(&action.sa_mask);
  for (int number : {SIGINT, SIGTERM}) sigaction(number, &action, nullptr);
  // A closed pipe shows itself as a failed write.
  std::signal(SIGPIPE, SIG_IGN);
  // So does a limit on the size of files.
  std::signal(SIGXFSZ, SIG_IGN);
}

const std::atomic<bool>& Interrupted() { return interrupted; }

int InterruptedBy() { return signal_number.load(); }

}  // namespace asyncrt
