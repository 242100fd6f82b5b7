import { ProductionizeError } from '../support/errors.js';
import {
  type Check,
  checkOptions,
  isBoolean,
  isEither,
  isInteger,
  isMilliseconds,
  isOneOf,
} from '../support/options.js';
import type { DeploymentFacts, HealthPaths, StaticDirectory } from './deployment-facts.js';

const isPath: Check = (value) =>
  typeof value === 'string' && /^\/[\x21-\x7e]*$/.test(value) ? undefined : 'a path such as /health';

/** Text that stays on its line, in every kind of file. */
const isOneLine: Check = (value) =>
  typeof value === 'string' && value !== '' && !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(value)
    ? undefined
    : 'text without control characters';

/** A path below the directory of the project. */
const isRelativePath: Check = (value) =>
  isOneLine(value) ??
  (/^\/|(^|\/)\.\.(\/|$)|\\/.test(value as string) ? 'a path below the project, with /' : undefined);

function isListOf(check: Check): Check {
  return (value) => {
    if (!Array.isArray(value)) return 'an array';
    const expected = value.map(check).find((message) => message !== undefined);
    return expected && `an array, each ${expected}`;
  };
}

function isObjectOf(checks: Readonly<Record<string, Check>>): Check {
  return (value) => {
    if (typeof value !== 'object' || value === null) return 'an object';
    const wrong = Object.entries(checks).find(
      ([name, check]) => check((value as Record<string, unknown>)[name]) !== undefined,
    );
    return (
      wrong && `an object with \`${wrong[0]}\` as ${wrong[1]((value as Record<string, unknown>)[wrong[0]])}`
    );
  };
}

const healthChecks = { liveness: isPath, readiness: isPath, startup: isPath } satisfies {
  [Name in keyof HealthPaths]: Check;
};

const staticChecks = { path: isPath, directory: isRelativePath, behind: isListOf(isOneLine) } satisfies {
  [Name in keyof StaticDirectory]: Check;
};

const isName: Check = (value) =>
  typeof value === 'string' && /^[a-z][a-z\d-]{0,49}$/.test(value)
    ? undefined
    : 'a name of up to 50 of a-z, 0-9 and -, a letter first';

const isCookie: Check = (value) =>
  typeof value === 'string' && /^[\w!#$%&'*+.^`|~-]+$/.test(value) ? undefined : 'the name of a cookie';

const checks: { [Name in keyof DeploymentFacts]: Check } = {
  name: isName,
  script: isRelativePath,
  nodeMajor: isInteger('versions', 1, 999),
  packageManager: isOneOf('npm', 'pnpm', 'yarn'),
  hasLockFile: isBoolean,
  hasBuildScript: isBoolean,
  port: isInteger('a port', 1, 65_535),
  readsPort: isBoolean,
  health: isEither(isOneOf(null), isObjectOf(healthChecks)),
  keepAliveTimeoutMs: isMilliseconds(),
  headersTimeoutMs: isMilliseconds(),
  requestTimeoutMs: isMilliseconds(),
  responseTimeoutMs: isEither(isOneOf(null), isMilliseconds()),
  bodyLimitBytes: isEither(isOneOf(null), isInteger('bytes')),
  staticDirectories: isListOf(isObjectOf(staticChecks)),
  trustProxy: isEither(isOneOf('all', 'custom'), isInteger('hops')),
  compression: isBoolean,
  cache: isBoolean,
  sessionCookies: isListOf(isCookie),
  webSocketPaths: isListOf(isPath),
  eventStreamPaths: isListOf(isPath),
  workers: isEither(isOneOf('max'), isInteger('workers', 1, 1024)),
  memoryBytes: isEither(isOneOf(null), isInteger('bytes', 2 ** 20)),
  shutdownMs: isMilliseconds(),
  shutdownDelayMs: isMilliseconds(),
  startupMs: isMilliseconds(),
};

/**
 * Checks facts, also those of a caller, so that no generator receives text that leaves its line or its directory.
 * Returns them.
 *
 * @throws ProductionizeError when one is missing or not valid.
 */
export function checkFacts(facts: DeploymentFacts): DeploymentFacts {
  const missing = Object.entries(checks).find(([name]) => Object(facts)[name] === undefined);
  if (missing) {
    const [name, check] = missing;
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `deploy: expected \`${name}\` to be ${check(undefined)}, got undefined.`,
    );
  }
  return checkOptions<DeploymentFacts>('deploy', facts, checks) as DeploymentFacts;
}
