#include "tool/crash.h"

#include <cxxabi.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <new>
#include <typeinfo>

#include "core/report/display.h"
#include "tool/exit_code.h"

namespace asyncrt {
namespace {

thread_local std::array<char, 512> scenario_text;
thread_local std::array<char, 65536> signal_stack;

void Say(const char* text) { [[maybe_unused]] const auto written = write(STDERR_FILENO, text, std::strlen(text)); }

// Only calls that are allowed in a signal handler.
void Report(int) {
  Say("asyncrt-check: this is a bug of asyncrt-check, please report it\n");
  if (scenario_text[0] != '\0') {
    Say("asyncrt-check: it can be seen again with: asyncrt-check run ");
    Say(scenario_text.data());
    Say("\n");
  }
  _exit(kExitBug);
}

// The destructor of a JSON value allocates: where that fails there is nobody who could catch it.
[[noreturn]] void EndWithoutMemory() {
  const std::type_info* thrown = abi::__cxa_current_exception_type();
  if (thrown == nullptr || *thrown != typeid(std::bad_alloc)) std::abort();
  Say("asyncrt-check: there is not enough memory for the result\n");
  _exit(kExitInvalid);
}

void UseSignalStack() {
  stack_t stack = {};
  stack.ss_sp = signal_stack.data();
  stack.ss_size = signal_stack.size();
  sigaltstack(&stack, nullptr);
}

}  // namespace

void WatchCrashes() {
  std::set_terminate(EndWithoutMemory);
#if !defined(__SANITIZE_ADDRESS__)
  UseSignalStack();
  struct sigaction action = {};
  action.sa_handler = Report;
  action.sa_flags = SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigaction(number, &action, nullptr);
#endif
}

CrashNote::CrashNote(const std::string& file) {
#if !defined(__SANITIZE_ADDRESS__)
  UseSignalStack();
#endif
  const std::string word = ShellWord(Printable(file));
  const std::size_t size = word.size() < scenario_text.size() ? word.size() : scenario_text.size() - 1;
  std::memcpy(scenario_text.data(), word.data(), size);
  scenario_text[size] = '\0';
}

CrashNote::~CrashNote() {
  scenario_text[0] = '\0';
#if !defined(__SANITIZE_ADDRESS__)
  // The stack goes with its thread; the kernel must not keep the address.
  stack_t none = {};
  none.ss_flags = SS_DISABLE;
  sigaltstack(&none, nullptr);
#endif
}

}  // namespace asyncrt
