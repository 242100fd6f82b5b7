// What the apps respond with, and what some of the loads send. No package is imported here: the command reads this
// before the packages are installed.
import { createHmac } from 'node:crypto';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

export const small = { hello: 'production', ok: true };

/** About 10 KB as JSON, with as much variety as rows of a database have. */
export const report = Array.from({ length: 100 }, (_, id) => ({
  id,
  name: `Item ${((id * 7919) % 9973).toString(36)}`,
  price: ((id * 104_729) % 100_000) / 100,
  inStock: id % 3 > 0,
  addedAt: new Date(1_700_000_000_000 + id * 86_413_337).toISOString(),
}));

let answers = 0;

/** The report, another one each time. */
export function freshReport() {
  answers += 1;
  return [{ ...report[0], name: `Item ${answers}` }, ...report.slice(1)];
}

export const views = fileURLToPath(new URL('views', import.meta.url));
export const viewData = { title: 'Items', items: report.slice(0, 20) };

export async function failing() {
  await null;
  throw new Error('the database is down');
}

const chunk = Buffer.alloc(64 * 1024, 'All work and no play makes Jack a dull boy. ');

/** A stream of 1 MB that costs next to nothing to read. */
export function megabyte() {
  let left = 16;
  return new Readable({
    read() {
      left -= 1;
      this.push(left < 0 ? null : chunk);
    },
  });
}

const sessionId = 'e1b2c3d4e5f60718293a4b5c6d7e8f90';
const secret = 'correct horse battery staple, twice';
const signature = createHmac('sha256', secret).update(sessionId).digest('base64').replace(/=+$/, '');

/** A session that is in the store before the first request, and its cookie, signed as express-session does. */
export const session = {
  id: sessionId,
  secret,
  stored: { cookie: { originalMaxAge: null, path: '/' }, user: { name: 'Ada', role: 'editor' } },
  cookie: `connect.sid=${encodeURIComponent(`s:${sessionId}.${signature}`)}`,
};
