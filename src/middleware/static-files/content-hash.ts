/** Names that bundlers write with a hash. HTML, documents and archives are excluded, because people name them. */
const hashedName =
  /^(.*[^/.-])[-.]([\w-]{8}|[0-9a-f]{16}|[0-9a-f]{20})(?:\.(?:chunk|bundle|min|module|legacy))?\.(?:[cm]?js|css|wasm|json|woff2?|ttf|otf|eot|svg|png|jpe?g|gif|webp|avif|ico|mp3|mp4|webm|ogg)(?:\.map)?$/;

/** Default directories and names of bundlers: Vite, Next, Nuxt, Astro, SvelteKit, create-react-app, esbuild. */
const bundlerOutput =
  /\/(?:assets|chunks|_next\/static|_nuxt|_astro|_app\/immutable|static\/(?:js|css|media))\/|\/chunk-[^/]*$/;

/** The tokens of a name: words with or without a capital, runs of capitals, numbers, and separators. */
const tokens = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[_-]/g;

/**
 * Whether the name of a file contains a hash of its content, as Vite, Rollup, webpack, esbuild and Parcel write it.
 * Examples are `index-BfX3a9Qz.js`, `main.0a1b2c3d.chunk.js` and `app-5DCQBJ4J.css`. A version, a date, a number or a
 * word is not treated as a hash. Some hashes that look like a word are not detected, and their files are revalidated.
 * In the default directories of bundlers more of them are detected.
 */
export function hasContentHash(path: string): boolean {
  const hash = hashedName.exec(path)?.[2];
  if (hash === undefined) return false;
  const parts = hash.match(tokens)?.length ?? 0;
  const hasDigit = /\d/.test(hash);
  const isLikely = bundlerOutput.test(path);
  if (/^[0-9a-f]+$/.test(hash)) return hasDigit && /[a-f]/.test(hash) && parts >= (isLikely ? 2 : 3);
  if (/^[A-Z2-7]+$/.test(hash)) return isLikely ? hasDigit && parts > 1 : /[A-Z]\d+[A-Z]/.test(hash);
  if (!/[a-z]/.test(hash) || !/[A-Z]/.test(hash)) return false;
  return parts >= (isLikely ? 3 : hasDigit ? 4 : 5);
}
