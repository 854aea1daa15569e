#include "chat/config/keys.h"

#include <gtest/gtest.h>
#include <set>
#include <sstream>
#include <string>

#include "chat/config/file.h"
#include "chat/config/nearest.h"
#include "chat/config/toml.h"

namespace chat {
namespace {

const std::string sample = PARLEYD_SAMPLE;

std::string as_toml(const toml::node& node) {
  std::ostringstream text;
  node.visit([&](const auto& value) { text << value; });
  return text.str();
}

// Every key below a table of the sample, as "table.key", with its value; the same for our own table.
void collect(const toml::table& table, const std::string& name, std::map<std::string, std::string>& found) {
  for (const auto& [key, node] : table) {
    const std::string full = name.empty() ? std::string(key.str()) : name + "." + std::string(key.str());
    if (const toml::table* below = node.as_table()) {
      collect(*below, full, found);
    } else if (const toml::array* array = node.as_array(); array != nullptr && node.is_array_of_tables()) {
      for (const toml::node& item : *array) collect(*item.as_table(), full, found);
    } else {
      found[full] = as_toml(node);
    }
  }
}

TEST(KeysTest, AreThoseOfTheSampleWithItsDefaults) {
  std::map<std::string, std::string> in_sample;
  collect(toml::parse_file(sample), "", in_sample);

  std::map<std::string, std::string> known;
  for (const Key& key : keys()) {
    const toml::table value = toml::parse("x = " + std::string(key.fallback));
    const bool is_new = known.emplace(full_name(key), as_toml(*value.get("x"))).second;
    EXPECT_TRUE(is_new) << full_name(key);
    EXPECT_NE(key.set, nullptr) << full_name(key) << ": a key that nothing reads";
  }
  EXPECT_EQ(known, in_sample);
}

TEST(KeysTest, TheSampleIsAConfigurationThatChangesNothing) {
  const Config read = read_config(sample);
  const Config none;
  EXPECT_EQ(read.reactor, none.reactor);
  EXPECT_EQ(read.flush_interval, none.flush_interval);
  EXPECT_EQ(read.listeners, none.listeners);
  EXPECT_EQ(read.limits.sendq_bytes, none.limits.sendq_bytes);
  EXPECT_EQ(read.limits.queued_total, none.limits.queued_total);
  EXPECT_EQ(read.limits.turn_bytes, none.limits.turn_bytes);
  EXPECT_EQ(read.send_buffer, none.send_buffer);
  EXPECT_EQ(read.line_bytes, none.line_bytes);
  EXPECT_EQ(read.connections, none.connections);
  EXPECT_EQ(read.exempt, none.exempt);
  EXPECT_EQ(read.connections_per_ip, none.connections_per_ip);
  EXPECT_EQ(read.connect_rate, none.connect_rate);
  EXPECT_EQ(read.message_rate, none.message_rate);
  EXPECT_EQ(read.message_burst, none.message_burst);
  EXPECT_EQ(read.idle_timeout, none.idle_timeout);
  EXPECT_EQ(read.keep_alive, none.keep_alive);
  EXPECT_EQ(read.log_level, none.log_level);
  EXPECT_EQ(read.log_file, none.log_file);
  EXPECT_EQ(needing_restart(read, none), "");
  EXPECT_EQ(read.chat, none.chat);
}

TEST(KeysTest, WhatNeedsARestartIsNamed) {
  Config now;
  Config wanted;
  wanted.log_level = parley::Level::debug;
  wanted.log_file = "/var/log/parleyd.log";
  wanted.chat = false;
  EXPECT_EQ(needing_restart(now, wanted), "");
  wanted.listeners[0].room = "#kitchen";
  wanted.reactor = parley::Reactor::poll;
  wanted.limits.sendq_bytes = 1;
  wanted.send_buffer = 1;
  EXPECT_EQ(needing_restart(now, wanted), "listener, server.reactor, limits.sendq_bytes, limits.send_buffer");
}

TEST(KeysTest, TheNearestIsTheOneThatWasMeant) {
  EXPECT_EQ(full_name(nearest_key("limits", "conections")), "limits.connections");
  EXPECT_EQ(full_name(nearest_key("server", "sendq_bytes")), "limits.sendq_bytes");
  EXPECT_EQ(full_name(nearest_key("log", "levle")), "log.level");
  EXPECT_EQ(full_name(nearest_key("", "port")), "listener.port");
  EXPECT_EQ(nearest_table("sever"), "server");
}

TEST(KeysTest, DistanceCountsLetters) {
  EXPECT_EQ(distance("", ""), 0U);
  EXPECT_EQ(distance("", "abc"), 3U);
  EXPECT_EQ(distance("nick", "nick"), 0U);
  EXPECT_EQ(distance("nik", "nick"), 1U);
  EXPECT_EQ(distance("kitten", "sitting"), 3U);
}

}  // namespace
}  // namespace chat
