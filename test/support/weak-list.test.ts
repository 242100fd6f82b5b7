import { WeakList } from '../../src/support/weak-list.js';

it('has the items in the order in which they were added, until they are removed', () => {
  const list = new WeakList<string>();
  const [one, other] = [{}, {}];
  const removed: string[] = [];
  const removeFirst = list.add(one, 'first', () => removed.push('first'));
  list.add(other, 'second', () => removed.push('second'));
  list.add(one, 'third', () => removed.push('third'));
  expect([...list]).toEqual(['first', 'second', 'third']);
  removeFirst();
  removeFirst();
  expect([...list]).toEqual(['second', 'third']);
  expect(list.size).toBe(2);
  expect(removed).toEqual(['first']);
});
