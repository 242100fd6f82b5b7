import { attachShared, once } from '../../src/support/attachment.js';

describe('attachShared', () => {
  const carrier = {};
  const key = Symbol('test');
  const detach = jest.fn();
  const attach = jest.fn(() => detach);
  beforeEach(() => jest.clearAllMocks());

  it('attaches for the first caller and detaches after the last', () => {
    const first = attachShared(carrier, key, attach);
    const second = attachShared(carrier, key, attach);
    expect(attach).toHaveBeenCalledTimes(1);
    first();
    expect(detach).not.toHaveBeenCalled();
    second();
    expect(detach).toHaveBeenCalledTimes(1);
    expect(Reflect.ownKeys(carrier)).toEqual([]);
  });

  it('counts an undo once, however often it is called', () => {
    const first = attachShared(carrier, key, attach);
    const second = attachShared(carrier, key, attach);
    first();
    first();
    expect(detach).not.toHaveBeenCalled();
    second();
    second();
    expect(detach).toHaveBeenCalledTimes(1);
  });

  it('attaches again after it was detached; an old undo has no effect on that', () => {
    const old = attachShared(carrier, key, attach);
    old();
    const again = attachShared(carrier, key, attach);
    old();
    expect(attach).toHaveBeenCalledTimes(2);
    expect(detach).toHaveBeenCalledTimes(1);
    again();
  });

  it('separates carriers and keys', () => {
    const undo = [
      attachShared(carrier, key, attach),
      attachShared(carrier, 'other', attach),
      attachShared({}, key, attach),
    ];
    expect(attach).toHaveBeenCalledTimes(3);
    for (const one of undo) one();
    expect(detach).toHaveBeenCalledTimes(3);
  });

  it('holds nothing when attaching throws', () => {
    const failing = () => {
      throw new Error('no');
    };
    expect(() => attachShared(carrier, key, failing)).toThrow('no');
    attachShared(carrier, key, attach)();
    expect(detach).toHaveBeenCalledTimes(1);
  });
});

describe('once', () => {
  it('passes on the arguments of the first call only', () => {
    const action = jest.fn();
    const acts = once(action);
    acts(1, 2);
    acts(3, 4);
    expect(action.mock.calls).toEqual([[1, 2]]);
  });
});
