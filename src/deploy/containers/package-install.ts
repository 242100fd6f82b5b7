import type { DeploymentFacts } from '../deployment-facts.js';

/** The lines of a Dockerfile that install packages. */
export interface PackageInstall {
  /** The files that an install depends on. A pattern with `*` may match nothing. */
  readonly files: string;
  /** Lines before an install. */
  readonly prepare: readonly string[];
  readonly all: string;
  readonly production: string;
  readonly build: string;
}

const corepack = [
  '# newer than the corepack of older images, which refuses the signatures of current releases',
  'RUN npm install --global --force corepack && corepack enable',
];

const yarn = (first: string, later: string): string =>
  `case "$(yarn --version)" in 1.*) ${first} ;; *) ${later} ;; esac`;

/** How the package manager of the app installs packages in an image. */
export function packageInstall({
  packageManager,
  hasLockFile,
}: Pick<DeploymentFacts, 'packageManager' | 'hasLockFile'>): PackageInstall {
  switch (packageManager) {
    case 'pnpm': {
      const frozen = hasLockFile ? ' --frozen-lockfile' : '';
      return {
        files: 'package.json pnpm-lock.yaml* pnpm-workspace.yaml*',
        prepare: ['ENV CI=true', ...corepack],
        all: `pnpm install${frozen}`,
        production: `pnpm install --prod${frozen}`,
        build: 'pnpm run build',
      };
    }
    case 'yarn': {
      const [frozen, immutable] = hasLockFile ? [' --frozen-lockfile', ' --immutable'] : ['', ''];
      return {
        files: 'package.json yarn.lock* .yarnrc.yml*',
        prepare: [
          '# the app needs node_modules; the copy of Yarn in the repository is not part of the image',
          'ENV YARN_NODE_LINKER=node-modules YARN_IGNORE_PATH=1',
          ...corepack,
        ],
        all: yarn(`yarn install${frozen}`, `yarn install${immutable}`),
        production: yarn(`yarn install --production${frozen}`, 'yarn workspaces focus --production'),
        build: 'yarn run build',
      };
    }
    case 'npm':
      return {
        files: 'package*.json',
        prepare: [],
        all: hasLockFile ? 'npm ci' : 'npm install',
        production: hasLockFile ? 'npm ci --omit=dev' : 'npm install --omit=dev',
        build: 'npm run build',
      };
  }
}
