# docker build -t lethe .
# docker run --read-only --tmpfs /tmp -v lethe:/data -p 3000:3000 \
#   --cap-drop ALL --security-opt no-new-privileges --ulimit core=0 \
#   -e PUBLIC_URL=https://lethe.example lethe
#
# /data holds the database, the root and the service key; without them nothing can be decrypted again.
# Give it a volume on ext4 that is in no backup and no snapshot.

FROM node:20-bookworm AS build
# better-sqlite3 is compiled where no prebuilt binary fits.
RUN apt-get update \
  && apt-get install -y --no-install-recommends python3 make g++ \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json openapi.yaml LICENSE ./
COPY schemas schemas
COPY scripts scripts
COPY src src
RUN npm run build && npm prune --omit=dev && rm -rf node_modules/.cache

FROM node:20-bookworm-slim
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    DATA_DIR=/data
WORKDIR /app
COPY --from=build /app/package.json /app/openapi.yaml /app/LICENSE ./
COPY --from=build /app/node_modules node_modules
COPY --from=build /app/schemas schemas
COPY --from=build /app/dist dist
# A new volume takes over the owner and the mode of this folder.
RUN install -d -o node -g node -m 0700 /data
VOLUME /data
USER node
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/health/live`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
# Node is process 1 and receives the signals: docker stop ends the service in order.
CMD ["node", "dist/main.js"]
