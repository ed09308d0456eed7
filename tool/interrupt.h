// Ctrl-C and termination: the first one asks for what was found so far, the second one ends the process.
#ifndef ASYNCRT_TOOL_INTERRUPT_H_
#define ASYNCRT_TOOL_INTERRUPT_H_

#include <atomic>

namespace asyncrt {

void WatchSignals();

// Becomes true with the first signal.
const std::atomic<bool>& Interrupted();

// The signal, or 0.
int InterruptedBy();

}  // namespace asyncrt

#endif  // ASYNCRT_TOOL_INTERRUPT_H_
