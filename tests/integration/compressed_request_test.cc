// What a request becomes when it is unpacked is not bounded by gRPC, so nothing is unpacked.

#include <memory>
#include <string>

#include "claviger/v1/verifier.grpc.pb.h"
#include "grpcpp/create_channel.h"
#include "tests/integration/server_test.h"

namespace claviger {
namespace {

class CompressedRequestTest : public ServerTest {
 protected:
  // A check of a text that packs well, as the root key.
  grpc::Status Verify(grpc_compression_algorithm algorithm) {
    grpc::ClientContext context;
    context.AddMetadata("authorization", "Bearer " + server_.root_key());
    context.set_compression_algorithm(algorithm);
    v1::VerifyRequest request;
    request.set_key(std::string(1000, 'x'));
    v1::VerifyResponse response;
    return stub_->Verify(&context, request, &response);
  }

  const std::unique_ptr<v1::Verifier::Stub> stub_ =
      v1::Verifier::NewStub(server_.NewChannel(grpc::InsecureChannelCredentials()));
};

TEST_F(CompressedRequestTest, ARequestIsNotUnpackedButRefused) {
  for (const grpc_compression_algorithm algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    const grpc::Status status = Verify(algorithm);
    EXPECT_EQ(status.error_code(), StatusCode::UNIMPLEMENTED) << status.error_message();
  }
  EXPECT_THAT(Verify(GRPC_COMPRESS_NONE), IsOk());
}

}  // namespace
}  // namespace claviger
