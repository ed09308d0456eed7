// Locks that are taken in opposite orders: cycles among "takes `wanted` while it holds `held`" that some run shows,
// each step of a cycle able to wait for the one before it. Orders that are always taken under one same lock cannot meet.
#ifndef ASYNCRT_CORE_DETECT_LOCK_ORDER_H_
#define ASYNCRT_CORE_DETECT_LOCK_ORDER_H_

#include <cstddef>
#include <vector>

#include "core/base/deadline.h"
#include "core/model/machine.h"

namespace asyncrt {

// For each set of locks that are taken in a cycle of orders, a shortest one, as indices into `orders`.
// Throws TimeIsUp.
std::vector<std::vector<std::size_t>> OppositeOrders(const std::vector<LockOrder>& orders, Deadline deadline = {});

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_DETECT_LOCK_ORDER_H_
