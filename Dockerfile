# Images: `s3-copy-task` is what every ECS task runs, `stepfleet` the control plane.
#   docker build --target s3-copy-task -t s3-copy-task .
#   docker build --target stepfleet -t stepfleet .
# Another base of Debian 12, a mirror's or by digest: --build-arg BASE=...
ARG BASE=debian:12.12-slim

# Layers in the order of how seldom they change: packages, the static libcurl, our sources.
FROM ${BASE} AS build
WORKDIR /src
COPY tests/support/deps.sh tests/support/
RUN tests/support/deps.sh build dist
COPY infra/artifacts/static-curl.sh infra/artifacts/
RUN infra/artifacts/static-curl.sh build/static/curl
COPY . .
# What only tests need of npm packages is left out.
RUN make dist NPM_FLAGS=--omit=dev

# No shell, no libraries, no user database: one program and whom it trusts.
FROM scratch AS s3-copy-task
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/dist/bin/s3-copy-task /
USER 10001:10001
ENTRYPOINT ["/s3-copy-task"]

FROM ${BASE} AS stepfleet
# The base is pinned, its security updates are not.
RUN apt-get update -q \
    && apt-get upgrade -y -q \
    && apt-get install -y -q --no-install-recommends \
        ca-certificates libcurl4 libjansson4 libmicrohttpd12 libsqlite3-0 \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin \
    && install -d -o 10001 -g 10001 /data
COPY --from=build /src/dist/bin/ /usr/local/bin/
ENV STEPFLEET_LISTEN=0.0.0.0:8080 STEPFLEET_DATA=/data
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/stepfleet", "ping"]
ENTRYPOINT ["/usr/local/bin/stepfleet"]
CMD ["serve"]
