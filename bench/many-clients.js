// 1,000 keep-alive connections, at a rate that leaves bare Express some room: how long the slowest percent waits.
import { closedLoop, connect, openLoop } from './connections.js';
import { percentile } from './statistics.js';

const count = 1000;
const shareOfCapacity = 0.7;
const leadInSeconds = 0.5;

/** The requests per second that a server completes when every connection always has one. */
export async function capacityOf({ origin }, load, seconds) {
  const { connections, close } = await connect(origin, load, count);
  try {
    await closedLoop(connections, { seconds: leadInSeconds });
    const { requests, took } = await closedLoop(connections, { seconds });
    return requests / took;
  } finally {
    close();
  }
}

/** The 99th percentile of the latency in milliseconds, at a share of the capacity of bare Express. */
export async function p99At({ origin }, load, { capacity, seconds }) {
  const { connections, close } = await connect(origin, load, count);
  const perSecond = shareOfCapacity * capacity;
  try {
    await openLoop(connections, { perSecond, seconds: leadInSeconds });
    return percentile(await openLoop(connections, { perSecond, seconds }), 0.99);
  } finally {
    close();
  }
}
