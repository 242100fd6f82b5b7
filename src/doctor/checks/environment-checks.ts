import { readEnvironment } from '../../support/environment.js';
import type { Check } from '../audit-finding.js';

const practice = 'NODE_ENV';

export const environmentChecks: readonly Check[] = [
  {
    id: 'node-env',
    practice,
    severity: 'high',
    title: 'NODE_ENV is not exactly "production"',
    reason:
      'Express then compiles views for each request and shows stacks to clients; packages work as in development.',
    fix: 'NODE_ENV=production',
    mendedByLine: false,
    find: ({ process, project }) => {
      const value = process?.nodeEnv;
      const [, started] = /(?:^|\s)NODE_ENV=["']?([\w-]+)/.exec(project?.startScript ?? '') ?? [];
      return [
        ...(typeof value === 'string' && readEnvironment(value).nearMiss
          ? [{ text: `NODE_ENV=${value}` }]
          : []),
        ...(started !== undefined && started !== 'production'
          ? [{ text: `npm start: ${project?.startScript}`, file: 'package.json' }]
          : []),
      ];
    },
  },
  {
    id: 'view-cache',
    practice,
    severity: 'medium',
    title: 'Views are compiled for each request',
    reason: 'Express caches compiled views only where NODE_ENV was "production" when express() was called.',
    fix: "set NODE_ENV before the start, or app.enable('view cache')",
    mendedByLine: true,
    find: ({ app }) =>
      app?.settings.viewEngine && !app.settings.viewCache
        ? [{ text: "the setting 'view cache' is off" }]
        : [],
  },
  {
    id: 'development-tool',
    practice,
    severity: 'medium',
    title: 'A tool for development runs in production',
    reason: 'It costs memory and a slow start, and compiles or watches files that never change.',
    fix: 'compile at build time, and start `node` with the result',
    mendedByLine: false,
    find: ({ process, project }) => {
      const script = project?.startScript ?? '';
      const [tool] = /\b(?:nodemon|ts-node(?:-dev)?|tsx|babel-node)\b|--watch\b/.exec(script) ?? [];
      const loaded = process?.developmentTools ?? [];
      return [
        ...loaded.map((name) => ({ text: `${name} is loaded` })),
        ...(tool ? [{ text: `npm start: ${script}`, file: 'package.json' }] : []),
      ];
    },
  },
  {
    id: 'inspector',
    practice,
    severity: 'high',
    title: 'The inspector is open',
    reason: 'A client that reaches its port can run any code in the process.',
    fix: 'start without --inspect; SIGUSR1 opens it when it is needed',
    mendedByLine: false,
    find: ({ process, project }) => [
      ...(process?.inspectorOpen ? [{ text: 'the inspector listens' }] : []),
      ...(/--inspect(?!-port)/.test(project?.startScript ?? '')
        ? [{ text: `npm start: ${project?.startScript}`, file: 'package.json' }]
        : []),
    ],
  },
];
