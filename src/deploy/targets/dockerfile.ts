import { healthCommand, startCommand } from '../containers/container-command.js';
import { commonAdvice, isImage, seconds } from '../containers/container-options.js';
import { packageInstall } from '../containers/package-install.js';
import type { DeploymentFacts } from '../deployment-facts.js';
import { type TargetOptions, textOption } from '../target-options.js';
import { oldestOf } from '../versions.js';
import type { Target } from './target.js';

/** Options of the target `dockerfile`. */
export interface DockerfileOptions {
  /** The image in which the app runs, with `node`, `npm` and a user `node`. @default 'node:<major>-slim' */
  readonly image?: string;
  /** The image in which packages are installed and the app is built. @default the value of `image` */
  readonly buildImage?: string;
}

const options: TargetOptions<DockerfileOptions> = {
  image: textOption('<image>', 'the base image; default: node:<major>-slim', isImage),
  buildImage: textOption('<image>', 'the image that installs and builds; default: the base image', isImage),
};

/** The image of the app, for Docker, BuildKit, Podman and Buildah. */
export const dockerfile: Target<DockerfileOptions> = {
  summary: 'Dockerfile and .dockerignore: an image with production dependencies only',
  since: oldestOf('dockerfile'),
  options,
  generate(facts, given) {
    return [
      { name: 'Dockerfile', comment: '#', text: imageLines(facts, given).join('\n') },
      { name: '.dockerignore', comment: '#', text: ignored },
    ];
  },
  advice(facts) {
    const advice = commonAdvice(facts);
    if (!facts.hasLockFile) {
      advice.push('There is no lock file: commit one, or two builds install different packages.');
    }
    if (facts.shutdownMs >= 10_000) {
      advice.push(
        `A shutdown takes up to ${facts.shutdownMs} ms, and Docker waits 10 s: run with --stop-timeout ${seconds(facts.shutdownMs) + 1}.`,
      );
    }
    return advice;
  },
};

function imageLines(facts: DeploymentFacts, options: DockerfileOptions): string[] {
  const { image = `node:${facts.nodeMajor}-slim` } = options;
  const { buildImage = image } = options;
  const { port, readsPort, health, hasBuildScript, hasLockFile, startupMs } = facts;
  const install = packageInstall(facts);
  const unlocked = hasLockFile ? [] : ['# without a lock file, each build may install other versions'];
  return [
    `FROM ${buildImage} AS packages`,
    'WORKDIR /app',
    ...install.prepare,
    '# only what an install depends on: other changes reuse its layer',
    `COPY ${install.files} ./`,
    '# `prepare` needs the sources, or a development tool such as husky',
    'RUN npm pkg delete scripts.prepare',
    '',
    'FROM packages AS dependencies',
    ...unlocked,
    `RUN ${install.production}`,
    '',
    ...(hasBuildScript
      ? [
          'FROM packages AS build',
          ...unlocked,
          `RUN ${install.all}`,
          'COPY . .',
          `RUN ${install.build} && rm -rf node_modules`,
          '',
        ]
      : []),
    `FROM ${image}`,
    `ENV NODE_ENV=production${readsPort ? ` PORT=${port}` : ''}`,
    'WORKDIR /app',
    '# the files belong to root, so the app cannot change its own code',
    'COPY --from=dependencies /app/node_modules ./node_modules',
    hasBuildScript ? 'COPY --from=build /app ./' : 'COPY . .',
    'USER node',
    `EXPOSE ${port}`,
    'STOPSIGNAL SIGTERM',
    ...(health === null
      ? ['# the app has no health checks, so the engine cannot check it']
      : [
          `HEALTHCHECK --interval=5s --timeout=5s --retries=3 --start-period=${Math.max(1, seconds(startupMs))}s \\`,
          `  CMD ${JSON.stringify(healthCommand(facts, health.liveness))}`,
        ]),
    '# node is process 1 and receives SIGTERM itself: npm or a shell would not wait for the drain',
    `CMD ${JSON.stringify(startCommand(facts))}`,
    '',
  ];
}

const ignored = `# installed in the image, for its platform
**/node_modules
# secrets: an image is not the place for them
**/.env
**/.env.*
**/.npmrc
# what the app does not need
.git
.github
.vscode
.idea
.DS_Store
**/*.log
logs
coverage
.nyc_output
# a change of these files must not build all layers again
Dockerfile*
.dockerignore
compose*.y*ml
docker-compose*.y*ml
`;
