# One image for all four services: they are one build with the same dependencies, so that one pull and one tag
# bring a whole version, and only the command differs. The gateway is what runs without one.
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /questlog
COPY package.json package-lock.json .npmrc ./
RUN --mount=type=cache,target=/root/.npm npm ci --ignore-scripts --no-audit
COPY rolldown.config.js tsconfig.json ./
COPY apps apps
COPY libs libs
COPY scripts scripts
RUN npm run --silent build

FROM ${NODE_IMAGE}
ENV NODE_ENV=production NODE_OPTIONS=--enable-source-maps PORT=3000 HEALTH_PORT=3001
WORKDIR /questlog
# All that the build leaves outside of itself: the files behind /docs.
COPY --from=build /questlog/node_modules/swagger-ui-dist node_modules/swagger-ui-dist
COPY --from=build /questlog/dist dist
COPY package.json ./
# The node user of the image, by number: Kubernetes can then see that it is not root.
USER 1000:1000
EXPOSE 3000 3001
HEALTHCHECK --interval=5s --timeout=4s --start-period=20s --retries=3 CMD ["node", "dist/scripts/healthcheck.js"]
# Node is process 1 and answers SIGTERM itself: no shell and no npm stand between.
CMD ["node", "dist/apps/gateway/src/main.js"]
