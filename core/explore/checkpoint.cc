#include "core/explore/checkpoint.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "core/base/version.h"

namespace asyncrt {
namespace {

constexpr std::string_view kMagic = "asyncrt-checkpoint\n";
constexpr std::uint64_t kFormat = 4;
constexpr std::size_t kSum = 8, kSize = 8;

// Limits are not part of it: a search that one has ended goes on under a larger one.
std::string OptionsText(const CheckOptions& options) {
  std::string text = "timing " + std::to_string(static_cast<int>(options.timing));
  text += ", scheduler " + (options.scheduler ? std::to_string(static_cast<int>(*options.scheduler)) : "-");
  text += ", tokio " + options.tokio + ", reductions ";
  const Reductions& r = options.reductions;
  for (bool used : {r.fusing, r.workers, r.stubborn, r.chains, r.symmetry, r.values}) text += used ? '1' : '0';
  text += options.exact_states ? ", exact" : "";
  text += ", " + std::string(StrategyName(options.strategy));
  // A run that was cut where it was too long is not taken up again.
  if (options.strategy != Strategy::kExhaustive) text += ", max depth " + std::to_string(options.max_depth);
  if (options.strategy == Strategy::kRandom || options.strategy == Strategy::kPct) text += ", seed " + std::to_string(options.seed);
  if (options.strategy == Strategy::kPct) text += ", bug depth " + std::to_string(options.bug_depth);
  return text;
}

// Copies a part of a file to the end of another. 0, or an errno.
int Copy(int from, std::uint64_t offset, std::uint64_t size, int to) {
  std::vector<char> buffer(ByteWriter::kBuffer);
  while (size > 0) {
    const ssize_t got = pread(from, buffer.data(), static_cast<std::size_t>(std::min<std::uint64_t>(size, buffer.size())), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got == 0 ? EIO : errno;
    for (ssize_t at = 0; at < got;) {
      const ssize_t written = write(to, buffer.data() + at, static_cast<std::size_t>(got - at));
      if (written >= 0) at += written;
      else if (errno != EINTR) return errno;
    }
    offset += static_cast<std::uint64_t>(got);
    size -= static_cast<std::uint64_t>(got);
  }
  return 0;
}

// A sealed section in memory: the same bytes as in a file.
std::string InMemory(const Checkpoint::Save& save) {
  std::string bytes;
  ByteWriter out(&bytes);
  save(&out);
  out.Seal();
  out.Flush();
  return bytes;
}

void SyncFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int fd = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

std::string TemporaryOf(const std::string& path) { return path + ".tmp"; }

}  // namespace

Checkpoint::Checkpoint(std::string path, std::chrono::milliseconds interval, const CheckOptions& options, std::vector<Subject> subjects,
                       std::function<void(const std::string&)> complain)
    : path_(std::move(path)), interval_(interval), options_(OptionsText(options)), states_max_(options.max_states),
      depth_max_(options.max_depth), schedules_max_(options.schedules), subjects_(std::move(subjects)), complain_(std::move(complain)) {}

Checkpoint::~Checkpoint() = default;

Checkpoint::OpenFile::~OpenFile() { close(fd); }

std::string Checkpoint::Resume(bool* found) {
  const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  *found = fd >= 0 || errno != ENOENT;
  if (fd < 0) return *found ? std::string("it could not be read: ") + std::strerror(errno) : "";
  auto file = std::make_shared<const OpenFile>(fd);
  std::string why = Read(fd);
  if (why.empty()) file_ = std::move(file);
  else sections_.clear();
  return why;
}

// The file: the sizes of its sections, each with its bytes and their checksum behind it. The first one is the header.
std::string Checkpoint::Read(int fd) {
  struct stat info = {};
  if (fstat(fd, &info) != 0) return std::string("it could not be read: ") + std::strerror(errno);
  if (!S_ISREG(info.st_mode)) return "it is no file";
  std::uint64_t left = static_cast<std::uint64_t>(info.st_size), offset = 0;
  std::uint64_t sections = 1;
  {
    std::string magic(kMagic.size(), '\0');
    ByteReader in(fd, 0, left);
    in.Bytes(magic.data(), magic.size());
    if (magic != kMagic) return "it is no checkpoint";
    if (in.Fixed() != kFormat || !in.ok()) return "it is damaged, or of another version of this tool";
    offset = kMagic.size() + 8;
    left -= offset;
  }
  constexpr const char* damaged = "it is damaged";
  for (std::uint64_t i = 0; i < sections; ++i) {
    if (left < kSize + kSum) return damaged;
    ByteReader size_in(fd, offset, kSize);
    const std::uint64_t size = size_in.Fixed();
    offset += kSize;
    left -= kSize + kSum;
    if (size > left) return damaged;
    ByteReader all(fd, offset, size), sum_in(fd, offset + size, kSum);
    if (all.SumOfRest() != sum_in.Fixed() || !sum_in.ok()) return damaged;
    ByteReader in(fd, offset, size);
    if (i == 0) {
      if (std::string why = WhyForeign(&in, &sections); !why.empty()) return why;
      ++sections;
    } else {
      const auto scenario = static_cast<std::uint32_t>(in.NumberBelow(subjects_.size()));
      const auto search = static_cast<std::uint32_t>(in.NumberBelow(16));
      if (!in.ok()) return damaged;
      sections_[{scenario, search}] = {offset, size, ""};
    }
    offset += size + kSum;
    left -= size;
  }
  return left == 0 ? "" : damaged;
}

void Checkpoint::SaveHeader(std::size_t sections, ByteWriter* out) const {
  out->Text(kToolVersion);
  out->Text(options_);
  out->Number(states_max_);
  out->Number(depth_max_);
  out->Number(schedules_max_);
  out->Number(subjects_.size());
  for (const Subject& subject : subjects_) {
    out->Text(subject.file);
    out->Fixed(subject.hash);
  }
  out->Number(sections);
}

std::string Checkpoint::WhyForeign(ByteReader* in, std::uint64_t* sections) const {
  const std::string version = in->Text();
  if (version != kToolVersion) return "it was written by version " + version + " of this tool";
  if (const std::string options = in->Text(); options != options_) return "it was written under other options (" + options + "; now " + options_ + ")";
  if (in->Number() > states_max_) return "it was written with a larger --max-states";
  const std::uint64_t depth = in->Number();
  if (depth_max_ != 0 && (depth == 0 || depth > depth_max_)) return "it was written with a larger --max-depth";
  if (in->Number() > schedules_max_) return "it was written with a larger --schedules";
  const std::size_t count = in->Count(9);
  if (count != subjects_.size()) return "it is of " + std::to_string(count) + " scenarios, not of these " + std::to_string(subjects_.size());
  for (const Subject& subject : subjects_) {
    const std::string file = in->Text();
    const std::uint64_t hash = in->Fixed();
    if (file != subject.file) return "it is of " + file + ", not of " + subject.file;
    if (hash != subject.hash) return subject.file + " has changed since";
  }
  *sections = in->Number();
  return in->ok() ? "" : "it is damaged";
}

bool Checkpoint::Due(const CheckpointPlace& place) {
  const Clock::time_point now = Clock::now();
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto [at, fresh] = next_.try_emplace({place.scenario, place.search}, now + interval_);
  return !fresh && now >= at->second;
}

void Checkpoint::Write(const CheckpointPlace& place, const Save& save) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const Clock::time_point begin = Clock::now();
  const Key key = {place.scenario, place.search};
  WriteFile(key, save);
  const Clock::time_point end = Clock::now();
  next_[key] = end + std::max<Clock::duration>(interval_, 9 * (end - begin));   // a tenth of the time at most
}

void Checkpoint::Finish(const CheckpointPlace& place, const Save& save) {
  const bool is_long = Due(place);
  const std::lock_guard<std::mutex> lock(mutex_);
  const Key key = {place.scenario, place.search};
  Section section;
  section.bytes = InMemory([&](ByteWriter* out) {
    out->Number(key.first);
    out->Number(key.second);
    save(out);
  });
  const bool is_known = sections_.count(key) != 0;
  sections_[key] = std::move(section);
  if (is_long || is_known) WriteFile(key, nullptr);
}

std::optional<Checkpoint::Found> Checkpoint::Find(const CheckpointPlace& place) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto at = sections_.find({place.scenario, place.search});
  if (at == sections_.end() || !at->second.bytes.empty()) return std::nullopt;
  Found found{file_, ByteReader(file_->fd, at->second.offset, at->second.size)};
  found.in.Number();
  found.in.Number();
  return found;
}

void Checkpoint::Refuse(const CheckpointPlace& place) {
  complain_(path_ + " does not fit " + subjects_[place.scenario].file + ", which is explored from the beginning");
}

void Checkpoint::Remove() {
  const std::lock_guard<std::mutex> lock(mutex_);
  unlink(TemporaryOf(path_).c_str());
  unlink(path_.c_str());
}

void Checkpoint::Complain(const std::string& problem) {
  if (complained_) return;
  complained_ = true;
  complain_("the checkpoint " + path_ + " could not be written: " + problem + "; the search goes on without it");
}

// Writes everything that is known, and what `save` says of one search.
void Checkpoint::WriteFile(const Key& key, const Save& save) {
  const std::string temporary = TemporaryOf(path_);
  const int fd = open(temporary.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (fd < 0) return Complain(std::strerror(errno));
  auto file = std::make_shared<const OpenFile>(fd);
  std::map<Key, Section> now;
  std::uint64_t offset = 0;
  int error = 0;
  auto write_section = [&](const Save& what) {
    ByteWriter size_out(fd);
    size_out.Fixed(0);
    error = size_out.Flush();
    offset += kSize;
    Section section;
    section.offset = offset;
    if (error != 0) return section;
    ByteWriter out(fd);
    what(&out);
    out.Seal();
    error = out.Flush();
    section.size = out.size() - kSum;
    std::uint8_t size[kSize];
    for (std::size_t i = 0; i < kSize; ++i) size[i] = static_cast<std::uint8_t>(section.size >> (8 * i));
    if (error == 0 && pwrite(fd, size, kSize, static_cast<off_t>(offset - kSize)) != static_cast<ssize_t>(kSize)) error = errno;
    offset += out.size();
    return section;
  };
  {
    ByteWriter out(fd);
    out.Bytes(kMagic.data(), kMagic.size());
    out.Fixed(kFormat);
    error = out.Flush();
    offset = out.size();
  }
  const std::size_t count = sections_.size() + (save && sections_.count(key) == 0 ? 1 : 0);
  if (error == 0) write_section([&](ByteWriter* out) { SaveHeader(count, out); });
  for (const auto& [other, section] : sections_) {
    if (error != 0) break;
    if (save && other == key) continue;
    ByteWriter size_out(fd);
    const bool in_memory = !section.bytes.empty();
    const std::uint64_t size = in_memory ? section.bytes.size() - kSum : section.size;
    size_out.Fixed(size);
    if (in_memory) size_out.Bytes(section.bytes.data(), section.bytes.size());
    error = size_out.Flush();
    if (error == 0 && !in_memory) error = Copy(file_->fd, section.offset, size + kSum, fd);
    now[other] = {offset + kSize, size, ""};
    offset += kSize + size + kSum;
  }
  if (error == 0 && save) {
    now[key] = write_section([&](ByteWriter* out) {
      out->Number(key.first);
      out->Number(key.second);
      save(out);
    });
  }
  if (error == 0 && fsync(fd) != 0) error = errno;
  if (error == 0 && rename(temporary.c_str(), path_.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(temporary.c_str());
    return Complain(std::strerror(error));
  }
  SyncFolderOf(path_);
  file_ = std::move(file);
  sections_ = std::move(now);
}

}  // namespace asyncrt
