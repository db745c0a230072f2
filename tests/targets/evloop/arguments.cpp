#include "evloop/arguments.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <sstream>

namespace zeek {

RecordVal::RecordVal(const RecordTypePtr& t)
    : num_fields(t->num_fields), record_val(new ZValElement[static_cast<size_t>(t->num_fields)]) {
  type = TypePtr(t);
}

RecordVal::~RecordVal() {
  for (int i = 0; i < num_fields; ++i) {
    if (record_val[i].is_set && record_val[i].is_managed) {
      IntrusivePtr<Obj> given_back(record_val[i].zval.managed_val);
    }
  }
  delete[] record_val;
}

void RecordVal::Assign(int field, ZVal value, bool managed) {
  record_val[field] = {true, managed, static_cast<RecordType*>(type.get())->types->entries[field]->type->tag, value};
}

}  // namespace zeek

namespace evloop {

namespace {

using zeek::make_intrusive;
using zeek::TypePtr;
using zeek::ZVal;

bool others = false;

struct RecordRow {
  const char* name;
  const char* fields;
};
// Records after those that they have in them. As Zeek's scripts declare them, but for the end of `connection`, which is
// what another script might add.
constexpr RecordRow record_rows[] = {
    {"conn_id", "orig_h: addr, orig_p: port, resp_h: addr, resp_p: port"},
    {"endpoint", "size: count, state: count"},
    {"dns_msg", "id: count, opcode: count, rcode: count, QR: bool"},
    {"connection",
     "id: conn_id, orig: endpoint, resp: endpoint, start_time: time, duration: interval, service: table, history: string, "
     "uid: string, tunnel: vector, extract_orig: bool, state: Conn::State, site: subnet, offset: int, share: double"},
};
constexpr const char* state_names[] = {"Conn::NEW", "Conn::OPEN", "Conn::CLOSED"};

struct SimpleType {
  const char* name;
  zeek::TypeTag tag;
};
constexpr SimpleType simple_types[] = {
    {"bool", zeek::TYPE_BOOL},     {"int", zeek::TYPE_INT},       {"count", zeek::TYPE_COUNT},   {"double", zeek::TYPE_DOUBLE},
    {"time", zeek::TYPE_TIME},     {"string", zeek::TYPE_STRING}, {"port", zeek::TYPE_PORT},     {"interval", zeek::TYPE_INTERVAL},
    {"addr", zeek::TYPE_ADDR},     {"subnet", zeek::TYPE_SUBNET}, {"table", zeek::TYPE_TABLE},   {"vector", zeek::TYPE_VECTOR},
    {"any", zeek::TYPE_ANY},
};

zeek::RecordTypePtr record_type(const std::string& name, const std::string& fields);

// Made when they are first asked for; they live as long as the process, like Zeek's.
TypePtr type_named(const std::string& name) {
  static auto& known = *new std::map<std::string, TypePtr>();
  TypePtr& type = known[name];
  if (type) {
    return type;
  }
  for (const SimpleType& each : simple_types) {
    if (name == each.name) {
      type = make_intrusive<zeek::Type>(each.tag, "");
    }
  }
  for (const RecordRow& row : record_rows) {
    if (name == row.name) {
      type = record_type(name, others && name == "connection" ? std::string("mark: count, ") + row.fields : row.fields);
    }
  }
  if (name == "Conn::State") {
    auto states = make_intrusive<zeek::EnumType>(name);
    for (const char* state : state_names) {
      states->rev_names.emplace(static_cast<int64_t>(states->rev_names.size()), state);
    }
    type = states;
  }
  return type;
}

// "name: type, name: type"
zeek::RecordTypePtr record_type(const std::string& name, const std::string& fields) {
  auto record = make_intrusive<zeek::RecordType>(name);
  std::vector<zeek::TypeDecl*> decls;
  std::istringstream words(fields);
  for (std::string id, type; words >> id >> type;) {
    id.pop_back();
    if (type.back() == ',') {
      type.pop_back();
    }
    decls.push_back(new zeek::TypeDecl{type_named(type), nullptr, strdup(id.c_str())});
  }
  record->num_fields = static_cast<int>(decls.size());
  record->deferred_inits.resize(decls.size());
  auto* entries = new zeek::TypeDecl*[decls.size() + 1];
  std::copy(decls.begin(), decls.end(), entries);
  record->types = new zeek::TypeDeclList{entries, record->num_fields + 1, record->num_fields};
  for (size_t i = 0; i < decls.size(); ++i) {
    if (std::strcmp(decls[i]->id, "extract_orig") == 0) {  // &default=T, and nobody ever touches it
      record->deferred_inits[i] = std::make_shared<zeek::detail::DirectFieldInit>(ZVal{.int_val = 1});
    }
  }
  return record;
}

// A record in the making, field by field by name.
class Filled {
 public:
  explicit Filled(const char* type)
      : type_(type_named(type)), record_(make_intrusive<zeek::RecordVal>(as_record(type_))) {}
  Filled& number(const char* field, uint64_t value) { return put(field, {.uint_val = value}, false); }
  Filled& real(const char* field, double value) { return put(field, {.double_val = value}, false); }
  template <typename T>
  Filled& object(const char* field, zeek::IntrusivePtr<T> value) {
    return put(field, {.managed_val = value.release()}, true);
  }
  zeek::RecordValPtr done() { return record_; }

 private:
  static zeek::RecordTypePtr as_record(const TypePtr& type) {
    ++type->ref_cnt;
    return zeek::RecordTypePtr(static_cast<zeek::RecordType*>(type.get()));
  }
  Filled& put(const char* field, ZVal value, bool managed) {
    const zeek::TypeDeclList& types = *static_cast<zeek::RecordType*>(type_.get())->types;
    int i = 0;
    while (std::strcmp(types.entries[i]->id, field) != 0) {
      ++i;
    }
    record_->Assign(i, value, managed);
    return *this;
  }
  TypePtr type_;
  zeek::RecordValPtr record_;
};

// Every fifth connection is one of IPv6.
bool is_v6(uint64_t number) { return number % 5 == 4; }

zeek::IPAddr address(uint64_t number, bool of_originator) {
  zeek::IPAddr a;
  const auto high = static_cast<unsigned char>(number >> 8), low = static_cast<unsigned char>(number);
  if (is_v6(number)) {
    const unsigned char start[] = {0x20, 0x01, 0x0d, 0xb8};
    std::memcpy(a.in6, start, sizeof start);
    a.in6[13] = of_originator ? 1 : 2, a.in6[14] = high, a.in6[15] = low;
    return a;
  }
  a.in6[10] = a.in6[11] = 0xff;
  const unsigned char v4[] = {static_cast<unsigned char>(of_originator ? 10 : 11), 7, high, low};
  std::memcpy(a.in6 + 12, v4, sizeof v4);
  return a;
}

std::string address_text(uint64_t number, bool of_originator) {
  char text[64];
  const unsigned high = number >> 8 & 255, low = number & 255;
  if (is_v6(number)) {
    std::snprintf(text, sizeof text, "2001:db8::%x:%x", of_originator ? 1U : 2U, high << 8 | low);
  } else {
    std::snprintf(text, sizeof text, "%d.7.%u.%u", of_originator ? 10 : 11, high, low);
  }
  return text;
}

zeek::IPPrefix site(uint64_t number) {
  zeek::IPPrefix prefix{address(0, true), 104};
  prefix.prefix.in6[13] = 0;
  if (is_v6(number)) {
    prefix = {address(4, true), 32};
    std::memset(prefix.prefix.in6 + 4, 0, 12);
  }
  return prefix;
}

constexpr uint64_t tcp = 0x10000, udp = 0x20000;  // TCP_PORT_MASK, UDP_PORT_MASK, src/Val.h

bool is_udp(uint64_t number) { return number % 2 == 1; }

}  // namespace

void use_other_scripts() { others = true; }
bool other_scripts() { return others; }

zeek::FuncTypePtr function_type(zeek::FunctionFlavor flavor, const std::string& parameters) {
  return make_intrusive<zeek::FuncType>(flavor, record_type("", parameters));
}

std::string uid_text(const zeek::UID& uid) {
  constexpr const char* digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  std::string text = "C";
  for (uint64_t word : uid.uid) {
    do {
      text += digits[word % 62];
      word /= 62;
    } while (word != 0);
  }
  return text;
}

zeek::RecordValPtr connection_record(uint64_t number, const zeek::UID& uid) {
  using zeek::AddrVal;
  const uint64_t protocol = is_udp(number) ? udp : tcp;
  Filled connection("connection");
  connection.object("id", Filled("conn_id")
                              .object("orig_h", make_intrusive<AddrVal>(type_named("addr"), address(number, true)))
                              .number("orig_p", protocol | (1024 + number % 60000))
                              .object("resp_h", make_intrusive<AddrVal>(type_named("addr"), address(number, false)))
                              .number("resp_p", protocol | 53)
                              .done());
  connection.object("orig", Filled("endpoint").number("size", number * 3).number("state", 4).done());
  connection.object("resp", Filled("endpoint").number("size", number * 5).number("state", 4).done());
  connection.real("start_time", 1500000000.25 + static_cast<double>(number));
  connection.real("duration", 0.5 * static_cast<double>(number));
  connection.object("service", make_intrusive<zeek::TableVal>(type_named("table"), static_cast<int>(number % 3)));
  connection.object("history", make_intrusive<zeek::StringVal>("ShADadfF"));
  connection.object("uid", make_intrusive<zeek::StringVal>(uid_text(uid)));
  if (number % 2 == 0) {
    connection.object("tunnel", make_intrusive<zeek::VectorVal>(type_named("vector"), 2));
  }
  connection.number("state", number % 3);
  connection.object("site", make_intrusive<zeek::SubNetVal>(type_named("subnet"), site(number)));
  connection.number("offset", -number);
  connection.real("share", 0.25 * static_cast<double>(number));
  return connection.done();
}

zeek::Args event_arguments(const std::string& event, const zeek::RecordValPtr& connection, const std::string& detail,
                           uint64_t count) {
  zeek::Args args;
  args.push_back(connection);
  auto text = [&](const std::string& value) { args.push_back(make_intrusive<zeek::StringVal>(value)); };
  auto number = [&](uint64_t value) {
    args.push_back(make_intrusive<zeek::NumberVal>(type_named("count"), ZVal{.uint_val = value}));
  };
  if (event == "dns_request") {
    args.push_back(Filled("dns_msg").number("id", count & 0xffff).number("opcode", 0).number("rcode", 0).number("QR", 0).done());
    if (others) {
      number(1);
    }
    text(detail);
    if (!others) {
      number(1);
    }
    number(1);
  } else if (event == "http_request") {
    text(detail);
    text("/index.html?n=" + std::to_string(count));
    text("/index.html?n=" + std::to_string(count));
    text("1.1");
  } else if (event == "ssl_client_hello") {
    number(0x303);
    args.push_back(make_intrusive<zeek::NumberVal>(type_named("time"), ZVal{.double_val = 1500000000.5}));
    text(detail);
    args.push_back(make_intrusive<zeek::VectorVal>(type_named("vector"), 17));
  }
  return args;
}

std::string connection_text(uint64_t number, const zeek::UID& uid) {
  char text[512];
  const auto n = static_cast<double>(number);
  std::snprintf(text, sizeof text, "%s %s %llu/%s %s %llu %f %f %llu 1 %s %s %lld %f %d", uid_text(uid).c_str(),
                address_text(number, true).c_str(), static_cast<unsigned long long>(1024 + number % 60000),
                is_udp(number) ? "udp" : "tcp", address_text(number, false).c_str(),
                static_cast<unsigned long long>(number * 3), 1500000000.25 + n, 0.5 * n,
                static_cast<unsigned long long>(number % 3), state_names[number % 3],
                is_v6(number) ? "2001:db8::/32" : "10.0.0.0/8", -static_cast<long long>(number), 0.25 * n,
                number % 2 == 0 ? 2 : 0);
  return text;
}

}  // namespace evloop
