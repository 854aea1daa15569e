#pragma once

namespace parley::detail {

// Messages that stand side by side on the group tape and are given to many connections at once: before
// anything else is queued for anybody, so that order is what it would be one by one. Implemented by whoever
// writes them.
class Run {
 public:
  // Gives each receiver its part. Answers whether one of them lags.
  virtual bool distribute() = 0;

 protected:
  ~Run() = default;
};

}  // namespace parley::detail
