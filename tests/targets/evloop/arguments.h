// What the script's events and functions are declared with, and the values that events bring: a connection's record as
// Zeek's scripts have it, with fields of every kind that a tracer reads. Promises: connection N and event N have the
// same values in every run, so that what a tracer reads can be compared with what this program says of them.
#pragma once

#include <cstdint>
#include <string>

#include "evloop/zeek.h"

namespace evloop {

// Another set of scripts, to be chosen before any type is made: connections have one more field, before all others, and
// dns_request has its count before its query.
void use_other_scripts();
bool other_scripts();

// A function's type by its parameters, as a script writes them: "c: connection, query: string". Types are those that
// arguments.cpp knows.
zeek::FuncTypePtr function_type(zeek::FunctionFlavor flavor, const std::string& parameters);

// As Zeek spells a uid: each word in base 62, its lowest digit first.
std::string uid_text(const zeek::UID& uid);

// The record of connection number N.
zeek::RecordValPtr connection_record(uint64_t number, const zeek::UID& uid);

// Arguments of the event: the connection, and what else it brings.
zeek::Args event_arguments(const std::string& event, const zeek::RecordValPtr& connection, const std::string& detail,
                           uint64_t count);

// What connection N's record says, as `printf("%s %s %s %s %d %f %f %d %d %s %s %d %f %d\n", …)` prints its uid, id.orig_h,
// id.orig_p, id.resp_h, orig.size, start_time, duration, size of service, extract_orig, state, site, offset, share, and the
// size of tunnel, which is 0 where it is not set.
std::string connection_text(uint64_t number, const zeek::UID& uid);

}  // namespace evloop
