import type { Target } from './target.js';

const marginMs = 5000;
const program = './node_modules/express-productionize/dist/cli.js';

/** The ecosystem file of PM2. */
export const pm2: Target = {
  summary: 'PM2: an ecosystem file with reloads that lose no request',
  since: 'PM2 5',
  options: {},
  generate({ name, script, port, workers, memoryBytes, startupMs, shutdownMs }) {
    const processes = workers === 'max' ? "require('node:os').availableParallelism()" : String(workers);
    const memory =
      memoryBytes === null
        ? ''
        : `
      // of one process, in bytes; PM2 reloads a larger one
      max_memory_restart: Math.floor(${memoryBytes} / ${processes}),`;
    const text = `module.exports = {
  apps: [
    {
      name: '${name}',
      // \`start\` productionizes the app, and PM2 sets the number of processes
      script: '${program}',
      args: ['start', ${quoted(`./${script}`)}],
      // the directory of this file, not that of the shell
      cwd: __dirname,
      exec_mode: 'cluster',
      instances: ${workers === 'max' ? "'max'" : workers},
      // \`ready\` is sent after the health checks
      wait_ready: true,
      // a process that is not ready in time counts as ready, so this is longer than a start
      listen_timeout: ${startupMs + marginMs},
      // the app ends within ${shutdownMs / 1000} s; the default of 1.6 s would cut requests off
      kill_timeout: ${shutdownMs + marginMs},${memory}
      env: { NODE_ENV: 'production', PORT: '${port}' },
    },
  ],
};
`;
    return [{ name: 'ecosystem.config.cjs', comment: '//', text }];
  },
  advice({ name }) {
    return [
      'Put the file beside package.json, and run `pm2 start ecosystem.config.cjs && pm2 save`.',
      `Replace the app without a lost request by \`pm2 reload ${name}\`; after a change of this file, \`pm2 reload ecosystem.config.cjs --update-env\`.`,
    ];
  },
};

/** A string of JavaScript; in the quotes of the file where no character needs an escape. */
function quoted(text: string): string {
  return /^[\w ./-]+$/.test(text) ? `'${text}'` : JSON.stringify(text);
}
