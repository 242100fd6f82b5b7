/**
 * Makes `production` the value of NODE_ENV where nothing sets it. The value stands on the prototype of `process.env`,
 * because dotenv and `process.loadEnvFile` leave a variable of the environment unchanged: an app whose `.env` has
 * `NODE_ENV=staging` would run against the production database.
 */
export function presetProduction(): void {
  Object.getPrototypeOf(process.env).NODE_ENV = 'production';
}
