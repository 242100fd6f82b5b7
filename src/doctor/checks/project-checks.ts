import { shellFault } from '../../deploy/check/start-command.js';
import type { Check } from '../audit-finding.js';

export const projectChecks: readonly Check[] = [
  {
    id: 'npm-parent',
    practice: 'restarts',
    severity: 'medium',
    title: 'A package manager runs between the supervisor and the app',
    reason:
      'It may end before the app does, or not pass SIGTERM on, and it occupies memory as long as the app runs.',
    fix: '"start": "node server.js", and `node server.js` in the Procfile',
    mendedByLine: false,
    find: ({ project }) => {
      const { startScript, procfile } = project ?? {};
      const runsManager = (text: string): boolean => shellFault(text, '')?.kind === 'npm';
      return [
        ...(startScript && runsManager(startScript)
          ? [{ text: `npm start: ${startScript}`, file: 'package.json' }]
          : []),
        ...(procfile && runsManager(procfile.text.replace(/^web:/, '')) ? [procfile] : []),
      ];
    },
  },
  {
    id: 'dev-dependency',
    practice: 'NODE_ENV',
    severity: 'high',
    title: 'The app requires a package that production does not install',
    reason:
      '`npm ci --omit=dev` leaves it out, so that the app ends at its start, or in the first request that needs it.',
    fix: 'move the package from devDependencies to dependencies',
    mendedByLine: false,
    find: ({ process, project }) =>
      process?.nodeEnv !== 'production' || project?.isInstalled !== false
        ? []
        : project.devDependencies.flatMap((name) => {
            const file = Object.hasOwn(process.requiredPackages, name)
              ? process.requiredPackages[name]
              : undefined;
            return file === undefined ? [] : [{ text: `requires ${name}`, file }];
          }),
  },
  {
    id: 'lint-missing',
    practice: 'exceptions',
    severity: 'low',
    title: 'No linter checks the project',
    reason: 'A misspelled variable or a promise without a catch is then found by a request in production.',
    fix: "npm i -D eslint, and the configuration of 'express-productionize/eslint'",
    mendedByLine: false,
    find: ({ project }) =>
      project && !project.lints && !project.isInstalled
        ? [
            {
              text: 'no configuration and no package of ESLint, Biome or another linter',
              file: 'package.json',
            },
          ]
        : [],
  },
  {
    id: 'rate-limit-in-memory',
    practice: 'cluster',
    severity: 'medium',
    title: 'Each process counts the rate limit for itself',
    reason: 'With n processes a client may send n times as many requests, and each restart begins at 0.',
    fix: 'a store of express-rate-limit that the processes share, such as rate-limit-redis',
    mendedByLine: false,
    find: ({ app, project }) =>
      (app?.localRateLimits ?? 0) > 0 && project
        ? project.severalProcesses.map((each) => ({ ...each, text: `MemoryStore, and ${each.text}` }))
        : [],
  },
];
