import { type Program, run } from './program.js';
import { get } from './serve.js';

/** A program of `redis-cached.mjs`. */
export interface Site {
  readonly program: Program;
  readonly url: string;
  /** How often its handler of that name ran. */
  made(name: string): number;
  text(path: string): Promise<string>;
}

export async function startSite(redisUrl: string, env: NodeJS.ProcessEnv = {}): Promise<Site> {
  const program = run('redis-cached.mjs', { env: { REDIS_URL: redisUrl, ...env } });
  const url = `http://127.0.0.1:${await program.port()}`;
  const text = async (path: string) => {
    // one site, whichever of its processes is asked
    const answer = await get(url + path, { headers: { host: 'site.test' } });
    expect(answer.status).toBe(200);
    return answer.text;
  };
  expect(await text('/ready')).toBe('true');
  const made = (name: string) => program.err.filter((line) => line === `made ${name}`).length;
  return { program, url, made, text };
}
