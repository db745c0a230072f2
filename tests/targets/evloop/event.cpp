// Events, from the queue to the handler.
#include "evloop/zeek.h"

namespace zeek {

EventMgr event_mgr;
EventRegistry* event_registry = nullptr;

Obj::~Obj() = default;

const char* Obj::GetObjDesc() const { return "<object>"; }

iosource::IOSource::~IOSource() = default;

Event::Event(const EventHandlerPtr& h, Args vl, util::detail::SourceID source, analyzer::ID analyzer_id,
             ObjPtr object)
    : handler(h), args(std::move(vl)), src(source), aid(analyzer_id), obj(std::move(object)) {}

#if EVLOOP_8_0
void Event::Dispatch(bool /*no_remote*/) {
#else
void Event::Dispatch() {
#endif
  handler.handler->Call(&args); }

#if EVLOOP_8_0
void EventHandler::Call(Args* arguments, bool /*no_remote*/, double /*time*/) {
#else
void EventHandler::Call(Args* arguments) {
#endif
  if (local && enabled) {
    local->Invoke(arguments);
  }
}

void EventMgr::Enqueue(const EventHandlerPtr& h, Args vl, util::detail::SourceID src, analyzer::ID aid,
                       Obj* obj) {
  if (obj != nullptr) {
    ++obj->ref_cnt;
  }
  auto* event = new Event(h, std::move(vl), src, aid, ObjPtr(obj));
  if (tail != nullptr) {
    tail->next_event = event;
  } else {
    head = event;
  }
  tail = event;
  ++num_events_queued;
}

// Runs what is queued, and what that queues.
void EventMgr::Drain() {
  while (head != nullptr) {
    current = head;
    head = current->next_event;
    if (head == nullptr) {
      tail = nullptr;
    }
    current->Dispatch();
    delete current;
    current = nullptr;
    ++num_events_dispatched;
  }
}

}  // namespace zeek
