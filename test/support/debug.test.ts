import { format } from 'node:util';
import createDebug from 'debug';
import { debugFor } from '../../src/support/debug.js';

afterEach(() => createDebug.disable());

describe('debugFor', () => {
  it('evaluates no argument while the namespace is off', () => {
    createDebug.disable();
    const describe = jest.fn((): [string] => ['never built']);
    debugFor('off')(describe);
    createDebug.enable('other:*');
    debugFor('off')(describe);
    expect(describe).not.toHaveBeenCalled();
  });

  it('prints to its namespace while it is on', () => {
    const printed: string[] = [];
    const log = jest
      .spyOn(createDebug, 'log')
      .mockImplementation((...args) => void printed.push(format(...args)));
    createDebug.enable('productionize:on');
    debugFor('on')(() => ['%s was skipped', '/a']);
    debugFor('off')(() => ['%s was skipped', '/b']);
    expect(printed).toEqual([expect.stringContaining('productionize:on /a was skipped')]);
    log.mockRestore();
  });
});
