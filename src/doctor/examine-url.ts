import { send, type Target } from './bounded-request.js';
import { type Examined, today } from './examine.js';
import { CannotExamine } from './examined-app.js';
import { exchange, type RequestPlan } from './exchanges.js';
import { isChanging } from './request-paths.js';

/** Links of the first response that are requested. */
const mostLinks = 20;

/** Observes a running app from outside: by GET requests to its own host, without redirects to others. */
export async function examineUrl(url: URL, paths: readonly string[]): Promise<Examined> {
  const encrypted = url.protocol === 'https:';
  const target: Target = {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (encrypted ? 443 : 80),
    encrypted,
    verified: true,
  };
  const start = url.pathname + url.search;
  const first = await send(target, { method: 'GET', path: start });
  if (first.response === null) {
    throw new CannotExamine(`${url.origin} cannot be examined: ${first.error?.message ?? first.failure}.`);
  }
  const links = first.links.filter((link) => !isChanging(link)).slice(0, mostLinks);
  const plan: RequestPlan = {
    paths: [start, ...paths, ...links],
    routes: [],
    staticPaths: [],
    params: {},
    usualPaths: false,
    unsafe: false,
  };
  const { exchanges, notes } = await exchange(target, plan, async () => {});
  return {
    seen: {
      ...{ app: null, process: null, syncCalls: [], shutdown: null, continuesAfterException: null },
      ...{ exchanges, project: null, filesAround: [], streams: [], tracedLines: [], today: today() },
    },
    notes,
    undecided: ({ id, reads }) =>
      id !== 'compression-missing' &&
      (id === 'static-not-cached' || reads.some((part) => part !== 'exchanges' && part !== 'today')),
  };
}
