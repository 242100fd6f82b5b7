import { once } from './attachment.js';

/**
 * A list of the whole process that keeps no app in memory. An item stays in it as long as its owner is alive, such as an
 * app or a server, or until it is removed.
 */
export class WeakList<Item> {
  readonly #owners = new Set<WeakRef<object>>();
  readonly #items = new WeakMap<object, Map<WeakRef<object>, Item>>();
  readonly #registry = new FinalizationRegistry<() => void>((remove) => remove());

  get size(): number {
    return this.#owners.size;
  }

  /**
   * Adds an item. `onRemoved` runs once, when the item is removed or its owner has been collected; it must not refer to
   * the owner. Returns the function that removes the item.
   */
  add(owner: object, item: Item, onRemoved: () => void): () => void {
    const ref = new WeakRef(owner);
    const items = this.#items.get(owner) ?? new Map();
    this.#items.set(owner, items.set(ref, item));
    this.#owners.add(ref);
    const removeRef = this.#removal(ref, onRemoved);
    this.#registry.register(owner, removeRef, ref);
    return () => {
      this.#registry.unregister(ref);
      items.delete(ref);
      removeRef();
    };
  }

  // a closure of `add` would keep the owner alive, since all closures of one call share their variables
  #removal(ref: WeakRef<object>, onRemoved: () => void): () => void {
    return once(() => {
      this.#owners.delete(ref);
      onRemoved();
    });
  }

  *[Symbol.iterator](): Generator<Item> {
    for (const ref of this.#owners) {
      const owner = ref.deref();
      const items = owner && this.#items.get(owner);
      if (items?.has(ref)) yield items.get(ref) as Item;
    }
  }
}
