#include "core/key_record.h"

#include <string>

#include "gtest/gtest.h"

namespace claviger {
namespace {

TEST(IsValidProjectIdTest, FollowsTheSyntax) {
  for (const std::string& text : {std::string("ab"), std::string("a-"), std::string("a9"),
                                  std::string("team-payments"), "a" + std::string(62, 'z')}) {
    EXPECT_TRUE(IsValidProjectId(text)) << text;
  }
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("9a"), std::string("-a"), std::string("Ab"),
        std::string("aB"), std::string("a_b"), std::string("a b"), std::string("a/b"),
        std::string("a\0", 2), std::string("a\u00E9"), "a" + std::string(63, 'z')}) {
    EXPECT_FALSE(IsValidProjectId(text)) << text;
  }
}

TEST(IsValidProjectIdTest, AcceptsTheProjectsThatExistFromTheStart) {
  EXPECT_TRUE(IsValidProjectId(kManagementProject));
  EXPECT_TRUE(IsValidProjectId(kDefaultProject));
}

}  // namespace
}  // namespace claviger
