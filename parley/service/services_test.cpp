#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "parley/service/multi_service.h"
#include "parley/service/service.h"

namespace parley {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Told = std::vector<std::string>;

// Notes what it is told; stops at once, or when the test lets go.
class Noting : public Service {
 public:
  Noting(Told& told, std::string name, bool slow = false)
      : Service(std::move(name)), told_(told), slow_(slow) {}
  ~Noting() override { told_.push_back("~" + name()); }

  void let_go() { held_.reset(); }
  bool fails = false;

 protected:
  void privileged_start() override { note("bind"); }
  void start() override { note("start"); }
  void stop(ServiceHold hold) noexcept override {
    told_.push_back("stop " + name());
    if (slow_) held_ = std::move(hold);
  }

 private:
  void note(const char* what) {
    if (fails) throw std::runtime_error(name() + " fails");
    told_.push_back(std::string(what) + " " + name());
  }

  Told& told_;
  bool slow_;
  std::optional<ServiceHold> held_;
};

TEST(Service, IsStartedAndStoppedOnce) {
  Told told;
  Noting service(told, "a");
  EXPECT_FALSE(service.running());
  service.start_service();
  service.start_service();
  EXPECT_TRUE(service.running());
  int stopped = 0;
  service.stop_service([&] { ++stopped; });
  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(service.state(), Service::State::stopped);
  service.stop_service([&] { ++stopped; });
  EXPECT_EQ(stopped, 2);
  EXPECT_THAT(told, ElementsAre("start a", "stop a"));
  service.start_service();
  EXPECT_TRUE(service.running());
}

TEST(Service, MayTakeItsTimeToStop) {
  Told told;
  Noting service(told, "a", true);
  service.start_service();
  int stopped = 0;
  service.stop_service([&] { ++stopped; });
  service.stop_service([&] { ++stopped; });
  EXPECT_EQ(service.state(), Service::State::stopping);
  EXPECT_FALSE(service.running());
  EXPECT_THROW(service.start_service(), std::logic_error);
  EXPECT_EQ(stopped, 0);
  service.let_go();
  EXPECT_EQ(stopped, 2);
  service.start_service();
  service.stop_service();
  service.let_go();
  EXPECT_EQ(stopped, 2);
  EXPECT_THAT(told, ElementsAre("start a", "stop a", "start a", "stop a"));
}

TEST(Service, MayBeStartedAgainByWhoeverIsToldThatItHasStopped) {
  Told told;
  Noting service(told, "a", true);
  service.start_service();
  service.stop_service([&] { service.start_service(); });
  service.let_go();
  EXPECT_TRUE(service.running());
  EXPECT_THAT(told, ElementsAre("start a", "stop a", "start a"));
}

TEST(Service, ThatFailsToStartIsStopped) {
  Told told;
  Noting service(told, "a");
  service.fails = true;
  EXPECT_THROW(service.start_service(), std::runtime_error);
  EXPECT_FALSE(service.running());
  service.stop_service();
  EXPECT_THAT(told, IsEmpty());
  EXPECT_THROW(service.privileged_start_service(), std::runtime_error);
  service.stop_service();
  EXPECT_THAT(told, IsEmpty());
}

TEST(Service, IsStoppedAfterItsPrivilegedStartAlone) {
  Told told;
  Noting service(told, "a");
  service.privileged_start_service();
  service.privileged_start_service();
  service.stop_service();
  service.privileged_start_service();
  EXPECT_THAT(told, ElementsAre("bind a", "stop a", "bind a"));
}

TEST(Service, MayGoWhileItStops) {
  Told told;
  class Giving : public Service {
   public:
    explicit Giving(ServiceHold& out) : out_(out) {}

   protected:
    void stop(ServiceHold hold) noexcept override { out_ = std::move(hold); }

   private:
    ServiceHold& out_;
  };
  ServiceHold kept;
  auto service = std::make_unique<Giving>(kept);
  service->start_service();
  service->stop_service([&] { told.emplace_back("stopped"); });
  service.reset();
  kept = {};  // finds nobody, and touches nothing
  EXPECT_THAT(told, IsEmpty());
}

class MultiServiceTest : public testing::Test {
 protected:
  Noting& add(const char* name, bool slow = false) { return all_.add<Noting>(told_, name, slow); }
  Told take() { return std::exchange(told_, {}); }

  Told told_;
  MultiService all_;
};

TEST_F(MultiServiceTest, StartsInOrderAndStopsInReverse) {
  add("a");
  add("b");
  add("c");
  all_.privileged_start_service();
  all_.start_service();
  EXPECT_THAT(take(), ElementsAre("bind a", "bind b", "bind c", "start a", "start b", "start c"));
  bool stopped = false;
  all_.stop_service([&] { stopped = true; });
  EXPECT_TRUE(stopped);
  EXPECT_THAT(take(), ElementsAre("stop c", "stop b", "stop a"));
}

TEST_F(MultiServiceTest, EachStopsAfterTheOneBehindItHasStopped) {
  Noting& first = add("a", true);
  Noting& last = add("b", true);
  all_.start_service();
  take();
  bool stopped = false;
  all_.stop_service([&] { stopped = true; });
  EXPECT_THAT(take(), ElementsAre("stop b"));
  EXPECT_TRUE(first.running());
  last.let_go();
  EXPECT_THAT(take(), ElementsAre("stop a"));
  EXPECT_FALSE(stopped);
  first.let_go();
  EXPECT_TRUE(stopped);
  EXPECT_EQ(all_.state(), Service::State::stopped);
}

TEST_F(MultiServiceTest, StartsWhatIsAddedWhileItRuns) {
  all_.start_service();
  add("a");
  EXPECT_THAT(take(), ElementsAre("start a"));
  auto failing = std::make_unique<Noting>(told_, "b");
  failing->fails = true;
  EXPECT_THROW(all_.add_service(std::move(failing)), std::runtime_error);
  EXPECT_EQ(all_.services().size(), 1U);
}

TEST_F(MultiServiceTest, WhenOneFailsThoseBeforeItAreStoppedAgain) {
  add("a");
  add("b");
  Noting& failing = add("c");
  add("d");
  all_.privileged_start_service();
  take();
  failing.fails = true;
  EXPECT_THROW(all_.start_service(), std::runtime_error);
  EXPECT_FALSE(all_.running());
  EXPECT_THAT(take(), ElementsAre("start a", "start b", "stop d", "stop c", "stop b", "stop a"));
  failing.fails = false;
  all_.start_service();
  EXPECT_TRUE(all_.running());
}

TEST_F(MultiServiceTest, WhenOneFailsToBindThoseBeforeItLetGo) {
  add("a");
  add("b").fails = true;
  EXPECT_THROW(all_.privileged_start_service(), std::runtime_error);
  EXPECT_THAT(take(), ElementsAre("bind a", "stop a"));
}

TEST_F(MultiServiceTest, FindsServicesByTheirNames) {
  Noting& a = add("a");
  Noting& nameless = add("");
  add("");
  EXPECT_EQ(all_.find_service("a"), &a);
  EXPECT_EQ(all_.find_service("b"), nullptr);
  EXPECT_THROW(add("a"), std::invalid_argument);
  EXPECT_THROW(all_.add_service(nullptr), std::invalid_argument);
  EXPECT_EQ(all_.services().size(), 3U);
  EXPECT_EQ(all_.services()[1].get(), &nameless);
}

TEST_F(MultiServiceTest, GivesAServiceBackAsItIs) {
  Noting& a = add("a");
  add("b");
  all_.start_service();
  const std::unique_ptr<Service> removed = all_.remove_service(a);
  ASSERT_EQ(removed.get(), &a);
  EXPECT_TRUE(a.running());
  EXPECT_EQ(all_.remove_service(a), nullptr);
  take();
  all_.stop_service();
  EXPECT_THAT(take(), ElementsAre("stop b"));
}

TEST_F(MultiServiceTest, DoesNotWaitForOneThatWasRemoved) {
  add("a");
  Noting& b = add("b", true);
  all_.start_service();
  take();
  bool stopped = false;
  all_.stop_service([&] { stopped = true; });
  std::unique_ptr<Service> removed = all_.remove_service(b);
  EXPECT_TRUE(stopped);
  EXPECT_THAT(take(), ElementsAre("stop b", "stop a"));
  b.let_go();
  EXPECT_FALSE(b.running());
}

TEST_F(MultiServiceTest, ServicesMayBeNested) {
  add("a");
  auto& inner = all_.add<MultiService>("inner");
  auto& slow = inner.add<Noting>(told_, "b", true);
  all_.start_service();
  bool stopped = false;
  all_.stop_service([&] { stopped = true; });
  slow.let_go();
  EXPECT_TRUE(stopped);
  EXPECT_THAT(take(), ElementsAre("start a", "start b", "stop b", "stop a"));
}

TEST(MultiService, DestroysItsServicesInReverse) {
  Told told;
  {
    MultiService all;
    all.add<Noting>(told, "a");
    all.add<Noting>(told, "b", true);
    all.start_service();
    all.stop_service();  // which waits for b
    told.clear();
  }
  EXPECT_THAT(told, ElementsAre("~b", "~a"));
}

TEST(MultiService, MayBeDestroyedByWhoeverIsToldThatItHasStopped) {
  Told told;
  auto all = std::make_unique<MultiService>();
  auto& slow = all->add<Noting>(told, "a", true);
  all->add<Noting>(told, "b");
  all->start_service();
  all->stop_service([&] { all.reset(); });
  slow.let_go();
  EXPECT_EQ(all, nullptr);
}

}  // namespace
}  // namespace parley
