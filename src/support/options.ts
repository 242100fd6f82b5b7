import { isRequest, ProductionizeError, quote } from './errors.js';
import { nearestName } from './nearest-name.js';
import { read } from './serialize-error.js';

/** The longest time of a timer in milliseconds, and the largest count in 32 bits. */
export const maxInt32 = 2 ** 31 - 1;

/** How a part is switched inside `productionize`: off, on with its defaults, or on with options. */
export type Switch<Options> = boolean | Options;

/** A check of one option. It returns `undefined` for a valid value, otherwise a description of the expected value. */
export type Check = (value: unknown) => string | undefined;

/**
 * Checks options once, at set-up. An explicit `undefined` counts as omitted. An unknown name is an error with the
 * nearest known name as a hint. A value that is not an object is an error with `hint`. Returns a copy without undefined
 * fields, for destructuring with defaults.
 */
export function checkOptions<Options extends object>(
  part: string,
  options: Options | undefined,
  checks: { [Name in keyof Required<Options>]: Check },
  hint = 'Pass an object or leave it out.',
): Partial<Options> {
  if (options === undefined) return {};
  refuseRequest(part, options);
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    throw new ProductionizeError(
      'ERR_PRODUCTIONIZE_OPTION',
      `${part}: expected an options object, got ${quote(options)}. ${hint}`,
    );
  }
  const known = Object.keys(checks);
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(options)) {
    if (!known.includes(name)) throw unknownOption(part, name, known);
    if (value === undefined) continue;
    const expected = (checks as Record<string, Check>)[name]?.(value);
    if (expected !== undefined) {
      throw new ProductionizeError(
        'ERR_PRODUCTIONIZE_OPTION',
        `${part}: expected \`${name}\` to be ${expected}, got ${quote(value)}.`,
      );
    }
    result[name] = value;
  }
  return result as Partial<Options>;
}

/**
 * Throws if the first argument of a factory is a request. This occurs if its parentheses were forgotten, as in
 * `app.use(compression)`. `usage` is what to write instead.
 */
export function refuseRequest(factory: string, first: unknown, usage = `app.use(${factory}())`): void {
  if (!isRequest(first)) return;
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_MIDDLEWARE',
    `${factory}: got a request. ${factory} creates the middleware: write ${usage}, with parentheses.`,
  );
}

function unknownOption(part: string, name: string, known: string[]): ProductionizeError {
  const near = nearestName(name, known);
  const hint = near ? `Did you mean \`${near}\`?` : `Known options: ${known.join(', ') || 'none'}.`;
  return new ProductionizeError(
    'ERR_PRODUCTIONIZE_OPTION',
    `${part}: unknown option ${quote(name)}. ${hint}`,
  );
}

export const isBoolean: Check = (value) => (typeof value === 'boolean' ? undefined : 'true or false');

export const isFunction: Check = (value) => (typeof value === 'function' ? undefined : 'a function');

export const isString: Check = (value) =>
  typeof value === 'string' && value.length > 0 ? undefined : 'a string that is not empty';

export const isStringList: Check = (value) =>
  Array.isArray(value) && value.every((item) => typeof item === 'string') ? undefined : 'an array of strings';

/** Accepts a whole number in a range. The unit is part of the message. */
export function isInteger(unit: string, min = 0, max = Number.MAX_SAFE_INTEGER): Check {
  return (value) =>
    Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max
      ? undefined
      : `a whole number of ${unit}, ${min} or more${max < Number.MAX_SAFE_INTEGER ? ` and at most ${max}` : ''}`;
}

/** Accepts the time of a timer. Node replaces a longer time with one millisecond. */
export function isMilliseconds(min = 0): Check {
  return isInteger('milliseconds', min, maxInt32);
}

/** Accepts a value that has all of these methods. */
export function hasMethods(expected: string, ...names: readonly string[]): Check {
  return (value) => (names.every((name) => typeof read(value, name) === 'function') ? undefined : expected);
}

/** Accepts an object that is not an array. */
export function isObject(expected: string): Check {
  return (value) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? undefined : expected;
}

export function isOneOf(...values: readonly unknown[]): Check {
  return (value) => (values.includes(value) ? undefined : `one of ${values.map(quote).join(', ')}`);
}

/** Accepts a value that passes one of several checks. The messages are joined with "or". */
export function isEither(...checks: Check[]): Check {
  return (value) => {
    const expected: string[] = [];
    for (const check of checks) {
      const message = check(value);
      if (message === undefined) return undefined;
      expected.push(message);
    }
    return expected.join(' or ');
  };
}
