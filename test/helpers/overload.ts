import { once } from 'node:events';
import http from 'node:http';
import { type Program, run } from './program.js';
import { type Answer, get } from './serve.js';

/** Decides soon, and from the start. */
export const soon = { startupMs: 0, sustainedMs: 300 };

/** Waits, line by line, until what a program printed is as asked. */
export async function printed(program: Program, complete: () => boolean): Promise<void> {
  while (!complete()) await once(program.child.stdout as NodeJS.ReadableStream, 'data');
}

/** Starts the fixture `overloaded.mjs`. */
export const arrange = (expressName: string, options: object = soon, how = 'alone') =>
  run('overloaded.mjs', { args: [expressName, JSON.stringify(options), how] });

/** Clients that ask again as soon as they are answered, until `stop`; every answer is kept. */
export function overload(url: string, { clients = 60, keepAlive = false, headers = {} } = {}) {
  const agent = keepAlive ? new http.Agent({ keepAlive: true, maxSockets: clients }) : false;
  const answers: Answer[] = [];
  let stopped = false;
  const client = async () => {
    while (!stopped) answers.push(await get(url, { agent, headers }));
  };
  const done = Promise.all(Array.from({ length: clients }, client));
  done.catch(() => undefined);
  return {
    answers,
    count: (status: number) => answers.filter((answer) => answer.status === status).length,
    /** Ends the load, when all answers are there. */
    async stop(): Promise<Answer[]> {
      stopped = true;
      await done;
      if (agent) agent.destroy();
      return answers;
    },
  };
}
