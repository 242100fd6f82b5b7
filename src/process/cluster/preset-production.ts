/**
 * Sets NODE_ENV to `production` on the prototype of `process.env`, so that any other value takes precedence. A variable
 * of the environment would also override `.env` files, because dotenv and `process.loadEnvFile` do not overwrite it. An
 * app with `NODE_ENV=staging` in its `.env` would then use the production database.
 */
export function presetProduction(): void {
  Object.getPrototypeOf(process.env).NODE_ENV = 'production';
}
