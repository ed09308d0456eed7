// Changes scenarios as JSON trees, so that most stay scenarios: it takes over, drops, doubles and swaps whole ops and
// fields, some from random scenarios.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "core/base/json_library.h"
#include "tests/oracle/generator.h"

namespace {

using Tree = nlohmann::ordered_json;

void CollectNodes(Tree& node, std::vector<Tree*>& nodes) {
  nodes.push_back(&node);
  if (node.is_structured()) {
    for (Tree& child : node) CollectNodes(child, nodes);
  }
}

Tree* AnyNode(Tree& root, std::minstd_rand& random) {
  std::vector<Tree*> nodes;
  CollectNodes(root, nodes);
  return nodes[random() % nodes.size()];
}

// A node of the same type somewhere in `root`, or null.
Tree* AnyLike(Tree& root, const Tree& like, std::minstd_rand& random) {
  std::vector<Tree*> nodes;
  CollectNodes(root, nodes);
  nodes.erase(std::remove_if(nodes.begin(), nodes.end(), [&](const Tree* node) { return node->type() != like.type(); }),
              nodes.end());
  return nodes.empty() ? nullptr : nodes[random() % nodes.size()];
}

void Mutate(Tree& root, Tree& donor, std::minstd_rand& random) {
  Tree& node = *AnyNode(root, random);
  if (node.is_array() && !node.empty()) {
    const std::size_t at = random() % node.size();
    switch (random() % 4) {
      case 0: node.erase(at); return;
      case 1: node.push_back(Tree(node[at])); return;
      case 2: std::swap(node[at], node[random() % node.size()]); return;
      default: break;
    }
  }
  if (node.is_object() && !node.empty() && random() % 4 == 0) {
    node.erase(std::next(node.begin(), static_cast<std::ptrdiff_t>(random() % node.size())));
    return;
  }
  if (node.is_number_integer() && random() % 2 == 0) {
    static constexpr std::int64_t kEdges[] = {-1, 0, 1, 2, 3, 255, 65536, INT32_MAX, INT64_MAX, INT64_MIN};
    node = kEdges[random() % std::size(kEdges)];
    return;
  }
  if (const Tree* other = AnyLike(random() % 2 == 0 ? root : donor, node, random)) node = Tree(*other);
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned int seed) {
  std::minstd_rand random(seed);
  if (random() % 20 == 0) return LLVMFuzzerMutate(data, size, max_size);
  Tree root = Tree::parse(data, data + size, nullptr, false, true);
  Tree donor = Tree::parse(asyncrt::RandomScenario(random()));
  if (root.is_discarded() || random() % 50 == 0) root = donor;
  for (auto left = 1 + random() % 3; left > 0; --left) Mutate(root, donor, random);
  const std::string text = root.dump(-1, ' ', false, Tree::error_handler_t::replace);
  if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(text.begin(), text.end(), data);
  return text.size();
}
