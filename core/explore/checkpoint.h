// A file from which searches can go on after their process has ended, however it ended: one section for each search,
// with all of its state between two expansions, or its result. The file is replaced as a whole, so that there is always
// one that is good, and every section has a checksum. Searches of several threads write it by turns: each one writes its
// own section and copies those of the others.
#ifndef ASYNCRT_CORE_EXPLORE_CHECKPOINT_H_
#define ASYNCRT_CORE_EXPLORE_CHECKPOINT_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/asyncrt.h"
#include "core/base/byte_stream.h"

namespace asyncrt {

class Checkpoint {
 public:
  struct Subject {
    std::string file;
    std::uint64_t hash = 0;   // of its text
  };
  using Save = std::function<void(ByteWriter*)>;

  // Nothing is read or written yet. `complain` hears once that the file cannot be written.
  Checkpoint(std::string path, std::chrono::milliseconds interval, const CheckOptions& options, std::vector<Subject> subjects,
             std::function<void(const std::string&)> complain);
  ~Checkpoint();
  Checkpoint(const Checkpoint&) = delete;
  Checkpoint& operator=(const Checkpoint&) = delete;

  // Reads what an earlier process has left. Why that cannot be gone on from, or empty; `found`: whether there was a file.
  std::string Resume(bool* found);

  // Whether the search there is to write its state now.
  bool Due(const CheckpointPlace& place);
  void Write(const CheckpointPlace& place, const Save& save);
  // The same for a search that has ended: it goes with the next writing, unless it has taken long.
  void Finish(const CheckpointPlace& place, const Save& save);
  // What an earlier process has left of this search.
  struct OpenFile {
    explicit OpenFile(int number) : fd(number) {}
    ~OpenFile();
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    const int fd;
  };
  struct Found {
    std::shared_ptr<const OpenFile> file;   // it stays what it is though another one takes its name
    ByteReader in;
  };
  std::optional<Found> Find(const CheckpointPlace& place);
  // A section that is sound, but not of this program: it is told, and the search begins anew.
  void Refuse(const CheckpointPlace& place);
  // The file has served its purpose.
  void Remove();

 private:
  using Key = std::pair<std::uint32_t, std::uint32_t>;
  using Clock = std::chrono::steady_clock;
  struct Section {
    std::uint64_t offset = 0, size = 0;   // in the file, of all but the checksum
    std::string bytes;                    // where it is not in the file yet
  };

  void Complain(const std::string& problem);
  void WriteFile(const Key& key, const Save& save);
  std::string Read(int fd);
  void SaveHeader(std::size_t sections, ByteWriter* out) const;
  std::string WhyForeign(ByteReader* in, std::uint64_t* sections) const;

  const std::string path_;
  const std::chrono::milliseconds interval_;
  const std::string options_;   // what decides how the scenarios are explored, as text
  const std::uint64_t states_max_, depth_max_, schedules_max_;
  const std::vector<Subject> subjects_;
  const std::function<void(const std::string&)> complain_;
  bool complained_ = false;
  std::mutex mutex_;
  std::shared_ptr<const OpenFile> file_;   // as it is now
  std::map<Key, Section> sections_;
  std::map<Key, Clock::time_point> next_;
};

}  // namespace asyncrt

#endif  // ASYNCRT_CORE_EXPLORE_CHECKPOINT_H_
