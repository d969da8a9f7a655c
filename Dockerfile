# The authority and its command line on Debian 12. docs/operations.md says how to run it, with TLS and for a trial.

FROM docker.io/library/debian:bookworm-slim AS builder
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR /src
COPY deploy/dev/packages.sh deploy/dev/packages.sh
RUN . deploy/dev/packages.sh; \
    apt-get update -q; \
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${run_packages[@]}"
COPY . .
RUN cmake --preset release -DCLAVIGER_BUILD_TESTS=OFF; \
    cmake --build --preset release --target clavigerd claviger; \
    strip build/release/bin/clavigerd build/release/bin/claviger

FROM docker.io/library/debian:bookworm-slim
RUN apt-get update -q && \
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
      ca-certificates libcivetweb1 libfmt9 libgrpc++1.51 libprometheus-cpp-core1.0 libprotobuf32 librocksdb7.8 \
      libspdlog1.10 libssl3 zlib1g && \
    rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log && \
    groupadd --system --gid 7420 claviger && \
    useradd --system --uid 7420 --gid claviger --home-dir /data --no-create-home claviger && \
    install -d -o claviger -g claviger -m 0700 /data
COPY --from=builder /src/build/release/bin/clavigerd /src/build/release/bin/claviger /usr/local/bin/
COPY LICENSE /usr/share/doc/claviger/

USER claviger
WORKDIR /
VOLUME /data
EXPOSE 7420 7421
ENV CLAVIGER_DATA=/data CLAVIGER_LISTEN=0.0.0.0:7420 CLAVIGER_HTTP_LISTEN=0.0.0.0:7421
# Alive, whatever TLS asks of clients; not /readyz: a server whose store cannot be written still answers checks.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["bash", "-c", \
  "exec 3<>/dev/tcp/127.0.0.1/${CLAVIGER_HTTP_LISTEN##*:} && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && read -r -t 4 _ status _ <&3 && [ \"$status\" = 200 ]"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["clavigerd"]
