#include "client/cli/byte_text.h"

#include "gtest/gtest.h"

namespace claviger::cli {
namespace {

TEST(ByteTextTest, TheLargestUnitOfWhichThereIsOne) {
  const struct {
    uint64_t bytes;
    const char* text;
  } cases[] = {
      {0, "0 bytes"},
      {1023, "1023 bytes"},
      {1024, "1.0 KiB"},
      {1536, "1.5 KiB"},
      {(uint64_t{1} << 20) - 1, "1.0 MiB"},
      {uint64_t{5} << 30, "5.0 GiB"},
      {uint64_t{3} << 40, "3.0 TiB"},
      {uint64_t{1} << 54, "16384.0 TiB"},
  };
  for (const auto& c : cases) EXPECT_EQ(FormatBytes(c.bytes), c.text) << c.bytes;
}

}  // namespace
}  // namespace claviger::cli
