#include "probes/tracer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "probes/attach.h"
#include "probes/counters.h"
#include "probes/dead_calls.h"
#include "probes/dead_names.h"
#include "probes/load_error.h"
#include "probes/machine.h"
#include "probes/map_io.h"
#include "probes/unwind_tables.h"
#include "probes/zeek/zeeks.h"

namespace zeektrace {

namespace {

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
struct FreeRing {
  void operator()(ring_buffer* ring) const { ring_buffer__free(ring); }
};

// The return of a session has no program of its own: it is the entry's.
bool is_part(const Probe& probe, const Program& program) {
  return probe.pair && &program.probes[program.pairs[*probe.pair].at_return] == &probe;
}

// A key as MapDef lays it out, of one of the kernel's: the long text back in its place, padded.
std::vector<std::byte> whole_key(const MapDef& map, const MapPart& part, const std::vector<std::byte>& key) {
  if (part.text_room == 0) return key;
  std::vector<std::byte> whole(map.key_size());
  const size_t text = *map.long_text();
  for (size_t i = 0; i < map.keys.size(); i++) {
    const uint32_t size = i == text ? part.text_room : map.keys[i].storage();
    std::copy_n(key.begin() + part_key_offset(map, i), size, whole.begin() + map.key_offset(i));
  }
  return whole;
}

// Only we write this cell (see room_map).
Status give_rooms(const bpf_map* rooms, const Program& program, const MapDef& map, uint64_t removed) {
  const uint32_t cell = 2 * program.map_index.at(map.name) + 1;
  uint64_t sum = 0;
  bpf_map_lookup_elem(bpf_map__fd(rooms), &cell, &sum);
  sum += removed;
  const int failure = bpf_map_update_elem(bpf_map__fd(rooms), &cell, &sum, BPF_ANY);
  if (failure != 0) return errno_error(-failure, fmt::format("cannot clear @{}", map.name));
  return Nothing{};
}

// Which Zeek binaries there are, for scripts that look into their processes.
Status tell_of_zeeks(const bpf_map* images, Machine& machine) {
  if (images == nullptr) return Nothing{};
  auto zeeks = zeek_binaries(machine);
  if (!zeeks) return zeeks.error();
  for (const ZeekBinary* zeek : *zeeks) {
    const int failure = bpf_map__update_elem(images, &zeek->identity, sizeof(zeek->identity), &zeek->image,
                                             sizeof(zeek->image), BPF_ANY);
    if (failure != 0) return errno_error(-failure, fmt::format("cannot tell the kernel of {}", zeek->shown));
  }
  return Nothing{};
}

using OnMessage = std::function<void(std::span<const std::byte>)>;

int hand_over(void* context, void* data, size_t size) {
  const OnMessage* on_message = *static_cast<const OnMessage**>(context);
  if (on_message != nullptr) (*on_message)({static_cast<const std::byte*>(data), size});
  return 0;
}

}  // namespace

struct Tracer::State {
  const Program& program;
  Machine& machine;
  std::unique_ptr<bpf_object, CloseObject> object;
  std::unique_ptr<ring_buffer, FreeRing> ring;
  const OnMessage* on_message = nullptr;  // while drain() runs
  std::vector<bpf_program*> programs;     // by Program::probes
  std::unique_ptr<UnwindTables> unwind_tables;
  Links links;

  const bpf_map* map(std::string_view name) const {
    return bpf_object__find_map_by_name(object.get(), std::string(name).c_str());
  }
};

Tracer::Tracer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tracer::Tracer(Tracer&&) noexcept = default;
Tracer::~Tracer() = default;

Result<Tracer> Tracer::load(std::span<const std::byte> elf, const Program& program, Machine& machine,
                            std::string* verifier_log) {
  auto state = std::unique_ptr<State>(new State{program, machine, {}, {}, nullptr, {}, {}, {}});
  LoadLog log;
  LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "zeektrace", .kernel_log_buf = log.buffer(),
              .kernel_log_size = log.size());
  state->object.reset(bpf_object__open_mem(elf.data(), elf.size(), &options));
  if (!state->object)
    return Error{Error::Kind::machine, "the compiled script cannot be read back: " + log.library_text(),
                 "this is a fault of zeektrace: please report it, with the script", nullptr};
  // A session's return has none.
  for (const Probe& probe : program.probes) {
    bpf_program* found = bpf_object__find_program_by_name(state->object.get(), probe.function.c_str());
    if (found == nullptr && !is_part(probe, program)) bug(fmt::format("the object has no program '{}'", probe.function));
    if (found != nullptr && probe.how->attach_type != 0)
      bpf_program__set_expected_attach_type(found, static_cast<bpf_attach_type>(probe.how->attach_type));
    if (found != nullptr && probe.how->prepare != nullptr)
      if (Status ready = probe.how->prepare(found, probe, machine); !ready) return ready.error();
    state->programs.push_back(found);
  }
  const int failure = bpf_object__load(state->object.get());
  if (failure != 0) {
    if (verifier_log != nullptr) *verifier_log = log.verifier_text();
    return log.explain(-failure, program);
  }
  if (auto counting = open_counters(program, state->object.get()); !counting) return counting.error();
  if (const bpf_map* ring = state->map(ring_map)) {
    state->ring.reset(ring_buffer__new(bpf_map__fd(ring), hand_over, &state->on_message, nullptr));
    if (!state->ring) return errno_error(errno, "cannot map the ring buffer");
  }
  state->unwind_tables = UnwindTables::of(state->object.get());
  if (auto told = tell_of_zeeks(state->map(zeek_images_map), machine); !told) return told.error();
  return Tracer(std::move(state));
}

uint32_t Tracer::verified() const {
  uint32_t most = 0;
  for (const bpf_program* program : state_->programs) {
    bpf_prog_info info{};
    uint32_t size = sizeof(info);
    if (program == nullptr || bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) continue;
    most = std::max(most, info.verified_insns);
  }
  return most;
}

Status Tracer::run(std::string_view provider, int64_t gate) {
  for (size_t i = 0; i < state_->programs.size(); i++) {
    const Probe& probe = state_->program.probes[i];
    if (!probe.how->runs_in_tracer) continue;
    for (const AttachPoint& point : probe.points) {
      if (point.provider->name != provider || point.gate != gate) continue;
      uint64_t context[12] = {};  // as many arguments as a raw tracepoint can have
      LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = context, .ctx_size_in = sizeof(context));
      const int failure = bpf_prog_test_run_opts(bpf_program__fd(state_->programs[i]), &options);
      if (failure != 0)
        return errno_error(-failure, fmt::format("cannot run {}", point.name),
                           failure == -ENOTSUP || failure == -524 ? "it takes Linux 5.10 or later" : "");
    }
  }
  return Nothing{};
}

namespace {

// So that programs at one place run in the order of the script.
std::vector<size_t> arming_order(const Program& program) {
  std::vector<size_t> order, reversed;
  for (size_t i = 0; i < program.probes.size(); i++)
    (program.probes[i].how->latest_first ? reversed : order).push_back(i);
  order.insert(order.end(), reversed.rbegin(), reversed.rend());
  return order;
}

// Whether the script goes on without a probe that can't be attached: what only remembers calls for another one is none.
bool can_be_missing(const Probe& probe, const Program& program) {
  return program.settings.missing_probes != Settings::Missing::error && !probe.is_silent;
}

void left_out(const Probe& probe, const Error& why, const Settings& settings, Links& links) {
  if (settings.missing_probes != Settings::Missing::warn) return;
  std::string place = probe.points.front().name;
  if (probe.points.size() > 1) place += fmt::format(" (and {} others)", probe.points.size() - 1);
  links.skip({std::move(place), why.text()});
}

}  // namespace

Result<size_t> Tracer::arm() {
  Links links;
  size_t points = 0;
  std::optional<Error> failed;
  for (const size_t i : arming_order(state_->program)) {
    const Probe& probe = state_->program.probes[i];
    if (probe.how->runs_in_tracer) continue;
    if (is_part(probe, state_->program)) {
      points += probe.points.size();
      continue;
    }
    auto attached = probe.how->attach({state_->programs[i], probe, state_->machine});
    if (!attached) {
      if (!can_be_missing(probe, state_->program)) return attached.error();
      left_out(probe, attached.error(), state_->program.settings, links);
      failed = attached.error();
      continue;
    }
    if (!probe.is_silent) {
      points += probe.points.size();
      for (const Skipped& skipped : attached->skipped()) points -= skipped.whole_point;
    }
    links.take(*std::move(attached));
  }
  if (failed && points == 0) return *failed;  // nothing is left of the script
  state_->links = std::move(links);
  return points;
}

const std::vector<Skipped>& Tracer::skipped() const { return state_->links.skipped(); }

const std::vector<std::string>& Tracer::notes() const { return state_->links.notes(); }

size_t Tracer::links() const { return state_->links.size(); }

void Tracer::disarm() { state_->links.close_all(); }

int Tracer::wait_fd() const { return state_->ring ? ring_buffer__epoll_fd(state_->ring.get()) : -1; }

Status Tracer::drain(const OnMessage& on_message) {
  if (!state_->ring) return Nothing{};
  state_->on_message = &on_message;
  const int count = ring_buffer__consume(state_->ring.get());
  state_->on_message = nullptr;
  if (count < 0) return errno_error(-count, "cannot read the ring buffer");
  return Nothing{};
}

Result<std::vector<MapRow>> Tracer::read(const MapDef& map) const {
  std::vector<MapRow> all;
  for (const MapPart& part : parts_of(map)) {
    const bpf_map* found = state_->map(part.name);
    if (found == nullptr) continue;
    auto rows = read_rows(KernelMap::of(found));
    if (!rows)
      return Error{Error::Kind::machine, fmt::format("cannot read @{}", map.name), "",
                   std::make_shared<const Error>(rows.error())};
    for (MapRow& row : *rows) {
      row.key = whole_key(map, part, row.key);
      all.push_back(std::move(row));
    }
  }
  return all;
}

Status Tracer::clear(const MapDef& map) {
  uint64_t removed = 0;
  for (const MapPart& part : parts_of(map)) {
    const bpf_map* found = state_->map(part.name);
    if (found == nullptr) continue;
    auto rows = remove_rows(KernelMap::of(found));
    if (!rows) return rows.error();
    removed += *rows;
  }
  const bpf_map* rooms = state_->map(room_map);
  return rooms == nullptr ? Status(Nothing{}) : give_rooms(rooms, state_->program, map, removed);
}

Status Tracer::zero(const MapDef& map) {
  for (const MapPart& part : parts_of(map)) {
    const bpf_map* found = state_->map(part.name);
    if (found == nullptr) continue;
    if (auto status = zero_rows(KernelMap::of(found)); !status) return status;
  }
  return Nothing{};
}

bool Tracer::wants_sweeps() const {
  if (state_->program.pid_namespace) return false;  // processes have other numbers there
  return state_->map(known_name_map) != nullptr || std::ranges::any_of(state_->program.maps, &MapDef::is_by_frame);
}

Result<bool> Tracer::sweep() {
  for (const MapDef& map : state_->program.maps) {
    const bpf_map* found = map.is_by_frame ? state_->map(bpf_map_name(map)) : nullptr;
    if (found == nullptr) continue;
    if (auto dropped = drop_dead_calls(KernelMap::of(found)); !dropped) return dropped.error();
  }
  const bpf_map* names = state_->map(known_name_map);
  return names != nullptr ? forget_dead_names(KernelMap::of(names)) : false;
}

size_t Tracer::unseen_zeeks() const { return zeektrace::unseen_zeeks(state_->machine); }
std::optional<std::vector<std::string>> Tracer::undeclared_zeek_names() const {
  return zeektrace::undeclared_zeek_names(state_->machine, state_->program);
}
Status Tracer::look_at_unseen_zeeks(std::optional<pid_t> command) {
  return zeektrace::look_at_unseen_zeeks(state_->machine, command);
}

Status Tracer::take_node(uint32_t tgid, bool is_wanted) {
  const bpf_map* found = state_->map(node_map);
  if (found == nullptr) return Nothing{};
  const int fd = KernelMap::of(found).fd;
  const uint32_t word = 1;
  const int failed = is_wanted ? bpf_map_update_elem(fd, &tgid, &word, BPF_ANY) : bpf_map_delete_elem(fd, &tgid);
  if (failed != 0 && is_wanted) return errno_error(-failed, fmt::format("cannot trace the node that process {} is", tgid));
  return Nothing{};
}

uint64_t Tracer::lost(uint32_t cell) const {
  const bpf_map* found = state_->map(counter_map);
  if (found == nullptr) return 0;
  const KernelMap map = KernelMap::of(found);
  std::vector<uint64_t> values(map.element_size() / sizeof(uint64_t));
  if (bpf_map_lookup_elem(map.fd, &cell, values.data()) != 0) return 0;
  uint64_t sum = 0;
  for (const uint64_t value : values) sum += value;
  return sum;
}

uint64_t Tracer::missed(size_t probe) const {
  const bpf_program* program = state_->programs[probe];
  bpf_prog_info info = {};
  uint32_t size = sizeof(info);
  if (program == nullptr || bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) != 0) return 0;
  return info.recursion_misses;
}

std::vector<uint64_t> Tracer::frames(uint64_t hash) const {
  const bpf_map* found = state_->map(stack_map);
  StackFrames frames;
  if (found == nullptr || bpf_map__value_size(found) != sizeof(frames)) return {};
  if (bpf_map_lookup_elem(bpf_map__fd(found), &hash, &frames) != 0) return {};
  const size_t count = std::min<uint64_t>(frames.count & UINT32_MAX, max_stack_frames);
  std::vector<uint64_t> addresses(frames.address, frames.address + count);
  if ((frames.count & stack_cut) != 0) addresses.push_back(stack_ends_here);
  return addresses;
}

ScriptStack Tracer::script_stack(uint64_t hash) const { return zeektrace::script_stack(state_->object.get(), hash); }

UnwindTables* Tracer::unwind_tables() const { return state_->unwind_tables.get(); }

std::vector<std::string> Tracer::describe() const {
  constexpr size_t most_named = 5;
  std::vector<std::string> lines;
  for (const Probe& probe : state_->program.probes) {
    std::string line = probe.points.front().name;
    for (size_t i = 1; i < std::min(probe.points.size(), most_named); i++)
      line += ", " + probe.points[i].name;
    if (probe.points.size() > most_named)
      line += fmt::format(" and {} more", probe.points.size() - most_named);
    if (probe.is_silent) line += ", where it is entered";
    lines.push_back(fmt::format("{}: {}", line, probe.how->name));
    if (probe.how->describe == nullptr) continue;
    for (std::string& each : probe.how->describe(probe, state_->machine)) lines.push_back("  " + each);
  }
  return lines;
}

}  // namespace zeektrace
