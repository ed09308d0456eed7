// How fast the search is: states and transitions a second on problems of growing size, printed as counters.
#include <benchmark/benchmark.h>

#include <string>

#include "core/asyncrt.h"

namespace asyncrt {
namespace {

// N philosophers on std mutexes, forks in index order (clean) or left first (deadlock).
std::string Dining(int n, bool ordered) {
  std::string threads, joins;
  for (int i = 0; i < n; ++i) {
    int a = i, b = (i + 1) % n;
    if (ordered && a > b) std::swap(a, b);
    std::string k = std::to_string(i);
    threads += R"({"op":"spawn_thread","as":"p)" + k + R"(","body":[{"op":"lock","on":"forks[)" + std::to_string(a) +
               R"(]","body":[{"op":"lock","on":"forks[)" + std::to_string(b) + R"(]","body":[]}]}]},)";
    joins += (i == 0 ? "" : ",") + std::string(R"({"op":"join_thread","on":"p)") + k + "\"}";
  }
  return R"({"name":"dining","timing":"adversarial","objects":{"forks":{"kind":"std_mutex","count":)" + std::to_string(n) + "}},\"main\":[" + threads + joins + "]}";
}

// T tasks on W workers send to one bounded channel.
std::string Senders(int workers, int tasks) {
  return R"({"name":"senders","timing":"adversarial","runtimes":{"rt":{"flavor":"multi_thread","worker_threads":)" + std::to_string(workers) +
         R"(}},"objects":{"ch":{"kind":"mpsc","capacity":1}},"main":[{"op":"block_on","on":"rt","body":[{"op":"spawn","as":"p","count":)" +
         std::to_string(tasks) + R"(,"clone":["ch.tx"],"body":[{"op":"send","on":"ch"},{"op":"send","on":"ch"}]},{"op":"drop","on":"ch.tx"},{"op":"loop","times":)" +
         std::to_string(2 * tasks) + R"(,"body":[{"op":"recv","on":"ch"}]},{"op":"await","on":"p"}]}]})";
}

void Run(benchmark::State& state, const std::string& text, Verdict expected) {
  std::uint64_t states = 0, transitions = 0;
  for (auto _ : state) {
    ScenarioReport report = CheckText(text, "bench.json", {});
    if (report.verdict != expected) state.SkipWithError("the verdict is not the known one");
    states += report.explored.states;
    transitions += report.explored.transitions;
  }
  state.counters["states"] = benchmark::Counter(static_cast<double>(states), benchmark::Counter::kAvgIterations);
  state.counters["transitions"] = benchmark::Counter(static_cast<double>(transitions), benchmark::Counter::kAvgIterations);
  state.counters["states/s"] = benchmark::Counter(static_cast<double>(states), benchmark::Counter::kIsRate);
  state.counters["transitions/s"] = benchmark::Counter(static_cast<double>(transitions), benchmark::Counter::kIsRate);
}

void DiningOrdered(benchmark::State& state) { Run(state, Dining(static_cast<int>(state.range(0)), true), Verdict::kClean); }
void DiningBroken(benchmark::State& state) { Run(state, Dining(static_cast<int>(state.range(0)), false), Verdict::kErrors); }
void BoundedMpsc(benchmark::State& state) {
  Run(state, Senders(static_cast<int>(state.range(0)), static_cast<int>(state.range(1))), Verdict::kClean);
}

BENCHMARK(DiningOrdered)->Arg(5)->Arg(6)->Arg(7)->Unit(benchmark::kMillisecond);
BENCHMARK(DiningBroken)->Arg(5)->Arg(6)->Arg(7)->Unit(benchmark::kMillisecond);
BENCHMARK(BoundedMpsc)->Args({1, 2})->Args({2, 2})->Args({2, 3})->Args({2, 4})->Args({4, 2})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace asyncrt

BENCHMARK_MAIN();
