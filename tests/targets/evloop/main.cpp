// A daemon in the shape of Zeek: packets come in and queue events, whose handlers are script functions.
//
//   evloop [--events N] [--seconds S] [--rate R] [--throw N] [--tally | --tally-uids | --tally-arguments]
//          [--other-scripts] [--lives N]
//
// Without --events and --seconds it runs for 5 seconds. R is events a second (200), 0 as fast as possible.
// With --tally it prints at the end how many events of each name it handled, as `@[str(*(uint64 *)arg0)] =
// count()` on zeek::EventHandler::Call prints them, with --tally-uids how many of each connection, seven at most, as
// `@[conn_uid] = count()` does. With --tally-arguments it prints what each connection_established was about (arguments.h),
// and then how many dns_requests there were of each query and originator. SIGTERM and SIGINT end it orderly, after the packet at
// hand. With --throw every Nth call of cat ends by an exception, as errors of scripts do. With --lives it executes itself anew at the
// end, N programs (9 at most) of one process: all have their handlers at the same addresses, each under other names.
#include "evloop/program.h"

#include <fcntl.h>
#include <sys/personality.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <limits>
#include <map>

// What a stripped Zeek still tells of its release: a data symbol and a function's name.
extern "C" {
extern const char version[];
#if EVLOOP_8_0
const char version[] = "8.0.10";
TRACED const char* zeek_version_8_0_10_plugin_7() { return version; }
#else
const char version[] = "8.2.2";
TRACED const char* zeek_version_8_2_2_plugin_7() { return version; }
#endif
}

namespace zeek {

double run_state::network_time = 0;
double run_state::processing_start_time = 0;
iosource::PktSrc* run_state::detail::current_pktsrc = nullptr;
session::Session::~Session() = default;
Connection::~Connection() = default;

}  // namespace zeek

namespace {

struct Options {
  uint64_t events = std::numeric_limits<uint64_t>::max();
  double seconds = 0;
  double rate = 200;
  bool tally = false;
  bool tally_uids = false;
  bool tally_arguments = false;
  char* lives = nullptr;  // a digit of the command line
};

evloop::Program program;
zeek::packet_analysis::Manager packet_mgr;
zeek::analyzer::tcp::ContentLine_Analyzer lines;
zeek::analyzer::http::HTTP_Analyzer http;
uint64_t events_left = 0;
volatile sig_atomic_t stopped = 0;

void stop(int signal_number) { stopped = signal_number; }

double seconds_now(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void sleep_until(double when) {
  const timespec end{static_cast<time_t>(when),
                     static_cast<long>((when - static_cast<double>(static_cast<time_t>(when))) * 1e9)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, nullptr);
}

// Reads the next packet: of 60 to 1513 bytes, into a buffer of its own.
bool next_packet(zeek::iosource::PktSrc& source) {
  zeek::Packet& packet = source.current_packet;
  const size_t length = 60 + source.packets++ * 389 % 1454;
  const ssize_t got = read(source.descriptor, source.buffer, length);
  if (got <= 0) {
    return false;
  }
  auto* data = static_cast<unsigned char*>(std::malloc(static_cast<size_t>(got)));
  std::memcpy(data, source.buffer, static_cast<size_t>(got));
  packet.data = data;
  packet.time = seconds_now(CLOCK_REALTIME);
  packet.len = packet.cap_len = static_cast<uint32_t>(got);
  return true;
}

}  // namespace

namespace zeek {

// A packet brings one, two or three events, and data for the analyzer: every other one from the originator.
bool packet_analysis::Manager::ProcessPacket(Packet* packet) {
  const uint64_t batch = std::min<uint64_t>(1 + packets++ % 3, events_left);
  for (uint64_t i = 0; i < batch; ++i) {
    evloop::QueuedEvent event = evloop::next_event(program, event_mgr.num_events_queued);
    ++event.handler->dispatched;
    Connection* connection = evloop::connection_of(program, event_mgr.num_events_queued);
    packet->session = connection;
    event_mgr.Enqueue(EventHandlerPtr{event.handler->handler}, std::move(event.args), 0, 0, connection);
  }
  events_left -= batch;
  http.conn = lines.conn = static_cast<Connection*>(packet->session);
  http.orig_supporters = &lines;
  http.NextStream(static_cast<int>(packet->len), packet->data, packets % 2 == 0);
  return packet->len > 0;
}

void run_state::detail::init_run() { network_time = seconds_now(CLOCK_REALTIME); }

void run_state::detail::dispatch_packet(Packet* pkt, iosource::PktSrc* pkt_src) {
  current_pktsrc = pkt_src;
  network_time = pkt->time;
  processing_start_time = pkt->time;
  packet_mgr.ProcessPacket(pkt);
  event_mgr.Drain();
  processing_start_time = 0;
  current_pktsrc = nullptr;
}

}  // namespace zeek

namespace {

bool run(const Options& options) {
  unsigned char buffer[2048];
  zeek::iosource::PktSrc source;
  source.buffer = buffer;
  source.descriptor = open("/dev/zero", O_RDONLY | O_CLOEXEC);
  const double start = seconds_now(CLOCK_MONOTONIC);
  const double end = options.seconds > 0 ? start + options.seconds : std::numeric_limits<double>::infinity();
  double next = start;
  while (stopped == 0 && events_left > 0 && seconds_now(CLOCK_MONOTONIC) < end) {
    if (options.rate > 0) {
      sleep_until(std::min(next, end));
      if (stopped != 0 || next >= end) {
        break;
      }
    }
    source.current_packet.session = nullptr;
    if (!next_packet(source)) {
      return false;
    }
    zeek::run_state::detail::dispatch_packet(&source.current_packet, &source);
    std::free(const_cast<unsigned char*>(source.current_packet.data));
    next = start + static_cast<double>(zeek::event_mgr.num_events_queued) / options.rate;
  }
  close(source.descriptor);
  return true;
}

// Ascending by count, equal counts by name, as maps are printed.
void print_tally() {
  std::vector<evloop::Handler> rows = program.handlers;
  std::sort(rows.begin(), rows.end(), [](const evloop::Handler& a, const evloop::Handler& b) {
    return a.dispatched != b.dispatched ? a.dispatched < b.dispatched : a.handler->name < b.handler->name;
  });
  for (const evloop::Handler& row : rows) {
    if (row.dispatched > 0) {
      line_text("tally @[");
      line_text(row.handler->name.c_str());
      line_text("]: ");
      line_unsigned(row.dispatched);
      line_end();
    }
  }
}

void print_uids(uint64_t events) {
  std::vector<std::pair<uint64_t, std::string>> rows;
  for (size_t i = 0; i < program.connections.size(); ++i) {
    rows.emplace_back(std::min<uint64_t>(events - i * evloop::events_of_connection, evloop::events_of_connection),
                      evloop::uid_text(program.connections[i]->uid));
  }
  std::sort(rows.begin(), rows.end());
  for (const auto& [count, uid] : rows) {
    line_text("tally @[");
    line_text(uid.c_str());
    line_text("]: ");
    line_unsigned(count);
    line_end();
  }
}

// The events are the same in every run: what has been handled follows from their number.
void print_arguments(uint64_t events) {
  std::map<std::string, uint64_t> queries;
  for (uint64_t i = 0; i < events; ++i) {
    const evloop::QueuedEvent event = evloop::next_event(program, i);
    const uint64_t number = i / evloop::events_of_connection;
    const std::string& name = event.handler->handler->name;
    if (name == "connection_established") {
      line_text("tally ");
      line_text(evloop::connection_text(number, program.connections[number]->uid).c_str());
      line_end();
    }
    if (name == "dns_request") {
      const zeek::String& query = *static_cast<zeek::StringVal*>(event.args[2].get())->string_val;
      ++queries[std::string(query.b, query.b + query.n)];
    }
  }
  std::vector<std::pair<uint64_t, std::string>> rows;
  for (const auto& [query, count] : queries) {
    rows.emplace_back(count, query);
  }
  std::sort(rows.begin(), rows.end());
  for (const auto& [count, query] : rows) {
    line_text("tally @[");
    line_text(query.c_str());
    line_text("]: ");
    line_unsigned(count);
    line_end();
  }
}

bool parse(int argc, char** argv, Options& options) {
  bool limited = false;
  for (int i = 1; i < argc; ++i) {
    const char* word = argv[i];
    if (std::strcmp(word, "--tally") == 0) {
      options.tally = true;
      continue;
    }
    if (std::strcmp(word, "--tally-uids") == 0) {
      options.tally_uids = true;
      continue;
    }
    if (std::strcmp(word, "--other-scripts") == 0) {
      evloop::use_other_scripts();
      continue;
    }
    if (std::strcmp(word, "--tally-arguments") == 0) {
      options.tally_arguments = true;
      continue;
    }
    if (std::strcmp(word, "--lives") == 0 && i + 1 < argc && argv[i + 1][0] >= '1' && argv[i + 1][1] == 0) {
      options.lives = argv[++i];
      continue;
    }
    char* rest = nullptr;
    const double value = i + 1 < argc ? std::strtod(argv[++i], &rest) : -1;
    if (value < 0 || *rest != 0) {
      return false;
    }
    if (std::strcmp(word, "--events") == 0) {
      options.events = static_cast<uint64_t>(value);
      limited = true;
    } else if (std::strcmp(word, "--seconds") == 0) {
      options.seconds = value;
      limited = true;
    } else if (std::strcmp(word, "--rate") == 0) {
      options.rate = value;
    } else if (std::strcmp(word, "--throw") == 0) {
      evloop::throw_every = static_cast<uint64_t>(value);
    } else {
      return false;
    }
  }
  options.seconds = limited ? options.seconds : 5;
  return true;
}

// The first program of the process becomes one whose addresses are the same as in all that follow, before anything else.
bool begin_life(const Options& options, char** argv) {
  const int now = personality(0xffffffff);
  if (options.lives == nullptr || (now & ADDR_NO_RANDOMIZE) != 0) {
    return true;
  }
  personality(static_cast<unsigned long>(now) | ADDR_NO_RANDOMIZE);
  execv("/proc/self/exe", argv);
  std::perror("evloop: cannot execute itself");
  return false;
}

bool next_life(const Options& options, char** argv) {
  if (options.lives == nullptr || *options.lives == '1') {
    return true;
  }
  --*options.lives;
  execv("/proc/self/exe", argv);
  std::perror("evloop: cannot execute itself");
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) {
    std::fputs("usage: evloop [--events N] [--seconds S] [--rate R] [--throw N] [--tally | --tally-uids | --tally-arguments] "
               "[--other-scripts] [--lives N]\n", stderr);
    return 2;
  }
  if (!begin_life(options, argv)) {
    return 1;
  }
  struct sigaction action{};
  action.sa_handler = stop;
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  program = evloop::load_program();
  if (options.lives != nullptr) {
    evloop::rotate_names(program, static_cast<size_t>(*options.lives - '0'));
  }
  zeek::run_state::detail::init_run();
  events_left = options.events;
  if (!run(options)) {
    std::perror("evloop: cannot read /dev/zero");
    return 1;
  }
  if (options.tally) {
    print_tally();
  }
  if (options.tally_arguments) {
    print_arguments(zeek::event_mgr.num_events_dispatched);
  }
  if (options.tally_uids) {
    print_uids(zeek::event_mgr.num_events_dispatched);
  }
  return next_life(options, argv) ? 0 : 1;
}
