# Cubby as one static binary in an image that has nothing else: no shell, no libraries, no root.

# GraphiQL, which the binary takes in.
FROM node:22-alpine AS graphiql
WORKDIR /cubby/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web .
RUN npm run build

FROM rust:1.95-alpine AS binary
# aws-lc and SQLite are C; aws-lc is configured by CMake.
RUN apk add --no-cache build-base cmake linux-headers
WORKDIR /cubby
COPY . .
COPY --from=graphiql /cubby/web/dist web/dist
RUN cargo build --release --locked && strip target/release/cubby
# The directory of the data, which the image's user owns.
RUN mkdir -p /image/data && chmod 700 /image/data

FROM scratch
COPY --from=binary /cubby/target/release/cubby /cubby
COPY --from=binary --chown=65532:65532 /image/data /data
# Whom other identity providers' certificates are checked by.
COPY --from=binary /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
WORKDIR /data
# Of an import from standard input a copy is made, and there is no /tmp.
ENV CUBBY_LISTEN=0.0.0.0:8000 CUBBY_DATA_DIR=/data CUBBY_MODE=production TMPDIR=/data
EXPOSE 8000
VOLUME /data
# It finishes what is in flight.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["/cubby", "health"]
ENTRYPOINT ["/cubby"]
