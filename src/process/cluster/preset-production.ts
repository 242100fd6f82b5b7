import { onServerListen } from '../../support/listening.js';

/**
 * Sets NODE_ENV to `production` on the prototype of `process.env`, so that any other value takes precedence. A variable
 * of the environment would also override `.env` files, because dotenv and `process.loadEnvFile` do not overwrite it. An
 * app with `NODE_ENV=staging` in its `.env` would then use the production database.
 */
export function presetProduction(): void {
  Object.getPrototypeOf(process.env).NODE_ENV = 'production';
}

/**
 * Copies the value into the environment of this process when its first server listens: by then the app has loaded its
 * `.env` file, and child processes and threads inherit only what the environment itself contains.
 */
export function inheritNodeEnvOnceListening(): void {
  const undo = onServerListen(() => {
    undo();
    const { env } = process;
    const { NODE_ENV } = env;
    env.NODE_ENV = NODE_ENV;
  });
}
