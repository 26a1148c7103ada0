# The Action's image: docker build .            without the docker command: docker build --target slim .
# The executable of the witness alone: docker build --target witness --output . .
#
# base → dependencies → build ──→ slim ──→ action
#                docker ↘ checked ↗
#
# The runner builds this for `uses: ./`, and `act` does through the classic API: no syntax line, no RUN --mount, no
# heredocs, no COPY --chmod.

# The manifests, and nothing that is ours to change: cargo wants every member of the workspace to have a target, so
# each gets an empty one. The AWS SDKs are compiled again when a manifest or the lock file changes, not when a source
# file does. rust-toolchain.toml stays out: the image is the toolchain.
FROM rust:1-bookworm AS base
WORKDIR /build
ENV CARGO_TERM_COLOR=never
COPY Cargo.toml Cargo.lock ./
COPY app/Cargo.toml app/
COPY sandbox/Cargo.toml sandbox/
COPY witness/Cargo.toml witness/
RUN mkdir -p src app/src sandbox/src witness/src \
    && touch src/lib.rs app/src/lib.rs sandbox/src/lib.rs witness/src/lib.rs \
    && echo 'fn main() {}' | tee src/main.rs app/src/main.rs sandbox/src/main.rs > witness/src/main.rs


FROM base AS dependencies
# Static glibc, as in app/Dockerfile: its resolver for files and dns needs no library at run time. An explicit
# target, even though it is the host's, keeps the flag away from build scripts and procedural macros.
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN cargo build --locked --release --package fargate-migrate --package witness --target "$(rustc -vV | sed -n 's/^host: //p')"


FROM dependencies AS build
COPY src src
# What `init` writes for another repository.
COPY infra infra
COPY .github/workflows .github/workflows
COPY witness/src witness/src
# The placeholders above are younger than the sources in the build context, and cargo goes by age.
RUN touch src/lib.rs src/main.rs witness/src/lib.rs witness/src/main.rs \
    && cargo build --locked --release --package fargate-migrate --package witness --target "$(rustc -vV | sed -n 's/^host: //p')" \
    && install -D target/*/release/fargate-migrate /image/usr/bin/fargate-migrate \
    # Beside the program, where it looks for it: for this machine's platform, which is that of most tasks.
    && install target/*/release/witness "/image/usr/bin/witness-$(dpkg --print-architecture)" \
    # The name under which the post stage runs: the runner passes every stage the same arguments.
    && ln -s fargate-migrate /image/usr/bin/fargate-migrate-post \
    && install -d -m 1777 /image/tmp \
    && mkdir -p /image/etc/ssl/certs /image/github/workspace \
    && echo 'root:x:0:0:root:/:/sbin/nologin' > /image/etc/passwd \
    && echo 'hosts: files dns' > /image/etc/nsswitch.conf \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/
# It has to run where nothing else is. A plan against a closed port gets as far as reading the root certificates, and
# ends with 3 because nobody answers; it would end otherwise if there were none.
RUN export AWS_ENDPOINT_URL=https://127.0.0.1:9 AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x \
        SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt \
    && chroot /image fargate-migrate --version \
    && { chroot /image fargate-migrate migrate --plan --cluster x --task-definition x --subnets subnet-0 --database x \
             --call-timeout 2s; test $? -eq 3; } \
    && chroot /image fargate-migrate-post \
    && chroot /image "witness-$(dpkg --print-architecture)" --version
# A release has the executables for the other platforms as well, each made on a machine of its own.
COPY witness/prebuilt /prebuilt
RUN for executable in /prebuilt/witness-*; do \
        name=$(basename "$executable"); \
        test ! -f "$executable" || test -f "/image/usr/bin/$name" || install "$executable" /image/usr/bin/ || exit 1; \
    done


FROM scratch AS witness
COPY --from=build /image/usr/bin/witness-* /


FROM scratch AS slim
COPY --from=build /image /
ENV PATH=/usr/bin SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
# Root, as the runner wants it: its command files and the Docker socket belong to other users.
ENTRYPOINT ["/usr/bin/fargate-migrate"]


# The docker command and its buildx plugin: trixie's, because a CLI of bookworm's age is refused by Docker 29.0 to
# 29.2, and this one talks to any engine from 20.10 on. Bookworm's C library is new enough for both (they ask for 2.34).
FROM debian:bookworm-slim AS docker
RUN find /etc/apt -type f \( -name '*.list' -o -name '*.sources' \) -exec sed -i 's/bookworm/trixie/g' {} + \
    && apt-get update \
    && cd /tmp \
    # apt has checked the signature of the index, and each package against it.
    && apt-get download -o APT::Sandbox::User=root docker-cli docker-buildx \
    && for package in *.deb; do dpkg -x "$package" unpacked || exit 1; done \
    && cd unpacked \
    && mkdir /image \
    && cp --parents usr/bin/docker usr/libexec/docker/cli-plugins/docker-buildx /image \
    # The C library and its loader, as ldd writes them: `name => /path (0x…)`, `/path (0x…)`.
    && ldd usr/bin/docker usr/libexec/docker/cli-plugins/docker-buildx \
       | sed -n 's/.*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p' | sort -u \
       | xargs cp --parents --dereference --target-directory /image


FROM docker AS checked
COPY --from=build /image /whole
# Docker starts its plugins with /dev/null for input, and a runtime gives every container one.
RUN cp -a /image/. /whole \
    && mkdir /whole/dev && cp -a /dev/null /whole/dev/null \
    && chroot /whole docker --version \
    && chroot /whole docker buildx version \
    && chroot /whole fargate-migrate --version


FROM slim AS action
COPY --from=checked /image /
