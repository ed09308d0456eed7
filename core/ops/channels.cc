// Channels of `std` and Tokio. A plain channel name stands for the end that the op needs.
#include "core/ops/families.h"

namespace asyncrt {
namespace {

std::vector<FieldUse> SendFields() { return {Takes(Field::kValue), Takes(Field::kWith)}; }
std::vector<FieldUse> RecvFields() {
  return {Takes(Field::kVar), Takes(Field::kWith, "the names of the values that come with the message")};
}

}  // namespace

std::vector<OpDef> ChannelOps() {
  return {
      Row("send", Kind::kStdChannel, Code::kSend, kFails | kBlocks, SendFields(),
          "sends; blocks while the channel is full; fails if the receiver is gone", "std::sync::mpsc::Sender::send"),
      Row("try_send", Kind::kStdChannel, Code::kTrySend, kFails, SendFields(),
          "sends if there is room; fails if not, or if the receiver is gone", "std::sync::mpsc::SyncSender::try_send"),
      Row("recv", Kind::kStdChannel, Code::kRecv, kFails | kBlocks, RecvFields(),
          "blocks until there is a message; fails when every sender is gone", "std::sync::mpsc::Receiver::recv"),
      Row("recv_timeout", Kind::kStdChannel, Code::kRecvTimeout, kFails | kBlocks,
          {Needs(Field::kFor, "the time limit"), Takes(Field::kVar),
           Takes(Field::kWith, "the names of the values that come with the message")},
          "as `recv`, but not longer than `for`", "std::sync::mpsc::Receiver::recv_timeout"),
      Row("try_recv", Kind::kStdChannel, Code::kTryRecv, kFails, RecvFields(),
          "takes a message if there is one; fails if not", "std::sync::mpsc::Receiver::try_recv"),

      Row("send", Kind::kOneshot, Code::kSend, kFails, SendFields(),
          "sends the one message; fails if the receiver is gone", "tokio::sync::oneshot::Sender::send"),
      Row("recv", Kind::kOneshot, Code::kRecv, kWaitsAsync | kFails, RecvFields(),
          "waits for the message; fails when the sender is gone", "tokio::sync::oneshot::Receiver", "blocking_recv"),
      Row("try_recv", Kind::kOneshot, Code::kTryRecv, kFails, RecvFields(),
          "takes the message if it is there; fails if not", "tokio::sync::oneshot::Receiver::try_recv"),
      Row("blocking_recv", Kind::kOneshot, Code::kBlockingRecv, kFails | kBlocks, RecvFields(),
          "blocks until the message is there; panics in an async context",
          "tokio::sync::oneshot::Receiver::blocking_recv"),
      Row("close", Kind::kOneshot, Code::kClose, kPlain, {}, "lets no message in any more",
          "tokio::sync::oneshot::Receiver::close"),
      Row("closed", Kind::kOneshot, Code::kClosed, kWaitsAsync, {}, "waits until the receiver is gone or has closed",
          "tokio::sync::oneshot::Sender::closed", "block_on"),

      Row("send", Kind::kMpsc, Code::kSend, kWaitsAsync | kFails,
          {Takes(Field::kValue), Takes(Field::kWith), Takes(Field::kPermit)},
          "sends; waits for room if the channel has a capacity and no `permit` is given, else stands in any body",
          "tokio::sync::mpsc::Sender::send", "blocking_send"),
      Row("try_send", Kind::kMpsc, Code::kTrySend, kFails, SendFields(),
          "sends if there is room; fails if not, or if the receiver is gone", "tokio::sync::mpsc::Sender::try_send"),
      Row("blocking_send", Kind::kMpsc, Code::kBlockingSend, kFails | kBlocks, SendFields(),
          "blocks until there is room; panics in an async context", "tokio::sync::mpsc::Sender::blocking_send"),
      Row("reserve", Kind::kMpsc, Code::kReserve, kWaitsAsync | kFails,
          {Takes(Field::kAs, "the name of the reserved place")},
          "waits for room and keeps it; fails if the receiver is gone", "tokio::sync::mpsc::Sender::reserve_owned",
          "blocking_send"),
      Row("recv", Kind::kMpsc, Code::kRecv, kWaitsAsync | kFails, RecvFields(),
          "waits for a message; fails when every sender is gone", "tokio::sync::mpsc::Receiver::recv", "blocking_recv"),
      Row("try_recv", Kind::kMpsc, Code::kTryRecv, kFails, RecvFields(),
          "takes a message if there is one; fails if not", "tokio::sync::mpsc::Receiver::try_recv"),
      Row("blocking_recv", Kind::kMpsc, Code::kBlockingRecv, kFails | kBlocks, RecvFields(),
          "blocks until there is a message; panics in an async context", "tokio::sync::mpsc::Receiver::blocking_recv"),
      Row("close", Kind::kMpsc, Code::kClose, kPlain, {}, "lets no message in any more; those inside can be received",
          "tokio::sync::mpsc::Receiver::close"),

      Row("send", Kind::kBroadcast, Code::kSend, kFails, {Takes(Field::kValue)},
          "sends to every receiver; fails if there is none", "tokio::sync::broadcast::Sender::send"),
      Row("subscribe", Kind::kBroadcast, Code::kSubscribe, kPlain, {Needs(Field::kAs, "the name of the receiver")},
          "makes a receiver that sees what is sent from now on", "tokio::sync::broadcast::Sender::subscribe"),
      Row("recv", Kind::kBroadcast, Code::kRecv, kWaitsAsync | kFails, {Takes(Field::kVar)},
          "waits for a message; fails when every sender is gone, or after a lag",
          "tokio::sync::broadcast::Receiver::recv", "blocking_recv"),
      Row("try_recv", Kind::kBroadcast, Code::kTryRecv, kFails, {Takes(Field::kVar)},
          "takes a message if there is one; fails if not, or after a lag",
          "tokio::sync::broadcast::Receiver::try_recv"),
      Row("blocking_recv", Kind::kBroadcast, Code::kBlockingRecv, kFails | kBlocks, {Takes(Field::kVar)},
          "blocks until there is a message; panics in an async context",
          "tokio::sync::broadcast::Receiver::blocking_recv"),

      Row("send", Kind::kWatch, Code::kSend, kFails | kBlocks, {Takes(Field::kValue)},
          "replaces the value; fails if there is no receiver", "tokio::sync::watch::Sender::send"),
      Row("changed", Kind::kWatch, Code::kChanged, kWaitsAsync | kFails, {},
          "waits for a value that was not seen yet; fails when every sender is gone",
          "tokio::sync::watch::Receiver::changed", "block_on"),
      Row("wait_for", Kind::kWatch, Code::kWaitFor, kWaitsAsync | kFails | kBlocks,
          {Needs(Field::kCond, "the condition; `$value` is the value seen"), Takes(Field::kVar)},
          "waits for a value for which the condition holds; fails when every sender is gone",
          "tokio::sync::watch::Receiver::wait_for", "block_on"),
      Row("borrow", Kind::kWatch, Code::kBorrow, kBlocks,
          {Takes(Field::kVar), Takes(Field::kAs, "the name of the guard"),
           Takes(Field::kBody, "held for just this body; `[]`: the value is copied out")},
          "takes a read guard of the value", "tokio::sync::watch::Receiver::borrow"),
      Row("unlock", Kind::kWatch, Code::kUnlock, kPlain, {}, "releases the latest borrow that this body took",
          "tokio::sync::watch::Ref"),
      Row("subscribe", Kind::kWatch, Code::kSubscribe, kPlain, {Needs(Field::kAs, "the name of the receiver")},
          "makes another receiver, for which the present value is seen", "tokio::sync::watch::Sender::subscribe"),
  };
}

}  // namespace asyncrt
