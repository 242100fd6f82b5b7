/** What bundlers emit with a hash in the name. Never HTML, documents or archives, which people name and replace. */
const emitted =
  /^(.*[^/.-])[-.]([\w-]{8}|[0-9a-f]{16}|[0-9a-f]{20})(?:\.(?:chunk|bundle|min|module|legacy))?\.(?:[cm]?js|css|wasm|json|woff2?|ttf|otf|eot|svg|png|jpe?g|gif|webp|avif|ico|mp3|mp4|webm|ogg)(?:\.map)?$/;

/** Folders and names that bundlers use by default: Vite, Next, Nuxt, Astro, SvelteKit, create-react-app, esbuild. */
const ofBundler =
  /\/(?:assets|chunks|_next\/static|_nuxt|_astro|_app\/immutable|static\/(?:js|css|media))\/|\/chunk-[^/]*$/;

/** Words with a capital, runs of capitals, numbers. */
const tokens = /[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+|[_-]/g;

/**
 * Whether the name of a file holds a hash of its content, as Vite, Rollup, webpack, esbuild and Parcel write them:
 * `index-BfX3a9Qz.js`, `main.0a1b2c3d.chunk.js`, `app-5DCQBJ4J.css`. Careful rather than complete: a version, a date, a
 * number or a word is not taken for a hash, while one hash in some that looks like a word is missed, and its file is
 * revalidated. In the folders where bundlers put their files less is missed.
 */
export function hasContentHash(path: string): boolean {
  const hash = emitted.exec(path)?.[2];
  if (hash === undefined) return false;
  const parts = hash.match(tokens)?.length ?? 0;
  const hasDigit = /\d/.test(hash);
  const isLikely = ofBundler.test(path);
  if (/^[0-9a-f]+$/.test(hash)) return hasDigit && /[a-f]/.test(hash) && parts >= (isLikely ? 2 : 3);
  if (/^[A-Z2-7]+$/.test(hash)) return isLikely ? hasDigit && parts > 1 : /[A-Z]\d+[A-Z]/.test(hash);
  if (!/[a-z]/.test(hash) || !/[A-Z]/.test(hash)) return false;
  return parts >= (isLikely ? 3 : hasDigit ? 4 : 5);
}
