import { shellWord } from '../shell-word.js';
import type { Target } from './target.js';

/** The Procfile of Heroku and of programs that read the same file, such as Foreman. */
export const procfile: Target = {
  summary: 'Procfile: the command that Heroku, Dokku or Foreman starts',
  since: 'Procfile',
  options: {},
  generate({ script, workers }) {
    // a dyno without WEB_CONCURRENCY has as many workers as CPUs
    const count = workers === 'max' ? '' : ` --workers ${workers}`;
    const command = `node_modules/.bin/express-productionize start ${shellWord(script)}${count}`;
    return [
      {
        name: 'Procfile',
        comment: '#',
        text: `# no \`npm start\`: npm would stand between the signals of the platform and the app
web: ${command}
`,
      },
    ];
  },
  advice({ readsPort, port }) {
    return readsPort
      ? []
      : [`The app listens on port ${port} and not on PORT: listen on process.env.PORT ?? ${port}.`];
  },
};
