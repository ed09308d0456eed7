// What a search has found, written to a checkpoint and read back.
#include <bit>
#include <optional>
#include <utility>
#include <vector>

#include "core/explore/search.h"

namespace asyncrt {
namespace {

void SaveMaybe(const std::optional<std::string>& text, ByteWriter* out) {
  out->Flag(text.has_value());
  if (text) out->Text(*text);
}

void LoadMaybe(ByteReader* in, std::optional<std::string>* text) {
  if (in->Flag()) *text = in->Text();
}

void LoadInts(ByteReader* in, int first, std::size_t limit, std::vector<int>* list) {
  list->resize(in->Count(1));
  for (int& value : *list) value = in->IntFrom(first, limit);
}

void SaveReal(double value, ByteWriter* out) { out->Fixed(std::bit_cast<std::uint64_t>(value)); }
double LoadReal(ByteReader* in) { return std::bit_cast<double>(in->Fixed()); }

}  // namespace

void SaveMoves(const std::vector<Move>& moves, ByteWriter* out) {
  out->Number(moves.size());
  for (const Move& move : moves) {
    out->Signed(move.actor);
    SaveNumbers(move.choices, out);
  }
}

void LoadMoves(const Layout& layout, ByteReader* in, std::vector<Move>* moves) {
  const std::size_t actors = 2 * static_cast<std::size_t>(layout.threads) + 1;
  moves->resize(in->Count(2));
  for (Move& move : *moves) {
    move.actor = in->IntFrom(0, actors);
    LoadInts(in, 0, 1 << 30, &move.choices);
  }
}

void SaveSeed(const Seed& seed, ByteWriter* out) {
  for (const std::string* text : {&seed.rule, &seed.key, &seed.detail, &seed.who}) out->Text(*text);
  SaveNumbers(seed.sizes, out);
  out->Number(seed.waits.size());
  for (const Wait& wait : seed.waits) {
    for (const std::string* text : {&wait.who, &wait.op, &wait.waits_for, &wait.why}) out->Text(*text);
    SaveMaybe(wait.thread, out);
    SaveMaybe(wait.on, out);
  }
  SaveNumbers(seed.sources, out);
  SaveNumbers(seed.frames, out);
  SaveNumbers(seed.also, out);
  for (int number : {seed.pc, seed.frame, seed.unit}) out->Signed(number);
  for (std::uint64_t number : {seed.length, std::uint64_t{seed.state}, seed.end_states}) out->Number(number);
  SaveMoves(seed.path.moves(), out);
  SaveMoves(seed.loop, out);
  out->Flag(seed.others_progress);
}

void LoadSeed(const Program& program, const Layout& layout, ByteReader* in, Seed* seed) {
  for (std::string* text : {&seed->rule, &seed->key, &seed->detail, &seed->who}) *text = in->Text();
  LoadNumbers(in, &seed->sizes);
  seed->waits.resize(in->Count(6));
  for (Wait& wait : seed->waits) {
    for (std::string* text : {&wait.who, &wait.op, &wait.waits_for, &wait.why}) *text = in->Text();
    LoadMaybe(in, &wait.thread);
    LoadMaybe(in, &wait.on);
  }
  LoadInts(in, -1, program.sources.size(), &seed->sources);
  if (seed->sources.size() != seed->waits.size()) in->Fail();
  const auto frames = static_cast<std::size_t>(layout.frames);
  LoadInts(in, -1, frames, &seed->frames);
  LoadInts(in, 0, program.code.size(), &seed->also);
  seed->pc = in->IntFrom(-static_cast<int>(program.elements.size()), program.code.size());
  seed->frame = in->IntFrom(-1, frames);
  seed->unit = in->IntFrom(-1, program.units.size());
  seed->length = in->Number();
  seed->state = static_cast<std::uint32_t>(in->NumberBelow(std::uint64_t{1} << 32));
  seed->end_states = in->Number();
  std::vector<Move> path;
  LoadMoves(layout, in, &path);
  seed->path = std::move(path);
  LoadMoves(layout, in, &seed->loop);
  seed->others_progress = in->Flag();
}

void SaveResult(const SearchResult& result, ByteWriter* out) {
  out->Flag(result.timeless);
  for (std::uint64_t number : {result.states, result.transitions, result.depth}) out->Number(number);
  SaveReal(result.collision_probability, out);
  out->Number(result.seeds.size());
  for (const Seed& seed : result.seeds) {
    SaveNumbers(seed.sizes, out);   // they decide how many frames there are, so they come first
    SaveSeed(seed, out);
  }
}

void LoadResult(const Program& program, ByteReader* in, SearchResult* result) {
  result->timeless = in->Flag();
  for (std::uint64_t* number : {&result->states, &result->transitions, &result->depth}) *number = in->Number();
  result->collision_probability = LoadReal(in);
  result->seeds.resize(in->Count(1));
  for (Seed& seed : result->seeds) {
    std::vector<int> sizes;
    LoadNumbers(in, &sizes);
    if (!SizesFit(program, sizes)) in->Fail();
    if (!in->ok()) return;
    Program sized = program;
    SetSizes(sized, sizes);
    LoadSeed(sized, Layout(sized), in, &seed);
    if (seed.sizes != sizes) in->Fail();
  }
}

}  // namespace asyncrt
