/**
 * Sets NODE_ENV to `production` on the prototype of `process.env`, so that any other value takes precedence. Dotenv and
 * `process.loadEnvFile` do not overwrite a variable of the environment. With an own property, an app whose `.env` file
 * contains `NODE_ENV=staging` would use the production database.
 */
export function presetProduction(): void {
  Object.getPrototypeOf(process.env).NODE_ENV = 'production';
}
