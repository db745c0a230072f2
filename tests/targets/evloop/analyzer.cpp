// Analyzers, which get the packets' data.
#include "evloop/zeek.h"

namespace zeek::analyzer {

void Analyzer::DeliverStream(int len, const unsigned char* /*data*/, bool /*is_orig*/) {
  delivered += static_cast<uint64_t>(len);
}

// The call at the end becomes a jump to the first instruction, as in Zeek itself.
void Analyzer::NextStream(int len, const unsigned char* data, bool is_orig) {
  if (skip) {
    return;
  }
  SupportAnalyzer* next = is_orig ? orig_supporters : resp_supporters;
  while (next != nullptr && next->removing) {
    next = next->sibling;
  }
  if (next != nullptr) {
    next->NextStream(len, data, is_orig);
  } else {
    try {
      DeliverStream(len, data, is_orig);
    } catch (const char*) {
      skip = true;
    }
  }
}

void tcp::ContentLine_Analyzer::DeliverStream(int len, const unsigned char* data, bool is_orig) {
  Analyzer::DeliverStream(len, data, is_orig);
}

void http::HTTP_Analyzer::DeliverStream(int len, const unsigned char* data, bool is_orig) {
  Analyzer::DeliverStream(len, data, is_orig);
}

}  // namespace zeek::analyzer
