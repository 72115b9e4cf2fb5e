# Builds an image with one static binary, without a shell, libraries or a root user.

# Builds GraphiQL, which the binary embeds.
FROM node:22-alpine AS graphiql
WORKDIR /cubby/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web .
RUN npm run build

FROM rust:1.95-alpine AS binary
# aws-lc and SQLite are written in C; aws-lc is built with CMake.
RUN apk add --no-cache build-base cmake linux-headers
WORKDIR /cubby
COPY . .
COPY --from=graphiql /cubby/web/dist web/dist
RUN cargo build --release --locked && strip target/release/cubby
# The data directory, owned by the image's user.
RUN mkdir -p /image/data && chmod 700 /image/data

FROM scratch
COPY --from=binary /cubby/target/release/cubby /cubby
COPY --from=binary --chown=65532:65532 /image/data /data
# The root certificates for HTTPS requests to external providers.
COPY --from=binary /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /data
# An import from standard input needs a temporary file, and the image has no /tmp.
ENV CUBBY_LISTEN=0.0.0.0:8000 CUBBY_DATA_DIR=/data CUBBY_MODE=production TMPDIR=/data
EXPOSE 8000
VOLUME /data
# On SIGTERM, Cubby finishes running requests.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/cubby", "health"]
ENTRYPOINT ["/cubby"]
