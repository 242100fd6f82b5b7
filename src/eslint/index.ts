import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { checkOptions, isString } from '../support/options.js';

/** One object of a flat configuration of ESLint. */
export interface LintConfig {
  readonly name: string;
  readonly files: string[];
  readonly languageOptions?: {
    readonly sourceType?: 'module' | 'commonjs';
    readonly globals?: Record<string, 'readonly'>;
  };
  readonly plugins?: Record<string, object>;
  readonly rules?: Record<string, 'error' | 'warn' | ['error' | 'warn', object]>;
}

/** Options of {@link eslintConfig}. */
export interface EslintConfigOptions {
  /** The directory of the project, whose packages are used. @default the working directory */
  readonly directory?: string;
}

const scripts = ['**/*.js', '**/*.cjs', '**/*.mjs'];

/** The rules of each plugin. They find what ends or blocks a server, and have no opinion on style. */
const rulesOf: Readonly<Record<string, LintConfig['rules']>> = {
  n: {
    'n/handle-callback-err': 'error',
    'n/no-deprecated-api': 'error',
    // calls at the root of a file run once, at the start
    'n/no-sync': ['error', { allowAtRootLevel: true }],
  },
  promise: {
    'promise/catch-or-return': ['error', { allowFinally: true }],
    'promise/no-multiple-resolved': 'error',
    'promise/no-new-statics': 'error',
    'promise/no-return-in-finally': 'error',
    'promise/param-names': 'error',
    'promise/valid-params': 'error',
  },
  security: {
    'security/detect-bidi-characters': 'error',
    'security/detect-child-process': 'error',
    'security/detect-eval-with-expression': 'error',
    'security/detect-new-buffer': 'error',
    'security/detect-pseudoRandomBytes': 'error',
    'security/detect-unsafe-regex': 'error',
  },
};

/**
 * A flat configuration of ESLint for servers: no undefined variables, no synchronous calls in functions, no promise
 * without a catch, and no usual holes. It uses `eslint-plugin-n`, `eslint-plugin-promise` and `eslint-plugin-security`
 * where they are installed, and leaves out the rules of the others.
 *
 * @example
 * // eslint.config.mjs
 * import { eslintConfig } from 'express-productionize/eslint'
 *
 * export default eslintConfig()
 */
export function eslintConfig(options?: EslintConfigOptions): LintConfig[] {
  const { directory = process.cwd() } = checkOptions<EslintConfigOptions>('eslintConfig', options, {
    directory: isString,
  });
  const name = 'express-productionize';
  return [
    {
      name: `${name}/javascript`,
      files: scripts,
      languageOptions: { globals: knownGlobals() },
      rules: { 'no-undef': 'error', 'no-async-promise-executor': 'error', 'no-unsafe-finally': 'error' },
    },
    {
      name: `${name}/commonjs`,
      files: isModule(directory) ? ['**/*.cjs'] : ['**/*.cjs', '**/*.js'],
      languageOptions: {
        sourceType: 'commonjs',
        globals: { __dirname: 'readonly', __filename: 'readonly' },
      },
    },
    ...Object.entries(rulesOf).flatMap(([short, rules]) => {
      const plugin = installed(`eslint-plugin-${short}`, directory);
      return plugin
        ? [{ name: `${name}/${short}`, files: scripts, plugins: { [short]: plugin }, rules }]
        : [];
    }),
  ];
}

/** Whether files named `.js` are ES modules. */
function isModule(directory: string): boolean {
  try {
    const text = readFileSync(path.join(directory, 'package.json'), 'utf8');
    return (JSON.parse(text) as { type?: unknown }).type === 'module';
  } catch {
    return false;
  }
}

function installed(plugin: string, directory: string): object | undefined {
  try {
    const exports = createRequire(path.join(directory, 'package.json'))(plugin) as { default?: object };
    return exports.default ?? exports;
  } catch {
    return undefined;
  }
}

/** Variables that Node defines in each module, as in the Node that runs ESLint. */
function knownGlobals(): Record<string, 'readonly'> {
  const names = Object.getOwnPropertyNames(globalThis).filter((name) => /^[A-Za-z]\w*$/.test(name));
  return Object.fromEntries(names.map((name) => [name, 'readonly']));
}
