// The wait-for graph of a finding on an ellipse. The edges carry the numbers of the sentences below it, so that no label
// can cover another.
#include <algorithm>
#include <cmath>

#include "core/report/display.h"
#include "core/report/html_parts.h"

namespace asyncrt {
namespace {

constexpr std::size_t kNodesMax = 12;
constexpr int kWidth = 420, kNodeHeight = 32;
constexpr double kPi = 3.14159265358979323846;

struct Point {
  double x = 0, y = 0;
};

std::string Text(double value) { return std::to_string(std::lround(value)); }
std::string Text(Point point) { return Text(point.x) + " " + Text(point.y); }

struct Edge {
  std::size_t from = 0, to = 0;
  bool is_core = false;  // part of a cycle
};

bool Reaches(const std::vector<Edge>& edges, std::size_t from, std::size_t to, std::size_t count) {
  std::vector<bool> seen(count, false);
  std::vector<std::size_t> open = {from};
  while (!open.empty()) {
    const std::size_t node = open.back();
    open.pop_back();
    if (node == to) return true;
    if (seen[node]) continue;
    seen[node] = true;
    for (const Edge& edge : edges)
      if (edge.from == node) open.push_back(edge.to);
  }
  return false;
}

// Where a line from the middle of a box towards `to` leaves the box.
Point Border(Point middle, double half_width, Point to) {
  const double dx = to.x - middle.x, dy = to.y - middle.y;
  const double half_height = kNodeHeight / 2.0 + 3;
  const double scale = std::min(std::abs(dx) < 1e-6 ? 1e9 : (half_width + 3) / std::abs(dx), std::abs(dy) < 1e-6 ? 1e9 : half_height / std::abs(dy));
  return {middle.x + dx * scale, middle.y + dy * scale};
}

}  // namespace

std::string HtmlGraph(const HtmlFinding& finding) {
  std::vector<std::string> nodes;
  std::vector<Edge> edges;
  auto node_of = [&](const std::string& name) {
    const auto it = std::find(nodes.begin(), nodes.end(), name);
    if (it != nodes.end()) return static_cast<std::size_t>(it - nodes.begin());
    nodes.push_back(name);
    return nodes.size() - 1;
  };
  for (const HtmlWait& wait : HtmlWaits(finding)) {
    const std::size_t from = node_of(wait.from), to = node_of(wait.to);
    edges.push_back({from, to, false});
  }
  if (edges.empty()) return "";
  for (Edge& edge : edges) edge.is_core = Reaches(edges, edge.to, edge.from, nodes.size());
  const std::size_t shown = std::min(nodes.size(), kNodesMax);

  const double radius_x = shown < 2 ? 0 : 122, radius_y = shown < 2 ? 0 : 46 + 20.0 * static_cast<double>(shown);
  const Point center = {kWidth / 2.0, radius_y + 46};
  std::vector<Point> places;
  std::vector<double> halves;
  for (std::size_t i = 0; i < shown; ++i) {
    const double angle = 2 * kPi * static_cast<double>(i) / static_cast<double>(shown) - kPi / 2;
    places.push_back({center.x + radius_x * std::cos(angle), center.y + radius_y * std::sin(angle)});
    halves.push_back(std::min(86.0, static_cast<double>(DisplayWidth(Printable(nodes[i]))) * 3.8 + 12));
  }

  const double height = 2 * center.y;
  std::string out = "<svg viewBox=\"0 0 " + std::to_string(kWidth) + " " + Text(height) + "\" width=\"" + std::to_string(kWidth) +
                    "\" role=\"img\" aria-label=\"Graph of " + Counted(edges.size(), "wait") + ", listed below\">";
  for (std::size_t i = 0; i < edges.size(); ++i) {
    const Edge& edge = edges[i];
    if (edge.from >= shown || edge.to >= shown) continue;
    const Point a = places[edge.from], b = places[edge.to];
    Point start, control, end;
    if (edge.from == edge.to) {
      start = {a.x - 16, a.y + kNodeHeight / 2.0 + 2};
      end = {a.x + 16, a.y + kNodeHeight / 2.0 + 2};
      control = {a.x, a.y + 84};
    } else {
      const double dx = b.x - a.x, dy = b.y - a.y, length = std::max(1.0, std::hypot(dx, dy));
      control = {(a.x + b.x) / 2 + dy / length * 34, (a.y + b.y) / 2 - dx / length * 34};
      start = Border(a, halves[edge.from], control);
      end = Border(b, halves[edge.to], control);
    }
    const double dx = end.x - control.x, dy = end.y - control.y, length = std::max(1.0, std::hypot(dx, dy));
    const Point along = {dx / length, dy / length}, foot = {end.x - along.x * 10, end.y - along.y * 10};
    const Point left = {foot.x - along.y * 5, foot.y + along.x * 5}, right = {foot.x + along.y * 5, foot.y - along.x * 5};
    const Point middle = {(start.x + 2 * control.x + end.x) / 4, (start.y + 2 * control.y + end.y) / 4};
    std::vector<std::uint64_t> steps = StepsOfParty(finding, nodes[edge.from]);
    if (steps.size() > 1) steps = {steps.back()};  // the one from which on it waits
    out += std::string("<g class=\"edge") + (edge.is_core ? " core" : "") + "\"" + HtmlSteps(steps) + ">";
    out += "<path class=\"line\" d=\"M" + Text(start) + "Q" + Text(control) + " " + Text(foot) + "\"/>";
    out += "<path class=\"tip\" d=\"M" + Text(end) + "L" + Text(left) + "L" + Text(right) + "z\"/>";
    out += "<circle cx=\"" + Text(middle.x) + "\" cy=\"" + Text(middle.y) + "\" r=\"10\"/><text text-anchor=\"middle\" x=\"" +
           Text(middle.x) + "\" y=\"" + Text(middle.y + 4) + "\">" + std::to_string(i + 1) + "</text></g>";
  }
  for (std::size_t i = 0; i < shown; ++i) {
    const bool is_core = std::any_of(edges.begin(), edges.end(), [&](const Edge& edge) { return edge.is_core && (edge.from == i || edge.to == i); });
    const bool is_task = nodes[i].starts_with("task ");
    std::string name;
    std::size_t used = 0;
    for (const Glyph& glyph : GlyphsOf(Printable(nodes[i]))) {
      if (used + glyph.width > 20) { name += "…"; break; }
      used += glyph.width;
      name += glyph.text;
    }
    out += std::string("<g class=\"node") + (is_core ? " core" : "") + "\"" + HtmlSteps(StepsOfParty(finding, nodes[i])) + "><title>" + MarkupEscaped(nodes[i]) + "</title>";
    out += "<rect x=\"" + Text(places[i].x - halves[i]) + "\" y=\"" + Text(places[i].y - kNodeHeight / 2.0) + "\" width=\"" + Text(2 * halves[i]) +
           "\" height=\"" + std::to_string(kNodeHeight) + "\" rx=\"" + (is_task ? "16" : "6") + "\"/>";
    out += "<text text-anchor=\"middle\" x=\"" + Text(places[i].x) + "\" y=\"" + Text(places[i].y + 4) + "\">" + MarkupEscaped(name) + "</text></g>";
  }
  out += "</svg>";
  if (nodes.size() > shown) out += "<p class=\"dim\">… and " + Counted(nodes.size() - shown, "more") + ", in the list only</p>";
  return out;
}

}  // namespace asyncrt
