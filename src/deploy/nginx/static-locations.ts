import { ProductionizeError, quote } from '../../support/errors.js';
import type { StaticDirectory } from '../deployment-facts.js';
import { isDirectory } from '../values.js';
import { block, map } from './blocks.js';
import { gzipTypes } from './bodies.js';

/** Static files that nginx serves, and the app where there is no such file. */
export interface StaticLocations {
  readonly maps: readonly string[];
  readonly locations: readonly string[];
  /** Whether `location /` is among them. */
  readonly hasRoot: boolean;
}

const extensions =
  '(?:[cm]?js|css|wasm|json|woff2?|ttf|otf|eot|svg|png|jpe?g|gif|webp|avif|ico|mp3|mp4|webm|ogg)';
const ending = `(?:[.](?:chunk|bundle|min|module|legacy))?[.]${extensions}(?:[.]map)?$`;
// letters and digits alternate, so a date, a version or a word is no hash
const hexadecimal =
  '(?=[0-9a-f]*(?:[0-9][a-f]+[0-9]|[a-f][0-9]+[a-f]))(?:[0-9a-f]{8}|[0-9a-f]{16}|[0-9a-f]{20})';
const mixed =
  '(?=[A-Za-z_-]*[0-9])(?=[0-9A-Z_-]*[a-z])(?=[0-9a-z_-]*[A-Z])(?=[0-9A-Za-z_-]{8}[.])(?:(?>[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[_-])){4,}';

/** A file whose name contains a hash of its content: a subset of what `staticFiles` recognizes. */
export const hashedFile = `[^/.-][.-](?:${hexadecimal}|${mixed})${ending}`;

/**
 * Serves directories below `project`. `headers` are the `add_header` lines of every response, `rootLines` the first
 * lines of `location /`.
 */
export function staticLocations(
  own: string,
  project: string,
  directories: readonly StaticDirectory[],
  headers: readonly string[],
  rootLines: readonly string[],
): StaticLocations {
  const byPath = new Map<string, string>();
  for (const { path, directory } of directories) {
    const location = path.replace(/\/*$/, '/');
    // of two directories at one path the app serves what is not in the first
    if (!byPath.has(location)) byPath.set(location, directoryIn(project, directory));
  }
  if (byPath.size === 0) return { maps: [], locations: [], hasRoot: false };
  return {
    maps: [
      '# dotfiles are not served, and other methods are for the app',
      ...map('"$request_method $uri"', `${own}_file`, [
        'default $uri;',
        '"~^(?!(GET|HEAD) )" "";',
        '"~/[.]" "";',
      ]),
      '# the content behind a name never changes only where the name contains a hash of it',
      ...map('$uri', `${own}_file_cache`, [
        'default "public, no-cache";',
        `"~${hashedFile}" "public, max-age=31536000, immutable";`,
      ]),
    ],
    locations: [...byPath].flatMap(([path, directory]) => [
      ...block(`location ${path}`, [
        ...(path === '/' ? rootLines : []),
        path === '/' ? `root ${directory};` : `alias ${directory}/;`,
        `try_files ${own}_file @app;`,
        '# app.js.gz is sent where it exists; the app, which compresses the rest, does not see these files',
        'gzip_static on;',
        'gzip on;',
        'gzip_vary on;',
        gzipTypes,
        `add_header Cache-Control ${own}_file_cache;`,
        'add_header X-Content-Type-Options nosniff always;',
        ...headers,
      ]),
      '',
    ]),
    hasRoot: byPath.has('/'),
  };
}

/** The directory on the server. The project itself is refused: it contains more than static files. */
function directoryIn(project: string, directory: string): string {
  const path = `${project}/${directory.replace(/^\.\//, '').replace(/\/+$/, '')}`;
  const expected = isDirectory(path);
  if (expected === undefined) return path;
  throw new ProductionizeError(
    'ERR_PRODUCTIONIZE_OPTION',
    `nginx: expected the static directory ${quote(directory)} to be ${expected} below the project.`,
  );
}
