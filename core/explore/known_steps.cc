#include "core/explore/known_steps.h"

#include <algorithm>

#include "core/explore/fingerprint.h"

namespace asyncrt {

KnownSteps::KnownSteps(Machine& machine, const Layout& layout, bool asks_alone)
    : machine_(machine), l_(layout), parts_(layout.part_at.size() - 1), actors_(static_cast<std::size_t>(machine.actors())), asks_alone_(asks_alone),
      contents_(parts_), nodes_(2 * actors_), unknown_(actors_), touched_(layout), state_(static_cast<std::size_t>(layout.bytes)),
      work_(static_cast<std::size_t>(layout.bytes)), looks_(actors_), steps_(actors_) {
  for (std::size_t part = 0; part < parts_; ++part) contents_[part].size = static_cast<std::size_t>(l_.part_at[part + 1] - l_.part_at[part]);
}

void KnownSteps::Branches::Add(std::uint32_t node, std::uint32_t content, std::uint32_t to) {
  auto put = [this](Slot slot) {
    std::size_t at = Place(slot.key);
    while (slots_[at].key != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  };
  if (++used_ * 2 > slots_.size()) {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.key != 0) put(slot);
  }
  put({Key(node, content), to});
}

std::uint32_t KnownSteps::NewNode() {
  nodes_.emplace_back();
  return static_cast<std::uint32_t>(nodes_.size() - 1);
}

std::uint32_t KnownSteps::NumberOf(std::uint32_t part, const std::uint8_t* bytes) {
  Contents& contents = contents_[part];
  const std::size_t first_word = static_cast<std::size_t>(l_.part_at[part]) / 8;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < contents.size / 8; ++i) sum += MixWord(WordAt(bytes, i), first_word + i);
  for (std::uint64_t key = sum;; ++key) {
    const auto [it, fresh] = contents.numbers.try_emplace(key, static_cast<std::uint32_t>(contents.sums.size()));
    if (fresh) {
      contents.bytes.insert(contents.bytes.end(), bytes, bytes + contents.size);
      contents.sums.push_back(sum);
      return it->second;
    }
    if (std::memcmp(ContentOf(part, it->second), bytes, contents.size) == 0) return it->second;
  }
}

void KnownSteps::Encode(const std::uint8_t* state, std::uint32_t* row) {
  for (std::uint32_t part = 0; part < parts_; ++part) row[part] = NumberOf(part, state + l_.part_at[part]);
  std::fill(row + parts_, row + row_words(), kNone);
}

void KnownSteps::Decode(const std::uint32_t* row, std::uint8_t* state) const {
  for (std::uint32_t part = 0; part < parts_; ++part) std::memcpy(state + l_.part_at[part], ContentOf(part, row[part]), contents_[part].size);
}

void KnownSteps::Open(std::uint32_t* row) {
  row_ = row;
  std::memcpy(&changed_, row + parts_ + actors_, sizeof changed_);
  SetChanged(row, 0);
  decoded_ = false;
}

void KnownSteps::AttachBytes() {
  if (!decoded_) Decode(row_, state_.data());
  decoded_ = true;
  machine_.Attach(state_.data());
}

// The leaf that the tree has for the row, or kNone.
std::uint32_t KnownSteps::Walk(std::uint32_t at) {
  for (;;) {
    Node& node = nodes_[at];
    if (node.part == kNone) return node.leaf;
    const std::uint32_t content = row_[node.part];
    if (content != node.content) {
      const std::uint32_t next = branches_.Find(at, content);
      if (next == kNone) return kNone;
      node.content = content;
      node.next = next;
    }
    at = node.next;
  }
}

// Leads the tree to a leaf for the row. `way`: the parts that lie on the way to the tree, to which those in it are added.
void KnownSteps::Grow(std::uint32_t node, std::vector<std::uint32_t>* way, std::uint32_t leaf) {
  std::size_t looked = 0;   // of what was touched
  for (;;) {
    while (looked < touched_.parts().size() && std::find(way->begin(), way->end(), touched_.parts()[looked]) != way->end()) ++looked;
    if (nodes_[node].part == kNone) {
      if (looked == touched_.parts().size()) break;
      nodes_[node].part = touched_.parts()[looked];
    }
    const std::uint32_t part = nodes_[node].part;
    way->push_back(part);
    std::uint32_t next = branches_.Find(node, row_[part]);
    if (next == kNone) {
      next = NewNode();
      branches_.Add(node, row_[part], next);
    }
    node = next;
  }
  nodes_[node].leaf = leaf;
  for (std::uint32_t part : *way) leaves_[leaf].parts |= Bit(part);
}

const KnownSteps::Leaf& KnownSteps::LookFurther(int actor, bool others) {
  std::uint32_t& last = LeafOf(actor);
  if (const std::uint32_t before = last == kNone ? kNone : leaves_[last].before; before != kNone && Holds(leaves_[before], others)) {
    last = before;   // of a step whose beginning holds
    return leaves_[last];
  }
  Use& use = looks_[static_cast<std::size_t>(actor)];
  const bool pays = use.Pays();
  last = pays ? Walk(RootOf(actor, others)) : kNone;
  if (last != kNone) {
    ++use.known;
    return leaves_[last];
  }
  ++use.played;
  AttachBytes();
  touched_.Clear();
  if (pays) machine_.Trace(&touched_);
  Leaf leaf;
  leaf.others = others;
  if (actor < machine_.clock()) {
    leaf.enabled = machine_.ThreadEnabled(actor);
    if (leaf.enabled && machine_.sorts()) leaf.idle = machine_.IdleWorker(actor);
    leaf.alone = leaf.enabled && asks_alone_ && (machine_.OnlySpawns(actor) || machine_.OnlyEnds(actor));
  } else {
    leaf.enabled = actor == machine_.clock() ? machine_.ClockEnabled(others) : machine_.SpuriousEnabled(actor - machine_.clock() - 1);
  }
  machine_.Trace(nullptr);
  if (!pays) return unknown_[static_cast<std::size_t>(actor)] = leaf;
  last = static_cast<std::uint32_t>(leaves_.size());
  if (leaf.enabled) leaf.steps = NewNode();
  leaves_.push_back(leaf);
  std::vector<std::uint32_t> way;
  Grow(RootOf(actor, others), &way, last);
  return leaves_[last];
}

const KnownSteps::Leaf* KnownSteps::Step(int actor) {
  std::uint32_t& last = LeafOf(actor);
  Use& use = steps_[static_cast<std::size_t>(actor)];
  if (last == kNone || !use.Pays()) return nullptr;
  if (!leaves_[last].tells_step) {
    const std::uint32_t found = Walk(leaves_[last].steps);
    if (found == kNone) return nullptr;
    last = found;
    ++use.known;
  }
  return &leaves_[last];
}

bool KnownSteps::Begin(int actor) {
  player_ = actor;
  AttachBytes();
  touched_.Clear();
  first_change_ = changes_.size();
  first_write_ = writes_.size();
  Use& use = steps_[static_cast<std::size_t>(actor)];
  ++use.played;
  return LeafOf(actor) != kNone && use.Pays();
}

std::uint32_t KnownSteps::Play(Chooser& chooser) {
  work_ = state_;
  machine_.Attach(work_.data());
  const std::uint16_t panicked = machine_.H().panicked;
  machine_.Trace(&touched_);
  machine_.Step(player_, chooser);
  machine_.Trace(nullptr);
  if (!machine_.overflow().empty()) return kNone;
  Change change;
  change.unfair = machine_.unfair();
  change.panicked = machine_.H().panicked != 0;
  change.concerns_all = machine_.H().ended != 0 || machine_.H().panicked != panicked;
  change.first = static_cast<std::uint32_t>(writes_.size());
  for (std::uint32_t part : touched_.parts()) {
    const std::uint8_t* bytes = work_.data() + l_.part_at[part];
    if (std::memcmp(bytes, state_.data() + l_.part_at[part], contents_[part].size) == 0) continue;
    const std::uint32_t content = NumberOf(part, bytes);
    writes_.push_back({part, content});
    change.fingerprint += contents_[part].sums[content] - contents_[part].sums[row_[part]];
    change.parts |= Bit(part);
    ++change.count;
  }
  changes_.push_back(change);
  return static_cast<std::uint32_t>(changes_.size() - 1);
}

void KnownSteps::End(bool remember) {
  std::uint32_t& last = LeafOf(player_);
  if (!remember) {
    changes_.resize(first_change_);
    writes_.resize(first_write_);
    return;
  }
  Leaf leaf = leaves_[last];
  leaf.parts = 0;
  leaf.before = last;
  leaf.tells_step = true;
  leaf.first = static_cast<std::uint32_t>(first_change_);
  leaf.count = static_cast<std::uint32_t>(changes_.size() - first_change_);
  std::vector<std::uint32_t> way;
  for (std::uint32_t node = RootOf(player_, leaf.others); nodes_[node].part != kNone; node = branches_.Find(node, row_[nodes_[node].part])) way.push_back(nodes_[node].part);
  const std::uint32_t tree = leaf.steps;
  last = static_cast<std::uint32_t>(leaves_.size());
  leaves_.push_back(leaf);
  Grow(tree, &way, last);
}

std::size_t KnownSteps::bytes() const {
  std::size_t sum = branches_.bytes() + nodes_.capacity() * sizeof(Node) + leaves_.capacity() * sizeof(Leaf) +
                    changes_.capacity() * sizeof(Change) + writes_.capacity() * sizeof(Write);
  for (const Contents& contents : contents_) sum += contents.bytes.capacity() + contents.sums.capacity() * 8 + contents.numbers.size() * 48;
  return sum;
}

}  // namespace asyncrt
