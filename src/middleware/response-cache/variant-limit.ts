import { BoundedMap } from '../../support/bounded-map.js';
import { getOrCreate } from '../../support/get-or-create.js';

const leastUrls = 1024;
/** The most variants that are stored for one URL. */
const mostVariants = 100;

/**
 * Records the stored variants of each URL. Clients choose the values of the fields that responses vary on, so without a
 * limit the variants of one URL could fill the store.
 */
export class VariantLimit {
  readonly #variants = new BoundedMap<Set<string>>(leastUrls);

  /** Records a variant of a URL. Returns the oldest one if there are too many, which is to be removed. */
  add(key: string, variant: string): string | undefined {
    const variants = getOrCreate(this.#variants, key, () => new Set<string>());
    variants.delete(variant);
    variants.add(variant);
    if (variants.size <= mostVariants) return undefined;
    const [oldest] = variants as Set<string> & Iterable<string>;
    variants.delete(oldest as string);
    return oldest;
  }
}
