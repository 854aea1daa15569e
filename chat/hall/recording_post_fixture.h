#pragma once

#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "chat/hall/post.h"
#include "parley/base/print.h"

namespace chat {

// For tests: a post that writes down each call, and what each session got by it.
class RecordingPost final : public Post {
 public:
  void set_form(SessionId session, Form) override {
    note("set_form ", number(session), " line");
    open_.insert(session);
  }
  void subscribe(SessionId session, RoomId room) override {
    note("subscribe ", number(session), " ", number(room));
    must_be_open(session);
    audience_[room].insert(session);
  }
  void unsubscribe(SessionId session, RoomId room) override {
    note("unsubscribe ", number(session), " ", number(room));
    if (audience_[room].erase(session) == 0) wrong_ += "unsubscribed without being subscribed; ";
  }
  void publish(RoomId room, const Event& event, SessionId except) override {
    note("publish ", number(room), " ", text(event), " except ", number(except));
    for (const SessionId session : audience_[room]) {
      if (session != except) got_[session].push_back(text(event));
    }
  }
  void publish(std::span<const SessionId> sessions, const Event& event) override {
    note("publish to ", sessions.size(), " ", text(event));
    for (const SessionId session : sessions) {
      must_be_open(session);
      got_[session].push_back(text(event));
    }
  }
  void tell(SessionId session, const Reply& reply) override {
    note("tell ", number(session), " ", reply.stamp.id, " welcome");
    must_be_open(session);
    got_[session].push_back("welcome");
  }
  void close(SessionId session) override {
    note("close ", number(session));
    must_be_open(session);
    open_.erase(session);
  }

  // Each call, a line each.
  std::vector<std::string> calls;
  // What the session got, in order; without the stamps.
  const std::vector<std::string>& got(SessionId session) { return got_[session]; }
  // What no hall may do; empty when all is well.
  const std::string& wrong() const { return wrong_; }
  // The session has ended by itself.
  void forget(SessionId session) { open_.erase(session); }

 private:
  template <class What>
  static std::string number(Id<What> id) {
    return id ? parley::concat(id.index, ".", id.generation) : "nobody";
  }
  static std::string text(const Event& event) {
    struct {
      std::string operator()(const Joined& joined) { return parley::concat("+", joined.name); }
      std::string operator()(const Said& said) { return parley::concat(said.name, ": ", said.text); }
      std::string operator()(const Left& left) { return parley::concat("-", left.name); }
      std::string operator()(const GoingDown&) { return "going down"; }
    } to_text;
    return std::visit(to_text, event.what);
  }
  void note(const auto&... parts) { calls.push_back(parley::concat(parts...)); }
  void must_be_open(SessionId session) {
    if (!open_.contains(session)) wrong_ += "spoke of a session that is not there; ";
  }

  std::map<RoomId, std::set<SessionId>> audience_;
  std::map<SessionId, std::vector<std::string>> got_;
  std::set<SessionId> open_;
  std::string wrong_;
};

}  // namespace chat
