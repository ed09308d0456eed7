// Byte pipes, whose readiness comes through the driver of a runtime.
#include "core/ops/families.h"

namespace asyncrt {

std::vector<OpDef> IoOps() {
  return {
      Row("io_write", Kind::kIo, Code::kIoWrite, kWaitsAsync | kFails, {Takes(Field::kBytes)},
          "writes; waits while the buffer is full; fails if the reader is gone", "tokio::io::AsyncWriteExt::write_all",
          "block_on"),
      Row("io_read", Kind::kIo, Code::kIoRead, kWaitsAsync | kFails, {Takes(Field::kBytes)},
          "reads; waits until enough is there; fails when the pipe is empty and the writer gone",
          "tokio::io::AsyncReadExt::read_exact", "block_on"),
  };
}

}  // namespace asyncrt
