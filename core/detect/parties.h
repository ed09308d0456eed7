// Who takes part in a state: the threads, tasks and closures that run code of their own, what they own, and where they
// stand. It is asked of one state, which may not change meanwhile.
#ifndef ASYNCRT_CORE_DETECT_PARTIES_H_
#define ASYNCRT_CORE_DETECT_PARTIES_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/base/deadline.h"
#include "core/model/machine.h"

namespace asyncrt {

class Parties {
 public:
  Parties(Machine& machine, Deadline* deadline);

  // Futures and destructors are parts of a party; who has ended is none.
  bool IsParty(int frame);
  // A task or closure that another party drops, in an op of its own, runs its drops as that one. -1: it does not.
  int Dropper(int frame);
  // A kept future belongs to whoever polled it last, or whose register it is in.
  int PartyOf(int frame);

  // The frames that own such a value of an element, and the parties that they belong to.
  std::vector<int> Holders(const std::set<RegKind>& kinds, int element);
  std::vector<int> Owners(RegKind kind, int element);
  // A future that owns such a value and is not polled, or -1.
  int KeptBy(RegKind kind, int element);

  // The strands in which a party really waits; -2 - f: it waits for the end of frame f. May throw TimeIsUp, as IsPolled may.
  std::vector<int> PartyLeaves(int frame);
  // Of a strand alone: it, or those that it polls.
  void Leaves(int strand, std::vector<int>* out, int depth = 0);
  // Whether some party waits in this strand: it may also be of a future that is alive, while its owner waits elsewhere.
  bool IsPolled(int strand);
  // The thread on which a frame is, or -1.
  int ThreadOf(int frame) const { return thread_of_[static_cast<std::size_t>(frame)]; }

  std::string ElementName(int element);
  // What a strand is at: "lock", "recv", …
  std::string Verb(int strand);

 private:
  int OwnerOf(RegKind kind, std::int32_t value);

  Machine& m_;
  const Program& p_;
  const Layout& l_;
  Deadline* deadline_;
  std::vector<int> thread_of_;   // by frame
  std::vector<bool> polled_;     // by strand; empty: nobody has asked yet
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_DETECT_PARTIES_H_
